//! Forks of ledgers, on a real PostgreSQL: what is the same without other rules, and what comes of others.

mod identity;
pub mod support;
