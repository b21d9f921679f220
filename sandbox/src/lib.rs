//! What if: a ledger forked at a position, and decided again from there under other rules.
//!
//! * [`rules`]: which rules are others in a fork.
//! * [`request`]: asking for a fork, and what is refused about it.
//! * [`replay`]: one recorded command after the other, decided against the fork's own book; what came out otherwise.
//! * [`movements`]: how much more or less has moved, by account.
//! * [`builder`]: reading the source, writing the sandbox, going on after a crash.
//!
//! A fork is a ledger of its own (`event_store::sandbox`), which everybody may read who reads ledgers, and in which
//! nothing happens: nobody calls providers for it, nobody hears of it, no command is taken.
//!
//! Architecture Invariant: a fork is a function of its source's log, its rules and nothing else. Whoever builds it,
//! whenever and in however many pieces, writes the same.

pub mod builder;
pub mod movements;
pub mod replay;
pub mod request;
pub mod rules;

pub use builder::{BuildError, Builder};
pub use request::{ForkError, ForkRequest, Forked, fork_in_tx};
pub use rules::{Fee, Rules, RulesError};
