//! What a case says instead of personal data: kinds, hashes and codes.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::ProviderReference;

/// Why a text is not a word of a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// Not a kind of document.
    #[error("a kind of document is 1 to 40 characters: lower-case letters, digits and '_'")]
    Kind,
    /// Not a hash.
    #[error("a content hash is 64 lower-case hexadecimal digits")]
    Hash,
    /// Not a code.
    #[error("a reason is a code of 1 to 64 letters, digits, '_', '-', '.' and ':'")]
    Reason,
}

/// What kind of document, such as `passport`, `pan_card` or `selfie`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9_]{1,40}$"))]
pub struct DocumentKind(String);

/// The SHA-256 of a document's bytes: 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct ContentHash(String);

/// Why something was decided: a code of the provider's or the platform's own, never a sentence, which
/// could say who somebody is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9A-Za-z_.:-]{1,64}$"))]
pub struct ReasonCode(String);

impl FromStr for DocumentKind {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let fits = (1..=40).contains(&text.len());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !fits || !text.bytes().all(allowed) {
            return Err(WordError::Kind);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ContentHash {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 64 || !text.bytes().all(is_digit) {
            return Err(WordError::Hash);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ReasonCode {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let fits = (1..=64).contains(&text.len());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if !fits || !text.bytes().all(allowed) {
            return Err(WordError::Reason);
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! word_conversions {
    ($($name:ident),+) => {$(
        impl $name {
            /// The word as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = WordError;

            fn try_from(text: String) -> Result<Self, WordError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.0
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

impl ReasonCode {
    /// That the person was erased.
    #[must_use]
    pub fn of_erasure() -> Self {
        Self("person_erased".to_owned())
    }
}

word_conversions!(DocumentKind, ContentHash, ReasonCode);

/// A document, as far as a log may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseDocument {
    /// By what the store, or the provider that took it in, finds it.
    pub reference: ProviderReference,
    /// What kind it is.
    pub kind: DocumentKind,
    /// The SHA-256 of its bytes, by which the same document is known again.
    pub sha256: ContentHash,
    /// How many bytes it has.
    pub size_bytes: u64,
}

/// Why a document is kept no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovalReason {
    /// The time for which it had to be kept is over.
    Retention,
    /// Whom it is about was erased.
    Erasure,
}

/// What a rejection leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The owner may try again, with other documents.
    Allowed,
    /// Nothing.
    Final,
}
