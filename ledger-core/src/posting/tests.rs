//! Tests of postings.

mod availability;
mod pairing;
mod precedence;
mod rules;
