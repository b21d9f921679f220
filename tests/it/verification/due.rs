//! What happens to cases by time, without anybody asking.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use daybook::cli::Role as Part;
use ledger_core::verification::Retry;
use serde_json::{Value, json};
use workflows::verification::VerificationSettings;

use super::support::{Office, red, says};
use crate::access::support::Doors;
use crate::payments::support::eventually;

/// Owners have a second for everything that the process gives them time for.
async fn hurried() -> Office {
    let doors = Doors::configured(|options, _| {
        options.verification = VerificationSettings {
            reverification: Duration::from_secs(1),
            retry: Duration::from_secs(1),
        };
    });
    Office::of(doors.await).await
}

/// So many milliseconds from now.
fn soon(milliseconds: i64) -> String {
    let time = Utc::now() + TimeDelta::milliseconds(milliseconds);
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Office {
    /// Waits until a case is in a state.
    async fn becomes(&self, case: &str, status: &str) -> Value {
        let path = format!("/cases/{case}");
        eventually(status, || async {
            let seen = self.get(&path, &self.meera).await;
            (seen.body["status"] == status).then_some(seen.body)
        })
        .await
    }

    async fn names(&self, case: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT event_type FROM daybook.events WHERE aggregate_id = $1 ORDER BY sequence",
        )
        .bind(case)
        .fetch_all(self.doors.node.node.database.pool())
        .await
        .unwrap()
    }

    /// Waits until no job is left that is due.
    async fn idle(&self) {
        eventually("no job is due", || async {
            let due: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM graphile_worker._private_jobs \
                 WHERE locked_at IS NOT NULL OR run_at <= now()",
            )
            .fetch_one(self.doors.node.node.database.pool())
            .await
            .unwrap();
            (due == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_waits_too_long_expires() {
    let office = hurried().await;
    let body = json!({ "owner": "nina", "tier": "full", "expires_at": soon(1_500) });
    let case = office
        .post("/cases", &office.meera, body)
        .await
        .expect(201)
        .id();
    let seen = office.becomes(&case, "expired").await;
    assert_eq!(seen.get("due_at"), None);
    assert_eq!(office.names(&case).await, ["CaseOpened", "CaseExpired"]);
    let path = format!("/cases/{case}/timeline");
    let timeline = office.get(&path, &office.meera).await.expect(200).body;
    let expired = &timeline["items"][1];
    assert_eq!(
        (expired.get("by"), expired.get("finding")),
        (None, None),
        "the time did it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_has_got_more_time_does_not_expire_before_it() {
    let office = hurried().await;
    let body = json!({ "owner": "nina", "tier": "full", "expires_at": soon(4_000) });
    let case = office
        .post("/cases", &office.meera, body)
        .await
        .expect(201)
        .id();
    let longer = json!({ "kinds": ["selfie"], "expires_at": soon(10_000) });
    office.act(&case, "request-documents", longer).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    office.idle().await;
    assert_eq!(
        office.names(&case).await,
        ["CaseOpened", "DocumentsRequested"]
    );
    office.becomes(&case, "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_becomes_due_and_ends_when_nothing_comes_of_it() {
    let office = hurried().await;
    let case = office.case_about(&office.asha.person, "full").await;
    office.receive(&case, "passport", 1).await;
    office.act(&case, "start-review", json!({})).await;
    let approved = office
        .act(&case, "approve", json!({ "reverify_at": soon(1_000) }))
        .await;
    let granted = office.grants(&office.asha.person, &approved).await;
    assert_eq!(granted.as_array().unwrap().len(), 1);
    office.becomes(&case, "expired").await;
    let expected = [
        "CaseOpened",
        "DocumentReceived",
        "CaseReviewStarted",
        "CaseApproved",
        "ReverificationDue",
        "CaseExpired",
    ];
    assert_eq!(office.names(&case).await, expected);
    let head = office
        .post(
            "/cases",
            &office.meera,
            json!({ "owner": "x", "tier": "full" }),
        )
        .await;
    assert_eq!(office.grants(&office.asha.person, &head).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_loses_their_case_while_others_work_on_it() {
    let office = hurried().await;
    let body = json!({ "owner": "nina", "tier": "full", "expires_at": soon(3_000) });
    let case = office
        .post("/cases", &office.meera, body)
        .await
        .expect(201)
        .id();
    office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    office.idle().await;
    assert_eq!(office.names(&case).await, ["CaseOpened", "CaseSubmitted"]);
    // The time for another try begins when the provider rejects, however long it took.
    office
        .hear(
            &case,
            says("sumsub", "2026-01-01T00:00:01Z", red(Retry::Allowed)),
        )
        .await;
    office.becomes(&case, "expired").await;
    let expected = ["CaseOpened", "CaseSubmitted", "CaseRejected", "CaseExpired"];
    assert_eq!(office.names(&case).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_while_no_worker_ran_happens_when_one_does() {
    let doors = Doors::configured(|options, _| options.roles.retain(|role| *role != Part::Worker));
    let office = Office::of(doors.await).await;
    let body = json!({ "owner": "nina", "tier": "full", "expires_at": soon(100) });
    let case = office
        .post("/cases", &office.meera, body)
        .await
        .expect(201)
        .id();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(office.names(&case).await, ["CaseOpened"]);
    let (one, other) = (
        office.doors.another_node().await,
        office.doors.another_node().await,
    );
    office.becomes(&case, "expired").await;
    assert_eq!(office.names(&case).await, ["CaseOpened", "CaseExpired"]);
    one.stop().await;
    other.stop().await;
}
