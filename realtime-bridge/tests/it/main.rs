//! Relay and bridge against a real PostgreSQL and a real nats-server.
//!
//! `DAYBOOK_TEST_DATABASE_URL` names a server on which databases may be made,
//! `DAYBOOK_TEST_NATS_SERVER` the nats-server program; tests that kill or share nothing start their
//! own.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but only inside test functions"
)]

mod relay;
mod server_sent;
mod support;
mod web_socket;
mod web_socket_limits;
