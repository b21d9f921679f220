//! What Razorpay's answers mean.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx | the entity |
//! | 401; 400 `Authentication failed` | the key is not accepted |
//! | 404; 400 `…URL was not found…`, `…id provided does not exist` | not found |
//! | 400 or 409 `Different request with the same idempotency key…` | the reference was used before |
//! | 409 otherwise | still in progress |
//! | any with `SERVER_ERROR` or `GATEWAY_ERROR` | failed; what was done is not known |
//! | 4xx otherwise | refused |
//! | anything else | nonsense |

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gateways::{Advice, GatewayError, Operation, Provider, Refusal};
use crate::outbound::Answer;
use crate::providers::shape;

const PROVIDER: Provider = Provider::Razorpay;

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetails,
}

#[derive(Deserialize)]
struct ErrorDetails {
    #[serde(default)]
    code: String,
    #[serde(default)]
    description: String,
    field: Option<String>,
    reason: Option<String>,
}

/// How many rows of a list are asked for.
pub(super) const PAGE: usize = 100;

/// The first of ours in a list of at most [`PAGE`] rows. A full one says nothing of what comes after it.
pub(super) fn first_of<T>(
    operation: Operation,
    items: Vec<T>,
    is_ours: impl Fn(&T) -> bool,
) -> Result<T, GatewayError> {
    let is_full = items.len() >= PAGE;
    match items.into_iter().find(is_ours) {
        Some(ours) => Ok(ours),
        None if is_full => Err(PROVIDER.search_ended(operation)),
        None => Err(PROVIDER.not_found(operation)),
    }
}

/// The entity of an answer, or what the answer means instead.
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
    if status == StatusCode::UNAUTHORIZED {
        return PROVIDER.refused_credentials(operation);
    }
    let Ok(ErrorBody { error }) = serde_json::from_slice::<ErrorBody>(&answer.body) else {
        return PROVIDER.nonsense(operation, format!("status {status} without an error"));
    };
    let says = |text: &str| error.description.contains(text);
    if says("Authentication failed") {
        return PROVIDER.refused_credentials(operation);
    }
    if matches!(error.code.as_str(), "SERVER_ERROR" | "GATEWAY_ERROR") {
        return GatewayError::Failed {
            provider: PROVIDER,
            operation,
            status: status.as_u16(),
        };
    }
    if says("Different request with the same idempotency key") {
        return GatewayError::ReferenceReused {
            provider: PROVIDER,
            operation,
        };
    }
    if status == StatusCode::CONFLICT {
        return GatewayError::InProgress {
            provider: PROVIDER,
            operation,
        };
    }
    if status == StatusCode::NOT_FOUND
        || says("URL was not found")
        || says("id provided does not exist")
    {
        return PROVIDER.not_found(operation);
    }
    if !status.is_client_error() {
        return PROVIDER.nonsense(operation, format!("status {status}"));
    }
    GatewayError::Refused {
        provider: PROVIDER,
        operation,
        refusal: Box::new(Refusal {
            status: status.as_u16(),
            code: error.code,
            reason: error.reason.filter(|reason| reason != "NA"),
            message: error.description.chars().take(300).collect(),
            field: error.field,
        }),
    }
}

/// Whether what was asked for may be there in spite of the error.
pub(super) fn may_exist(error: &GatewayError) -> bool {
    error.advice() == Advice::LookUpFirst || matches!(error, GatewayError::Refused { .. })
}
