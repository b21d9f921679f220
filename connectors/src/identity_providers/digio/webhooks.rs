//! Digio's webhooks: `X-Digio-Checksum` is the HMAC-SHA256 of the raw body. Each event has an id in its body.

use serde::Deserialize;

use super::status::{event_name, event_status};
use super::wire::instant;
use crate::identity_providers::webhook::{Told, signature, verify as verify_mac};
use crate::identity_providers::{
    CaseObservation, SecretRing, WebhookContent, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use crate::providers::loose::Loose;
use crate::providers::shape;
use crate::providers::signature::hmac_sha256;

#[derive(Deserialize)]
struct Event {
    id: String,
    event: String,
    created_at: Option<Loose>,
    #[serde(default)]
    payload: Payload,
}

#[derive(Deserialize, Default)]
struct Payload {
    kyc_request: Option<KycRequest>,
}

#[derive(Deserialize)]
struct KycRequest {
    id: String,
    status: Option<String>,
    reference_id: Option<String>,
}

pub(super) fn verify(
    secrets: &SecretRing,
    delivery: &WebhookDelivery<'_>,
) -> Result<WebhookFacts, WebhookRejection> {
    let given = signature(delivery, "x-digio-checksum", 64)?;
    let mac = |secret: &str, body: &[u8]| hmac_sha256(secret, &[body]);
    verify_mac(delivery, given, secrets, mac)?;
    let told = match serde_json::from_slice::<Event>(delivery.body) {
        Ok(event) => event.told(),
        Err(error) => Told::not_understood(shape(&error)),
    };
    Ok(told.facts(delivery))
}

impl Event {
    fn told(self) -> Told {
        let occurred_at = self.created_at.as_ref().and_then(instant);
        let is_of_a_request = event_name(&self.event).starts_with("kyc.request.");
        let content = match self.payload.kyc_request {
            None if is_of_a_request => WebhookContent::NotUnderstood {
                reason: "no request in the payload".to_owned(),
            },
            Some(request) if is_of_a_request => request.content(&self.event, occurred_at),
            // Of signatures, mandates and single steps of a request.
            None | Some(_) => WebhookContent::OfNoConcern,
        };
        Told {
            event_id: (!self.id.is_empty()).then_some(self.id),
            event_type: self.event,
            content,
            occurred_at,
        }
    }
}

impl KycRequest {
    fn content(
        self,
        event: &str,
        occurred_at: Option<chrono::DateTime<chrono::Utc>>,
    ) -> WebhookContent {
        let Ok(case_id) = self.id.parse() else {
            return WebhookContent::NotUnderstood {
                reason: "no id of a request".to_owned(),
            };
        };
        let status = self.status.as_deref();
        let reference = self.reference_id.as_deref();
        WebhookContent::Observations(vec![CaseObservation {
            case_id,
            reference: reference.and_then(|text| text.parse().ok()),
            level: None,
            status: event_status(event, status),
            provider_status: format!("{event}:{}", status.unwrap_or_default()),
            reasons: Vec::new(),
            message_for_person: None,
            occurred_at,
        }])
    }
}
