//! What an account at Digio has: KYC requests and their actions.

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::DigioAccount;
use crate::simulators::cases::{
    CaseAccount, CaseChoice, OpenPage, SimulatedCase, WebhookTarget, random_text,
};
use crate::simulators::front::ErrorBody;
use crate::simulators::webhook_sender::Outgoing;

/// One thing that a template asks of the person.
#[derive(Debug, Clone)]
pub(super) struct Action {
    id: String,
    kind: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone)]
pub(super) struct KycRequest {
    pub id: String,
    pub status: String,
    pub template: String,
    pub customer_identifier: String,
    pub reference_id: Option<String>,
    pub transaction_id: Option<String>,
    pub token: String,
    pub days: i64,
    pub actions: Vec<Action>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Account {
    pub settings: DigioAccount,
    pub webhook: Option<WebhookTarget>,
    pub requests: Vec<KycRequest>,
    dice: fastrand::Rng,
    pub outbox: Vec<Outgoing>,
}

/// What is asked for a request.
#[derive(Debug)]
pub(super) struct Wish {
    pub template: String,
    pub customer_identifier: String,
    pub reference_id: Option<String>,
    pub transaction_id: Option<String>,
    pub days: i64,
}

impl Account {
    pub(super) fn new(settings: DigioAccount) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(settings.seed ^ 0x4449_4749),
            settings,
            webhook: None,
            requests: Vec::new(),
            outbox: Vec::new(),
        }
    }

    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        let rest = random_text(&mut self.dice, 17).to_ascii_uppercase();
        format!("{prefix}{rest}")
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.requests.iter().position(|request| request.id == id)
    }

    pub(super) fn add(&mut self, wish: Wish, now: DateTime<Utc>) -> usize {
        let mut action = |kind| Action {
            id: self.new_id("KYA"),
            kind,
            status: "requested",
        };
        let actions = vec![action("digilocker"), action("selfie")];
        let request = KycRequest {
            id: self.new_id("KID"),
            status: "requested".to_owned(),
            template: wish.template,
            customer_identifier: wish.customer_identifier,
            reference_id: wish.reference_id,
            transaction_id: wish.transaction_id,
            token: self.new_id("GWT"),
            days: wish.days,
            actions,
            created_at: now,
            updated_at: now,
        };
        self.requests.push(request);
        let place = self.requests.len() - 1;
        self.tell("kyc.request.created", place, now);
        place
    }

    /// A request goes from one of these states to another. Says whether that was possible.
    fn change(&mut self, place: usize, from: &[&str], to: Change, now: DateTime<Utc>) -> bool {
        let Some(request) = self.requests.get_mut(place) else {
            return false;
        };
        if !from.contains(&request.status.as_str()) {
            return false;
        }
        request.status = to.status.to_owned();
        request.updated_at = now;
        for action in &mut request.actions {
            action.status = to.of_actions;
        }
        self.tell(to.event, place, now);
        true
    }
}

/// A state to go to, how its event is called, and what becomes of the actions.
#[derive(Clone, Copy)]
struct Change {
    status: &'static str,
    event: &'static str,
    of_actions: &'static str,
}

impl KycRequest {
    pub(super) fn shown(&self) -> Value {
        let action = |action: &Action| {
            json!({
                "id": action.id,
                "type": action.kind,
                "status": action.status,
                "completed_at": time(self.updated_at),
                // What was found out about the person, which an adapter has no business with.
                "details": {"name": "Asha Rao", "dob": "01/01/1990", "id_number": "xxxxxxxx1234"},
            })
        };
        let actions: Vec<Value> = self.actions.iter().map(action).collect();
        json!({
            "id": self.id,
            "status": self.status,
            "customer_identifier": self.customer_identifier,
            "reference_id": self.reference_id,
            "transaction_id": self.transaction_id,
            "template_name": self.template,
            "expire_in_days": self.days,
            "auto_approved": false,
            "actions": actions,
            "created_at": time(self.created_at),
            "updated_at": time(self.updated_at),
        })
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.created_at + TimeDelta::days(self.days) <= now
    }
}

impl CaseAccount for Account {
    const ERROR: ErrorBody = failure;

    fn set_webhook(&mut self, target: WebhookTarget) {
        self.webhook = Some(target);
    }

    fn decide(&mut self, case_id: &str, choice: CaseChoice, now: DateTime<Utc>) -> bool {
        const REQUESTED: &[&str] = &["requested"];
        const WAITING: &[&str] = &["approval_pending"];
        const OPEN: &[&str] = &["requested", "approval_pending"];
        let Some(place) = self.place(case_id) else {
            return false;
        };
        let (from, status, event, of_actions) = match choice {
            CaseChoice::Submit => (
                REQUESTED,
                "approval_pending",
                "kyc.request.completed",
                "approval_pending",
            ),
            CaseChoice::Review => (
                WAITING,
                "approval_pending",
                "KYC_REQUEST_REVIEW_READY",
                "approval_pending",
            ),
            CaseChoice::Approve => (WAITING, "approved", "kyc.request.approved", "approved"),
            CaseChoice::RejectFinal => (WAITING, "rejected", "KYC_REQUEST_REJECTED", "rejected"),
            CaseChoice::Expire => (REQUESTED, "expired", "kyc.request.expired", "requested"),
            CaseChoice::Withdraw => (OPEN, "terminated", "kyc.request.terminated", "requested"),
            CaseChoice::RejectRetry | CaseChoice::Reset | CaseChoice::Fail => return false,
        };
        let to = Change {
            status,
            event,
            of_actions,
        };
        self.change(place, from, to, now)
    }

    fn say(&mut self, case_id: &str, word: &str, now: DateTime<Utc>) -> bool {
        let Some(place) = self.place(case_id) else {
            return false;
        };
        if let Some(request) = self.requests.get_mut(place) {
            request.status = word.to_owned();
            request.updated_at = now;
        }
        self.tell("kyc.request.completed", place, now);
        true
    }

    fn fall_due(&mut self, now: DateTime<Utc>) {
        let over = self.requests.iter().filter(|request| request.is_over(now));
        for id in over.map(|request| request.id.clone()).collect::<Vec<_>>() {
            self.decide(&id, CaseChoice::Expire, now);
        }
    }

    fn cases(&self) -> Vec<SimulatedCase> {
        let case = |request: &KycRequest| SimulatedCase {
            case_id: request.id.clone(),
            reference: request.reference_id.clone(),
            level: request.template.clone(),
            status: request.status.clone(),
            documents: request.actions.len(),
        };
        self.requests.iter().map(case).collect()
    }

    fn take_webhooks(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outbox)
    }

    /// The key is the token; where to go afterwards is in the page's address.
    fn page(&self, key: &str, now: DateTime<Utc>) -> Option<OpenPage> {
        let is_it = |request: &&KycRequest| request.token == key && request.status == "requested";
        let request = self.requests.iter().find(is_it)?;
        (!request.is_over(now)).then(|| OpenPage {
            case_id: request.id.clone(),
            return_url: None,
        })
    }
}

/// Digio's times are of India and do not say so.
pub(super) fn time(time: DateTime<Utc>) -> String {
    let there = time + TimeDelta::minutes(330);
    there.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// An error of Digio's own.
pub(super) fn failure(status: StatusCode, message: &str) -> Value {
    let code = match status {
        StatusCode::UNAUTHORIZED => "AUTHENTICATION_FAILED",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        status if status.is_server_error() => "INTERNAL_ERROR",
        _ => "BAD_REQUEST",
    };
    json!({"code": code, "message": message, "details": message})
}
