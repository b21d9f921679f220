//! What tells of a person, in events that are kept for ever.
//!
//! A field of an event that tells of a person is a [`Personal`]. What it says is clear only in memory, on
//! its way from a command to the log; the log holds it [sealed](SealedText) under a key of that person
//! alone, so that destroying the key erases it everywhere at once and changes no byte of the log.
//!
//! **Nothing clear is ever written.** The values inside ([`PersonalValue`]) cannot be serialised at all, and
//! a [`Personal`] that is still clear refuses to be, whatever it is part of: an event whose field was
//! forgotten when it was sealed is a fault and no leak. `Debug` shows that there is something and nothing of
//! it.
//!
//! ```compile_fail
//! fn write<T: serde::Serialize>(_: T) {}
//! let name: ledger_core::personal::PersonName = "Asha Rao".parse().unwrap();
//! write(name);
//! ```
//!
//! **The domain never looks inside.** Aggregates know which fields there are, and decide nothing by what
//! they say; so whoever folds the log without any key comes to the same state.

mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use uuid::Uuid;

pub use value::{
    DateOfBirth, EmailText, IdentityNumberEnding, PersonName, PersonalValue, PersonalValueError,
    PhoneText, PostalAddress,
};

/// The most characters of a sealed value: more than the longest value comes to.
const MAX_SEALED_LENGTH: usize = 8_192;

/// What is left of a value when it is sealed: nothing without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SealedTextFields")]
pub struct SealedText {
    key: Uuid,
    sealed: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedTextFields {
    key: Uuid,
    sealed: String,
}

/// A text that is no sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sealed value is 1 to {MAX_SEALED_LENGTH} characters of base64 (URL alphabet, without padding)"
)]
pub struct SealedTextError;

impl SealedText {
    /// What was sealed under the key of this id: nonce and ciphertext in base64 (URL alphabet, without
    /// padding).
    ///
    /// # Errors
    /// [`SealedTextError`].
    pub fn try_new(key: Uuid, sealed: String) -> Result<Self, SealedTextError> {
        let is_base64 = sealed
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !is_base64 || !(1..=MAX_SEALED_LENGTH).contains(&sealed.len()) {
            return Err(SealedTextError);
        }
        Ok(Self { key, sealed })
    }

    /// The id of the key that it was sealed under.
    #[must_use]
    pub const fn key(&self) -> Uuid {
        self.key
    }

    /// Nonce and ciphertext in base64.
    #[must_use]
    pub fn sealed(&self) -> &str {
        &self.sealed
    }
}

impl TryFrom<SealedTextFields> for SealedText {
    type Error = SealedTextError;

    fn try_from(fields: SealedTextFields) -> Result<Self, SealedTextError> {
        Self::try_new(fields.key, fields.sealed)
    }
}

/// A field that tells of a person.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal<T> {
    /// As it was decided. In memory alone: it cannot be written.
    Clear(T),
    /// As the log has it.
    Sealed(SealedText),
    /// As it is published: nothing of it.
    Withheld,
    /// As it is read when its key is destroyed.
    Erased,
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Clear(_) => "Clear(hidden)",
            Self::Sealed(_) => "Sealed",
            Self::Withheld => "Withheld",
            Self::Erased => "Erased",
        })
    }
}

/// Sealing and opening a field without knowing what kind of value it has.
pub trait PersonalField: Send + Sync {
    /// What it says, while that is clear.
    fn clear_text(&self) -> Option<&str>;

    /// What it says, while that is sealed.
    fn sealed_text(&self) -> Option<&SealedText>;

    /// Puts what it was sealed to in the place of what it says.
    fn seal(&mut self, sealed: SealedText);

    /// Puts what it was opened to in the place of the sealed value.
    ///
    /// # Errors
    /// [`PersonalValueError`] when that is no value of its kind.
    fn open(&mut self, text: &str) -> Result<(), PersonalValueError>;

    /// Says that it is erased.
    fn erase(&mut self);
}

impl<T: PersonalValue> PersonalField for Personal<T> {
    fn clear_text(&self) -> Option<&str> {
        match self {
            Self::Clear(value) => Some(value.as_str()),
            Self::Sealed(_) | Self::Withheld | Self::Erased => None,
        }
    }

    fn sealed_text(&self) -> Option<&SealedText> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            Self::Clear(_) | Self::Withheld | Self::Erased => None,
        }
    }

    fn seal(&mut self, sealed: SealedText) {
        *self = Self::Sealed(sealed);
    }

    fn open(&mut self, text: &str) -> Result<(), PersonalValueError> {
        *self = Self::Clear(T::from_str(text)?);
        Ok(())
    }

    fn erase(&mut self) {
        *self = Self::Erased;
    }
}

/// The forms that can be written and read.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Sealed(SealedText),
    Withheld(WithheldMark),
    Erased(ErasedMark),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithheldMark {
    withheld: True,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErasedMark {
    erased: True,
}

/// `true`, and nothing else.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
#[derive(Clone, Copy)]
struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("must be true")
    }
}

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

impl<T> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear(_) => Err(ser::Error::custom(
                "what tells of a person is never written in the clear",
            )),
            Self::Sealed(sealed) => sealed.serialize(serializer),
            Self::Withheld => WithheldMark { withheld: True }.serialize(serializer),
            Self::Erased => ErasedMark { erased: True }.serialize(serializer),
        }
    }
}

impl<'de, T> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Sealed(sealed) => Self::Sealed(sealed),
            Written::Withheld(_) => Self::Withheld,
            Written::Erased(_) => Self::Erased,
        })
    }
}

impl<T> JsonSchema for Personal<T> {
    fn schema_name() -> Cow<'static, str> {
        "Personal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Tells of a person and is never written in the clear: sealed in the log, withheld where events are published, erased where it is read after its key was destroyed.",
            "oneOf": [
                {
                    "type": "object",
                    "description": "Sealed by XChaCha20-Poly1305 under a key of the person alone; ledger, stream, sequence and field are its associated data.",
                    "properties": {
                        "key": {
                            "type": "string",
                            "format": "uuid",
                            "description": "The id of the key."
                        },
                        "sealed": {
                            "type": "string",
                            "pattern": "^[A-Za-z0-9_-]+$",
                            "maxLength": MAX_SEALED_LENGTH,
                            "description": "Nonce and ciphertext in base64 (URL alphabet, without padding)."
                        }
                    },
                    "required": ["key", "sealed"],
                    "additionalProperties": false
                },
                {
                    "type": "object",
                    "properties": { "withheld": { "const": true } },
                    "required": ["withheld"],
                    "additionalProperties": false
                },
                {
                    "type": "object",
                    "properties": { "erased": { "const": true } },
                    "required": ["erased"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
