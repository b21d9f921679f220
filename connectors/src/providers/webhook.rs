//! Webhooks as they come, whoever sends them.

use chrono::{DateTime, Utc};
use hyper::header::HeaderMap;

/// The longest webhook that is looked at, in bytes. The largest documented ones are a tenth of it.
pub const MAX_WEBHOOK_BYTES: usize = 256 * 1024;

/// A webhook as it came.
#[derive(Debug, Clone, Copy)]
pub struct WebhookDelivery<'a> {
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// All headers, the content type among them.
    pub headers: &'a HeaderMap,
    /// When it came. A replay from storage gives the time at which it was stored.
    pub received_at: DateTime<Utc>,
}

impl<'a> WebhookDelivery<'a> {
    /// The value of a header that is there exactly once.
    pub(crate) fn only_header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }
}

/// How much of what is told a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureCoverage {
    /// All of it. It is still a fact of the past: a later one may have come before.
    Everything,
    /// Some fields. The rest is a hint that a fetch has to confirm.
    Parts,
    /// Nothing. It is a reason to fetch, no more.
    Nothing,
}

/// What a webhook holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookContent<T> {
    /// What it tells, the thing it is about first.
    Observations(Vec<T>),
    /// What nothing signs and the provider has no call to ask about: it is for a person, at once.
    CannotBeConfirmed(Vec<T>),
    /// It is of a documented or new kind that is nothing that concerns us.
    OfNoConcern,
    /// It is genuine and cannot be read: it is kept, and a person is told.
    NotUnderstood {
        /// What is wrong with it, without anything of its content.
        reason: String,
    },
}

/// What a genuine webhook tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookFacts<T> {
    /// The name of the event, alike in every delivery of it. The provider's own id where it has one,
    /// otherwise made of what the event says.
    pub event_id: String,
    /// The kind of event in the provider's words.
    pub event_type: String,
    /// What it tells.
    pub content: WebhookContent<T>,
    /// How much of it the signature covers.
    pub coverage: SignatureCoverage,
    /// When the provider says it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// SHA-256 of the body in hexadecimal. Where the event's id is in a header that no signature covers,
    /// this tells a replayed body under another id.
    pub body_digest: String,
}

/// Why a webhook is not taken. It changes nothing and is not stored among genuine ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRejection {
    /// Longer than [`MAX_WEBHOOK_BYTES`].
    #[error("the webhook is too long")]
    TooLong,
    /// Not the content type that the provider sends.
    #[error("the content type is not one that the provider sends")]
    ContentType,
    /// No signature.
    #[error("the webhook is not signed")]
    NotSigned,
    /// A signature that is none.
    #[error("the signature is malformed")]
    MalformedSignature,
    /// The signature of no secret that is valid now, or of other bytes.
    #[error("the signature does not fit")]
    WrongSignature,
    /// Signed too long ago.
    #[error("the webhook was signed too long ago")]
    TooOld,
    /// Signed in the future.
    #[error("the webhook was signed in the future")]
    TooNew,
    /// Fields that must be there are missing, doubled or ambiguous.
    #[error("the signed fields are missing or ambiguous")]
    Ambiguous,
}

impl WebhookRejection {
    /// A stable word for metrics and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "webhook_too_long",
            Self::ContentType => "webhook_content_type",
            Self::NotSigned => "webhook_not_signed",
            Self::MalformedSignature => "webhook_malformed_signature",
            Self::WrongSignature => "webhook_wrong_signature",
            Self::TooOld => "webhook_too_old",
            Self::TooNew => "webhook_too_new",
            Self::Ambiguous => "webhook_ambiguous",
        }
    }
}
