//! Books that programs of others can read: a ledger's log as an accounting journal.
//!
//! * [`format`]: the formats, and how each is called.
//! * [`naming`]: which account and commodity of the books stands for which of ours.
//! * [`journal`]: the fold of the log: transactions in order, and the chart of accounts at the end.
//! * [`writer`]: one file per format.
//! * [`export`]: from the log to bytes, page by page.
//!
//! Architecture Invariant: nothing is computed here that a reader of the books could not compute again: the
//! balances that the books state are the sums of the postings that they show.
//!
//! Architecture Invariant: memory grows with the accounts of a ledger, never with its transactions.
#![deny(missing_docs)]

pub mod export;
pub mod format;
pub mod journal;
pub mod naming;
pub mod writer;

pub use export::{BooksError, BooksRequest, Export};
pub use format::Format;
