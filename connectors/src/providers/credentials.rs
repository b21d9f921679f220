//! Secrets that change without a gap.

use std::fmt;

use serde::Deserialize;

use crate::secret::Secret;

/// The most secrets that count at one time.
const MOST_SECRETS: usize = 4;

/// Why secrets cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// None, or an empty one.
    #[error("a secret is missing")]
    Missing,
    /// More than four.
    #[error("at most four secrets may be valid at one time")]
    TooMany,
}

/// The current secret and those before it that still count. Ours are made with the current one, the
/// other side's are compared with all. `Debug` shows none.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Secret>")]
pub struct SecretRing(Vec<Secret>);

impl SecretRing {
    /// The current secret first.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn try_new(secrets: Vec<Secret>) -> Result<Self, CredentialsError> {
        if secrets.is_empty() || secrets.iter().any(Secret::is_empty) {
            return Err(CredentialsError::Missing);
        }
        if secrets.len() > MOST_SECRETS {
            return Err(CredentialsError::TooMany);
        }
        Ok(Self(secrets))
    }

    /// The one that ours are made with.
    #[must_use]
    pub fn current(&self) -> &str {
        self.0.first().map_or("", Secret::reveal)
    }

    /// All that count, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Secret::reveal)
    }
}

impl TryFrom<Vec<Secret>> for SecretRing {
    type Error = CredentialsError;

    fn try_from(secrets: Vec<Secret>) -> Result<Self, Self::Error> {
        Self::try_new(secrets)
    }
}

impl fmt::Debug for SecretRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({} hidden)", self.0.len())
    }
}
