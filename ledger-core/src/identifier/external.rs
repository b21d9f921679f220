//! Names that come from outside: people who give orders, payment providers and their own ids.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::{Holder, IdentifierError, OwnerId, SystemAccountName, is_name};

/// What derived ids begin from; never to be changed, because ids in the log come from it.
const DERIVED: Uuid = Uuid::from_u128(0x6461_7962_6f6f_6b2d_8000_7061_796d_656e);

/// The id that always belongs to these texts: a UUID of version 5.
///
/// Whoever hears of the same thing twice, or on two nodes at once, comes to the same id. The texts
/// are told apart by the byte 0xff, which UTF-8 does not have.
#[must_use]
pub fn derived_id(texts: &[&str]) -> Uuid {
    let mut name = Vec::new();
    for text in texts {
        name.extend_from_slice(text.as_bytes());
        name.push(0xff);
    }
    Uuid::new_v5(&DERIVED, &name)
}

/// Who gives an order that a second person may have to approve: the subject that authentication
/// knows them by; 1 to 128 printable characters without spaces at either end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(String);

impl ActorId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a program: authentication calls those `machine:<id>`.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.0.starts_with("machine:")
    }
}

impl FromStr for ActorId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let owner: OwnerId = text.parse().map_err(|_| IdentifierError {
            rule: "an actor is 1 to 128 printable characters without spaces at either end",
        })?;
        Ok(Self(owner.as_str().to_owned()))
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(
    ActorId,
    r"^\S(.{0,126}\S)?$",
    "Who gave an order, as authentication knows them."
);

/// The name of a payment provider, such as `razorpay`: 1 to 24 characters, a lower-case letter,
/// then letters, digits and `_`. It is part of the names of the provider's system accounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(ArrayString<24>);

impl ProviderName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn account(&self, purpose: &'static str) -> Holder {
        Holder::System(SystemAccountName::of_purpose(purpose, &self.0))
    }
}

impl FromStr for ProviderName {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let error = IdentifierError {
            rule: "a provider name is 1 to 24 characters: a lower-case letter, then letters, digits and '_'",
        };
        if !is_name(text, |byte| byte == b'_') {
            return Err(error);
        }
        ArrayString::from(text).map(Self).map_err(|_| error)
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(
    ProviderName,
    "^[a-z][a-z0-9_]{0,23}$",
    "The name of a payment provider."
);

/// A provider's own id of something: an order, a payment, a refund, a dispute, a batch.
///
/// 1 to 128 visible ASCII characters. An adapter trims what surrounds it and puts nothing else in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderReference(String);

impl ProviderReference {
    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderReference {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let fits = (1..=128).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(IdentifierError {
                rule: "a provider's reference is 1 to 128 visible ASCII characters",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProviderReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(
    ProviderReference,
    "^[!-~]{1,128}$",
    "A provider's own id of something."
);
