//! Webhooks of payment providers, as they were delivered.

use ledger_core::Timestamp;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::text::Text;
use crate::text_formats::AnyId;

/// That a webhook was taken.
#[derive(Debug, Serialize, Object)]
pub struct WebhookReceiptView {
    /// Whether it is new.
    pub receipt: ReceiptView,
}

/// Whether a webhook is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum ReceiptView {
    /// It is stored and will be processed.
    Stored,
    /// It was stored before.
    Duplicate,
}

/// A genuine webhook and how far it has been processed.
#[derive(Debug, Serialize, Object)]
pub struct WebhookDeliveryView {
    /// Its id here.
    pub id: Text<AnyId>,
    /// Who sent it.
    pub provider: String,
    /// To which endpoint.
    pub endpoint: String,
    /// For which ledger.
    pub ledger: String,
    /// The provider's name for the event, or one made of what it says.
    pub event_id: String,
    /// The kind of event, in the provider's words.
    pub event_type: String,
    /// SHA-256 of the body, in hexadecimal.
    pub body_digest: String,
    /// When the provider says that it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Text<Timestamp>>,
    /// When it came.
    pub received_at: Text<Timestamp>,
    /// `waiting`, `confirming`, `applied`, `of_no_concern` or `parked`.
    pub status: String,
    /// How often it was tried.
    pub attempts: i32,
    /// How often an operator had it replayed.
    pub replays: i32,
    /// When it is tried again, if it waits.
    pub due_at: Text<Timestamp>,
    /// Why it waits or is parked: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The position of the last event that it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// When its status changed.
    pub changed_at: Text<Timestamp>,
}

/// Webhooks, newest first.
#[derive(Debug, Serialize, Object)]
pub struct WebhookDeliveryList {
    /// The webhooks.
    pub items: Vec<WebhookDeliveryView>,
}

/// What came, byte for byte. It may tell of people.
#[derive(Debug, Serialize, Object)]
pub struct WebhookContentView {
    /// The webhook's id.
    pub id: Text<AnyId>,
    /// Its headers in order, without credentials.
    pub headers: Vec<WebhookHeaderView>,
    /// The body, in base64.
    pub body_base64: String,
}

/// A header.
#[derive(Debug, Serialize, Object)]
pub struct WebhookHeaderView {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}
