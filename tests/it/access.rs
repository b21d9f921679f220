//! Who may do what: people, sessions, machines, roles, through the doors they use.

mod approvals;
mod configured;
mod external_sign_in;
mod machines;
mod matrix;
mod oauth;
mod own;
mod people;
#[path = "../../identity/tests/it/external/provider.rs"]
#[allow(dead_code, reason = "the identity crate's tests need more of it")]
mod provider;
mod second_factors;
mod sessions;
mod stream_ends;
mod streams;
pub mod support;
mod tickets;
