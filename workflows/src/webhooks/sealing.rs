//! What is kept of webhooks is sealed: they tell of people.

use std::fmt;

/// A content cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's content cannot be sealed or opened")]
pub struct SealingError;

/// Seals and opens with a key that is not in the database. Both take microseconds.
pub trait Sealing: Send + Sync + fmt::Debug {
    /// Seals a content for a place, at which alone it can be opened.
    ///
    /// # Errors
    /// [`SealingError`].
    fn seal(&self, place: &str, content: &[u8]) -> Result<Vec<u8>, SealingError>;

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SealingError`]: it was sealed with another key, for another place, or was changed.
    fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealingError>;
}
