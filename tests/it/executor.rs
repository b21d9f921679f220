//! The executor on a real PostgreSQL.

mod append_only;
mod compatibility;
mod decisions;
mod idempotency;
mod limits;
mod nodes;
mod outage;
mod payments;
mod reading;
mod turns;
