//! Tests of money.

mod allocation;
mod amount;
mod exactness;
mod registry;
