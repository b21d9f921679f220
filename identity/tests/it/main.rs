//! Tokens, second factors and issuers through the public interface, with real servers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod external;
mod harness;
mod hostile_tokens;
mod key_sets;
mod signing;
mod token_rules;
mod vectors;
