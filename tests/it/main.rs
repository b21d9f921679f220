//! Everything that needs real servers: PostgreSQL, NATS, the `daybook` program itself.
//!
//! One binary, because linking is slow; one database per test, cloned from a migrated template;
//! port 0 everywhere; no sleeps, tests wait for positions.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but sees only test functions as such"
)]
#![allow(
    clippy::inconsistent_digit_grouping,
    reason = "250_00 with scale 2 reads as 250.00"
)]

mod harness;

mod access;
mod audit;
mod books;
mod documents;
mod executor;
mod layout;
mod node;
mod onboarding;
mod payments;
mod payments_api;
mod personal;
mod projections;
mod proof;
mod realtime;
mod replay;
mod rest;
mod sandbox;
mod verification;
