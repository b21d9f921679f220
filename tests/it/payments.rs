//! Money in and out through payment providers: a whole node, and the real simulators.

mod browser;
mod capturing;
mod confirming;
mod deposits;
mod hand_over;
mod intake;
mod nodes;
mod operators;
mod outgoing;
mod privacy;
mod proof;
mod support;
mod trouble;
mod watching;
