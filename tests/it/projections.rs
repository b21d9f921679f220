//! Read models on a real PostgreSQL.

mod axes;
mod cold_loads;
mod cold_wallets;
mod figures;
mod folding;
pub mod history;
mod limits;
mod listings;
mod outside;
mod questions;
mod rebuild_races;
mod rebuilding;
mod rebuilding_together;
mod replicas;
mod running;
mod runs;
mod statements;
mod verifying;
