//! Who may do what: people, sessions, machines, roles, through the doors they use.

mod cookies;
mod cross_origin;
mod limits;
mod machines;
mod matrix;
mod metrics;
mod oauth;
mod own;
mod people;
mod secrets_in_logs;
mod sessions;
mod stream_ends;
mod streams;
mod support;
mod tickets;
