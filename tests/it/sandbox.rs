//! Forks of ledgers, on a real PostgreSQL: what is the same without other rules, and what comes of others.

mod building;
mod closed;
mod erased;
mod fees;
mod identity;
mod limits;
mod outside;
mod program;
mod requests;
mod rest;
pub mod support;
