//! What Stripe's answers mean.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx | the object |
//! | 401, 403 | the key is not accepted, or may not do this |
//! | 404; `resource_missing` | not found |
//! | 409; `idempotency_key_in_use`, `lock_timeout` | still in progress |
//! | `idempotency_error` | the reference was used before |
//! | `rate_limit` | too many calls |
//! | `api_error` | failed; what was done is not known |
//! | 4xx otherwise | refused |
//! | anything else | nonsense |

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gateways::{GatewayError, Operation, Provider, Refusal};
use crate::outbound::Answer;
use crate::providers::shape;

const PROVIDER: Provider = Provider::Stripe;

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetails,
}

#[derive(Deserialize)]
struct ErrorDetails {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    #[serde(default)]
    message: String,
    param: Option<String>,
}

/// The object of an answer, or what the answer means instead.
pub(super) fn entity<T: DeserializeOwned>(
    operation: Operation,
    answer: &Answer,
) -> Result<T, GatewayError> {
    if answer.status.is_success() {
        return serde_json::from_slice(&answer.body)
            .map_err(|error| PROVIDER.nonsense(operation, shape(&error)));
    }
    Err(error(operation, answer))
}

fn error(operation: Operation, answer: &Answer) -> GatewayError {
    let status = answer.status;
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return PROVIDER.refused_credentials(operation);
    }
    let Ok(ErrorBody { error }) = serde_json::from_slice::<ErrorBody>(&answer.body) else {
        return PROVIDER.nonsense(operation, format!("status {status} without an error"));
    };
    let code = error.code.as_deref().unwrap_or_default();
    if error.kind == "idempotency_error" && code != "idempotency_key_in_use" {
        return GatewayError::ReferenceReused {
            provider: PROVIDER,
            operation,
        };
    }
    match (status, code) {
        (_, "rate_limit") => GatewayError::RateLimited {
            provider: PROVIDER,
            retry_after: answer.retry_after(),
        },
        (StatusCode::CONFLICT, _) | (_, "idempotency_key_in_use" | "lock_timeout") => {
            GatewayError::InProgress {
                provider: PROVIDER,
                operation,
            }
        }
        (StatusCode::NOT_FOUND, _) | (_, "resource_missing") => PROVIDER.not_found(operation),
        _ if error.kind == "api_error" => GatewayError::Failed {
            provider: PROVIDER,
            operation,
            status: status.as_u16(),
        },
        _ if status.is_client_error() => refused(operation, status, error),
        _ => PROVIDER.nonsense(operation, format!("status {status}")),
    }
}

fn refused(operation: Operation, status: StatusCode, error: ErrorDetails) -> GatewayError {
    GatewayError::Refused {
        provider: PROVIDER,
        operation,
        refusal: Box::new(Refusal {
            status: status.as_u16(),
            code: error.code.unwrap_or(error.kind),
            reason: error.decline_code,
            message: error.message.chars().take(300).collect(),
            field: error.param,
        }),
    }
}
