//! Money in and out through payment providers: a whole node, and the real simulators.

mod bad_input;
pub mod browser;
mod capturing;
mod card_numbers;
mod confirming;
mod deposits;
mod hand_over;
mod intake;
mod names;
mod nodes;
mod operators;
mod outgoing;
mod privacy;
pub mod proof;
pub mod support;
mod trouble;
mod unsettled;
mod watching;
