//! Why a transaction is refused.

use serde::Serialize;

use crate::identifier::TransactionId;
use crate::limit::LimitRejection;
use crate::posting::PostingRejection;

use super::event::TransactionCause;

/// A rule of transactions that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum TransactionRejection {
    /// There is no such transaction.
    #[error("the transaction {transaction} does not exist")]
    NotFound { transaction: TransactionId },
    /// The id is taken.
    #[error("the transaction {transaction} already exists")]
    Exists { transaction: TransactionId },
    /// A payment, payout or settlement has posted it and would not learn of it.
    #[error("the transaction {transaction} was posted by a payment, payout or settlement")]
    Managed {
        transaction: TransactionId,
        cause: TransactionCause,
    },
    /// A transaction is reverted once.
    #[error("the transaction {transaction} was already reverted by {reverting_transaction}")]
    AlreadyReverted {
        transaction: TransactionId,
        reverting_transaction: TransactionId,
    },
    /// The postings break a rule of movement.
    #[error(transparent)]
    Posting(#[from] PostingRejection),
    /// It breaks a limit of an owner.
    #[error(transparent)]
    Limit(#[from] LimitRejection),
}

impl TransactionRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "transaction_not_found",
            Self::Exists { .. } => "transaction_exists",
            Self::Managed { .. } => "transaction_managed",
            Self::AlreadyReverted { .. } => "transaction_already_reverted",
            Self::Posting(rejection) => rejection.code(),
            Self::Limit(rejection) => rejection.code(),
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. } => true,
            Self::Exists { .. } | Self::Managed { .. } | Self::AlreadyReverted { .. } => false,
            Self::Posting(rejection) => rejection.is_transient(),
            Self::Limit(rejection) => rejection.is_transient(),
        }
    }
}
