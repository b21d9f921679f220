//! Lists of onboardings, for staff and for whoever's it is.

use serde_json::{Value, json};

use super::support::{office, settings};
use crate::verification::support::Office;

async fn owners(office: &Office, query: &str) -> Vec<String> {
    let mut owners = Vec::new();
    let mut path = format!("/onboardings?limit=2&{query}");
    loop {
        let page = office.get(&path, &office.meera).await.expect(200).body;
        let items = page["items"].as_array().unwrap();
        owners.extend(
            items
                .iter()
                .map(|item| item["owner"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            return owners;
        };
        path = format!("/onboardings?limit=2&{query}&cursor={next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_find_those_that_are_stuck() {
    let office = office(settings()).await;
    let path = office.doors.at("/onboardings");
    for (owner, tier, contacts) in [
        ("a", "full", json!(["email"])),
        ("b", "full", json!([])),
        ("c", "basic", json!(["phone"])),
        ("d", "basic", json!([])),
    ] {
        let body = json!({ "owner": owner, "tier": tier, "contacts": contacts });
        let begun = office.doors.post(&path, &office.doors.admin, body).await;
        begun.expect(201);
    }
    let waits = |seen: &Value| seen["next"][0]["action"] == "submit_documents";
    for owner in ["b", "d"] {
        office.until_of(owner, "documents", waits).await;
    }
    let cancel = "/onboardings/c/cancel";
    let cancelled = office
        .post(cancel, &office.meera, json!({}))
        .await
        .expect(200);
    let fresh = format!("min_position={}", cancelled.position());
    let found = |query: &'static str| {
        let (office, query) = (&office, format!("{query}&{fresh}"));
        async move { owners(office, &query).await }
    };
    assert_eq!(found("order=newest").await, ["d", "c", "b", "a"]);
    assert_eq!(found("status=cancelled").await, ["c"]);
    assert_eq!(found("step=verification").await.len(), 2);
    assert_eq!(
        found("step=contacts").await,
        ["c", "a"],
        "where it ended, too"
    );
    assert_eq!(found("step=contacts&status=under_way").await, ["a"]);
    assert_eq!(found("tier=basic").await, ["d", "c"]);
    assert_eq!(found("owner=b").await, ["b"]);
    // A has been where it is for longest, and C has just been called off.
    let waiting = found("order=longest_waiting").await;
    assert_eq!(
        (waiting[0].as_str(), waiting[3].as_str()),
        ("a", "c"),
        "{waiting:?}"
    );
    for bad in ["status=open", "step=none", "order=oldest"] {
        let path = format!("/onboardings?{bad}");
        let refused = office.get(&path, &office.meera).await;
        assert_eq!(refused.expect(400).code(), "invalid_request", "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_see_their_own_and_nobody_elses() {
    let office = office(settings()).await;
    let ravi = office.doors.customer("ravi@example.org").await;
    office.begun().await;
    let path = format!("/onboardings/{}", office.asha.person);
    let seen = office.get(&path, &office.asha).await.expect(200).body;
    assert_eq!(seen.get("started_by"), None, "{seen}");
    for unknown in [path, "/onboardings/nobody".to_owned()] {
        let refused = office.get(&unknown, &ravi).await.expect(404);
        assert_eq!(refused.code(), "onboarding_not_found");
    }
    for list in [
        "/onboardings".to_owned(),
        format!("/onboardings?owner={}", office.asha.person),
    ] {
        let refused = office.get(&list, &ravi).await.expect(403);
        assert_eq!(refused.code(), "forbidden", "{list}");
    }
    let list = format!("/onboardings?owner={}", ravi.person);
    let none = office.get(&list, &ravi).await.expect(200);
    assert_eq!(none.body["items"], json!([]));
}
