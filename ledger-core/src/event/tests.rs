//! Tests of what the log keeps.

mod effective;
mod payload;
mod samples;
mod stream;
