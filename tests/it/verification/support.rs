//! A node with tiers, a customer, and somebody from compliance.

use event_store::executor::Outcome;
use identity::permission::Role;
use ledger_core::verification::{CaseAction, CaseDocument, Finding, ObservedFinding, Retry};
use ledger_core::{CaseId, Command, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::support::{Doors, SignedIn};
use crate::harness::node::Reply;
use crate::harness::submission;

pub struct Office {
    pub doors: Doors,
    /// A customer.
    pub asha: SignedIn,
    /// From compliance; she has given her second factor a moment ago.
    pub meera: SignedIn,
}

impl Office {
    pub async fn open() -> Self {
        Self::of(Doors::open().await).await
    }

    /// An office on a node that was set up already.
    pub async fn of(doors: Doors) -> Self {
        let asha = doors.customer("asha@example.org").await;
        let meera = doors.customer("meera@example.org").await;
        doors.employ(&meera, Role::Compliance).await;
        doors.step_up(&meera).await;
        let office = Self { doors, asha, meera };
        for tier in ["basic", "full"] {
            let path = office.doors.at(&format!("/tiers/{tier}"));
            let rules = json!({ "other_assets": "unlimited" });
            let admin = office.doors.admin.as_str();
            let set = office
                .doors
                .call(Method::PUT, &path, Some(admin), Some(rules));
            set.await.expect(200);
        }
        office
    }

    /// Somebody who works here, with a fresh second factor.
    pub async fn colleague(&self, email: &str, role: Role) -> SignedIn {
        let colleague = self.doors.customer(email).await;
        self.doors.employ(&colleague, role).await;
        self.doors.step_up(&colleague).await;
        colleague
    }

    pub async fn get(&self, path: &str, who: &SignedIn) -> Reply {
        self.doors.get(&self.doors.at(path), &who.access).await
    }

    pub async fn post(&self, path: &str, who: &SignedIn, body: Value) -> Reply {
        let path = self.doors.at(path);
        self.doors.post(&path, &who.access, body).await
    }

    /// A request under an idempotency key.
    pub async fn post_under(&self, key: &str, path: &str, who: &SignedIn, body: Value) -> Reply {
        let node = &self.doors.node;
        let request = node.client.post(node.at(path)).bearer_auth(&who.access);
        let request = request.header("idempotency-key", key).json(&body);
        node.send(request).await
    }

    /// A case that Asha opens for herself.
    pub async fn own_case(&self) -> String {
        let body = json!({ "owner": self.asha.person, "tier": "full" });
        self.post("/cases", &self.asha, body).await.expect(201).id()
    }

    /// A case that Meera opens about somebody.
    pub async fn case_about(&self, owner: &str, tier: &str) -> String {
        let body = json!({ "owner": owner, "tier": tier });
        self.post("/cases", &self.meera, body)
            .await
            .expect(201)
            .id()
    }

    /// What Meera does about a case, which nothing refuses.
    pub async fn act(&self, case: &str, what: &str, body: Value) -> Reply {
        let path = format!("/cases/{case}/{what}");
        self.post(&path, &self.meera, body).await.expect(200)
    }

    /// A case as somebody sees it, no less fresh than a reply.
    pub async fn seen(&self, case: &str, who: &SignedIn, after: &Reply) -> Value {
        let path = format!("/cases/{case}?min_position={}", after.position());
        self.get(&path, who).await.expect(200).body
    }

    /// What the executor makes of something that no route brings.
    pub async fn hear(&self, case: &str, action: CaseAction) -> Outcome {
        let command = Command::VerificationCase {
            case: case_id(case),
            action: Box::new(action),
        };
        let executors = &self.doors.node.node.executors;
        let ledger = self.doors.node.ledger.parse().unwrap();
        let outcome = executors.submit(ledger, submission(command)).await.unwrap();
        assert_eq!(outcome.refusal(), None);
        outcome
    }

    /// A document that was stored.
    pub async fn receive(&self, case: &str, kind: &str, number: u8) -> Outcome {
        self.hear(case, received(kind, number)).await
    }

    /// The tiers that stand granted to somebody, by the cases that grant them.
    pub async fn grants(&self, owner: &str, after: &Reply) -> Value {
        let path = format!("/owners/{owner}/limits?min_position={}", after.position());
        let limits = self.get(&path, &self.meera).await.expect(200);
        limits.body["grants"].clone()
    }
}

pub fn case_id(text: &str) -> CaseId {
    text.parse().unwrap()
}

pub fn received(kind: &str, number: u8) -> CaseAction {
    CaseAction::ReceiveDocument {
        document: CaseDocument {
            reference: format!("doc_{number}").parse().unwrap(),
            kind: kind.parse().unwrap(),
            sha256: format!("{number:02x}").repeat(32).parse().unwrap(),
            size_bytes: 1_234,
        },
        by: "somebody".parse().unwrap(),
    }
}

/// A provider's word, by its own clock.
pub fn says(provider: &str, at: &str, finding: Finding) -> CaseAction {
    let observed_at: Timestamp = at.parse().unwrap();
    CaseAction::Observe(ObservedFinding {
        provider: provider.parse().unwrap(),
        reference: Some("applicant_1".parse().unwrap()),
        observed_at,
        finding,
    })
}

pub const fn green() -> Finding {
    Finding::Approved { valid_until: None }
}

pub fn red(retry: Retry) -> Finding {
    Finding::Rejected {
        retry,
        reasons: vec!["SELFIE_MISMATCH".parse().unwrap()],
    }
}
