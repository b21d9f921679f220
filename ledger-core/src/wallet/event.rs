//! What has happened to a wallet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::OwnerId;
use crate::money::AssetCode;
use crate::posting::{FreezeScope, Overdraft};

/// What has happened to a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum WalletEvent {
    /// The wallet was opened.
    WalletOpened {
        /// Who owns it.
        owner: OwnerId,
        /// How far it may be overdrawn, by asset; assets not named may not.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        overdraft: BTreeMap<AssetCode, Overdraft>,
        /// The caller's name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// The caller's metadata.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        metadata: Metadata,
    },
    /// Money was stopped from leaving, arriving or both.
    WalletFrozen {
        /// Which directions.
        scope: FreezeScope,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// Money may move again.
    WalletUnfrozen {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// An account's overdraft changed.
    WalletOverdraftSet {
        /// Which asset.
        asset: AssetCode,
        /// How far it may be overdrawn from now on.
        overdraft: Overdraft,
    },
    /// The wallet ended.
    WalletClosed {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
}

impl WalletEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WalletOpened { .. } => "WalletOpened",
            Self::WalletFrozen { .. } => "WalletFrozen",
            Self::WalletUnfrozen { .. } => "WalletUnfrozen",
            Self::WalletOverdraftSet { .. } => "WalletOverdraftSet",
            Self::WalletClosed { .. } => "WalletClosed",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        match self {
            Self::WalletOpened { .. }
            | Self::WalletFrozen { .. }
            | Self::WalletUnfrozen { .. }
            | Self::WalletOverdraftSet { .. }
            | Self::WalletClosed { .. } => "1",
        }
    }
}
