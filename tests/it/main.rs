//! Everything that needs real servers: PostgreSQL, NATS, the `daybook` program itself.
//!
//! One binary, because linking is slow; one database per test, cloned from a migrated template;
//! port 0 everywhere; no sleeps, tests wait for positions.

mod harness;

mod executor;
mod layout;
mod node;
mod projections;
mod realtime;
mod rest;
