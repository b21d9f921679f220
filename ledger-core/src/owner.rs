//! An owner, as far as a ledger has to know: the tier that was granted, and by what.
//!
//! | state  | GrantTier              | WithdrawTier |
//! |--------|------------------------|--------------|
//! | Absent | → Known, or `tier_not_found` | nothing |
//! | Known  | Known, or nothing when it is in force already, or `tier_not_found` | Known, or nothing when that source grants none |
//!
//! A tier is granted by a source: a verification case that was approved, or the platform's staff. Each
//! source grants one tier at a time, and the one granted last is in force. When it is withdrawn, because
//! its case was reset or has expired, the one granted before it is in force again, and the ledger's
//! default tier when there is none. What a tier allows is the ledger's ([`crate::limit`]).

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{OwnerAction, OwnerCommand, TierKnown};
pub use event::{OwnerEvent, TierSource};
pub use rejection::OwnerRejection;
pub use state::{Grant, KnownOwner, Owner};

crate::aggregate::impl_observing_aggregate!(
    Owner,
    "owner",
    OwnerCommand,
    OwnerEvent,
    OwnerRejection
);
