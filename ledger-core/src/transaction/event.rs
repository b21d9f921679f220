//! What has happened to a transaction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::{HoldId, PaymentId, PayoutId, SettlementId, TransactionId};
use crate::limit::Usage;
use crate::posting::Posting;
use crate::timestamp::Timestamp;

/// Why a transaction was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionCause {
    /// Somebody asked for it.
    #[default]
    Request,
    /// It turns the postings of this transaction round.
    Revert(TransactionId),
    /// It settles this hold, all of it or a part.
    Capture(HoldId),
    /// What happened to this payment moved it.
    Payment(PaymentId),
    /// What happened to this payout moved it.
    Payout(PayoutId),
    /// This settlement moved it.
    Settlement(SettlementId),
}

impl TransactionCause {
    /// Whether somebody asked for it.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self, Self::Request)
    }

    /// Whether something else knows of the transaction and would not learn that it was reverted.
    #[must_use]
    pub const fn is_managed(&self) -> bool {
        match self {
            Self::Payment(_) | Self::Payout(_) | Self::Settlement(_) => true,
            Self::Request | Self::Revert(_) | Self::Capture(_) => false,
        }
    }
}

/// What has happened to a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum TransactionEvent {
    /// The postings took place, all of them.
    TransactionPosted {
        /// What moved; 1 to 1,000 postings.
        postings: Vec<Posting>,
        /// When it counts.
        effective_at: Timestamp,
        /// Why it was posted.
        #[serde(default, skip_serializing_if = "TransactionCause::is_request")]
        cause: TransactionCause,
        /// The caller's name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// The caller's metadata.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        metadata: Metadata,
        /// What of it counts towards its owners' limits; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
    },
    /// Another transaction turned its postings round.
    TransactionReverted {
        /// That transaction.
        reverting_transaction: TransactionId,
    },
}

impl TransactionEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TransactionPosted { .. } => "TransactionPosted",
            Self::TransactionReverted { .. } => "TransactionReverted",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        match self {
            Self::TransactionPosted { .. } | Self::TransactionReverted { .. } => "1",
        }
    }
}
