//! Splitting an amount without losing the smallest unit.

use rust_decimal::Decimal;

use super::amount::Amount;

/// Why an amount could not be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// No weights, or weights that sum to zero.
    #[error("an allocation needs at least one positive weight")]
    NoWeights,
    /// A share cannot be computed exactly.
    #[error("the weights are too large to split this amount exactly")]
    TooLarge,
}

/// Splits `amount` in proportion to `weights`, by the largest-remainder method.
///
/// Every share is rounded down to the asset's smallest unit; the units left over go one each to
/// the shares with the largest remainder, the earlier share first among equals. So the shares sum
/// to the amount exactly, and the result does not depend on anything but the arguments. A share of
/// nothing is `None`.
///
/// # Errors
/// [`AllocationError::NoWeights`] and [`AllocationError::TooLarge`].
pub fn allocate(amount: Amount, weights: &[u32]) -> Result<Vec<Option<Amount>>, AllocationError> {
    let total_weight: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if total_weight == 0 {
        return Err(AllocationError::NoWeights);
    }
    let units = amount.value().mantissa();
    let divisor = i128::from(total_weight);
    let mut shares = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = units;
    for (index, weight) in weights.iter().enumerate() {
        let product = units
            .checked_mul(i128::from(*weight))
            .ok_or(AllocationError::TooLarge)?;
        let share = product / divisor;
        left -= share;
        shares.push(share);
        remainders.push((product % divisor, index));
    }
    remainders.sort_by(|(left, left_index), (right, right_index)| {
        right.cmp(left).then(left_index.cmp(right_index))
    });
    for (_, index) in remainders {
        if left == 0 {
            break;
        }
        shares[index] += 1;
        left -= 1;
    }
    shares
        .into_iter()
        .map(|share| share_amount(share, amount.scale()))
        .collect()
}

fn share_amount(units: i128, scale: u32) -> Result<Option<Amount>, AllocationError> {
    if units == 0 {
        return Ok(None);
    }
    let value =
        Decimal::try_from_i128_with_scale(units, scale).map_err(|_| AllocationError::TooLarge)?;
    Amount::try_new(value, scale)
        .map(Some)
        .map_err(|_| AllocationError::TooLarge)
}
