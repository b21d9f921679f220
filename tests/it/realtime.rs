//! Relay and bridge on a real PostgreSQL and a real nats-server.

mod relay;
mod server_sent;
mod support;
mod web_socket;
mod web_socket_limits;
