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

/// Makes an enum of documented words with a place for others.
macro_rules! provider_words {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum $name {
            $($variant,)+
            Unknown(String),
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($word => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
    };
}

pub(crate) use provider_words;
