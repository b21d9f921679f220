//! The auditor's seat, on a real PostgreSQL: sealing, exports, and whatever somebody may tamper with.

mod agreement;
mod erasure;
mod export;
mod knowledge;
mod rest;
mod sealing;
mod support;
mod tampering;
mod witness;
