//! Why an onboarding refuses.

use serde::Serialize;

use crate::identifier::{OwnerId, TierName, WalletId};
use crate::money::AssetCode;
use crate::timestamp::Timestamp;

use super::state::OnboardingStatus;

/// A rule of onboardings that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum OnboardingRejection {
    /// It was never begun.
    #[error("there is no onboarding of {owner}")]
    NotFound { owner: OwnerId },
    /// One to another tier is under way.
    #[error("the onboarding of {owner} to the tier {tier} is under way")]
    Exists { owner: OwnerId, tier: TierName },
    /// It has ended.
    #[error("the onboarding of {owner} is {status}")]
    Ended {
        owner: OwnerId,
        status: OnboardingStatus,
    },
    /// The ledger has no such tier.
    #[error("the ledger has no tier {tier}")]
    TierNotFound { tier: TierName },
    /// More than an onboarding may have.
    #[error("{what}: at most {limit} are allowed, {found} were given")]
    OutOfRange {
        what: &'static str,
        limit: usize,
        found: usize,
    },
    /// The ledger has no such asset.
    #[error("the ledger has no asset {asset}")]
    AssetNotFound { asset: AssetCode },
    /// The wallet is another owner's, or was closed.
    #[error("the wallet {wallet} already exists")]
    WalletTaken { wallet: WalletId },
    /// The owner is not waited for, or not for so long.
    #[error("the onboarding of {owner} is not due")]
    NotDue {
        owner: OwnerId,
        due_at: Option<Timestamp>,
    },
}

impl OnboardingRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "onboarding_not_found",
            Self::Exists { .. } => "onboarding_exists",
            Self::Ended { .. } => "onboarding_ended",
            Self::TierNotFound { .. } => "tier_not_found",
            Self::AssetNotFound { .. } => "asset_not_found",
            Self::WalletTaken { .. } => "wallet_exists",
            Self::OutOfRange { .. } => "onboarding_out_of_range",
            Self::NotDue { .. } => "onboarding_not_due",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::TierNotFound { .. }
            | Self::AssetNotFound { .. }
            | Self::NotDue { .. } => true,
            Self::Exists { .. }
            | Self::Ended { .. }
            | Self::WalletTaken { .. }
            | Self::OutOfRange { .. } => false,
        }
    }
}
