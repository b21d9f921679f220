//! Postings: the only thing that moves money, and the rules every movement obeys.
//!
//! A posting takes an amount of one asset from a source account to a destination account: it
//! debits the source and credits the destination by the same amount, so it balances by
//! construction. A set of postings is judged as a whole: each account must be in order after all
//! of them, not after each, so their order within a transaction does not matter.
//!
//! The rules are shared by transactions, captures, reverts and holds; [`PostingRejection`] lists
//! them in order of precedence.

mod pairing;
mod rejection;
mod rules;
mod standing;
#[cfg(test)]
mod tests;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{AccountId, Holder};
use crate::money::{Amount, AssetCode};

pub use pairing::{RequestedEntry, pair_entries};
pub use rejection::{PostingRejection, Side};
pub use rules::{
    check_departure, decide_arrival, decide_plain_amount, decide_postings, decide_reservation,
};
pub use standing::{
    FreezeScope, HolderStanding, NormalSide, Overdraft, Standing, Standings, Totals, WalletStatus,
};

/// The most postings in one transaction.
pub const MAX_POSTINGS: usize = 1_000;

/// A movement of one amount, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// Who gives: its account in `asset` is debited.
    pub source: Holder,
    /// Who receives: its account in `asset` is credited.
    pub destination: Holder,
    /// What moves.
    pub asset: AssetCode,
    /// How much, in the asset's major unit.
    pub amount: Amount,
}

impl Posting {
    /// The account that is debited.
    #[must_use]
    pub const fn debited(&self) -> AccountId {
        self.source.account(self.asset)
    }

    /// The account that is credited.
    #[must_use]
    pub const fn credited(&self) -> AccountId {
        self.destination.account(self.asset)
    }

    /// The same movement, as asked for.
    #[must_use]
    pub fn requested(&self) -> RequestedPosting {
        RequestedPosting {
            source: self.source,
            destination: self.destination,
            asset: self.asset,
            amount: self.amount.value(),
        }
    }

    /// The movement that undoes this one.
    #[must_use]
    pub fn reversed(&self) -> RequestedPosting {
        RequestedPosting {
            source: self.destination,
            destination: self.source,
            asset: self.asset,
            amount: self.amount.value(),
        }
    }
}

/// A movement as asked for; nothing about it has been checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedPosting {
    /// Who is to give.
    pub source: Holder,
    /// Who is to receive.
    pub destination: Holder,
    /// What is to move.
    pub asset: AssetCode,
    /// How much.
    pub amount: Decimal,
}

impl RequestedPosting {
    /// The two accounts concerned, source first.
    #[must_use]
    pub const fn accounts(&self) -> [AccountId; 2] {
        [
            self.source.account(self.asset),
            self.destination.account(self.asset),
        ]
    }
}
