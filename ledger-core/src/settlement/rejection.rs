//! Why a settlement refuses.

use serde::Serialize;

use crate::identifier::{ProviderReference, SettlementId};
use crate::posting::PostingRejection;
use crate::provider::FeesRejection;

/// A rule of settlements that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum SettlementRejection {
    /// There is no such settlement.
    #[error("the settlement {settlement} does not exist")]
    NotFound { settlement: SettlementId },
    /// The batch was recorded otherwise before.
    #[error("the settlement {settlement} was recorded otherwise before")]
    Differs { settlement: SettlementId },
    /// No such difference was found.
    #[error("the settlement {settlement} has no such break of {subject}")]
    BreakNotFound {
        settlement: SettlementId,
        subject: ProviderReference,
    },
    /// The same difference was found with other amounts before.
    #[error("the settlement {settlement} has a break of {subject} with other amounts")]
    BreakDiffers {
        settlement: SettlementId,
        subject: ProviderReference,
    },
    /// The provider's charge is not an amount.
    #[error(transparent)]
    Fees(#[from] FeesRejection),
    /// The amount breaks a rule of movement.
    #[error(transparent)]
    Posting(#[from] PostingRejection),
}

impl SettlementRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "settlement_not_found",
            Self::Differs { .. } => "settlement_differs",
            Self::BreakNotFound { .. } => "break_not_found",
            Self::BreakDiffers { .. } => "break_differs",
            Self::Fees(rejection) => rejection.code(),
            Self::Posting(rejection) => rejection.code(),
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::BreakNotFound { .. } => true,
            Self::Differs { .. } | Self::BreakDiffers { .. } => false,
            Self::Fees(rejection) => rejection.is_transient(),
            Self::Posting(rejection) => rejection.is_transient(),
        }
    }
}
