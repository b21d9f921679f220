//! A transaction: a balanced, atomic, immutable set of postings.
//!
//! | state    | Post                 | MarkReverted                   |
//! |----------|----------------------|--------------------------------|
//! | Absent   | → Posted, or a [`crate::posting::PostingRejection`] | `transaction_not_found` |
//! | Posted   | `transaction_exists` | → Reverted                     |
//! | Reverted | `transaction_exists` | `transaction_already_reverted` |
//!
//! To revert is to post a new transaction with every posting turned round and to mark the first as
//! reverted, both in one append. The new one is an ordinary transaction; nothing is undone.

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{TransactionCommand, TransactionRequest};
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
