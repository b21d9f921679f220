//! Money in and out as its users see it, on a whole node; what providers say comes as commands.

mod bad_input;
mod desk;
mod lifecycle;
mod limits;
mod lists;
mod own;
mod payouts;
mod providers;
mod read_models;
mod settlements;
mod suspense;
mod vault;
