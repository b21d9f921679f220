//! Read models on a real PostgreSQL.

mod cold_loads;
mod folding;
mod history;
mod questions;
mod rebuilding;
mod running;
mod statements;
mod verifying;
