//! What has happened to a ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{LedgerName, TierName};
use crate::limit::Tier;
use crate::money::{Asset, AssetCode};

use super::state::{PaymentPolicy, SystemAccount};

/// What has happened to a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum LedgerEvent {
    /// The ledger was opened.
    LedgerOpened {
        /// Its name.
        name: LedgerName,
        /// The system accounts it began with.
        system_accounts: Vec<SystemAccount>,
    },
    /// The ledger learned an asset of its own.
    AssetRegistered {
        /// The asset.
        asset: Asset,
    },
    /// The ledger gained a system account.
    SystemAccountOpened {
        /// The account.
        account: SystemAccount,
    },
    /// What the owners in a tier may do changed, or the tier is new.
    TierSet {
        /// Which.
        tier: TierName,
        /// What they may do from now on.
        rules: Tier,
    },
    /// The tier of owners to whom none was granted changed.
    DefaultTierSet {
        /// Which.
        tier: TierName,
    },
    /// What payments and payouts of an asset may do changed.
    PaymentPolicySet {
        /// Which asset.
        asset: AssetCode,
        /// What they may do from now on.
        policy: PaymentPolicy,
    },
}

impl LedgerEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LedgerOpened { .. } => "LedgerOpened",
            Self::AssetRegistered { .. } => "AssetRegistered",
            Self::SystemAccountOpened { .. } => "SystemAccountOpened",
            Self::PaymentPolicySet { .. } => "PaymentPolicySet",
            Self::TierSet { .. } => "TierSet",
            Self::DefaultTierSet { .. } => "DefaultTierSet",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        match self {
            Self::LedgerOpened { .. }
            | Self::AssetRegistered { .. }
            | Self::SystemAccountOpened { .. }
            | Self::PaymentPolicySet { .. }
            | Self::TierSet { .. }
            | Self::DefaultTierSet { .. } => "1",
        }
    }
}
