//! Why an owner's tier is not changed.

use serde::Serialize;

use crate::identifier::TierName;

/// A rule of owners that a command breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum OwnerRejection {
    /// The ledger has no such tier.
    #[error("the ledger has no tier {tier}")]
    TierNotFound { tier: TierName },
}

impl OwnerRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TierNotFound { .. } => "tier_not_found",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::TierNotFound { .. } => true,
        }
    }
}
