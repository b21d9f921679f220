//! Debits less credits of all accounts of an asset, exact.
//!
//! `rust_decimal` rounds a sum whose 96 bits are full. Each account's total fits them; the sum of all does not
//! have to.

use rust_decimal::Decimal;

/// The numbers of decimals that a [`Decimal`] can have: 0 to 28.
const SCALES: usize = 29;

/// What debits exceed credits by: for each number of decimals, the sum of the digits.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    digits: [i128; SCALES],
    overflowed: bool,
}

impl Default for Difference {
    fn default() -> Self {
        Self {
            digits: [0; SCALES],
            overflowed: false,
        }
    }
}

impl Difference {
    pub(super) fn debit(&mut self, amount: Decimal) {
        self.add(amount.scale(), amount.mantissa());
    }

    pub(super) fn credit(&mut self, amount: Decimal) {
        self.add(amount.scale(), -amount.mantissa());
    }

    fn add(&mut self, scale: u32, digits: i128) {
        let place = usize::try_from(scale).ok();
        let sum = place.and_then(|place| self.digits.get_mut(place));
        match sum.and_then(|sum| sum.checked_add(digits).map(|added| (sum, added))) {
            Some((sum, added)) => *sum = added,
            None => self.overflowed = true,
        }
    }

    /// Whether debits and credits are the same. What cannot be kept is not.
    pub(super) fn is_zero(&self) -> bool {
        let last = self.digits.iter().rposition(|digits| *digits != 0);
        let used = last.map_or(0, |last| last + 1);
        let lifted = self.digits[..used].iter().try_fold(0_i128, |sum, digits| {
            sum.checked_mul(10)?.checked_add(*digits)
        });
        !self.overflowed && lifted == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_a_decimal_are_exact() {
        let large: Decimal = "79000000000.000000000000000001".parse().unwrap();
        let mut difference = Difference::default();
        for _ in 0..1_000 {
            difference.debit(large);
        }
        for _ in 0..999 {
            difference.credit(large);
        }
        assert!(!difference.is_zero());
        difference.credit("79000000000".parse().unwrap());
        assert!(!difference.is_zero(), "a smallest unit is missing");
        difference.credit("0.000000000000000001".parse().unwrap());
        assert!(difference.is_zero());
    }

    #[test]
    fn what_cannot_be_kept_is_not_zero() {
        let mut difference = Difference::default();
        difference.debit(Decimal::MAX);
        difference.credit("0.0000000000000000000000000001".parse().unwrap());
        assert!(!difference.is_zero());
    }
}
