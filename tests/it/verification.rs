//! Verification cases as customers and compliance see them, on a whole node.

mod bad_input;
mod cases;
mod due;
mod figures;
mod lists;
mod live;
mod own;
mod providers;
mod read_models;
pub mod support;
