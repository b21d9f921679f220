//! What is refused, and how.

use identity::permission::Role;
use serde_json::json;

use super::support::{office, settings};
use crate::access::streams::subscribe;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_has_not_and_what_is_another_owners_is_refused() {
    let office = office(settings()).await;
    let ravi = office.doors.customer("ravi@example.org").await;
    let (asha, own) = (&office.asha, office.asha.person.as_str());
    let wallet = uuid::Uuid::now_v7();
    let many: Vec<String> = (0..33).map(|number| format!("A{number}")).collect();
    for (body, status, code) in [
        (
            json!({ "owner": own, "tier": "royal" }),
            404,
            "tier_not_found",
        ),
        (
            json!({ "owner": own, "tier": "full", "assets": ["INR", "PEBBLES"] }),
            404,
            "asset_not_found",
        ),
        (
            json!({ "owner": own, "tier": "full", "assets": many }),
            422,
            "onboarding_out_of_range",
        ),
        (json!({ "owner": own }), 400, "invalid_request"),
        (
            json!({ "owner": " ", "tier": "full" }),
            400,
            "invalid_request",
        ),
        (
            json!({ "owner": own, "tier": "full", "step": "wallet" }),
            400,
            "invalid_request",
        ),
        (
            json!({ "owner": ravi.person, "tier": "full" }),
            403,
            "forbidden",
        ),
        (
            json!({ "owner": own, "tier": "full", "contacts": [] }),
            403,
            "forbidden",
        ),
        (
            json!({ "owner": own, "tier": "full", "wallet": wallet }),
            403,
            "forbidden",
        ),
    ] {
        let refused = office.post("/onboardings", asha, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{body}");
    }
    assert_eq!(office.count("OnboardingStarted").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_the_wallet_of_somebody_else() {
    let office = office(settings()).await;
    let ravi = office.doors.customer("ravi@example.org").await;
    let body = json!({ "owner": ravi.person });
    let theirs = office.post("/wallets", &ravi, body).await.expect(201).id();
    let body = json!({ "owner": office.asha.person, "tier": "full", "wallet": theirs });
    let refused = office.post("/onboardings", &office.meera, body).await;
    assert_eq!(refused.expect(409).code(), "wallet_exists");
    // A wallet of that id that somebody opens in between does not become Asha's.
    let wallet = uuid::Uuid::now_v7();
    let body =
        json!({ "owner": office.asha.person, "tier": "full", "wallet": wallet, "contacts": [] });
    let begun = office.post("/onboardings", &office.meera, body).await;
    begun.expect(201);
    let body = json!({ "owner": ravi.person, "id": wallet });
    office.post("/wallets", &ravi, body).await.expect(201);
    let case = office.case_awaiting().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.act(&case, "approve", json!({})).await;
    office.until_step("wallet").await;
    office.rest().await;
    let seen = office.seen_of(&office.asha.person, &office.meera).await;
    assert_eq!(
        (&seen["status"], seen.get("wallet")),
        (&json!("under_way"), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_the_same_again_is_not() {
    let office = office(settings()).await;
    let owner = &office.asha.person;
    for what in ["resume", "cancel"] {
        let path = format!("/onboardings/{owner}/{what}");
        let refused = office.post(&path, &office.meera, json!({})).await;
        assert_eq!(refused.expect(404).code(), "onboarding_not_found", "{what}");
    }
    office.begun().await;
    let again = office.begun().await;
    let body = json!({ "owner": owner, "tier": "basic" });
    let refused = office
        .post("/onboardings", &office.asha, body)
        .await
        .expect(409);
    assert_eq!(refused.code(), "onboarding_exists");
    assert_eq!(refused.body["context"]["tier"], "full");
    let resume = format!("/onboardings/{owner}/resume");
    let nothing = office
        .post(&resume, &office.asha, json!({}))
        .await
        .expect(200);
    assert!(nothing.position() >= again.position());
    assert_eq!(office.count("OnboardingStarted").await, 1);
    // Under a key it is the same reply.
    let ravi = office.doors.customer("ravi@example.org").await;
    let body = json!({ "owner": ravi.person, "tier": "full" });
    let path = "/onboardings";
    let first = office
        .post_under("k1", path, &ravi, body.clone())
        .await
        .expect(201);
    let same = office.post_under("k1", path, &ravi, body).await.expect(201);
    assert_eq!(first.position(), same.position());
    assert!(same.headers.contains_key("idempotent-replayed"));
    let other = json!({ "owner": ravi.person, "tier": "basic" });
    let refused = office.post_under("k1", path, &ravi, other).await;
    assert_eq!(refused.expect(422).code(), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_with_odd_names_are_shown_and_followed() {
    let office = office(settings()).await;
    let owner = "a \"b\"/ç: d?";
    let path = office.doors.at("/onboardings");
    let body = json!({ "owner": owner, "tier": "full" });
    let begun = office.doors.post(&path, &office.doors.admin, body).await;
    let location = begun.expect(201).headers["location"]
        .to_str()
        .unwrap()
        .to_owned();
    let admin = &office.doors.admin;
    let seen = office.doors.get(&location, admin).await.expect(200).body;
    assert_eq!(seen["owner"], owner);
    let mut live = office.doors.follow(admin).await;
    let channel = format!("onboarding:{owner}");
    subscribe(&mut live, &channel, Some(0)).await;
    let event = live.expect("event").await;
    assert_eq!(event["channel"], json!(channel));
    assert_eq!(event["event"]["data"]["owner"], owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_owners_channel_is_not_there() {
    let office = office(settings()).await;
    let ravi = office.doors.customer("ravi@example.org").await;
    office.begun().await;
    let channel = format!("onboarding:{}", office.asha.person);
    let mut stranger = office.doors.follow(&ravi.access).await;
    let refused = subscribe(&mut stranger, &channel, None).await;
    assert_eq!(refused["code"], "channel_not_found");
    let own = format!("onboarding:{}", ravi.person);
    let refused = subscribe(&mut stranger, &own, None).await;
    assert_eq!(refused["code"], "channel_not_found", "not begun");
    let operator = office.colleague("olga@example.org", Role::Operator).await;
    let path = format!("/onboardings/{}", office.asha.person);
    // An operator sees no more than the customer that they are besides.
    let refused = office.get(&path, &operator).await.expect(404);
    assert_eq!(refused.code(), "onboarding_not_found");
    let mut meera = office.doors.follow(&office.meera.access).await;
    let begun = subscribe(&mut meera, &channel, None).await;
    assert_eq!(begun["type"], "snapshot", "{begun}");
}
