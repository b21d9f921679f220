//! Money in and out through payment providers: a whole node, and the real simulators.

mod deposits;
mod intake;
mod operators;
mod outgoing;
mod proof;
mod support;
mod trouble;
