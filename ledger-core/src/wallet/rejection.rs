//! Why a wallet refuses.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::identifier::{AccountId, WalletId};
use crate::money::{AmountError, AssetCode};
use crate::posting::FreezeScope;

/// A rule of wallets that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum WalletRejection {
    /// There is no such wallet.
    #[error("the wallet {wallet} does not exist")]
    NotFound { wallet: WalletId },
    /// The id is taken.
    #[error("the wallet {wallet} already exists")]
    Exists { wallet: WalletId },
    /// The wallet has ended.
    #[error("the wallet {wallet} is closed")]
    Closed { wallet: WalletId },
    /// It is frozen for just this scope already.
    #[error("the wallet {wallet} is already frozen for {scope}")]
    AlreadyFrozen {
        wallet: WalletId,
        scope: FreezeScope,
    },
    /// It is not frozen.
    #[error("the wallet {wallet} is not frozen")]
    NotFrozen { wallet: WalletId },
    /// It is frozen, and what was asked needs it to be open.
    #[error("the wallet {wallet} is frozen for {scope}")]
    Frozen {
        wallet: WalletId,
        scope: FreezeScope,
    },
    /// The ledger has no such asset.
    #[error("the ledger has no asset {asset}")]
    AssetNotFound { asset: AssetCode },
    /// The overdraft's amount is not an amount of the asset.
    #[error("the overdraft in {asset} is not an amount of it: {reason}")]
    OverdraftNotAnAmount { asset: AssetCode, reason: String },
    /// Money is reserved.
    #[error("{account} has {pending_debits} reserved by holds")]
    HasHolds {
        account: AccountId,
        pending_debits: Decimal,
    },
    /// Money is left, or owed.
    #[error("{account} has a balance of {balance}")]
    NotEmpty {
        account: AccountId,
        balance: Decimal,
    },
}

impl WalletRejection {
    pub(super) fn from_amount(error: &AmountError, asset: AssetCode) -> Self {
        Self::OverdraftNotAnAmount {
            asset,
            reason: error.to_string(),
        }
    }

    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "wallet_not_found",
            Self::Exists { .. } => "wallet_exists",
            Self::Closed { .. } => "wallet_closed",
            Self::AlreadyFrozen { .. } => "wallet_already_frozen",
            Self::NotFrozen { .. } => "wallet_not_frozen",
            Self::Frozen { .. } => "wallet_frozen",
            Self::AssetNotFound { .. } => "asset_not_found",
            Self::OverdraftNotAnAmount { .. } => "overdraft_not_an_amount",
            Self::HasHolds { .. } => "wallet_has_holds",
            Self::NotEmpty { .. } => "wallet_not_empty",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Exists { .. } | Self::Closed { .. } | Self::OverdraftNotAnAmount { .. } => false,
            Self::NotFound { .. }
            | Self::AlreadyFrozen { .. }
            | Self::NotFrozen { .. }
            | Self::Frozen { .. }
            | Self::AssetNotFound { .. }
            | Self::HasHolds { .. }
            | Self::NotEmpty { .. } => true,
        }
    }
}
