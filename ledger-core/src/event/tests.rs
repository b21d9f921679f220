//! Tests of what the log keeps.

mod payload;
mod samples;
mod stream;
