//! Exact money: an amount is a decimal with its asset, never a float and never a signed number.
//!
//! * [`Amount`]: what one posting moves. Positive, written with exactly its asset's decimals.
//! * [`Total`]: a running sum of amounts on one side of an account. Never negative.
//! * [`Balance`]: the difference of two totals, the only signed figure, computed and never stored
//!   as the truth.
//! * [`Asset`] and [`AssetRegistry`]: which assets exist in a ledger and how many decimals each has.
//! * [`allocate`]: the one place where an amount is split; it loses nothing.
//!
//! Arithmetic is checked twice over: `rust_decimal` silently drops decimals when a sum no longer
//! fits its 96-bit mantissa, so every sum here is refused unless its scale is still the asset's.

mod allocation;
mod amount;
mod asset;
mod registry;
#[cfg(test)]
mod tests;

pub use allocation::{AllocationError, allocate};
pub(crate) use amount::add_exact;
pub use amount::{Amount, AmountError, Balance, Total, parse_decimal};
pub use asset::{Asset, AssetCode, AssetCodeError, AssetKind, MAX_SCALE};
pub use registry::AssetRegistry;
