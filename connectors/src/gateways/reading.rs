//! What adapters make of answers, alike for every provider.

use super::{GatewayError, IdentifierError, MoneyError, Operation, Provider};

/// What a look-up found of an earlier call, or nothing, and that only by the provider's own word.
///
/// Every other failure is one of the look-up: passed on as it is, it would be taken for one of the call,
/// and a refused key or a slow answer for the certainty that nothing was done.
pub(crate) fn looked_up<T>(found: Result<T, GatewayError>) -> Result<Option<T>, GatewayError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(GatewayError::NotFound { .. }) => Ok(None),
        Err(reused @ GatewayError::ReferenceReused { .. }) => Err(reused),
        Err(error) => Err(GatewayError::NotKnown {
            source: Box::new(error),
        }),
    }
}

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

/// What is wrong with a body, without its content: serde's own words may quote it.
pub(crate) fn shape(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let kind = match error.classify() {
        Category::Io => "cannot be read",
        Category::Syntax => "is no JSON",
        Category::Data => "has another shape",
        Category::Eof => "breaks off",
    };
    format!(
        "the body {kind} at line {}, column {}",
        error.line(),
        error.column()
    )
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

#[cfg(test)]
mod tests {
    use super::looked_up;
    use crate::gateways::{Advice, GatewayError, Operation, Provider, Refusal};

    /// Only the provider's word that there is nothing counts as nothing.
    #[test]
    fn a_failed_look_up_is_no_answer() {
        let (provider, operation) = (Provider::Stripe, Operation::Payout);
        let found = |error| looked_up::<()>(Err(error));
        assert!(matches!(looked_up(Ok(7)), Ok(Some(7))));
        let nothing = GatewayError::NotFound {
            provider,
            operation,
        };
        assert!(matches!(found(nothing), Ok(None)));
        for error in [
            GatewayError::Refused {
                provider,
                operation,
                refusal: Box::new(Refusal {
                    status: 400,
                    code: "no".to_owned(),
                    reason: None,
                    message: "No.".to_owned(),
                    field: None,
                }),
            },
            GatewayError::CredentialsRefused {
                provider,
                operation,
            },
            GatewayError::RateLimited {
                provider,
                retry_after: None,
            },
            GatewayError::SearchEnded {
                provider,
                operation,
            },
            GatewayError::Unsupported {
                provider,
                operation,
            },
            GatewayError::Invalid {
                field: "x",
                rule: "is",
            },
        ] {
            let code = error.code();
            let told = found(error).unwrap_err();
            assert_eq!(told.advice(), Advice::LookUpFirst, "{code}");
            assert!(matches!(told, GatewayError::NotKnown { .. }), "{code}");
        }
        let reused = GatewayError::ReferenceReused {
            provider,
            operation,
        };
        assert_eq!(found(reused).unwrap_err().advice(), Advice::GiveUp);
    }
}
