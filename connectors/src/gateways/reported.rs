//! What a provider says, which may be something that its documentation does not have.

/// A status in our words, or the provider's own word when it is not one that we know. An unknown one is
/// stored and told to a person, and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported<S> {
    /// In our words.
    Known(S),
    /// The provider's word, as it stands.
    Unknown(String),
}

impl<S> Reported<S> {
    /// The status, if it is known.
    #[must_use]
    pub const fn known(&self) -> Option<&S> {
        match self {
            Self::Known(status) => Some(status),
            Self::Unknown(_) => None,
        }
    }
}
