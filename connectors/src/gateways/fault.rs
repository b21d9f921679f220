//! What goes wrong with a call to a gateway.

use super::{Operation, Provider};
use crate::providers::{CallError, StartError};

/// Why a call to a gateway gave nothing. No variant holds a key, an address or a name.
pub type GatewayError = CallError<Provider, Operation>;

/// Why a gateway's adapter cannot be made.
pub type GatewayStartError = StartError;

impl GatewayError {
    /// A stable word for metrics, events and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "gateway_refused",
            Self::NotFound { .. } => "gateway_not_found",
            Self::RateLimited { .. } => "gateway_rate_limited",
            Self::InProgress { .. } => "gateway_in_progress",
            Self::ReferenceReused { .. } => "gateway_reference_reused",
            Self::CircuitOpen { .. } => "gateway_circuit_open",
            Self::NoAnswer { .. } => "gateway_no_answer",
            Self::Failed { .. } => "gateway_failed",
            Self::Nonsense { .. } => "gateway_nonsense",
            Self::SearchEnded { .. } => "gateway_search_ended",
            Self::NotKnown { .. } => "gateway_not_known",
            Self::CredentialsRefused { .. } => "gateway_credentials_refused",
            Self::Invalid { .. } => "gateway_invalid_request",
            Self::Unsupported { .. } => "gateway_unsupported",
        }
    }
}
