//! Who may do what: people, sessions, machines, roles, through the doors they use.

mod approvals;
mod configured;
mod cookies;
mod cross_origin;
mod external_sign_in;
mod limits;
mod machines;
pub mod matrix;
mod metrics;
mod oauth;
mod own;
mod people;
#[path = "../../identity/tests/it/external/provider.rs"]
#[allow(dead_code, reason = "the identity crate's tests need more of it")]
mod provider;
mod second_factors;
pub mod secrets_in_logs;
mod sessions;
mod stream_ends;
pub mod streams;
pub mod support;
mod tickets;
