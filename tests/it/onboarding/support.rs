//! A node on which owners are onboarded in a hurry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use daybook::node::{Node, NodeOptions};
use ledger_core::OwnerId;
use serde_json::{Value, json};
use sqlx::PgPool;
use workflows::onboarding::{OnboardingSettings, Patience};

use crate::access::support::{Doors, SignedIn};
use crate::harness::node::Reply;
use crate::payments::support::eventually;
use crate::verification::support::Office;

/// Nobody is in a hurry, and passports are asked for.
pub fn settings() -> OnboardingSettings {
    let patience = Patience {
        expires_after: Duration::from_secs(3_600),
        remind_after: Duration::from_secs(1_200),
        reminders: 2,
    };
    OnboardingSettings {
        contacts: patience,
        documents: patience,
        kinds: vec!["passport".parse().unwrap()],
        ..OnboardingSettings::default()
    }
}

/// Milliseconds that an owner has, and after which they are reminded.
pub fn hurried(expires_after: u64, remind_after: u64, reminders: u32) -> Patience {
    Patience {
        expires_after: Duration::from_millis(expires_after),
        remind_after: Duration::from_millis(remind_after),
        reminders,
    }
}

/// An office whose node is set up like this.
pub async fn office(onboarding: OnboardingSettings) -> Office {
    configured(|options| options.onboarding = onboarding).await
}

pub async fn configured(configure: impl FnOnce(&mut NodeOptions)) -> Office {
    let doors = Doors::configured(|options, _| {
        options.onboarding = settings();
        configure(options);
    });
    Office::of(doors.await).await
}

impl Office {
    pub async fn begin(&self, who: &SignedIn) -> Reply {
        let body = json!({ "owner": who.person, "tier": "full", "assets": ["INR"] });
        self.post("/onboardings", who, body).await.expect(201)
    }

    /// Asha has begun hers.
    pub async fn begun(&self) -> Reply {
        self.begin(&self.asha).await
    }

    /// What somebody sees of an onboarding.
    pub async fn seen_of(&self, owner: &str, who: &SignedIn) -> Value {
        let path = format!("/onboardings/{owner}?min_position={}", self.head().await);
        self.get(&path, who).await.expect(200).body
    }

    /// How long the log is.
    async fn head(&self) -> i64 {
        sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = $1")
            .bind(&self.doors.node.ledger)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    /// Waits until Asha's onboarding is such.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.until_of(&self.asha.person, what, is_so).await
    }

    pub async fn until_of(&self, owner: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || async {
            let seen = self.seen_of(owner, &self.meera).await;
            is_so(&seen).then_some(seen)
        })
        .await
    }

    pub async fn until_step(&self, step: &str) -> Value {
        self.until(step, |seen| seen["step"] == step).await
    }

    /// Waits until something is wanted of Asha, or of others.
    pub async fn until_next(&self, action: &str) -> Value {
        let is_next = |seen: &Value| seen["next"][0]["action"] == action;
        self.until(action, is_next).await
    }

    pub async fn until_status(&self, status: &str) -> Value {
        self.until(status, |seen| seen["status"] == status).await
    }

    /// Somebody shows a phone number to be theirs.
    pub async fn phone(&self, who: &SignedIn, number: &str) {
        let body = json!({ "phone": number });
        let doors = &self.doors;
        let added = doors.post("/v1/me/addresses", &who.access, body).await;
        added.expect(204);
        let code = doors.codes.take(number).await;
        doors.verify(&who.person, &code).await.expect(204);
    }

    /// Asha's case, once documents are wanted.
    pub async fn case_awaiting(&self) -> String {
        let seen = self.until_next("submit_documents").await;
        seen["next"][0]["case"].as_str().unwrap().to_owned()
    }

    /// Waits until staff are to decide about a case.
    pub async fn until_review(&self, case: &str) {
        let path = format!("/cases/{case}");
        eventually("a review", || async {
            let seen = self.get(&path, &self.meera).await;
            (seen.body["status"] == "in_review").then_some(())
        })
        .await;
    }

    /// Asha's onboarding from the first contact to a case that documents are wanted for.
    pub async fn to_documents(&self) -> String {
        self.begun().await;
        self.phone(&self.asha, "+919876500001").await;
        self.case_awaiting().await
    }

    /// Keeps Asha out, or lets her in: `block`, `unblock`.
    pub async fn set_blocked(&self, what: &str) {
        let path = format!("/v1/people/{}/{what}", self.asha.person);
        let done = self.doors.post(&path, &self.doors.admin, json!({})).await;
        done.expect(204);
    }

    /// A second node that onboards in the same way.
    pub async fn another_node(&self) -> Node {
        let delivery = Arc::clone(&self.doors.codes);
        let configure = |options: &mut NodeOptions| {
            options.onboarding = settings();
            options.access.delivery = delivery;
        };
        self.doors.another_node_with(configure).await
    }

    pub fn pool(&self) -> &PgPool {
        self.doors.node.node.database.pool()
    }

    /// The names of the events of an owner's onboarding.
    pub async fn events_of(&self, owner: &str) -> Vec<String> {
        let owner: OwnerId = owner.parse().unwrap();
        sqlx::query_scalar(
            "SELECT event_type FROM daybook.events WHERE aggregate_type = 'onboarding' \
             AND aggregate_id = $1 ORDER BY sequence",
        )
        .bind(owner.key().to_string())
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    pub async fn events(&self) -> Vec<String> {
        self.events_of(&self.asha.person).await
    }

    /// How many events there are of a type.
    pub async fn count(&self, event_type: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM daybook.events WHERE event_type = $1")
            .bind(event_type)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    /// Waits until nothing is under way that is due, and news are taken.
    pub async fn rest(&self) {
        // The processes leave news alone for a moment, and jobs lead to events that they hear of.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let begun = Instant::now();
            loop {
                let due = self.due().await;
                if due.is_empty() {
                    break;
                }
                assert!(begun.elapsed() < Duration::from_secs(30), "{due:#?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// What is under way or due.
    async fn due(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT jobs.payload::text || ', tried ' || jobs.attempts || ', ' || \
                    coalesce(jobs.last_error, 'no error') || ', ' || coalesce(jobs.key, 'no key') \
             FROM graphile_worker._private_jobs AS jobs \
             WHERE locked_at IS NOT NULL OR run_at <= now() \
             UNION ALL SELECT 'news of ' || owner FROM identity.person_news",
        )
        .fetch_all(self.pool())
        .await
        .unwrap()
    }
}

pub fn status_of<'v>(seen: &'v Value, step: &str) -> &'v str {
    let steps = seen["steps"].as_array().unwrap();
    let found = steps.iter().find(|known| known["step"] == step).unwrap();
    found["status"].as_str().unwrap()
}

pub fn time_of(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}
