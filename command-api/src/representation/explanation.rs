//! Why an account has its balance, as it is told.

use ledger_core::{AccountId, Timestamp};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::representation::account::EntryView;
use crate::representation::choices::NormalSideName;
use crate::representation::position::PositionNumber;
use crate::representation::webhook::{WebhookDeliveryView, WebhookHeaderView};
use crate::text::Text;
use crate::text_formats::{AnyId, ExactDecimal};

/// Why an account has its balance, or a page of it.
#[derive(Debug, Serialize, Object)]
pub struct ExplanationView {
    /// The account.
    pub account: Text<AccountId>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
    /// The balance, seen from its normal side.
    pub balance: Text<ExactDecimal>,
    /// The sum of its debits.
    pub debits: Text<ExactDecimal>,
    /// The sum of its credits.
    pub credits: Text<ExactDecimal>,
    /// Its entries in recorded order, newest first, each with what led to it; at most 100.
    pub items: Vec<ExplainedEntryView>,
    /// The webhooks that commands came of, each once, for whoever may see them.
    pub webhooks: Vec<ExplainedWebhookView>,
    /// Where the entries go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An entry and what led to it.
#[derive(Debug, Serialize, Object)]
pub struct ExplainedEntryView {
    /// The entry. Its balance is that after it in recorded order.
    pub entry: EntryView,
    /// The name that the caller gave the transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The command that posted it.
    pub command: ExplainedCommandView,
    /// What caused the transaction; absent where it was asked for as such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<ExplainedOriginView>,
}

/// A command: who gave it, and what it came of.
#[derive(Debug, Serialize, Object)]
pub struct ExplainedCommandView {
    /// Its id; all of its events share it.
    pub command_id: Text<AnyId>,
    /// Who gave it; absent where nobody was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The process of ours that gave it, where no caller did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The request or trace that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What led to it, such as a webhook's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The key under which it was given, where one can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<ExplainedKeyView>,
    /// The one of `webhooks` that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Text<AnyId>>,
}

/// An idempotency key.
#[derive(Debug, Serialize, Object)]
pub struct ExplainedKeyView {
    /// Whose keys it is one of: a caller's, a provider's or a process's.
    pub scope: String,
    /// The key.
    pub key: String,
}

/// What caused a transaction.
#[derive(Debug, Serialize, Object)]
pub struct ExplainedOriginView {
    /// What it is: `transaction` (that was reverted), `hold`, `payment`, `payout` or `settlement`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its last events before the transaction, in order; at most 20.
    pub steps: Vec<ExplainedStepView>,
    /// Whether there are earlier ones.
    pub has_earlier: bool,
}

/// Something that happened to what caused a transaction.
#[derive(Debug, Serialize, Object)]
pub struct ExplainedStepView {
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// Its type.
    pub event_type: String,
    /// The command that it came of.
    pub command: ExplainedCommandView,
}

/// A webhook that led to a command.
#[derive(Debug, Serialize, Object)]
pub struct ExplainedWebhookView {
    /// What is told of it.
    pub delivery: WebhookDeliveryView,
    /// Whether its content follows, and if not, why.
    pub content: WebhookContentName,
    /// Its headers in order, without credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<WebhookHeaderView>>,
    /// Its body, byte for byte, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

/// Whether the content of a webhook is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum WebhookContentName {
    /// It is.
    Shown,
    /// The caller may not see it: that takes `webhooks.manage`, and a second person where one is needed.
    NotPermitted,
    /// It was forgotten, in time or with the person that it told of.
    Forgotten,
    /// It is sealed under a key that is not here.
    Sealed,
    /// There are more than an answer holds: `get_webhook_content` gives it.
    LeftOut,
}
