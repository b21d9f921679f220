//! Real servers, started, stopped, killed and orphaned.

#![allow(
    clippy::unwrap_used,
    reason = "a test's support code may panic as the test itself may"
)]

#[path = "it/folders.rs"]
mod folders;
#[path = "it/keep.rs"]
mod keep;
#[path = "it/nats.rs"]
mod nats;
#[path = "it/orphans.rs"]
mod orphans;
#[path = "it/postgres.rs"]
mod postgres;
