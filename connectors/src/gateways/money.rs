//! Amounts as gateways have them.

use ledger_core::money::{Amount, Asset, AssetKind, AssetRegistry, parse_decimal};
use rust_decimal::Decimal;

/// Why something is no amount of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an ISO 4217 currency.
    #[error("{code:?} is not an ISO 4217 currency")]
    NotACurrency {
        /// The text.
        code: String,
    },
    /// Not a plain decimal.
    #[error("an amount is written as plain decimal digits")]
    Malformed,
    /// Less than nothing.
    #[error("an amount is not negative")]
    Negative,
    /// Finer than the currency's minor unit; it is not rounded.
    #[error("the amount is finer than the currency's minor unit")]
    TooFine,
    /// More than can be kept.
    #[error("the amount is too large")]
    TooLarge,
}

/// The currency of that ISO 4217 code, in any case.
///
/// # Errors
/// [`MoneyError::NotACurrency`].
pub fn currency(code: &str) -> Result<Asset, MoneyError> {
    let not_a_currency = || MoneyError::NotACurrency {
        code: code.chars().take(8).collect(),
    };
    let parsed = code
        .to_ascii_uppercase()
        .parse()
        .map_err(|_| not_a_currency())?;
    AssetRegistry::default()
        .get(&parsed)
        .filter(|asset| asset.kind == AssetKind::Currency)
        .ok_or_else(not_a_currency)
}

/// Zero or more minor units (paise, cents) of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor_units: u64,
    asset: Asset,
}

impl Money {
    /// So many minor units.
    #[must_use]
    pub const fn from_minor_units(minor_units: u64, asset: Asset) -> Self {
        Self { minor_units, asset }
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(asset: Asset) -> Self {
        Self::from_minor_units(0, asset)
    }

    /// An exact decimal in major units.
    ///
    /// # Errors
    /// [`MoneyError::Negative`], [`MoneyError::TooFine`], [`MoneyError::TooLarge`].
    pub fn try_from_decimal(value: Decimal, asset: Asset) -> Result<Self, MoneyError> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(MoneyError::Negative);
        }
        let mut exact = value.normalize();
        if exact.scale() > asset.scale {
            return Err(MoneyError::TooFine);
        }
        exact.rescale(asset.scale);
        if exact.scale() != asset.scale {
            return Err(MoneyError::TooLarge);
        }
        let minor_units = u64::try_from(exact.mantissa()).map_err(|_| MoneyError::TooLarge)?;
        Ok(Self { minor_units, asset })
    }

    /// Reads decimal text in major units, such as `"10.00"`, `"10"` or `"239.6000"`.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn parse(text: &str, asset: Asset) -> Result<Self, MoneyError> {
        let value = parse_decimal(text).map_err(|_| MoneyError::Malformed)?;
        Self::try_from_decimal(value, asset)
    }

    /// An amount of the ledger.
    ///
    /// # Errors
    /// As [`Money::try_from_decimal`].
    pub fn try_from_amount(amount: Amount, asset: Asset) -> Result<Self, MoneyError> {
        Self::try_from_decimal(amount.value(), asset)
    }

    /// The amount as the ledger has it, or nothing when it is zero.
    #[must_use]
    pub fn amount(self) -> Option<Amount> {
        Amount::try_new(self.value(), self.asset.scale).ok()
    }

    /// The exact value in major units.
    #[must_use]
    pub fn value(self) -> Decimal {
        // A scale is at most 18 and 64 bits fit into 96, so this always has a value.
        Decimal::try_from_i128_with_scale(i128::from(self.minor_units), self.asset.scale)
            .unwrap_or_default()
    }

    /// The value in major units with exactly the currency's decimals, such as `"10.00"`.
    #[must_use]
    pub fn decimal_text(self) -> String {
        self.asset.amount_text(self.value())
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor_units(self) -> u64 {
        self.minor_units
    }

    /// The currency.
    #[must_use]
    pub const fn asset(self) -> Asset {
        self.asset
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor_units == 0
    }

    /// The sum, or nothing when the currencies differ or it is too large.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let minor_units = self.minor_units.checked_add(other.minor_units)?;
        (self.asset == other.asset).then_some(Self {
            minor_units,
            ..self
        })
    }

    /// The difference, or nothing when the currencies differ or `other` is larger.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let minor_units = self.minor_units.checked_sub(other.minor_units)?;
        (self.asset == other.asset).then_some(Self {
            minor_units,
            ..self
        })
    }
}

/// What a provider keeps for its work, exactly as it states it, in major units. It may be finer than the
/// currency's minor unit (PayU has four decimals); whoever posts it rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Charges {
    /// The provider's fee without tax.
    pub fee: Decimal,
    /// The tax on the fee.
    pub tax: Decimal,
    /// The currency of both, which is not always the payment's.
    pub asset: Asset,
}

impl Charges {
    /// Fee and tax together.
    #[must_use]
    pub fn total(&self) -> Option<Decimal> {
        self.fee.checked_add(self.tax)
    }
}

#[cfg(test)]
mod tests {
    use super::{Money, MoneyError, currency};

    #[test]
    fn decimal_text_is_exact_or_refused() {
        let rupees = currency("INR").unwrap();
        for (text, units) in [
            ("10.00", 1000),
            ("10", 1000),
            ("21.8", 2180),
            ("239.6000", 23_960),
            ("0", 0),
        ] {
            assert_eq!(
                Money::parse(text, rupees).map(Money::minor_units),
                Ok(units),
                "{text}"
            );
        }
        for (text, fault) in [
            ("43.1301", MoneyError::TooFine),
            ("-1", MoneyError::Negative),
            ("1e2", MoneyError::Malformed),
            ("", MoneyError::Malformed),
            ("1,000.00", MoneyError::Malformed),
            ("NaN", MoneyError::Malformed),
            (" 1", MoneyError::Malformed),
            ("184467440737095516.16", MoneyError::TooLarge),
            ("99999999999999999999999999999", MoneyError::Malformed),
        ] {
            assert_eq!(Money::parse(text, rupees), Err(fault), "{text}");
        }
        let most = Money::from_minor_units(u64::MAX, rupees);
        assert_eq!(most.decimal_text(), "184467440737095516.15");
        assert_eq!(Money::parse(&most.decimal_text(), rupees), Ok(most));
        assert_eq!(most.checked_add(Money::from_minor_units(1, rupees)), None);
    }

    #[test]
    fn currencies_have_their_own_decimals() {
        for (code, text, units) in [
            ("jpy", "295", 295),
            ("KWD", "295.99", 295_990),
            ("usd", "0.01", 1),
        ] {
            let asset = currency(code).unwrap();
            assert_eq!(
                Money::parse(text, asset).map(Money::minor_units),
                Ok(units),
                "{code}"
            );
        }
        for code in ["", "BTC", "XYZW", "in r", "INR "] {
            assert!(currency(code).is_err(), "{code}");
        }
        let yen = Money::zero(currency("JPY").unwrap());
        assert_eq!(yen.checked_add(Money::zero(currency("INR").unwrap())), None);
        assert_eq!(yen.amount(), None);
    }
}
