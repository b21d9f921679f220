//! Relay and bridge on a real PostgreSQL and a real nats-server.

mod relay;
mod replaying;
pub mod server_sent;
pub mod support;
mod web_socket;
mod web_socket_limits;
