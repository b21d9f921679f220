//! The interface without a database: what is read, what is refused, and how it is said.
//!
//! Commands go to a port that remembers them and gives a set answer; the rules of money and the
//! way into PostgreSQL are tested where they live, and all of it together in the workspace's
//! integration tests.

mod bad_requests;
mod catalogue;
mod commands;
mod document;
mod edge;
mod server;
