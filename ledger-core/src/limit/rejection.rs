//! Why a limit refuses.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::identifier::{TierName, WalletId};
use crate::money::AssetCode;
use crate::timestamp::Timestamp;

use super::tier::Operation;
use super::usage::Flow;

/// Which of a tier's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// What one movement may move.
    PerTransaction,
    /// What a day may move.
    PerDay,
    /// What a month may move.
    PerMonth,
    /// What may be held.
    Balance,
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::PerTransaction => "per transaction",
            Self::PerDay => "per day",
            Self::PerMonth => "per month",
            Self::Balance => "of balance",
        })
    }
}

/// A limit that a movement breaks; in order of precedence.
///
/// `used` is what counted before, or the balance; `left` what could still be added, nothing when a
/// limit is below what is used; `requested` what the movement would add. Whoever
/// sends to another owner's wallet is not told what that owner has and may do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum LimitRejection {
    /// The tier does not allow it, with this asset or at all.
    #[error(
        "the tier {tier} of the owner of wallet {wallet} does not allow {operation} of {asset}"
    )]
    OperationNotAllowed {
        wallet: WalletId,
        tier: TierName,
        operation: Operation,
        asset: AssetCode,
    },
    /// One movement is too large, ever.
    #[error(
        "the tier {tier} of the owner of wallet {wallet} allows {allowed} {asset} {limit} {flow}, {requested} was asked"
    )]
    TransactionLimitExceeded {
        wallet: WalletId,
        tier: TierName,
        limit: Limit,
        flow: Flow,
        asset: AssetCode,
        allowed: Decimal,
        requested: Decimal,
    },
    /// Too much for the rest of the day or month.
    #[error(
        "the tier {tier} of the owner of wallet {wallet} allows {allowed} {asset} {limit} {flow}; {used} is used, {requested} was asked"
    )]
    PeriodLimitExceeded {
        wallet: WalletId,
        tier: TierName,
        limit: Limit,
        flow: Flow,
        asset: AssetCode,
        allowed: Decimal,
        used: Decimal,
        left: Decimal,
        requested: Decimal,
        #[serde(skip_serializing_if = "Option::is_none")]
        frees_at: Option<Timestamp>,
    },
    /// The owner's wallets would hold too much.
    #[error(
        "the tier {tier} of the owner of wallet {wallet} allows a balance of {allowed} {asset}; it is {used}, {requested} was asked"
    )]
    BalanceLimitExceeded {
        wallet: WalletId,
        tier: TierName,
        limit: Limit,
        asset: AssetCode,
        allowed: Decimal,
        used: Decimal,
        left: Decimal,
        requested: Decimal,
    },
    /// Some limit of the owner who receives.
    #[error("the owner of wallet {wallet} cannot receive this amount of {asset} now")]
    ReceiverLimited { wallet: WalletId, asset: AssetCode },
}

impl LimitRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OperationNotAllowed { .. } => "operation_not_allowed",
            Self::TransactionLimitExceeded { .. } => "transaction_limit_exceeded",
            Self::PeriodLimitExceeded { .. } => "period_limit_exceeded",
            Self::BalanceLimitExceeded { .. } => "balance_limit_exceeded",
            Self::ReceiverLimited { .. } => "receiver_limit_exceeded",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            // Until the owner's tier is another, nothing comes of asking again.
            Self::OperationNotAllowed { .. } | Self::TransactionLimitExceeded { .. } => false,
            Self::PeriodLimitExceeded { .. }
            | Self::BalanceLimitExceeded { .. }
            | Self::ReceiverLimited { .. } => true,
        }
    }
}
