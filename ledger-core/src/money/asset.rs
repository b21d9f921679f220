//! What can be counted: currencies, crypto assets and a ledger's own assets.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most decimals an asset can have; one wei is 10^-18 ether.
pub const MAX_SCALE: u32 = 18;

/// The longest asset code, in characters.
const MAX_CODE_LENGTH: usize = 24;

/// Why a text is not an asset code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an asset code is 1 to 24 characters: a capital letter, then capital letters, digits, '.', '_' or '-'"
)]
pub struct AssetCodeError;

/// The code of an asset, such as `INR`, `USDC` or `LOYALTY-POINTS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetCode(ArrayString<MAX_CODE_LENGTH>);

impl AssetCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AssetCode {
    type Err = AssetCodeError;

    fn from_str(text: &str) -> Result<Self, AssetCodeError> {
        let mut bytes = text.bytes();
        let first_is_letter = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase());
        let rest_is_allowed = bytes.all(|byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        });
        if !first_is_letter || !rest_is_allowed {
            return Err(AssetCodeError);
        }
        ArrayString::from(text)
            .map(Self)
            .map_err(|_| AssetCodeError)
    }
}

impl fmt::Display for AssetCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for AssetCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for AssetCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AssetCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for AssetCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AssetCode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[A-Z][A-Z0-9._-]{0,23}$",
            "description": "An asset code such as INR, USDC or LOYALTY-POINTS.",
        })
    }
}

/// Where an asset comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A currency of ISO 4217.
    Currency,
    /// A well-known crypto asset.
    Crypto,
    /// Registered in one ledger by its operator.
    Custom,
}

/// An asset and the number of decimals every amount of it is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Its code.
    pub code: AssetCode,
    /// Its decimals, 0 to 18.
    pub scale: u32,
    /// Where it comes from.
    pub kind: AssetKind,
}

impl Asset {
    /// A quantity of the asset as text, with exactly its decimals; digits beyond them, which no
    /// quantity of the asset has, are not dropped.
    #[must_use]
    pub fn amount_text(&self, value: Decimal) -> String {
        let mut exact = value.normalize();
        if exact.scale() < self.scale {
            exact.rescale(self.scale);
        }
        exact.to_string()
    }
}
