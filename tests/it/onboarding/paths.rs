//! Ways through an onboarding.

use identity::permission::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{office, settings, status_of};
use crate::access::streams::subscribe;
use crate::access::support::{PASSWORD, SignedIn};
use crate::realtime::support::Client;
use crate::verification::support::{Office, green, says};
use workflows::onboarding::OnboardingSettings;

/// The types of the events that a client is told, up to and with one.
async fn told_until(client: &mut Client, last: &str) -> Vec<(String, Value)> {
    let mut told = Vec::new();
    loop {
        let message = client.expect("event").await;
        let event = &message["event"];
        let name = event["type"].as_str().unwrap().to_owned();
        told.push((name.clone(), event["data"].clone()));
        if name == last {
            return told;
        }
    }
}

/// Whoever moves money before they are verified is refused, because of a default tier that allows nothing.
async fn allow_nothing_by_default(office: &Office) {
    let admin = office.doors.admin.as_str();
    for (path, body) in [
        (
            "/tiers/newcomer",
            json!({ "operations": [], "other_assets": "forbidden" }),
        ),
        ("/default-tier", json!({ "tier": "newcomer" })),
    ] {
        let path = office.doors.at(path);
        let set = office
            .doors
            .call(Method::PUT, &path, Some(admin), Some(body));
        set.await.expect(200);
    }
}

async fn deposit(office: &Office, wallet: &str) -> crate::harness::node::Reply {
    let body = json!({ "postings": [{
        "source": "system:cash", "destination": format!("wallet:{wallet}"),
        "asset": "INR", "amount": "5.00"
    }] });
    let path = office.doors.at("/transactions");
    office.doors.post(&path, &office.doors.admin, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_becomes_a_verified_customer_with_a_wallet_and_follows_it_live() {
    let office = office(settings()).await;
    allow_nothing_by_default(&office).await;
    let doors = &office.doors;
    // Nobody knows Nina yet.
    let body = json!({ "email": "nina@example.org", "password": PASSWORD });
    let registered = doors.ask("/v1/people", body).await.expect(202);
    let person = registered.body["id"].as_str().unwrap().to_owned();
    let code = doors.codes.take("nina@example.org").await;
    doors.verify(&person, &code).await.expect(204);
    let signed_in = doors.sign_in("nina@example.org", PASSWORD).await;
    let nina = SignedIn::of(&signed_in.expect(201));

    let started = office.begin(&nina).await;
    assert_eq!(started.body["owner"], json!(person));
    let location = started.headers["location"].to_str().unwrap().to_owned();
    doors.get(&location, &nina.access).await.expect(200);
    let mut live = doors.follow(&nina.access).await;
    let channel = format!("onboarding:{person}");
    let begun = subscribe(&mut live, &channel, Some(0)).await;
    assert_eq!(begun["channel"], json!(channel), "{begun}");

    // The address that she registered with counts; the phone number is still wanted.
    let seen = office
        .until_of(&person, "the phone number", |seen| {
            seen["next"] == json!([{ "action": "verify_phone" }])
        })
        .await;
    assert_eq!(status_of(&seen, "contacts"), "waiting_for_owner");
    assert_eq!(status_of(&seen, "verification"), "pending");
    let told = told_until(&mut live, "OnboardingOwnerAwaited").await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "OnboardingStarted",
            "OnboardingContactVerified",
            "OnboardingOwnerAwaited"
        ]
    );
    assert_eq!(told[1].1["kind"], "email");
    assert!(!format!("{told:?}").contains("example.org"), "{told:?}");
    let body = json!({ "owner": person });
    let early = office.post("/wallets", &nina, body).await.expect(201).id();
    let refused = deposit(&office, &early).await;
    assert_eq!(
        refused.code(),
        "operation_not_allowed",
        "before she is known"
    );

    office.phone(&nina, "+919876512345").await;
    let told = told_until(&mut live, "OnboardingOwnerAwaited").await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[0], "OnboardingContactVerified");
    let wanted = office.seen_of(&person, &nina).await;
    let next = &wanted["next"][0];
    assert_eq!(
        (&next["action"], &next["kinds"]),
        (&json!("submit_documents"), &json!(["passport"])),
        "{wanted}"
    );
    assert!(wanted["due_at"].is_string());
    let case = next["case"].as_str().unwrap().to_owned();
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.act(&case, "approve", json!({})).await;

    let told = told_until(&mut live, "OnboardingCompleted").await;
    let completed = &told.last().unwrap().1;
    assert_eq!(completed["tier"], "full");
    let seen = office.seen_of(&person, &nina).await;
    assert_eq!(
        (&seen["status"], &seen["next"], &seen["granted"]),
        (&json!("completed"), &json!([]), &json!("full"))
    );
    for step in ["contacts", "verification", "wallet"] {
        assert_eq!(status_of(&seen, step), "done");
    }
    let wallet = seen["wallet"].as_str().unwrap();
    assert_eq!(completed["wallet"], json!(wallet));
    deposit(&office, wallet).await.expect(201);
    let limits = format!("/owners/{person}/limits");
    let limits = office.get(&limits, &nina).await.expect(200).body;
    assert_eq!(limits["in_force"]["name"], "full", "{limits}");
    let text = seen.to_string();
    assert!(
        !text.contains("example.org") && !text.contains("98765"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_that_were_verified_before_count_at_once() {
    let office = office(settings()).await;
    office.phone(&office.asha, "+919876500001").await;
    office.begun().await;
    office.case_awaiting().await;
    let events = office.events().await;
    assert_eq!(
        &events[..3],
        [
            "OnboardingStarted",
            "OnboardingContactVerified",
            "OnboardingContactVerified"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_without_a_case_counts_and_a_wallet_that_is_there() {
    let office = office(settings()).await;
    office.phone(&office.asha, "+919876500001").await;
    let body = json!({ "owner": office.asha.person });
    let own = office.post("/wallets", &office.asha, body).await;
    let wallet = own.expect(201).id();
    let body = json!({ "owner": office.asha.person, "tier": "full", "wallet": wallet });
    let begun = office.post("/onboardings", &office.meera, body).await;
    begun.expect(201);
    office.case_awaiting().await;
    let path = office
        .doors
        .at(&format!("/owners/{}/tier", office.asha.person));
    let granted = office.doors.call(
        Method::PUT,
        &path,
        Some(&office.meera.access),
        Some(json!({ "tier": "full" })),
    );
    granted.await.expect(200);
    let seen = office.until_status("completed").await;
    assert_eq!(seen["wallet"], json!(wallet));
    assert_eq!(office.count("WalletOpened").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_with_another_try_and_then_approved() {
    let office = office(settings()).await;
    let case = office.to_documents().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    let body = json!({ "retry": "allowed", "reasons": ["BLURRED"] });
    office.act(&case, "reject", body).await;
    let seen = office.until_next("submit_documents").await;
    assert_eq!(status_of(&seen, "verification"), "waiting_for_owner");
    assert_eq!(
        seen["next"][0]["kinds"],
        json!(["passport"]),
        "anew: {seen}"
    );
    let shown = office.seen_of(&office.asha.person, &office.asha).await;
    assert!(!shown.to_string().contains("BLURRED"), "{shown}");
    office.receive(&case, "passport", 2).await;
    office.until_review(&case).await;
    // On another tier than was asked for.
    office
        .act(&case, "approve", json!({ "tier": "basic" }))
        .await;
    let seen = office.until_status("completed").await;
    assert_eq!(
        (&seen["tier"], &seen["granted"]),
        (&json!("full"), &json!("basic"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_for_good_is_the_end_until_staff_take_it_up() {
    let office = office(settings()).await;
    let case = office.to_documents().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office
        .act(&case, "reject", json!({ "retry": "final" }))
        .await;
    let seen = office.until_status("rejected").await;
    assert_eq!(status_of(&seen, "verification"), "failed");
    assert_eq!((&seen["next"], seen.get("wallet")), (&json!([]), None));
    let resume = format!("/onboardings/{}/resume", office.asha.person);
    let refused = office.post(&resume, &office.asha, json!({})).await;
    assert_eq!(refused.expect(409).code(), "onboarding_ended");
    let body = json!({ "owner": office.asha.person, "tier": "full" });
    let refused = office.post("/onboardings", &office.asha, body).await;
    assert_eq!(refused.expect(409).code(), "onboarding_ended");
    // Staff look again, and find otherwise.
    office.act(&case, "start-review", json!({})).await;
    office.act(&case, "approve", json!({})).await;
    office.rest().await;
    assert_eq!(
        office.seen_of(&office.asha.person, &office.meera).await["status"],
        "rejected"
    );
    office
        .post(&resume, &office.meera, json!({}))
        .await
        .expect(200);
    office.until_status("completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_handed_the_case_and_their_word_counts() {
    let settings = OnboardingSettings {
        kinds: Vec::new(),
        providers: vec!["sumsub".parse().unwrap()],
        ..settings()
    };
    let office = office(settings).await;
    office.begun().await;
    office.phone(&office.asha, "+919876500001").await;
    let seen = office.until_next("wait").await;
    assert_eq!(status_of(&seen, "verification"), "in_progress");
    let is_there = |seen: &Value| seen["case"].is_string();
    let seen = office.until("a case", is_there).await;
    let case = seen["case"].as_str().unwrap();
    office.rest().await;
    office
        .hear(case, says("sumsub", "2026-01-01T00:00:01Z", green()))
        .await;
    office.until_status("completed").await;
    let submitted = office.count("CaseSubmitted").await;
    assert_eq!(submitted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_is_removed_meanwhile_is_wanted_again() {
    let office = office(settings()).await;
    let case = office.to_documents().await;
    sqlx::query("DELETE FROM identity.address WHERE kind = 'phone'")
        .execute(office.pool())
        .await
        .unwrap();
    office.receive(&case, "passport", 1).await;
    let seen = office.until_next("verify_phone").await;
    assert_eq!(status_of(&seen, "contacts"), "waiting_for_owner");
    office.rest().await;
    office.act(&case, "start-review", json!({})).await;
    office.act(&case, "approve", json!({})).await;
    let granted = |seen: &Value| status_of(seen, "verification") == "done";
    let seen = office.until("the grant", granted).await;
    assert_eq!(seen["step"], "contacts", "{seen}");
    office.rest().await;
    assert_eq!(office.count("WalletOpened").await, 0, "not before that");
    office.phone(&office.asha, "+919876500002").await;
    office.until_status("completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_blocked_gets_no_further_until_they_are_let_in() {
    let office = office(settings()).await;
    let case = office.to_documents().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.set_blocked("block").await;
    office.act(&case, "approve", json!({})).await;
    office.rest().await;
    assert_eq!(office.count("WalletOpened").await, 0);
    office.set_blocked("unblock").await;
    office.until_status("completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_onboard_owners_of_whom_nobody_here_knows_a_contact() {
    let office = office(settings()).await;
    let machine = office.doors.node.key(&[Role::Service]).await;
    let path = office.doors.at("/onboardings");
    let body = json!({ "owner": "customer-42", "tier": "full", "contacts": [] });
    office.doors.post(&path, &machine, body).await.expect(201);
    let waits = |seen: &Value| seen["next"][0]["action"] == "submit_documents";
    let seen = office.until_of("customer-42", "documents", waits).await;
    let case = seen["case"].as_str().unwrap();
    office.receive(case, "passport", 1).await;
    office.until_review(case).await;
    office.act(case, "approve", json!({})).await;
    office
        .until_of("customer-42", "the end", |seen| {
            seen["status"] == "completed"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_call_an_onboarding_off_and_take_it_up() {
    let office = office(settings()).await;
    office.begun().await;
    let path = format!("/onboardings/{}", office.asha.person);
    let (cancel, resume) = (format!("{path}/cancel"), format!("{path}/resume"));
    let refused = office.post(&cancel, &office.asha, json!({})).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
    let body = json!({ "reasons": ["DUPLICATE"] });
    let first = office.post(&cancel, &office.meera, body.clone()).await;
    first.expect(200);
    let again = office.post(&cancel, &office.meera, body).await;
    again.expect(200);
    let seen = office.until_status("cancelled").await;
    assert_eq!(seen["reasons"], json!(["DUPLICATE"]));
    assert_eq!(seen["cancelled_by"], json!(office.meera.subject()));
    let shown = office.seen_of(&office.asha.person, &office.asha).await;
    assert!(!shown.to_string().contains("DUPLICATE"), "{shown}");
    office.phone(&office.asha, "+919876500001").await;
    office.rest().await;
    assert_eq!(office.count("CaseOpened").await, 0, "it was called off");
    let refused = office.post(&resume, &office.asha, json!({})).await;
    assert_eq!(refused.expect(409).code(), "onboarding_ended");
    office
        .post(&resume, &office.meera, json!({}))
        .await
        .expect(200);
    office.case_awaiting().await;
}

/// Without one stream for each owner, two of them would have begun two.
#[tokio::test(flavor = "multi_thread")]
async fn race_of_starts_begins_one_onboarding() {
    let office = office(settings()).await;
    office.phone(&office.asha, "+919876500001").await;
    let other = office.another_node().await;
    let address = other.address;
    let body = json!({ "owner": office.asha.person, "tier": "full" });
    let asked = (0..8).map(|number| {
        let path = office.doors.at("/onboardings");
        let url = if number % 2 == 0 {
            office.doors.node.url(&path)
        } else {
            format!("http://{address}{path}")
        };
        let node = &office.doors.node;
        let request = node.client.post(url).bearer_auth(&office.asha.access);
        node.send(request.json(&body))
    });
    for reply in futures_util::future::join_all(asked).await {
        reply.expect(201);
    }
    let case = office.case_awaiting().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.act(&case, "approve", json!({})).await;
    office.until_status("completed").await;
    office.rest().await;
    for name in [
        "OnboardingStarted",
        "CaseOpened",
        "WalletOpened",
        "OnboardingCompleted",
    ] {
        assert_eq!(office.count(name).await, 1, "{name}");
    }
    other.stop().await;
}
