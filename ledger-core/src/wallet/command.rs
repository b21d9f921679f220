//! What can be asked of a wallet.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::{AccountId, OwnerId, WalletId};
use crate::money::AssetCode;
use crate::posting::{FreezeScope, Overdraft, Standing, Standings};

/// An overdraft as asked for; its amount has not been checked against the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestedOverdraft {
    /// None.
    Forbidden,
    /// By this much.
    UpTo(Decimal),
    /// Without limit.
    Unlimited,
}

impl From<Overdraft> for RequestedOverdraft {
    fn from(overdraft: Overdraft) -> Self {
        match overdraft {
            Overdraft::Forbidden => Self::Forbidden,
            Overdraft::UpTo(limit) => Self::UpTo(limit.value()),
            Overdraft::Unlimited => Self::Unlimited,
        }
    }
}

/// What can be asked of a wallet. `wallet` is the wallet's own id, for the rejection to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalletCommand {
    /// Open it.
    Open {
        /// Its id.
        wallet: WalletId,
        /// Who owns it.
        owner: OwnerId,
        /// How far it may be overdrawn, by asset; assets not named may not.
        overdraft: Vec<(AssetCode, RequestedOverdraft)>,
        /// The caller's name for it.
        reference: Option<Reference>,
        /// The caller's metadata.
        metadata: Metadata,
        /// The assets named.
        standings: Standings,
    },
    /// Stop money from leaving, arriving or both.
    Freeze {
        /// Its id.
        wallet: WalletId,
        /// Which directions.
        scope: FreezeScope,
        /// Why.
        reason: Option<Reference>,
    },
    /// Let money move again.
    Unfreeze {
        /// Its id.
        wallet: WalletId,
        /// Why.
        reason: Option<Reference>,
    },
    /// Change how far one account may be overdrawn.
    SetOverdraft {
        /// Its id.
        wallet: WalletId,
        /// Which asset.
        asset: AssetCode,
        /// How far.
        overdraft: RequestedOverdraft,
        /// The asset named.
        standings: Standings,
    },
    /// End it. Every account must be empty and no hold active.
    Close {
        /// Its id.
        wallet: WalletId,
        /// Why.
        reason: Option<Reference>,
        /// Every account of the wallet that ever moved.
        accounts: Vec<(AccountId, Standing)>,
    },
}

impl WalletCommand {
    pub(super) const fn wallet(&self) -> WalletId {
        match self {
            Self::Open { wallet, .. }
            | Self::Freeze { wallet, .. }
            | Self::Unfreeze { wallet, .. }
            | Self::SetOverdraft { wallet, .. }
            | Self::Close { wallet, .. } => *wallet,
        }
    }
}
