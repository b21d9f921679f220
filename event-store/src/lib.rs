//! The log on PostgreSQL, and the executor that is its only writer.
//!
//! * [`database`]: connecting, checking the server, migrating.
//! * [`log`]: reading what was written, in order.
//! * [`signal`]: being told that a log has grown.
//! * [`executor`]: deciding commands and appending their events, many at a time.
//!
//! Architecture Invariant: no other crate writes to the schema `daybook`.

pub mod database;
pub mod executor;
pub mod log;
pub mod signal;

pub use database::{Database, DatabaseError};
pub use log::{EventFilter, LedgerHead, LogError, LogReader, StoredEvent};
pub use signal::LogSignal;
