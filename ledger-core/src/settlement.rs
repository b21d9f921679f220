//! A settlement: one batch that a provider pays us, or takes from us.
//!
//! | state    | Record                        | RecordBreak | ResolveBreak |
//! |----------|-------------------------------|-------------|--------------|
//! | Absent   | → Recorded, or a [`crate::posting::PostingRejection`] | `settlement_not_found` | `settlement_not_found` |
//! | Recorded | nothing when it is the same, `settlement_differs` | the break is open, nothing when the same is known, or `break_differs` | the break is resolved, nothing when it was, or `break_not_found` |
//!
//! Its money goes from the provider's clearing account to the bank account it arrived at; what the
//! provider kept for itself and what was not known at the captures goes to its fees and tax. A break
//! is one difference between our ledger and the provider's report; it moves nothing.

mod command;
mod decide;
mod effects;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{SettlementAction, SettlementCommand, SettlementReport};
pub use event::{BreakKind, SettlementBreak, SettlementEvent, SettlementNet};
pub use rejection::SettlementRejection;
pub use state::{KnownBreak, RecordedSettlement, Settlement};

use crate::identifier::{ProviderName, ProviderReference, SettlementId, derived_id};

crate::aggregate::impl_observing_aggregate!(
    Settlement,
    "settlement",
    SettlementCommand,
    SettlementEvent,
    SettlementRejection
);

/// The id that a provider's batch always has.
#[must_use]
pub fn settlement_id(provider: ProviderName, batch: &ProviderReference) -> SettlementId {
    SettlementId::new(derived_id(&[
        "settlement",
        provider.as_str(),
        batch.as_str(),
    ]))
}
