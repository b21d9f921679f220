//! Names of things: ours and the provider's.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not a reference.
    #[error("a reference is 10 to 40 letters, digits, '_' or '-'")]
    Reference,
    /// Not an id of a provider.
    #[error("a provider's id is 1 to 128 letters, digits, '_', '-' or '.', and not only dots")]
    ProviderId,
}

/// Our name for one attempt at one thing: 10 to 40 letters, digits, `_` or `-`.
///
/// It is the idempotency key of a call and the name by which the provider finds it again. Some providers
/// keep as few as 23; [`Reference::of`] makes 22 characters, which fit all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// The id in 22 characters (base64url).
    #[must_use]
    pub fn of(id: Uuid) -> Self {
        Self(URL_SAFE_NO_PAD.encode(id.as_bytes()))
    }

    /// The id that [`Reference::of`] was given, or nothing for another text.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        Uuid::from_slice(&bytes).ok()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Reference {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (10..=40).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text))
        } else {
            Err(IdentifierError::Reference)
        }
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A provider's name for one thing. It becomes part of URLs, so it holds nothing that means something
/// there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderId(String);

impl ProviderId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ProviderId {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let is_path = text.bytes().all(|byte| byte == b'.');
        if text.len() <= 128 && !is_path && text.bytes().all(is_allowed) {
            Ok(Self(text))
        } else {
            Err(IdentifierError::ProviderId)
        }
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> Self {
        id.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether a call with the same reference may have been carried out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// It was never made.
    First,
    /// It was made, or nobody knows. The adapter looks for what the earlier call left behind before it
    /// makes another, unless the provider's idempotency key makes that needless.
    Again,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ProviderId, Reference};

    #[test]
    fn an_id_survives_as_a_reference() {
        let id = Uuid::from_u128(0x0192_f0a1_b2c3_7d4e_8f90_1234_5678_9abc);
        let reference = Reference::of(id);
        assert_eq!(reference.as_str().len(), 22);
        assert_eq!(reference.id(), Some(id));
        assert_eq!(reference.as_str().parse::<Reference>(), Ok(reference));
    }

    #[test]
    fn references_hold_nothing_else() {
        for good in ["0123456789", "a-b_c-d_e-f", &"x".repeat(40)] {
            assert!(good.parse::<Reference>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "123456789",
            &"x".repeat(41),
            "has a space",
            "a|b|c|d|e|f",
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_of_providers_cannot_leave_their_place_in_a_url() {
        for good in ["order_RB58MiP5SPFYyM", "403993715530925893", "C5c0751269"] {
            assert!(good.parse::<ProviderId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a?b",
            "a#b",
            "a%2fb",
            "a b",
            "é",
            "a\n",
            &"x".repeat(129),
        ] {
            assert!(bad.parse::<ProviderId>().is_err(), "{bad}");
        }
    }
}
