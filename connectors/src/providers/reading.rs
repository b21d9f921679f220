//! What adapters make of answers, alike for every provider.

use super::CallError;

/// What a look-up found of an earlier call, or nothing, and that only by the provider's own word.
///
/// Every other failure is one of the look-up: passed on as it is, it would be taken for one of the call,
/// and a refused key or a slow answer for the certainty that nothing was done.
pub(crate) fn looked_up<T, P: 'static, O: 'static>(
    found: Result<T, CallError<P, O>>,
) -> Result<Option<T>, CallError<P, O>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(CallError::NotFound { .. }) => Ok(None),
        Err(reused @ CallError::ReferenceReused { .. }) => Err(reused),
        Err(error) => Err(CallError::NotKnown {
            source: Box::new(error),
        }),
    }
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

#[cfg(test)]
mod tests {
    use super::looked_up;
    use crate::gateways::{Advice, GatewayError, Operation, Provider, Refusal};

    /// Only the provider's word that there is nothing counts as nothing.
    #[test]
    fn a_failed_look_up_is_no_answer() {
        let (provider, operation) = (Provider::Stripe, Operation::Payout);
        let found = |error: GatewayError| looked_up::<(), _, _>(Err(error));
        let something: Result<_, GatewayError> = Ok(7);
        assert!(matches!(looked_up(something), Ok(Some(7))));
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
