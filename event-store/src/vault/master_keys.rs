//! What wraps the keys of persons: a key that is not in the database, or a service that keeps one.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

/// The bytes of a key of a person.
pub const DATA_KEY_BYTES: usize = 32;

/// A wrapped key, and by which master key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The master key's id.
    pub master_key: String,
    /// The wrapped key.
    pub bytes: Vec<u8>,
}

/// Why a key cannot be wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyFault {
    /// It was wrapped under a master key that is not known here.
    #[error("there is no master key {id}")]
    Unknown {
        /// The master key's id.
        id: String,
    },
    /// It was wrapped for another place, or was changed.
    #[error("a wrapped key cannot be unwrapped: it is of another place, or was changed")]
    NotOurs,
    /// What keeps the master key fails.
    #[error("the master key cannot be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Wraps and unwraps the keys of persons. One master key is current; earlier ones unwrap what has not been
/// wrapped anew yet.
#[async_trait]
pub trait MasterKeys: Send + Sync + fmt::Debug {
    /// The id of the master key that wraps now.
    fn current(&self) -> String;

    /// Wraps a key for a place, at which alone it can be unwrapped.
    ///
    /// # Errors
    /// [`MasterKeyFault`].
    async fn wrap(
        &self,
        place: &str,
        key: &Zeroizing<[u8; DATA_KEY_BYTES]>,
    ) -> Result<WrappedKey, MasterKeyFault>;

    /// Unwraps a key that was wrapped for the same place.
    ///
    /// # Errors
    /// [`MasterKeyFault`].
    async fn unwrap(
        &self,
        place: &str,
        wrapped: &WrappedKey,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, MasterKeyFault>;
}
