//! What goes wrong between an adapter and its provider.

use std::time::Duration;

use identity::delivery::DeliveryError;

use crate::outbound::{OutboundError, OutboundStartError};

/// Why a provider of text messages is unavailable. Holds no address, code or key.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// The call has no answer.
    #[error("the call to {provider} has no answer")]
    Call {
        /// Who.
        provider: &'static str,
        /// What happened to the call.
        #[source]
        source: OutboundError,
    },
    /// The provider says that it failed.
    #[error("{provider} failed: {answer}")]
    Failed {
        /// Who.
        provider: &'static str,
        /// Its status and code.
        answer: String,
    },
    /// The key, service, template, sender or balance is not right; a person has to mend that.
    #[error("{provider} does not accept how it is set up: {answer}")]
    SetUp {
        /// Who.
        provider: &'static str,
        /// Its status, code or words.
        answer: String,
    },
    /// The answer is none that the interface documents.
    #[error("the answer of {provider} is not understood: {answer}")]
    NotUnderstood {
        /// Who.
        provider: &'static str,
        /// Its status.
        answer: String,
    },
}

/// Why an adapter cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MessagingStartError {
    /// A setting is not what the provider hands out.
    #[error("{setting} {rule}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// No calls can be made.
    #[error("calls to the provider cannot be made")]
    Outbound(#[from] OutboundStartError),
    /// TLS to the mail server cannot be set up.
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// How one attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next attempt may succeed.
    Passing(DeliveryError),
    /// The next attempt would fail alike.
    Lasting(DeliveryError),
}

impl Failure {
    pub(super) fn passing(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Passing(DeliveryError::Unavailable(fault.into()))
    }

    pub(super) fn lasting(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Lasting(DeliveryError::Unavailable(fault.into()))
    }

    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Lasting(DeliveryError::Refused {
            reason: reason.into(),
        })
    }

    pub(super) fn rate_limited(retry_after: Option<Duration>) -> Self {
        Self::Lasting(DeliveryError::RateLimited { retry_after })
    }

    pub(super) fn into_error(self) -> DeliveryError {
        match self {
            Self::Passing(error) | Self::Lasting(error) => error,
        }
    }
}
