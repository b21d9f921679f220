//! Erasing somebody: with their cases, in one ledger of two, and however often a node dies over it.

use std::time::Duration;

use identity::permission::Role;
use ledger_core::Command;
use ledger_core::verification::{CaseAction, ContentHash};
use serde_json::json;
use uuid::Uuid;

use super::support::{NAME, Office, everything};
use crate::access::support::PASSWORD;
use crate::harness::submission;

fn of_case(case: Uuid, action: CaseAction) -> Command {
    Command::VerificationCase {
        case: case.to_string().parse().unwrap(),
        action: Box::new(action),
    }
}

/// A case of hers that people are looking at.
async fn begin_review(office: &Office) -> Uuid {
    let case = Uuid::now_v7();
    let by = || "person:meera".parse().unwrap();
    let tier = Command::SetTier {
        tier: "full".parse().unwrap(),
        rules: Box::new(ledger_core::limit::RequestedTier {
            operations: None,
            assets: [].into(),
            other_assets: ledger_core::limit::OtherAssets::Unlimited,
            utc_offset_minutes: ledger_core::limit::UtcOffset::default(),
        }),
    };
    let open = CaseAction::Open {
        owner: office.owner(),
        tier: "full".parse().unwrap(),
        expires_at: None,
        by: by(),
    };
    let receive = CaseAction::ReceiveDocument {
        document: ledger_core::verification::CaseDocument {
            reference: "documents/1".parse().unwrap(),
            kind: "passport".parse().unwrap(),
            sha256: "0".repeat(64).parse::<ContentHash>().unwrap(),
            size_bytes: 1,
        },
        by: by(),
    };
    let review = CaseAction::StartReview {
        reasons: vec![],
        by: by(),
    };
    let executors = &office.doors.node.node.executors;
    let cases = [open, receive, review].map(|action| of_case(case, action));
    for command in std::iter::once(tier).chain(cases) {
        let outcome = executors.submit(office.ledger(), submission(command)).await;
        assert_eq!(outcome.unwrap().refusal(), None);
    }
    case
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_case_is_in_review_is_erased_only_with_the_case() {
    let office = Office::open().await;
    office
        .record(&office.asha.access, everything())
        .await
        .expect(200);
    let case = begin_review(&office).await;
    let body = json!({ "reason": "requested" });
    let refused = office.erase(body.clone()).await.expect(409);
    assert_eq!(refused.code(), "profile_case_in_review");
    assert_eq!(refused.body["context"]["case"], case.to_string());
    let seen = office.read(&office.meera.access).await.expect(200).body;
    assert_eq!(seen["name"], NAME);

    let body = json!({ "reason": "requested", "cases_in_review": "close" });
    office.erase(body.clone()).await.expect(200);
    let types: Vec<String> = sqlx::query_scalar(
        "SELECT event_type FROM daybook.events WHERE ledger = $1 ORDER BY position DESC LIMIT 2",
    )
    .bind(&office.doors.node.ledger)
    .fetch_all(office.doors.node.node.database.pool())
    .await
    .unwrap();
    assert_eq!(types, ["ProfileErased", "CaseRejected"]);
    let again = office.erase(body).await.expect(200);
    let seen = office.read(&office.meera.access).await.expect(200).body;
    assert_eq!(seen["status"], "erased");
    assert!(again.position() >= seen["position"].as_i64().unwrap());
    let approve = CaseAction::StartReview {
        reasons: vec![],
        by: "person:meera".parse().unwrap(),
    };
    let executors = &office.doors.node.node.executors;
    let late = executors.submit(office.ledger(), submission(of_case(case, approve)));
    let late = late.await.unwrap();
    assert_eq!(late.refusal().unwrap().code, "profile_erased");
}

/// Somebody who is a customer of two ledgers keeps signing in until both have erased them.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_in_another_ledger_still_signs_in() {
    let office = Office::open().await;
    let service = office.doors.node.key(&[Role::Service]).await;
    let second = format!("{}b", office.doors.node.ledger);
    let body = json!({ "name": second });
    let admin = &office.doors.admin;
    office
        .doors
        .post("/v1/ledgers", admin, body)
        .await
        .expect(201);
    let elsewhere = format!("/v1/ledgers/{second}/owners/{}/profile", office.asha.person);
    for path in [office.path(), elsewhere.clone()] {
        office
            .doors
            .post(&path, &service, everything())
            .await
            .expect(200);
    }
    office
        .erase(json!({ "reason": "requested" }))
        .await
        .expect(200);
    followed(&office, &office.doors.node.ledger).await;
    let signed_in = office.doors.sign_in("asha@example.org", PASSWORD).await;
    signed_in.expect(201);
    let path = format!("{elsewhere}/erase");
    let body = json!({ "reason": "retention_ended" });
    office
        .doors
        .post(&path, &office.meera.access, body)
        .await
        .expect(200);
    followed(&office, &second).await;
    let refused = office.doors.sign_in("asha@example.org", PASSWORD).await;
    refused.expect(401);
    // Whoever comes after her may have the address.
    let newcomer = office.doors.customer("asha@example.org").await;
    assert_ne!(newcomer.person, office.asha.person);
}

/// Waits until everything that follows from the ledger's last tombstone is done.
async fn followed(office: &Office, ledger: &str) {
    let pool = office.doors.node.node.database.pool();
    let done = async {
        loop {
            let is_done: bool = sqlx::query_scalar(
                "SELECT coalesce((SELECT position FROM workflows.checkpoint \
                     WHERE process = 'erasure' AND ledger = $1), 0) >= \
                 (SELECT max(position) FROM daybook.events \
                     WHERE ledger = $1 AND event_type = 'ProfileErased')",
            )
            .bind(ledger)
            .fetch_one(pool)
            .await
            .unwrap();
            if is_done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done)
        .await
        .unwrap();
}
