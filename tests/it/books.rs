//! Books that programs of others read: what they add up to is what the ledger says.

mod erased;
mod explanations;
mod hledger;
mod interfaces;
mod plain_text;
mod support;
mod tables;
