//! What has happened to a beneficiary.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::Reference;
use crate::identifier::{ActorId, ProviderReference, WalletId};

/// What kind of place money goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// An account at a bank, by its number.
    BankAccount,
    /// A UPI address.
    Vpa,
    /// An account at a provider, such as a connected account at Stripe.
    ProviderAccount,
}

/// The end of an account number: at most four letters or digits, so that it cannot be the number.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9A-Za-z]{1,4}$"))]
pub struct Ending(ArrayString<4>);

/// A keyed hash of a destination: 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Fingerprint(String);

/// Why a text cannot stand for a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Too much of the number, or nothing.
    #[error("an ending is 1 to 4 letters or digits")]
    Ending,
    /// Not a hash.
    #[error("a fingerprint is 64 lower-case hexadecimal digits")]
    Fingerprint,
}

impl Fingerprint {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ending {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(DestinationError::Ending);
        }
        ArrayString::from(text)
            .map(Self)
            .map_err(|_| DestinationError::Ending)
    }
}

impl FromStr for Fingerprint {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 64 || !text.bytes().all(is_digit) {
            return Err(DestinationError::Fingerprint);
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text_conversions {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = DestinationError;

            fn try_from(text: String) -> Result<Self, DestinationError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )+};
}

text_conversions!(Ending, Fingerprint);

/// Where money goes, as far as a log may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeneficiaryDestination {
    /// What kind of place.
    pub kind: DestinationKind,
    /// How its number ends; a UPI address has no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// The bank, the UPI handle or the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<Reference>,
    /// By what the vault finds the rest.
    pub token: ProviderReference,
    /// A keyed hash of the whole, by which the same destination is known again.
    pub fingerprint: Fingerprint,
}

/// What has happened to a beneficiary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum BeneficiaryEvent {
    /// It was added.
    BeneficiaryAdded {
        /// Whose payouts may go there once it is verified.
        wallet: WalletId,
        /// Where.
        destination: BeneficiaryDestination,
        /// Who added it.
        by: ActorId,
    },
    /// That it is whose it should be was verified.
    BeneficiaryVerified {
        /// How: a penny drop, a name match, a person.
        method: Reference,
        /// Who did.
        by: ActorId,
    },
    /// Nothing may go there any more.
    BeneficiaryRemoved {
        /// Who removed it.
        by: ActorId,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
}

impl BeneficiaryEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BeneficiaryAdded { .. } => "BeneficiaryAdded",
            Self::BeneficiaryVerified { .. } => "BeneficiaryVerified",
            Self::BeneficiaryRemoved { .. } => "BeneficiaryRemoved",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }
}
