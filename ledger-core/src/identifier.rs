//! Names and ids, each its own type so that one cannot be passed for another.
//!
//! An account is named by who holds it and the asset: `wallet:<uuid>:INR`, `system:fees:USD`.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::money::AssetCode;

#[cfg(test)]
mod tests;

/// Why a text is not an id or name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct IdentifierError {
    rule: &'static str,
}

macro_rules! text_serde {
    ($name:ident, $pattern:literal, $description:literal) => {
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "description": $description,
                })
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID as this id.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;

            /// Reads the hyphenated form only, so that one id has one spelling but for case.
            fn from_str(text: &str) -> Result<Self, IdentifierError> {
                let error = IdentifierError { rule: $rule };
                if text.len() != 36 {
                    return Err(error);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| error)
            }
        }

        text_serde!(
            $name,
            "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
            "A UUID in its hyphenated form; version 7 is advised."
        );
    };
}

uuid_id!(
    /// The id of a wallet; the client's own or generated (UUID version 7 advised).
    WalletId,
    "a wallet id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of a transaction; the client's own or generated (UUID version 7 advised).
    TransactionId,
    "a transaction id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of a hold; the client's own or generated (UUID version 7 advised).
    HoldId,
    "a hold id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);

uuid_id!(
    /// The id of a payment; the client's own or generated (UUID version 7 advised).
    PaymentId,
    "a payment id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of a refund of a payment; also the id of the hold that reserves its money.
    RefundId,
    "a refund id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of a payout; also the id of the hold that reserves its money.
    PayoutId,
    "a payout id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of somebody or something that payouts go to.
    BeneficiaryId,
    "a beneficiary id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of a settlement: one batch that a provider has paid or taken.
    SettlementId,
    "a settlement id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);

uuid_id!(
    /// What stands for an owner where a text is too long: the id of the owner's own stream, which
    /// follows from the owner's name ([`OwnerId::key`]).
    OwnerKey,
    "an owner's key is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);
uuid_id!(
    /// The id of a verification case; the client's own or generated (UUID version 7 advised).
    CaseId,
    "a case id is a UUID like 0190b8a2-5b7e-7c3d-8f00-000000000001"
);

mod external;

pub use external::{ActorId, ProviderName, ProviderReference, derived_id};

fn is_name(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || allowed(byte))
}

/// The name of a ledger: 1 to 40 characters, a lower-case letter, then letters, digits and `_`.
///
/// Narrow on purpose: it is a token of NATS subjects and part of a view's name in SQL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerName(ArrayString<40>);

impl LedgerName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LedgerName {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let error = IdentifierError {
            rule: "a ledger name is 1 to 40 characters: a lower-case letter, then letters, digits and '_'",
        };
        if !is_name(text, |byte| byte == b'_') {
            return Err(error);
        }
        ArrayString::from(text).map(Self).map_err(|_| error)
    }
}

impl fmt::Display for LedgerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(
    LedgerName,
    "^[a-z][a-z0-9_]{0,39}$",
    "The name of a ledger."
);

/// The name of a system account, such as `cash`, `fees` or `gateway_clearing.razorpay`.
///
/// 1 to 48 characters: a lower-case letter, then letters, digits, `_`, `-` and `.`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemAccountName(ArrayString<48>);

impl SystemAccountName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SystemAccountName {
    /// A name that stands in this crate.
    pub(crate) fn constant(name: &'static str) -> Self {
        Self(ArrayString::from(name).unwrap_or_default())
    }

    /// `<purpose>.<name>`; both are names already and together short enough.
    pub(crate) fn of_purpose(purpose: &'static str, name: &ArrayString<24>) -> Self {
        let mut joined = ArrayString::new();
        for part in [purpose, ".", name.as_str()] {
            // Purposes have at most 23 characters, which a test holds, so nothing is left out.
            joined.try_push_str(part).unwrap_or(());
        }
        Self(joined)
    }
}

impl FromStr for SystemAccountName {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let error = IdentifierError {
            rule: "a system account name is 1 to 48 characters: a lower-case letter, then letters, digits, '_', '-' and '.'",
        };
        if !is_name(text, |byte| matches!(byte, b'_' | b'-' | b'.')) {
            return Err(error);
        }
        ArrayString::from(text).map(Self).map_err(|_| error)
    }
}

impl fmt::Display for SystemAccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(
    SystemAccountName,
    "^[a-z][a-z0-9_.-]{0,47}$",
    "The name of a system account."
);

/// The name of a tier, such as `basic` or `full_kyc`: 1 to 24 characters, a lower-case letter, then
/// letters, digits and `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierName(ArrayString<24>);

impl TierName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TierName {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let error = IdentifierError {
            rule: "a tier name is 1 to 24 characters: a lower-case letter, then letters, digits and '_'",
        };
        if !is_name(text, |byte| byte == b'_') {
            return Err(error);
        }
        ArrayString::from(text).map(Self).map_err(|_| error)
    }
}

impl fmt::Display for TierName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(TierName, "^[a-z][a-z0-9_]{0,23}$", "The name of a tier.");

/// Who owns a wallet, in the words of the platform that uses Daybook; 1 to 128 printable
/// characters without spaces at either end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(String);

impl OwnerId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the owner's own stream; always the same for the same owner.
    #[must_use]
    pub fn key(&self) -> OwnerKey {
        OwnerKey::new(derived_id(&["owner", &self.0]))
    }
}

impl FromStr for OwnerId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let printable = text.chars().all(|character| !character.is_control());
        let length_fits = (1..=128).contains(&text.chars().count());
        if !printable || !length_fits || text.trim() != text {
            return Err(IdentifierError {
                rule: "an owner is 1 to 128 printable characters without spaces at either end",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(
    OwnerId,
    r"^\S(.{0,126}\S)?$",
    "Who owns a wallet, in the platform's own words."
);

/// Who holds accounts: a wallet, or the platform itself under a system account's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// An owner's wallet; written `wallet:<uuid>`.
    Wallet(WalletId),
    /// The platform's own; written `system:<name>`.
    System(SystemAccountName),
}

impl Holder {
    /// The account of this holder in one asset.
    #[must_use]
    pub const fn account(self, asset: AssetCode) -> AccountId {
        AccountId {
            holder: self,
            asset,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(id) => write!(formatter, "wallet:{id}"),
            Self::System(name) => write!(formatter, "system:{name}"),
        }
    }
}

impl FromStr for Holder {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        match text.split_once(':') {
            Some(("wallet", id)) => id.parse().map(Self::Wallet),
            Some(("system", name)) => name.parse().map(Self::System),
            _ => Err(IdentifierError {
                rule: "a source or destination is \"wallet:<uuid>\" or \"system:<name>\"",
            }),
        }
    }
}

text_serde!(
    Holder,
    "^(wallet:[0-9a-fA-F-]{36}|system:[a-z][a-z0-9_.-]{0,47})$",
    "A wallet (wallet:<uuid>) or a system account (system:<name>)."
);

/// A place in a ledger that counts one asset of one holder; written `<holder>:<asset>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// Who holds it.
    pub holder: Holder,
    /// What it counts.
    pub asset: AssetCode,
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.holder, self.asset)
    }
}

impl FromStr for AccountId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let error = IdentifierError {
            rule: "an account is \"wallet:<uuid>:<asset>\" or \"system:<name>:<asset>\"",
        };
        let (holder, asset) = text.rsplit_once(':').ok_or(error.clone())?;
        let asset = asset.parse().map_err(|_| error.clone())?;
        Ok(Self {
            holder: holder.parse().map_err(|_| error)?,
            asset,
        })
    }
}

text_serde!(
    AccountId,
    "^(wallet:[0-9a-fA-F-]{36}|system:[a-z][a-z0-9_.-]{0,47}):[A-Z][A-Z0-9._-]{0,23}$",
    "An account: its holder and its asset, such as wallet:<uuid>:INR."
);
