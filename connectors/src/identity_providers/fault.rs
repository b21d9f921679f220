//! What goes wrong with a call to an identity provider.

use hyper::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::{IdentifierError, Operation, Provider, Refusal};
use crate::outbound::{Answer, is_this_machine};
use crate::providers::{CallError, StartError, shape};

/// Why a call to an identity provider gave nothing. No variant holds a key or anything about a person: of
/// a provider's refusal only codes and names of fields are kept.
pub type IdentityProviderError = CallError<Provider, Operation>;

/// Why an identity provider's adapter cannot be made.
pub type IdentityProviderStartError = StartError;

impl IdentityProviderError {
    /// A stable word for metrics, events and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "identity_provider_refused",
            Self::NotFound { .. } => "identity_provider_not_found",
            Self::RateLimited { .. } => "identity_provider_rate_limited",
            Self::InProgress { .. } => "identity_provider_in_progress",
            Self::ReferenceReused { .. } => "identity_provider_reference_reused",
            Self::CircuitOpen { .. } => "identity_provider_circuit_open",
            Self::NoAnswer { .. } => "identity_provider_no_answer",
            Self::Failed { .. } => "identity_provider_failed",
            Self::Nonsense { .. } => "identity_provider_nonsense",
            Self::SearchEnded { .. } => "identity_provider_search_ended",
            Self::NotKnown { .. } => "identity_provider_not_known",
            Self::CredentialsRefused { .. } => "identity_provider_credentials_refused",
            Self::Invalid { .. } => "identity_provider_invalid_request",
            Self::Unsupported { .. } => "identity_provider_unsupported",
        }
    }
}

/// A call of one provider, for faults that name both.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub provider: Provider,
    pub operation: Operation,
}

/// What a provider says is wrong, without its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorCodes {
    pub code: String,
    pub reason: Option<String>,
    pub field: Option<String>,
}

impl Provider {
    pub(super) const fn at(self, operation: Operation) -> At {
        At {
            provider: self,
            operation,
        }
    }
}

impl At {
    pub(super) fn nonsense(self, reason: impl Into<String>) -> IdentityProviderError {
        CallError::Nonsense {
            provider: self.provider,
            operation: self.operation,
            reason: reason.into(),
        }
    }

    pub(super) fn bad_id(self) -> impl Fn(IdentifierError) -> IdentityProviderError {
        move |error| self.nonsense(format!("an id: {error}"))
    }

    pub(super) fn unsupported(self) -> IdentityProviderError {
        CallError::Unsupported {
            provider: self.provider,
            operation: self.operation,
        }
    }

    pub(super) fn not_found(self) -> IdentityProviderError {
        CallError::NotFound {
            provider: self.provider,
            operation: self.operation,
        }
    }

    /// The entity of an answer, or what the answer means instead: of an error's body `codes` reads the
    /// provider's codes.
    pub(super) fn entity<T: DeserializeOwned>(
        self,
        answer: &Answer,
        codes: impl Fn(&[u8]) -> Option<ErrorCodes>,
    ) -> Result<T, IdentityProviderError> {
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body)
                .map_err(|error| self.nonsense(shape(&error)));
        }
        Err(self.error(answer, codes))
    }

    /// | answer | meaning |
    /// |---|---|
    /// | 401, 403 | the credentials are not accepted |
    /// | 404, 410 | not found |
    /// | other 4xx with the provider's error | refused |
    /// | anything else | nonsense |
    pub(super) fn error(
        self,
        answer: &Answer,
        codes: impl Fn(&[u8]) -> Option<ErrorCodes>,
    ) -> IdentityProviderError {
        let Self {
            provider,
            operation,
        } = self;
        let status = answer.status;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return CallError::CredentialsRefused {
                    provider,
                    operation,
                };
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => return self.not_found(),
            _ => {}
        }
        let codes = codes(&answer.body).filter(|_| status.is_client_error());
        let Some(codes) = codes else {
            return self.nonsense(format!("status {status} without an error"));
        };
        let message = codes.reason.clone().unwrap_or_default();
        CallError::Refused {
            provider,
            operation,
            refusal: Box::new(Refusal {
                status: status.as_u16(),
                code: codes.code,
                reason: codes.reason,
                message,
                field: codes.field,
            }),
        }
    }

    /// The address of a page, to which a browser can be sent.
    pub(super) fn page_url(self, text: &str) -> Result<Url, IdentityProviderError> {
        let url = Url::parse(text).map_err(|_| self.nonsense("the page has no URL"))?;
        let is_here = || url.host_str().is_some_and(is_this_machine);
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_here() => Ok(url),
            _ => Err(self.nonsense("the page is not secure")),
        }
    }
}
