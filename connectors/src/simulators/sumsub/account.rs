//! What an account at Sumsub has: applicants and their documents.

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::SumsubAccount;
use crate::simulators::cases::{
    CaseAccount, CaseChoice, OpenPage, SimulatedCase, WebhookTarget, random_hexadecimal,
    random_text,
};
use crate::simulators::front::ErrorBody;
use crate::simulators::webhook_sender::Outgoing;

/// A person's documents, one file each.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub id: String,
    pub kind: String,
    pub side: Option<String>,
    pub country: String,
    pub file_name: String,
    pub file_type: String,
    pub size: usize,
    pub added_at: DateTime<Utc>,
    pub is_active: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Applicant {
    pub id: String,
    pub inspection_id: String,
    pub external_user_id: String,
    pub level: String,
    pub status: String,
    pub result: Option<Value>,
    pub images: Vec<Image>,
    pub attempt: u32,
    pub created_at: DateTime<Utc>,
    pub reviewed_at: Option<DateTime<Utc>>,
    pub is_active: bool,
}

/// An address of the hosted page.
#[derive(Debug)]
struct Link {
    key: String,
    external_user_id: String,
    success_url: Option<String>,
    ends_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Account {
    pub settings: SumsubAccount,
    pub base_url: String,
    pub webhook: Option<WebhookTarget>,
    pub applicants: Vec<Applicant>,
    links: Vec<Link>,
    pub dice: fastrand::Rng,
    pub outbox: Vec<Outgoing>,
}

/// What is asked for an address of the hosted page.
#[derive(Debug)]
pub(super) struct LinkWish {
    pub external_user_id: String,
    pub level: String,
    pub success_url: Option<String>,
    pub lifetime: TimeDelta,
}

impl Account {
    pub(super) fn new(settings: SumsubAccount) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(settings.seed ^ 0x5355_4d53),
            settings,
            base_url: String::new(),
            webhook: None,
            applicants: Vec::new(),
            links: Vec::new(),
            outbox: Vec::new(),
        }
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.applicants
            .iter()
            .position(|applicant| applicant.id == id)
    }

    pub(super) fn place_of_user(&self, external_user_id: &str) -> Option<usize> {
        self.applicants
            .iter()
            .position(|applicant| applicant.external_user_id == external_user_id)
    }

    pub(super) fn add(&mut self, external_user_id: &str, level: &str, now: DateTime<Utc>) -> usize {
        let applicant = Applicant {
            id: random_hexadecimal(&mut self.dice, 24),
            inspection_id: random_hexadecimal(&mut self.dice, 24),
            external_user_id: external_user_id.to_owned(),
            level: level.to_owned(),
            status: "init".to_owned(),
            result: None,
            images: Vec::new(),
            attempt: 0,
            created_at: now,
            reviewed_at: None,
            is_active: true,
        };
        self.applicants.push(applicant);
        let place = self.applicants.len() - 1;
        self.tell("applicantCreated", place, now);
        place
    }

    pub(super) fn new_link(&mut self, wish: LinkWish, now: DateTime<Utc>) -> String {
        let place = match self.place_of_user(&wish.external_user_id) {
            Some(place) => place,
            None => self.add(&wish.external_user_id, &wish.level, now),
        };
        self.move_to_level(place, &wish.level, now);
        let key = random_text(&mut self.dice, 16);
        self.links.push(Link {
            key: key.clone(),
            external_user_id: wish.external_user_id,
            success_url: wish.success_url,
            ends_at: now.checked_add_signed(wish.lifetime).unwrap_or(now),
        });
        format!("{}/websdk/p/{key}", self.base_url)
    }

    /// Another level is another check, unless the same is wanted again.
    pub(super) fn move_to_level(&mut self, place: usize, level: &str, now: DateTime<Utc>) {
        if let Some(applicant) = self.applicants.get_mut(place)
            && applicant.level != level
        {
            applicant.level = level.to_owned();
            applicant.status = "init".to_owned();
            applicant.result = None;
            self.tell("applicantLevelChanged", place, now);
        }
    }

    pub(super) fn add_image(
        &mut self,
        place: usize,
        kind: &str,
        size: usize,
        now: DateTime<Utc>,
    ) -> Option<&mut Image> {
        let id = self.dice.u32(100_000_000..2_000_000_000).to_string();
        let applicant = self.applicants.get_mut(place)?;
        applicant.images.push(Image {
            id,
            kind: kind.to_owned(),
            side: None,
            country: "IND".to_owned(),
            file_name: "photo.jpg".to_owned(),
            file_type: "image/jpeg".to_owned(),
            size,
            added_at: now,
            is_active: true,
        });
        applicant.images.last_mut()
    }

    /// The check begins. Says whether that was possible.
    pub(super) fn submit(&mut self, place: usize, now: DateTime<Utc>) -> bool {
        let Some(applicant) = self.applicants.get_mut(place) else {
            return false;
        };
        let may = applicant.is_active && (applicant.status == "init" || applicant.may_retry());
        if !may {
            return false;
        }
        applicant.status = "pending".to_owned();
        applicant.attempt += 1;
        self.tell("applicantPending", place, now);
        true
    }

    pub(super) fn reset(&mut self, place: usize, now: DateTime<Utc>) -> bool {
        let Some(applicant) = self.applicants.get_mut(place) else {
            return false;
        };
        if !applicant.is_active || applicant.status == "pending" {
            return false;
        }
        applicant.status = "init".to_owned();
        applicant.result = None;
        applicant.reviewed_at = None;
        for image in &mut applicant.images {
            image.is_active = false;
        }
        self.tell("applicantReset", place, now);
        true
    }

    fn review(&mut self, place: usize, result: Value, now: DateTime<Utc>) -> bool {
        let Some(applicant) = self.applicants.get_mut(place) else {
            return false;
        };
        let is_same = applicant.status == "completed" && applicant.result.as_ref() == Some(&result);
        if !applicant.is_active || applicant.status == "init" || is_same {
            return false;
        }
        applicant.status = "completed".to_owned();
        applicant.result = Some(result);
        applicant.reviewed_at = Some(now);
        self.tell("applicantReviewed", place, now);
        true
    }

    fn hold(&mut self, place: usize, now: DateTime<Utc>) -> bool {
        let Some(applicant) = self.applicants.get_mut(place) else {
            return false;
        };
        if !applicant.is_active || applicant.status != "pending" {
            return false;
        }
        applicant.status = "onHold".to_owned();
        self.tell("applicantOnHold", place, now);
        true
    }

    fn deactivate(&mut self, place: usize, now: DateTime<Utc>) -> bool {
        let was_active = match self.applicants.get_mut(place) {
            Some(applicant) => std::mem::replace(&mut applicant.is_active, false),
            None => false,
        };
        if was_active {
            self.tell("applicantDeactivated", place, now);
        }
        was_active
    }

    fn hand_in(&mut self, place: usize, now: DateTime<Utc>) -> bool {
        let may = self.applicants.get(place).is_some_and(|applicant| {
            applicant.is_active && (applicant.status == "init" || applicant.may_retry())
        });
        if may {
            self.add_image(place, "PASSPORT", 180_000, now);
            self.add_image(place, "SELFIE", 90_000, now);
        }
        may && self.submit(place, now)
    }
}

impl Applicant {
    pub(super) fn may_retry(&self) -> bool {
        let result = self.result.as_ref();
        self.status == "completed"
            && result.is_some_and(|result| result["reviewRejectType"] == "RETRY")
    }

    fn words(&self) -> String {
        let result = self.result.as_ref();
        let word = |name| result.and_then(|result| result[name].as_str());
        let words = [word("reviewAnswer"), word("reviewRejectType")];
        let mut text = self.status.clone();
        for word in words.into_iter().flatten() {
            text.push('/');
            text.push_str(word);
        }
        text
    }
}

impl CaseAccount for Account {
    const ERROR: ErrorBody = failure;

    fn set_webhook(&mut self, target: WebhookTarget) {
        self.webhook = Some(target);
    }

    fn decide(&mut self, case_id: &str, choice: CaseChoice, now: DateTime<Utc>) -> bool {
        let Some(place) = self.place(case_id) else {
            return false;
        };
        match choice {
            CaseChoice::Submit => self.hand_in(place, now),
            CaseChoice::Review => self.hold(place, now),
            CaseChoice::Approve => self.review(place, json!({"reviewAnswer": "GREEN"}), now),
            CaseChoice::RejectRetry => {
                let result = json!({
                    "moderationComment": "Please take the photo again, with all of the document in it.",
                    "clientComment": "For the eyes of staff only.",
                    "reviewAnswer": "RED",
                    "rejectLabels": ["UNSATISFACTORY_PHOTOS"],
                    "reviewRejectType": "RETRY",
                });
                self.review(place, result, now)
            }
            CaseChoice::RejectFinal => {
                let result = json!({
                    "moderationComment": "We cannot verify you.",
                    "clientComment": "For the eyes of staff only.",
                    "reviewAnswer": "RED",
                    "rejectLabels": ["FORGERY", "FRAUDULENT_PATTERNS"],
                    "reviewRejectType": "FINAL",
                });
                self.review(place, result, now)
            }
            CaseChoice::Reset => self.reset(place, now),
            CaseChoice::Withdraw => self.deactivate(place, now),
            CaseChoice::Expire | CaseChoice::Fail => false,
        }
    }

    fn say(&mut self, case_id: &str, word: &str, now: DateTime<Utc>) -> bool {
        let Some(place) = self.place(case_id) else {
            return false;
        };
        if let Some(applicant) = self.applicants.get_mut(place) {
            applicant.status = word.to_owned();
        }
        self.tell("applicantReviewed", place, now);
        true
    }

    fn fall_due(&mut self, now: DateTime<Utc>) {
        self.links.retain(|link| link.ends_at > now);
    }

    fn cases(&self) -> Vec<SimulatedCase> {
        let case = |applicant: &Applicant| SimulatedCase {
            case_id: applicant.id.clone(),
            reference: Some(applicant.external_user_id.clone()),
            level: applicant.level.clone(),
            status: applicant.words(),
            documents: applicant.images.len(),
        };
        self.applicants.iter().map(case).collect()
    }

    fn take_webhooks(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outbox)
    }

    fn page(&self, key: &str, now: DateTime<Utc>) -> Option<OpenPage> {
        let is_it = |link: &&Link| link.key == key && link.ends_at > now;
        let link = self.links.iter().find(is_it)?;
        let place = self.place_of_user(&link.external_user_id)?;
        Some(OpenPage {
            case_id: self.applicants.get(place)?.id.clone(),
            return_url: link.success_url.clone(),
        })
    }
}

/// An error of Sumsub's own.
pub(super) fn failure(status: StatusCode, message: &str) -> Value {
    json!({
        "description": message,
        "code": status.as_u16(),
        "correlationId": "req-00000000-0000-4000-8000-000000000000",
    })
}
