//! What adapters make of answers, alike for every provider.

pub(crate) use crate::providers::looked_up;

use super::{GatewayError, IdentifierError, MoneyError, Operation, Provider};

/// Why a part of an answer is nonsense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("an amount: {0}")]
    Money(#[from] MoneyError),
    #[error("an id: {0}")]
    Identifier(#[from] IdentifierError),
    #[error("{0}")]
    Other(&'static str),
}

/// The errors that adapters tell.
impl Provider {
    pub(crate) fn nonsense(self, operation: Operation, reason: impl Into<String>) -> GatewayError {
        GatewayError::Nonsense {
            provider: self,
            operation,
            reason: reason.into(),
        }
    }

    /// An answer of which a part is nonsense.
    pub(crate) fn not_read(self, operation: Operation) -> impl Fn(ReadError) -> GatewayError {
        move |error| self.nonsense(operation, error.to_string())
    }

    pub(crate) fn not_found(self, operation: Operation) -> GatewayError {
        GatewayError::NotFound {
            provider: self,
            operation,
        }
    }

    pub(crate) fn search_ended(self, operation: Operation) -> GatewayError {
        GatewayError::SearchEnded {
            provider: self,
            operation,
        }
    }

    pub(crate) fn refused_credentials(self, operation: Operation) -> GatewayError {
        GatewayError::CredentialsRefused {
            provider: self,
            operation,
        }
    }

    pub(crate) fn unsupported(self, operation: Operation) -> GatewayError {
        GatewayError::Unsupported {
            provider: self,
            operation,
        }
    }
}
