//! Imports of beancount files: the mapping, the submitting, and real files through real beancount.
//!
//! The tests in `files` need an interpreter with beancount: the environment's `DAYBOOK_PYTHON`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod files;
mod journals;
mod mapping;
mod memory_ledger;
mod naming;
mod submitting;
