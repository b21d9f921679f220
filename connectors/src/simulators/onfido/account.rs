//! What an account at Onfido has: applicants, their documents, runs.

use chrono::{DateTime, SecondsFormat, Utc};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::OnfidoAccount;
use crate::simulators::cases::{
    CaseAccount, CaseChoice, OpenPage, SimulatedCase, WebhookTarget, random_text,
};
use crate::simulators::front::ErrorBody;
use crate::simulators::webhook_sender::Outgoing;

/// A run, as it is shown beside the fields that change.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub id: String,
    pub applicant_id: String,
    pub workflow_id: String,
    pub status: String,
    pub tags: Vec<String>,
    pub customer_user_id: Option<String>,
    pub reasons: Vec<String>,
    pub link: Value,
    pub sdk_token: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Account {
    pub settings: OnfidoAccount,
    pub base_url: String,
    pub webhook: Option<WebhookTarget>,
    /// As they are shown.
    pub applicants: Vec<Value>,
    /// As they are shown.
    pub documents: Vec<Value>,
    pub runs: Vec<Run>,
    dice: fastrand::Rng,
    pub outbox: Vec<Outgoing>,
}

/// A file that was handed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewDocument<'a> {
    pub applicant_id: &'a str,
    pub kind: &'a str,
    pub side: Option<&'a str>,
    pub file_name: &'a str,
    pub size: usize,
}

impl Account {
    pub(super) fn new(settings: OnfidoAccount) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(settings.seed ^ 0x4f4e_4649),
            settings,
            base_url: String::new(),
            webhook: None,
            applicants: Vec::new(),
            documents: Vec::new(),
            runs: Vec::new(),
            outbox: Vec::new(),
        }
    }

    pub(super) fn new_id(&mut self) -> String {
        let bytes = self.dice.u128(..).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    pub(super) fn new_token(&mut self) -> String {
        random_text(&mut self.dice, 64)
    }

    pub(super) fn add_document(&mut self, new: NewDocument<'_>, now: DateTime<Utc>) -> Value {
        let id = self.new_id();
        let href = format!("/v3.6/documents/{id}");
        let document = json!({
            "id": id,
            "applicant_id": new.applicant_id,
            "type": new.kind,
            "side": new.side,
            "issuing_country": "IND",
            "file_name": new.file_name,
            "file_type": "jpg",
            "file_size": new.size,
            "created_at": instant(now),
            "href": href,
            "download_href": format!("{href}/download"),
        });
        self.documents.push(document.clone());
        document
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.runs.iter().position(|run| run.id == id)
    }

    /// A run goes from one of these states to another. Says whether that was possible.
    fn change(&mut self, place: usize, from: &[&str], to: Change<'_>, now: DateTime<Utc>) -> bool {
        let Some(run) = self.runs.get_mut(place) else {
            return false;
        };
        if !from.contains(&run.status.as_str()) {
            return false;
        }
        run.status = to.status.to_owned();
        run.reasons = to.reasons.iter().map(|&reason| reason.to_owned()).collect();
        run.updated_at = now;
        if matches!(to.status, "approved" | "declined" | "abandoned" | "error") {
            self.tell("workflow_run.completed", place, now);
        } else {
            self.tell("workflow_task.completed", place, now);
        }
        true
    }

    fn hand_in(&mut self, place: usize, now: DateTime<Utc>) -> bool {
        let to = Change {
            status: "processing",
            reasons: &[],
        };
        if !self.change(place, &["awaiting_input"], to, now) {
            return false;
        }
        let applicant = self.runs.get(place).map(|run| run.applicant_id.clone());
        for side in ["front", "back"] {
            let new = NewDocument {
                applicant_id: applicant.as_deref().unwrap_or_default(),
                kind: "national_identity_card",
                side: Some(side),
                file_name: "photo.jpg",
                size: 120_000,
            };
            self.add_document(new, now);
        }
        true
    }
}

/// A state to go to, and why.
struct Change<'a> {
    status: &'a str,
    reasons: &'a [&'a str],
}

impl Run {
    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "applicant_id": self.applicant_id,
            "workflow_id": self.workflow_id,
            "workflow_version_id": 1,
            "status": self.status,
            "dashboard_url": format!("https://dashboard.onfido.example/{}", self.id),
            // What the workflow found out about the person, which an adapter has no business with.
            "output": {"first_name": "Asha", "date_of_birth": "1990-01-01"},
            "reasons": self.reasons,
            "error": (self.status == "error").then(|| json!({"type": "internal", "message": "simulated"})),
            "tags": self.tags,
            "customer_user_id": self.customer_user_id,
            "link": self.link,
            "sdk_token": self.sdk_token,
            "created_at": instant(self.created_at),
            "updated_at": instant(self.updated_at),
        })
    }
}

impl CaseAccount for Account {
    const ERROR: ErrorBody = failure;

    fn set_webhook(&mut self, target: WebhookTarget) {
        self.webhook = Some(target);
    }

    /// A run that ended stays as it is. A bad photo makes the workflow ask again.
    fn decide(&mut self, case_id: &str, choice: CaseChoice, now: DateTime<Utc>) -> bool {
        const CHECKED: [&str; 2] = ["processing", "review"];
        const OPEN: [&str; 3] = ["awaiting_input", "processing", "review"];
        let Some(place) = self.place(case_id) else {
            return false;
        };
        let to = |status| Change {
            status,
            reasons: &[],
        };
        match choice {
            CaseChoice::Submit => self.hand_in(place, now),
            CaseChoice::Review => self.change(place, &["processing"], to("review"), now),
            CaseChoice::Approve => self.change(place, &CHECKED, to("approved"), now),
            CaseChoice::RejectRetry => self.change(place, &CHECKED, to("awaiting_input"), now),
            CaseChoice::RejectFinal => {
                let to = Change {
                    status: "declined",
                    reasons: &["suspected_document_fraud", "Photo does not match"],
                };
                self.change(place, &CHECKED, to, now)
            }
            CaseChoice::Expire => self.change(place, &OPEN, to("abandoned"), now),
            CaseChoice::Fail => self.change(place, &OPEN, to("error"), now),
            CaseChoice::Reset | CaseChoice::Withdraw => false,
        }
    }

    fn say(&mut self, case_id: &str, word: &str, now: DateTime<Utc>) -> bool {
        let Some(place) = self.place(case_id) else {
            return false;
        };
        if let Some(run) = self.runs.get_mut(place) {
            run.status = word.to_owned();
            run.updated_at = now;
        }
        self.tell("workflow_run.completed", place, now);
        true
    }

    /// Runs whose link ended before anything was handed in are abandoned.
    fn fall_due(&mut self, now: DateTime<Utc>) {
        let is_over = |run: &&Run| {
            let ends_at = run.link["expires_at"].as_str();
            let ends_at = ends_at.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            ends_at.is_some_and(|time| time <= now)
        };
        let over = self.runs.iter().filter(is_over).map(|run| run.id.clone());
        for id in over.collect::<Vec<_>>() {
            if let Some(place) = self.place(&id) {
                let to = Change {
                    status: "abandoned",
                    reasons: &[],
                };
                self.change(place, &["awaiting_input"], to, now);
            }
        }
    }

    fn cases(&self) -> Vec<SimulatedCase> {
        let documents = |run: &Run| {
            let is_of = |document: &&Value| document["applicant_id"] == run.applicant_id.as_str();
            self.documents.iter().filter(is_of).count()
        };
        let case = |run: &Run| SimulatedCase {
            case_id: run.id.clone(),
            reference: run.customer_user_id.clone(),
            level: run.workflow_id.clone(),
            status: run.status.clone(),
            documents: documents(run),
        };
        self.runs.iter().map(case).collect()
    }

    fn take_webhooks(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outbox)
    }

    fn page(&self, key: &str, _now: DateTime<Utc>) -> Option<OpenPage> {
        let run = self.place(key).and_then(|place| self.runs.get(place))?;
        let url = run.link["completed_redirect_url"].as_str();
        (run.status == "awaiting_input").then(|| OpenPage {
            case_id: run.id.clone(),
            return_url: url.map(str::to_owned),
        })
    }
}

pub(super) fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An error of Onfido's own.
pub(super) fn failure(status: StatusCode, message: &str) -> Value {
    let kind = match status {
        StatusCode::UNAUTHORIZED => "authorization_error",
        StatusCode::FORBIDDEN => "user_authorization_error",
        StatusCode::NOT_FOUND => "resource_not_found",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit",
        StatusCode::UNPROCESSABLE_ENTITY => "validation_error",
        status if status.is_server_error() => "internal_server_error",
        _ => "bad_request",
    };
    json!({"error": {"type": kind, "message": message, "fields": {}}})
}
