//! Amounts, totals and balances.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::asset::MAX_SCALE;

/// Why a text or number is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is not a plain decimal: digits, optionally a point and more digits.
    #[error(
        "an amount is written as plain decimal digits, like \"12.50\"; no sign, exponent or spaces"
    )]
    Malformed,
    /// The amount is zero or negative.
    #[error("an amount must be greater than zero")]
    NotPositive,
    /// The amount has more decimals than its asset.
    #[error("the amount has {found} decimals, the asset has {allowed}")]
    TooManyDecimals {
        /// Decimals of the asset.
        allowed: u32,
        /// Decimals of the amount.
        found: u32,
    },
    /// The amount, written with all of its asset's decimals, needs more than 28 digits.
    #[error("the amount has more digits than can be kept exactly")]
    TooLarge,
}

/// Reads a plain decimal such as `0.10` or `1250`, keeping its decimals as written.
///
/// The grammar is `(0|[1-9][0-9]*)(\.[0-9]+)?` with an optional leading minus, which is accepted
/// here only so that the caller can answer "not positive" instead of "malformed".
///
/// # Errors
/// [`AmountError::Malformed`] outside the grammar (exponents, `NaN`, plus signs, leading zeros,
/// spaces); [`AmountError::TooLarge`] when the digits do not fit 96 bits.
pub fn parse_decimal(text: &str) -> Result<Decimal, AmountError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let all_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !all_digits(whole) || leading_zero || !fraction.is_none_or(all_digits) {
        return Err(AmountError::Malformed);
    }
    Decimal::from_str_exact(text).map_err(|_| AmountError::TooLarge)
}

/// A positive quantity of one asset, written with exactly that asset's decimals.
///
/// The unit is the asset's major unit (rupees, not paise); 18 decimals at most. On the wire and in
/// JSON it is a string such as `"12.50"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

impl Amount {
    /// Makes an amount of an asset with `scale` decimals; missing decimals are filled with zeros.
    ///
    /// # Errors
    /// In order: [`AmountError::NotPositive`], [`AmountError::TooManyDecimals`] (trailing zeros
    /// beyond the scale are dropped, other digits are never rounded away), [`AmountError::TooLarge`].
    pub fn try_new(value: Decimal, scale: u32) -> Result<Self, AmountError> {
        if value <= Decimal::ZERO {
            return Err(AmountError::NotPositive);
        }
        let exact = value.normalize();
        if exact.scale() > scale {
            return Err(AmountError::TooManyDecimals {
                allowed: scale,
                found: exact.scale(),
            });
        }
        let mut scaled = exact;
        scaled.rescale(scale);
        if scaled.scale() != scale {
            return Err(AmountError::TooLarge);
        }
        Ok(Self(scaled))
    }

    /// The exact decimal value.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }

    /// Decimals of the asset it is written with.
    #[must_use]
    pub fn scale(self) -> u32 {
        self.0.scale()
    }

    /// The sum, or `None` when it cannot be kept exactly.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        add_exact(self.0, other.0).map(Self)
    }

    /// The positive difference, or `None` when `other` is at least as large.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let difference = subtract_exact(self.0, other.0)?;
        (difference > Decimal::ZERO).then_some(Self(difference))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads an amount whose written decimals are its asset's.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let value = parse_decimal(text)?;
        if value <= Decimal::ZERO {
            return Err(AmountError::NotPositive);
        }
        if value.scale() > MAX_SCALE {
            return Err(AmountError::TooManyDecimals {
                allowed: MAX_SCALE,
                found: value.scale(),
            });
        }
        Ok(Self(value))
    }
}

/// The sum of all amounts on one side (debits or credits) of an account; zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Total(Decimal);

impl Total {
    /// The total of nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Takes a stored total back.
    ///
    /// # Errors
    /// [`AmountError::NotPositive`] when `value` is negative.
    pub fn try_new(value: Decimal) -> Result<Self, AmountError> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(AmountError::NotPositive);
        }
        Ok(Self(without_signed_zero(value)))
    }

    /// The exact decimal value.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }

    /// Whether nothing has been added yet, or all of it has been taken back.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The total with one more amount, or `None` when it can no longer be kept exactly.
    #[must_use]
    pub fn checked_add(self, amount: Amount) -> Option<Self> {
        add_exact(self.0, amount.0).map(Self)
    }

    /// The total with an amount taken back (a hold that ends), or `None` when it is larger.
    #[must_use]
    pub fn checked_sub(self, amount: Amount) -> Option<Self> {
        let difference = subtract_exact(self.0, amount.0)?;
        (!difference.is_sign_negative()).then_some(Self(difference))
    }

    /// This total as an amount, or `None` when it is zero.
    #[must_use]
    pub fn as_amount(self) -> Option<Amount> {
        (!self.0.is_zero()).then_some(Amount(self.0))
    }
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self(amount.0)
    }
}

impl fmt::Display for Total {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A difference of totals: what an account holds, seen from one side. May be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Balance(Decimal);

impl Balance {
    /// `increases - decreases`, or `None` when the difference cannot be kept exactly.
    #[must_use]
    pub fn difference(increases: Total, decreases: Total) -> Option<Self> {
        subtract_exact(increases.0, decreases.0).map(Self)
    }

    /// The balance less a total, or `None` when it cannot be kept exactly.
    #[must_use]
    pub fn checked_sub(self, total: Total) -> Option<Self> {
        subtract_exact(self.0, total.0).map(Self)
    }

    /// The balance plus an amount (an overdraft limit), or `None` when it cannot be kept exactly.
    #[must_use]
    pub fn checked_add(self, amount: Amount) -> Option<Self> {
        add_exact(self.0, amount.0).map(Self)
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < Decimal::ZERO
    }

    /// Whether it is exactly zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The exact decimal value.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Adds, refusing a sum that lost decimals: `rust_decimal` rounds instead of failing when the
/// mantissa is full.
pub(crate) fn add_exact(left: Decimal, right: Decimal) -> Option<Decimal> {
    if left.is_zero() || right.is_zero() {
        // A zero has no decimals worth keeping, and `rust_decimal` drops its scale.
        let other = if left.is_zero() { right } else { left };
        return Some(without_signed_zero(other));
    }
    let sum = left.checked_add(right)?;
    (sum.scale() == left.scale().max(right.scale())).then_some(without_signed_zero(sum))
}

fn subtract_exact(left: Decimal, right: Decimal) -> Option<Decimal> {
    add_exact(left, -right)
}

/// One zero, one spelling: `rust_decimal` knows a negative zero and writes it `-0`.
fn without_signed_zero(mut value: Decimal) -> Decimal {
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    value
}

macro_rules! decimal_string_serde {
    ($name:ident, $visitor:ident, $schema:literal, $description:literal, $read:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct $visitor;
                impl de::Visitor<'_> for $visitor {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str("a decimal string")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        let read: fn(&str) -> Result<$name, AmountError> = $read;
                        read(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str($visitor)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $schema,
                    "description": $description,
                })
            }
        }
    };
}

decimal_string_serde!(
    Amount,
    AmountVisitor,
    r"^(0|[1-9][0-9]*)(\.[0-9]{1,18})?$",
    "A positive decimal with exactly its asset's decimals, in the asset's major unit.",
    |text| text.parse()
);
decimal_string_serde!(
    Total,
    TotalVisitor,
    r"^(0|[1-9][0-9]*)(\.[0-9]{1,18})?$",
    "A decimal of zero or more, in the asset's major unit.",
    |text| parse_decimal(text).and_then(Total::try_new)
);
decimal_string_serde!(
    Balance,
    BalanceVisitor,
    r"^-?(0|[1-9][0-9]*)(\.[0-9]{1,18})?$",
    "A decimal that may be negative, in the asset's major unit.",
    |text| parse_decimal(text).map(|value| Balance(without_signed_zero(value)))
);
