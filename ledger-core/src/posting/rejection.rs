//! Why postings are refused, one name per rule.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::identifier::{AccountId, Holder, WalletId};
use crate::money::{AmountError, AssetCode};

use super::standing::FreezeScope;

/// Which side of a posting an account is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It gives.
    Source,
    /// It receives.
    Destination,
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

/// A rule that a set of postings, or the reservation of a hold, breaks; in order of precedence.
///
/// `posting` counts from 0. The first broken rule of the first posting that breaks one is named;
/// rules about a whole account ([`Self::BalanceOverflow`], [`Self::InsufficientFunds`]) come after
/// all rules about single postings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum PostingRejection {
    /// There is nothing to post.
    #[error("a transaction has at least one posting")]
    NoPostings {},
    /// More postings than a transaction may have.
    #[error("a transaction has at most {limit} postings, this one has {found}")]
    TooManyPostings { limit: usize, found: usize },
    /// The entries of one asset do not add up to zero.
    #[error("the debits and credits of {asset} differ by {difference}")]
    Unbalanced {
        asset: AssetCode,
        difference: Decimal,
    },
    /// The ledger has no such asset.
    #[error("posting {posting}: the ledger has no asset {asset}")]
    AssetNotFound { posting: usize, asset: AssetCode },
    /// Zero or negative.
    #[error("posting {posting}: an amount must be greater than zero")]
    AmountNotPositive { posting: usize, amount: Decimal },
    /// Finer than the asset.
    #[error("posting {posting}: {asset} has {allowed} decimals, the amount has {found}")]
    AmountTooManyDecimals {
        posting: usize,
        asset: AssetCode,
        allowed: u32,
        found: u32,
    },
    /// More digits than can be kept exactly.
    #[error("posting {posting}: the amount has more digits than can be kept exactly")]
    AmountTooLarge { posting: usize, asset: AssetCode },
    /// Source and destination are the same.
    #[error("posting {posting}: {holder} is both source and destination")]
    SamePlace { posting: usize, holder: Holder },
    /// No such wallet or system account.
    #[error("posting {posting}: the {side} {holder} does not exist")]
    AccountNotFound {
        posting: usize,
        side: Side,
        holder: Holder,
    },
    /// The wallet is closed.
    #[error("posting {posting}: the {side} wallet {wallet} is closed")]
    WalletClosed {
        posting: usize,
        side: Side,
        wallet: WalletId,
    },
    /// The wallet is frozen for this direction.
    #[error("posting {posting}: the {side} wallet {wallet} is frozen for {scope}")]
    WalletFrozen {
        posting: usize,
        side: Side,
        wallet: WalletId,
        scope: FreezeScope,
    },
    /// The account's totals can no longer be kept exactly.
    #[error("the totals of {account} can no longer be kept exactly")]
    BalanceOverflow { account: AccountId },
    /// The account would be overdrawn beyond what it allows.
    #[error("{account} has {available} available, {required} is required")]
    InsufficientFunds {
        account: AccountId,
        available: Decimal,
        required: Decimal,
    },
}

impl PostingRejection {
    pub(super) fn from_amount(
        error: &AmountError,
        posting: usize,
        asset: AssetCode,
        amount: Decimal,
    ) -> Self {
        match error {
            AmountError::NotPositive => Self::AmountNotPositive { posting, amount },
            AmountError::TooManyDecimals { allowed, found } => Self::AmountTooManyDecimals {
                posting,
                asset,
                allowed: *allowed,
                found: *found,
            },
            AmountError::Malformed | AmountError::TooLarge => {
                Self::AmountTooLarge { posting, asset }
            }
        }
    }

    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoPostings {} => "no_postings",
            Self::TooManyPostings { .. } => "too_many_postings",
            Self::Unbalanced { .. } => "unbalanced",
            Self::AssetNotFound { .. } => "asset_not_found",
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::AmountTooManyDecimals { .. } => "amount_too_many_decimals",
            Self::AmountTooLarge { .. } => "amount_too_large",
            Self::SamePlace { .. } => "same_source_and_destination",
            Self::AccountNotFound { .. } => "account_not_found",
            Self::WalletClosed { .. } => "wallet_closed",
            Self::WalletFrozen { .. } => "wallet_frozen",
            Self::BalanceOverflow { .. } => "balance_overflow",
            Self::InsufficientFunds { .. } => "insufficient_funds",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NoPostings {}
            | Self::TooManyPostings { .. }
            | Self::Unbalanced { .. }
            | Self::AmountNotPositive { .. }
            | Self::AmountTooManyDecimals { .. }
            | Self::AmountTooLarge { .. }
            | Self::SamePlace { .. }
            | Self::WalletClosed { .. }
            | Self::BalanceOverflow { .. } => false,
            Self::AssetNotFound { .. }
            | Self::AccountNotFound { .. }
            | Self::WalletFrozen { .. }
            | Self::InsufficientFunds { .. } => true,
        }
    }
}
