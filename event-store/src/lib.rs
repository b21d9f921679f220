//! The log on PostgreSQL, and the executor that is its only writer.
//!
//! * [`database`]: connecting, checking the server, migrating.
//! * [`error_chain`]: how faults are logged.
//! * [`log`]: reading what was written, in order.
//! * [`sandbox`]: forks of ledgers, which are written by whoever decides a log again.
//! * [`signal`]: being told that a log has grown.
//! * [`vault`]: the keys of what tells of persons.
//! * `turns`: one writer per ledger at a time, by courtesy.
//! * [`executor`]: deciding commands and appending their events, many at a time.
//!
//! Architecture Invariant: no other crate writes to the schemas `daybook` and `personal`.

pub mod database;
pub mod error_chain;
pub mod executor;
pub mod log;
pub mod sandbox;
pub mod signal;
mod turns;
pub mod vault;

pub use database::{Database, DatabaseError};
pub use error_chain::ErrorChain;
pub use log::{
    EventFilter, EventPage, EventText, LedgerHead, LogError, LogReader, LookedThrough, RawEvent,
    StoredEvent,
};
pub use signal::LogSignal;
pub use vault::{Vault, VaultError};
