//! The pure domain of Daybook: money, the book, the aggregates and their rules.
//!
//! Architecture Invariant: nothing here performs I/O, reads a clock or draws a random number.
//! Time, new ids and the standing of the accounts concerned arrive on the command, so that the
//! executor, the projections, the audit and the tests all run the same code and get the same bytes.
//!
//! Read in this order: [`money`] (what an amount is), [`posting`] (what moves it), the aggregates
//! [`ledger`], [`wallet`], [`transaction`], [`hold`], and those that know of the outside:
//! [`provider`], [`payment`], [`payout`], [`beneficiary`], [`settlement`] (who decides), [`event`] (what is recorded),
//! [`book`] (what the events add up to) and [`decision`] (how a command meets the book).
#![deny(missing_docs)]

pub mod aggregate;
pub mod annotation;
pub mod beneficiary;
pub mod book;
pub mod command;
pub mod decision;
pub mod event;
#[cfg(test)]
mod fixtures;
pub mod hold;
pub mod identifier;
pub mod ledger;
pub mod limit;
pub mod money;
pub mod onboarding;
pub mod owner;
pub mod payment;
pub mod payout;
pub mod personal;
pub mod posting;
pub mod profile;
pub mod provider;
pub mod rejection;
pub mod settlement;
pub mod timestamp;
pub mod transaction;
pub mod verification;
pub mod wallet;

pub use command::Command;
pub use event::{AggregateType, Event, Position, Sequence, Stream};
pub use identifier::{
    AccountId, ActorId, BeneficiaryId, CaseId, HoldId, Holder, LedgerName, OwnerId, OwnerKey,
    PaymentId, PayoutId, ProviderName, ProviderReference, RefundId, SettlementId,
    SystemAccountName, TierName, TransactionId, WalletId,
};
pub use money::{Amount, Asset, AssetCode, Total};
pub use posting::Posting;
pub use rejection::Rejection;
pub use timestamp::Timestamp;
