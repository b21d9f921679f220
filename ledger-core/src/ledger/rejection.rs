//! Why a ledger refuses.

use serde::Serialize;

use crate::identifier::{LedgerName, SystemAccountName, TierName};
use crate::money::{AssetCode, MAX_SCALE};

/// A rule of ledgers that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum LedgerRejection {
    /// There is no such ledger.
    #[error("the ledger does not exist")]
    NotFound {},
    /// The ledger is already there.
    #[error("the ledger {ledger} already exists")]
    Exists { ledger: LedgerName },
    /// The code is a standard asset's, or was registered before.
    #[error("the asset {asset} already exists with {scale} decimals")]
    AssetExists { asset: AssetCode, scale: u32 },
    /// An asset has 0 to 18 decimals.
    #[error("an asset has 0 to {MAX_SCALE} decimals, not {scale}")]
    AssetScaleOutOfRange { asset: AssetCode, scale: u32 },
    /// The name is taken, or given twice when the ledger opens.
    #[error("the system account {name} already exists")]
    SystemAccountExists { name: SystemAccountName },
    /// The asset of a policy is not known.
    #[error("the ledger has no asset {asset}")]
    AssetNotFound { asset: AssetCode },
    /// An amount of a tier is not one of its asset.
    #[error("an amount of the tier is not an amount of {asset}: {reason}")]
    TierNotAnAmount {
        tier: TierName,
        asset: AssetCode,
        reason: String,
    },
    /// The ledger has no such tier.
    #[error("the ledger has no tier {tier}")]
    TierNotFound { tier: TierName },
    /// An amount of a policy is not one of its asset.
    #[error("an amount of the policy is not an amount of {asset}: {reason}")]
    PolicyNotAnAmount { asset: AssetCode, reason: String },
}

impl LedgerRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound {} => "ledger_not_found",
            Self::Exists { .. } => "ledger_exists",
            Self::AssetExists { .. } => "asset_exists",
            Self::AssetScaleOutOfRange { .. } => "asset_scale_out_of_range",
            Self::SystemAccountExists { .. } => "system_account_exists",
            Self::AssetNotFound { .. } => "asset_not_found",
            Self::TierNotAnAmount { .. } => "tier_not_an_amount",
            Self::TierNotFound { .. } => "tier_not_found",
            Self::PolicyNotAnAmount { .. } => "policy_not_an_amount",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound {} | Self::AssetNotFound { .. } | Self::TierNotFound { .. } => true,
            Self::Exists { .. }
            | Self::AssetExists { .. }
            | Self::AssetScaleOutOfRange { .. }
            | Self::SystemAccountExists { .. }
            | Self::TierNotAnAmount { .. }
            | Self::PolicyNotAnAmount { .. } => false,
        }
    }
}
