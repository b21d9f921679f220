//! What callers attach to their facts: a reference and metadata.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The most metadata entries on one event.
pub const MAX_METADATA_ENTRIES: usize = 32;
/// The longest metadata key, in characters.
pub const MAX_METADATA_KEY_LENGTH: usize = 64;
/// The longest metadata value, in characters.
pub const MAX_METADATA_VALUE_LENGTH: usize = 512;
/// The longest reference, in characters.
pub const MAX_REFERENCE_LENGTH: usize = 256;

/// Why a reference or metadata is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// A reference is empty, too long or holds control characters.
    #[error("a reference is 1 to {MAX_REFERENCE_LENGTH} printable characters")]
    Reference,
    /// Too many metadata entries.
    #[error("metadata has at most {MAX_METADATA_ENTRIES} entries")]
    TooManyEntries,
    /// A metadata key is empty, too long or holds control characters.
    #[error("a metadata key is 1 to {MAX_METADATA_KEY_LENGTH} printable characters")]
    Key,
    /// A metadata value is too long or holds a NUL, which PostgreSQL cannot keep.
    #[error("a metadata value is at most {MAX_METADATA_VALUE_LENGTH} characters and holds no NUL")]
    Value,
}

/// The caller's own name for a fact, such as an invoice number. Not unique.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Reference(String);

impl Reference {
    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = AnnotationError;

    fn from_str(text: &str) -> Result<Self, AnnotationError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Reference {
    type Error = AnnotationError;

    fn try_from(text: String) -> Result<Self, AnnotationError> {
        is_printable(&text, MAX_REFERENCE_LENGTH)
            .then_some(Self(text))
            .ok_or(AnnotationError::Reference)
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

/// The caller's own key and value pairs on a fact; kept, returned and never interpreted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
#[schemars(with = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, in order of key.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = AnnotationError;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, AnnotationError> {
        if entries.len() > MAX_METADATA_ENTRIES {
            return Err(AnnotationError::TooManyEntries);
        }
        for (key, value) in &entries {
            if !is_printable(key, MAX_METADATA_KEY_LENGTH) {
                return Err(AnnotationError::Key);
            }
            if value.chars().count() > MAX_METADATA_VALUE_LENGTH || value.contains('\0') {
                return Err(AnnotationError::Value);
            }
        }
        Ok(Self(entries))
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

fn is_printable(text: &str, max_length: usize) -> bool {
    (1..=max_length).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
