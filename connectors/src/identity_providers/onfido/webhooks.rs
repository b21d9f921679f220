//! Onfido's webhooks: `X-SHA2-Signature` is the HMAC-SHA256 of the raw body under the webhook's token.
//!
//! Onfido gives events no id. What is completed once is one event: the same in every delivery, and in those
//! that are asked for again in the dashboard.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::status::event_status;
use crate::identity_providers::webhook::{Told, signature, verify as verify_mac};
use crate::identity_providers::{
    CaseObservation, ReasonCode, SecretRing, WebhookContent, WebhookDelivery, WebhookFacts,
    WebhookRejection,
};
use crate::providers::shape;
use crate::providers::signature::hmac_sha256;

#[derive(Deserialize)]
struct Event {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    resource_type: String,
    action: String,
    object: Object,
    resource: Option<Value>,
}

#[derive(Deserialize)]
struct Object {
    id: String,
    status: Option<String>,
    completed_at_iso8601: Option<String>,
}

/// The run itself, where the webhook is set up to have it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Resource {
    workflow_id: Option<String>,
    customer_user_id: Option<String>,
    reasons: Option<Vec<String>>,
}

pub(super) fn verify(
    tokens: &SecretRing,
    delivery: &WebhookDelivery<'_>,
) -> Result<WebhookFacts, WebhookRejection> {
    let given = signature(delivery, "x-sha2-signature", 64)?;
    let mac = |token: &str, body: &[u8]| hmac_sha256(token, &[body]);
    verify_mac(delivery, given, tokens, mac)?;
    let told = match serde_json::from_slice::<Event>(delivery.body) {
        Ok(event) => event.payload.told(),
        Err(error) => Told::not_understood(shape(&error)),
    };
    Ok(told.facts(delivery))
}

impl Payload {
    fn told(self) -> Told {
        let completed = self.object.completed_at_iso8601.as_deref();
        let event_id = completed.map(|at| format!("{}/{}/{at}", self.action, self.object.id));
        let occurred_at = completed
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|time| time.to_utc());
        Told {
            event_id,
            content: self.content(occurred_at),
            event_type: self.action,
            occurred_at,
        }
    }

    fn content(&self, occurred_at: Option<DateTime<Utc>>) -> WebhookContent {
        let word = self.object.status.as_deref().unwrap_or_default();
        let Some(status) = event_status(&self.action, &self.resource_type, word) else {
            return WebhookContent::OfNoConcern;
        };
        let Ok(case_id) = self.object.id.parse() else {
            return WebhookContent::NotUnderstood {
                reason: "no id of a run".to_owned(),
            };
        };
        let resource = self.resource.as_ref();
        let resource = resource.and_then(|value| Resource::deserialize(value).ok());
        let resource = resource.unwrap_or_default();
        let reference = resource.customer_user_id.as_deref();
        let reasons = resource.reasons.iter().flatten().map(String::as_str);
        WebhookContent::Observations(vec![CaseObservation {
            case_id,
            reference: reference.and_then(|text| text.parse().ok()),
            level: resource.workflow_id.clone(),
            status,
            provider_status: word.to_owned(),
            reasons: ReasonCode::of_all(reasons),
            message_for_person: None,
            occurred_at,
        }])
    }
}
