//! The auditor's seat, on a real PostgreSQL: sealing, exports, and whatever somebody may tamper with.

pub mod agreement;
mod erasure;
mod export;
mod knowledge;
mod outside;
mod rest;
mod sealing;
mod seat;
mod sinks;
pub mod support;
mod tampering;
mod witness;
