//! A transaction: a balanced, atomic, immutable set of postings.
//!
//! | state    | Post                 | MarkReverted                   |
//! |----------|----------------------|--------------------------------|
//! | Absent   | → Posted, or a [`crate::posting::PostingRejection`] or [`crate::limit::LimitRejection`] | `transaction_not_found` |
//! | Posted   | `transaction_exists` | → Reverted, or `transaction_managed` |
//! | Reverted | `transaction_exists` | `transaction_already_reverted` |
//!
//! To revert is to post a new transaction with every posting turned round and to mark the first as
//! reverted, both in one append. The new one is an ordinary transaction; nothing is undone. What a
//! payment, payout or settlement has posted is not reverted: it would not learn of it, and a payment
//! that was reverted could be refunded as well.

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{MovementBounds, TransactionCommand, TransactionRequest};
pub use event::{TransactionCause, TransactionEvent};
pub use rejection::TransactionRejection;
pub use state::{PostedTransaction, Transaction};

crate::aggregate::impl_aggregate!(
    Transaction,
    "transaction",
    TransactionCommand,
    TransactionEvent,
    TransactionRejection
);
