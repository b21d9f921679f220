//! Following a case live.

use ledger_core::verification::Retry;
use serde_json::{Value, json};

use super::support::{Office, green, red, says};
use crate::access::streams::subscribe;
use crate::realtime::support::Client;

/// The next event of a case: its type, and what it says.
async fn told(client: &mut Client) -> (String, Value) {
    let message = client.expect("event").await;
    let event = &message["event"];
    (
        event["type"].as_str().unwrap().to_owned(),
        event["data"].clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_follow_their_own_case_and_learn_no_more_than_what_came_of_it() {
    let office = Office::open().await;
    let ravi = office.doors.customer("ravi@example.org").await;
    let case = office.own_case().await;
    let channel = format!("case:{case}");
    let mut asha = office.doors.follow(&office.asha.access).await;
    let begun = subscribe(&mut asha, &channel, None).await;
    assert_eq!(
        (&begun["type"], &begun["balances"]),
        (&json!("snapshot"), &json!([]))
    );
    let mut stranger = office.doors.follow(&ravi.access).await;
    let refused = subscribe(&mut stranger, &channel, None).await;
    assert_eq!(refused["code"], "channel_not_found");
    let nobodys = format!("case:{}", uuid::Uuid::now_v7());
    let mut meera = office.doors.follow(&office.meera.access).await;
    let refused = subscribe(&mut meera, &nobodys, None).await;
    assert_eq!(refused["code"], "channel_not_found");
    subscribe(&mut meera, &channel, None).await;

    office
        .act(
            &case,
            "request-documents",
            json!({ "kinds": ["passport"], "expires_at": "2150-01-01T00:00:00Z" }),
        )
        .await;
    office.receive(&case, "passport", 1).await;
    office
        .act(
            &case,
            "submit",
            json!({ "providers": ["sumsub", "onfido"] }),
        )
        .await;
    // A word that decides nothing is not told.
    office
        .hear(&case, says("onfido", "2026-01-01T00:00:01Z", green()))
        .await;
    office
        .hear(
            &case,
            says("sumsub", "2026-01-01T00:00:01Z", red(Retry::Final)),
        )
        .await;
    office.act(&case, "reject", json!({ "retry": "allowed", "expires_at": "2150-01-01T00:00:00Z", "reasons": ["FRAUD_RING"] })).await;
    let requested = json!({ "kinds": ["passport"], "expires_at": "2150-01-01T00:00:00.000000Z" });
    let rejected = json!({ "retry": "allowed", "expires_at": "2150-01-01T00:00:00.000000Z" });
    for client in [&mut asha, &mut meera] {
        for (name, says) in [
            ("DocumentsRequested", &requested),
            ("DocumentReceived", &json!({})),
            ("CaseSubmitted", &json!({})),
            ("CaseReviewStarted", &json!({})),
            ("CaseRejected", &rejected),
        ] {
            assert_eq!(told(client).await, (name.to_owned(), says.clone()));
        }
    }

    // Whoever was away is told the same from the past.
    let mut again = office.doors.follow(&office.asha.access).await;
    subscribe(&mut again, &channel, Some(0)).await;
    let opened = told(&mut again).await;
    assert_eq!(opened.0, "CaseOpened");
    assert_eq!(opened.1["tier"], "full");
    assert_eq!(opened.1.get("by"), None);
    assert_eq!(told(&mut again).await.1, requested);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_ledger_is_told_all_of_it() {
    let office = Office::open().await;
    let case = office.own_case().await;
    let mut admin = office.doors.follow(&office.doors.admin).await;
    subscribe(&mut admin, "ledger", None).await;
    office
        .act(&case, "reset", json!({ "reasons": ["WRONG_PERSON"] }))
        .await;
    office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    let (name, says) = told(&mut admin).await;
    assert_eq!(name, "CaseSubmitted");
    assert_eq!(says["providers"], json!(["sumsub"]));
    assert!(says.get("source").is_some(), "{says}");
}
