//! Transactions: requests and the replies to them.

use ledger_core::annotation::Reference;
use ledger_core::posting::{PostingRejection, RequestedEntry, RequestedPosting, pair_entries};
use ledger_core::transaction::TransactionRequest;
use ledger_core::{AccountId, AssetCode, Holder, Timestamp, TransactionId};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::{FieldCode, FieldError, FieldFault};
use crate::representation::annotation::MetadataField;
use crate::representation::choices::{AtomicityName, Direction};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::RequestedAmount;

/// The most transactions in one batch.
pub const MAX_BATCH: usize = 1_000;

/// A movement from one place to another.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct PostingRequest {
    /// Who gives: its account is debited.
    pub source: Text<Holder>,
    /// Who receives: its account is credited.
    pub destination: Text<Holder>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<RequestedAmount>,
}

/// One side of a movement, as accountants write it.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct EntryRequest {
    /// The account.
    pub account: Text<AccountId>,
    /// Whether it gives (`debit`) or receives (`credit`).
    pub direction: Direction,
    /// How much.
    pub amount: Text<RequestedAmount>,
}

/// A transaction to post: all of it takes place or nothing does. It has either `postings` or `entries`.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct PostTransactionRequest {
    /// Its id, if the caller chooses it (UUID version 7 advised); also the idempotency key when there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<TransactionId>>,
    /// What moves from where to where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_items = "1", max_items = "1000"))]
    pub postings: Option<Vec<PostingRequest>>,
    /// What moves, as debits and credits; each asset's must be equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_items = "2", max_items = "2000"))]
    pub entries: Option<Vec<EntryRequest>>,
    /// When it counts; the time of recording when absent. May lie in the past or the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<Text<Timestamp>>,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

/// Why a readable transaction is no command.
#[derive(Debug)]
pub enum Unpostable {
    /// Its fields do not fit together.
    Fields(FieldError),
    /// Its entries cannot be paired into postings.
    Rule(PostingRejection),
}

impl PostTransactionRequest {
    /// The transaction as the domain takes it; `pointer` is where it stands in the body.
    ///
    /// # Errors
    /// [`Unpostable`].
    pub fn requested(&self, pointer: &str) -> Result<TransactionRequest, Unpostable> {
        let field = |code, detail, name: &str| {
            Unpostable::Fields(
                FieldFault::new(code, detail).at_pointer(format!("{pointer}/{name}")),
            )
        };
        let postings = match (&self.postings, &self.entries) {
            (Some(postings), None) => postings.iter().map(PostingRequest::requested).collect(),
            (None, Some(entries)) => {
                let entries: Vec<RequestedEntry> =
                    entries.iter().map(EntryRequest::requested).collect();
                pair_entries(&entries).map_err(Unpostable::Rule)?
            }
            (Some(_), Some(_)) => {
                return Err(field(
                    FieldCode::ConflictingFields,
                    "may not be given together with postings",
                    "entries",
                ));
            }
            (None, None) => {
                return Err(field(
                    FieldCode::MissingField,
                    "either postings or entries must be given",
                    "postings",
                ));
            }
        };
        Ok(TransactionRequest {
            postings,
            effective_at: self.effective_at.map(|time| time.0),
            reference: self.reference.clone().map(|reference| reference.0),
            metadata: self.metadata.0.clone(),
        })
    }
}

impl PostingRequest {
    const fn requested(&self) -> RequestedPosting {
        RequestedPosting {
            source: self.source.0,
            destination: self.destination.0,
            asset: self.asset.0,
            amount: self.amount.0.value(),
        }
    }
}

impl EntryRequest {
    const fn requested(&self) -> RequestedEntry {
        let (account, amount) = (self.account.0, self.amount.0.value());
        match self.direction {
            Direction::Debit => RequestedEntry::Debit(account, amount),
            Direction::Credit => RequestedEntry::Credit(account, amount),
        }
    }
}

/// Several transactions to post.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Whether they stand or fall together.
    pub atomicity: AtomicityName,
    /// The transactions, in order.
    #[oai(validator(min_items = "1", max_items = "1000"))]
    pub transactions: Vec<PostTransactionRequest>,
}

/// A transaction to turn round by a new one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RevertRequest {
    /// The id of the new transaction, if the caller chooses it; also the idempotency key when there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<TransactionId>>,
    /// When the new transaction counts; the time of recording when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<Text<Timestamp>>,
    /// The caller's name for the new transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata for the new transaction.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

/// A transaction that was posted, or in a dry run would be.
#[derive(Debug, Serialize, Object)]
pub struct TransactionPosted {
    /// Its id.
    pub id: Text<TransactionId>,
    /// When it counts.
    pub effective_at: Text<Timestamp>,
    /// The position of its event; in a dry run, of the log's end when it was decided.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// A transaction that was reverted.
#[derive(Debug, Serialize, Object)]
pub struct TransactionReverted {
    /// The new transaction, which turns the postings round.
    pub id: Text<TransactionId>,
    /// The transaction that was reverted.
    pub reverts: Text<TransactionId>,
    /// When the new transaction counts.
    pub effective_at: Text<Timestamp>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// What a batch led to.
#[derive(Debug, Serialize, Object)]
pub struct BatchOutcome {
    /// The position of the last event; without any, of the log's end.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// What each transaction led to, in order.
    pub results: Vec<BatchResult>,
}

crate::choice::choice!(
    /// What a transaction of a batch led to.
    BatchStatus {
        /// It was posted.
        Posted => "posted",
        /// It broke a rule and left nothing.
        Refused => "refused",
    }
);

/// What one transaction of a batch led to.
#[derive(Debug, Serialize, Object)]
pub struct BatchResult {
    /// Whether it was posted.
    pub status: BatchStatus,
    /// Its id, when it was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<TransactionId>>,
    /// The position of its event, when it was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<PositionNumber>,
    /// The code of the rule, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The rule and what broke it, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it may succeed later, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// The ids and amounts concerned, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
}
