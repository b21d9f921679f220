//! What the webhooks of all three have in common: JSON, one header with a MAC in hexadecimal over the raw
//! body, no signed time.

use chrono::{DateTime, Utc};
use hyper::header::CONTENT_TYPE;

use super::{
    MAX_WEBHOOK_BYTES, SecretRing, SignatureCoverage, WebhookContent, WebhookDelivery,
    WebhookFacts, WebhookRejection,
};
use crate::providers::signature::{is_same, sha256};

/// The longest name of an event that is kept as it is.
const LONGEST_EVENT_ID: usize = 128;

/// Verifies what can be verified before the body is read. `mac` makes the signature of the raw body with a
/// secret; all secrets are tried.
pub(super) fn verify(
    delivery: &WebhookDelivery<'_>,
    signature: &str,
    secrets: &SecretRing,
    mac: impl Fn(&str, &[u8]) -> String,
) -> Result<(), WebhookRejection> {
    if !secrets
        .all()
        .any(|secret| is_same(&mac(secret, delivery.body), signature))
    {
        return Err(WebhookRejection::WrongSignature);
    }
    Ok(())
}

/// The signature of a webhook that is short enough and JSON, where it has the length that its MAC has.
pub(super) fn signature<'a>(
    delivery: &WebhookDelivery<'a>,
    header: &str,
    length: usize,
) -> Result<&'a str, WebhookRejection> {
    if delivery.body.len() > MAX_WEBHOOK_BYTES {
        return Err(WebhookRejection::TooLong);
    }
    let kind = delivery.only_header(CONTENT_TYPE.as_str());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(WebhookRejection::ContentType);
    }
    let signature = delivery
        .only_header(header)
        .filter(|signature| !signature.is_empty())
        .ok_or(WebhookRejection::NotSigned)?;
    if signature.len() != length {
        return Err(WebhookRejection::MalformedSignature);
    }
    Ok(signature)
}

/// What a genuine webhook tells, once it was read.
pub(super) struct Told {
    /// What names the event, alike in every delivery; without any the body's digest does.
    pub event_id: Option<String>,
    pub event_type: String,
    pub content: WebhookContent,
    pub occurred_at: Option<DateTime<Utc>>,
}

impl Told {
    pub(super) fn not_understood(reason: impl Into<String>) -> Self {
        Self {
            event_id: None,
            event_type: String::new(),
            content: WebhookContent::NotUnderstood {
                reason: reason.into(),
            },
            occurred_at: None,
        }
    }

    pub(super) fn facts(self, delivery: &WebhookDelivery<'_>) -> WebhookFacts {
        let body_digest = sha256(delivery.body);
        let event_id = match self.event_id {
            Some(id) if id.len() <= LONGEST_EVENT_ID => id,
            Some(id) => format!("sha256-{}", sha256(id.as_bytes())),
            None => format!("sha256-{body_digest}"),
        };
        WebhookFacts {
            event_id,
            event_type: self.event_type.chars().take(LONGEST_EVENT_ID).collect(),
            content: self.content,
            coverage: SignatureCoverage::Everything,
            occurred_at: self.occurred_at,
            body_digest,
        }
    }
}
