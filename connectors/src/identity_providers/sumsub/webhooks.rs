//! Sumsub's webhooks: `x-payload-digest` is a MAC of the raw body, `x-payload-digest-alg` says which, and only
//! the one that the settings say is taken.
//!
//! Sumsub gives events no id. What happened to one applicant at one millisecond is one event: the same in
//! every delivery. One that is not answered within 10 s is sent again after 5 minutes, 1, 5 and 18 hours.
//! A webhook of the sandbox approves nobody where the account is not of the sandbox.

use serde::Deserialize;

use super::settings::SumsubSettings;
use super::status::event_status;
use super::wire::{ReviewResult, instant};
use crate::identity_providers::webhook::{Told, signature, verify as verify_mac};
use crate::identity_providers::{
    CaseObservation, WebhookContent, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use crate::providers::shape;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    applicant_id: Option<String>,
    applicant_type: Option<String>,
    correlation_id: Option<String>,
    external_user_id: Option<String>,
    level_name: Option<String>,
    review_status: Option<String>,
    review_result: Option<ReviewResult>,
    created_at_ms: Option<String>,
    created_at: Option<String>,
    #[serde(default)]
    sandbox_mode: bool,
}

pub(super) fn verify(
    settings: &SumsubSettings,
    delivery: &WebhookDelivery<'_>,
) -> Result<WebhookFacts, WebhookRejection> {
    let digest = settings.webhook_digest;
    let given = signature(delivery, "x-payload-digest", digest.length())?;
    if delivery.only_header("x-payload-digest-alg") != Some(digest.as_str()) {
        return Err(WebhookRejection::MalformedSignature);
    }
    let mac = |secret: &str, body: &[u8]| digest.of(secret, body);
    verify_mac(delivery, given, &settings.webhook_secrets, mac)?;
    let told = match serde_json::from_slice::<Event>(delivery.body) {
        Ok(event) => event.told(settings.is_sandbox()),
        Err(error) => Told::not_understood(shape(&error)),
    };
    Ok(told.facts(delivery))
}

impl Event {
    fn told(self, is_sandbox: bool) -> Told {
        let times = [&self.created_at_ms, &self.created_at];
        let occurred_at = times.into_iter().flatten().find_map(|text| instant(text));
        let moment = self.created_at_ms.as_ref().or(self.correlation_id.as_ref());
        let event_id = moment.map(|moment| {
            let applicant = self.applicant_id.as_deref().unwrap_or_default();
            format!("{}/{applicant}/{moment}", self.kind)
        });
        let content = match self.sandbox_mode && !is_sandbox {
            true => WebhookContent::NotUnderstood {
                reason: "it is of the sandbox, and the account is not".to_owned(),
            },
            false => self.content(occurred_at),
        };
        Told {
            event_id,
            event_type: self.kind,
            content,
            occurred_at,
        }
    }

    fn content(&self, occurred_at: Option<chrono::DateTime<chrono::Utc>>) -> WebhookContent {
        let result = self.review_result.as_ref();
        let no_result = ReviewResult::default();
        let result = result.unwrap_or(&no_result);
        let words = result.words(self.review_status.as_deref().unwrap_or_default());
        let is_company = self.applicant_type.as_deref() == Some("company");
        let Some(status) = event_status(&self.kind, words).filter(|_| !is_company) else {
            return WebhookContent::OfNoConcern;
        };
        let Some(Ok(case_id)) = self.applicant_id.as_deref().map(str::parse) else {
            return WebhookContent::NotUnderstood {
                reason: "no id of an applicant".to_owned(),
            };
        };
        let reference = self.external_user_id.as_deref();
        WebhookContent::Observations(vec![CaseObservation {
            case_id,
            reference: reference.and_then(|text| text.parse().ok()),
            level: self.level_name.clone(),
            status,
            provider_status: format!("{}:{}", self.kind, words.joined()),
            reasons: result.reasons(),
            message_for_person: result.message_for_person(),
            occurred_at,
        }])
    }
}
