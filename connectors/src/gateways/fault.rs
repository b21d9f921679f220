//! What goes wrong with a call to a provider, by what a caller may do about it.

use std::time::Duration;

use super::{CredentialsError, IdentifierError, MoneyError, Operation, Provider};
use crate::outbound::{OutboundError, OutboundStartError};

/// A provider's no, in its words. They may name an amount or a field, never a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The provider's code.
    pub code: String,
    /// More exactly, where it says so.
    pub reason: Option<String>,
    /// In a sentence, clipped to 300 characters.
    pub message: String,
    /// The field it is about.
    pub field: Option<String>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The same call will be refused again: tell whoever asked.
    GiveUp,
    /// Nothing was done: make the same call again, not before this time.
    TryLater {
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// It may have been done: make the call again as [`Attempt::Again`](super::Attempt::Again), or fetch.
    LookUpFirst,
    /// Every call will fail until a person mends the set-up.
    TellAPerson,
}

/// Why a call to a provider gave nothing. No variant holds a key, an address or a name.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The provider refused, and did nothing.
    #[error("{provider} refused {operation}: {} ({})", refusal.message, refusal.code)]
    Refused {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
        /// Its words.
        refusal: Box<Refusal>,
    },
    /// The provider has no such thing.
    #[error("{provider} does not know what {operation} is about")]
    NotFound {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
    },
    /// Too many calls; nothing was done.
    #[error("{provider} wants fewer calls")]
    RateLimited {
        /// Who.
        provider: Provider,
        /// How long to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// A call with this reference is still being carried out.
    #[error("{provider} is still at {operation} with this reference")]
    InProgress {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
    },
    /// The reference was used for something else. Nothing was done.
    #[error("{provider} has seen this reference in another {operation}")]
    ReferenceReused {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
    },
    /// The provider is not called for now, because it failed too often.
    #[error("{provider} is not asked for {operation} for {} ms", retry_after.as_millis())]
    CircuitOpen {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
        /// When it is asked again.
        retry_after: Duration,
    },
    /// There is no answer. A call that changes something may have been carried out.
    #[error("{operation} at {provider} has no answer")]
    NoAnswer {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
        /// What happened to the call.
        #[source]
        source: OutboundError,
    },
    /// The provider says that it failed. A call that changes something may have been carried out.
    #[error("{provider} failed at {operation} with status {status}")]
    Failed {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is not what the interface documents. A call that changes something may have been
    /// carried out.
    #[error("the answer of {provider} to {operation} is not understood: {reason}")]
    Nonsense {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
        /// What is wrong with it, without its content.
        reason: String,
    },
    /// The key is not accepted.
    #[error("{provider} does not accept our credentials for {operation}")]
    CredentialsRefused {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
    },
    /// The request cannot be put in the provider's terms; no call was made.
    #[error("{field} {rule}")]
    Invalid {
        /// Which part of the request.
        field: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// The provider does not have the operation; no call was made.
    #[error("{provider} has no {operation}")]
    Unsupported {
        /// Who.
        provider: Provider,
        /// What.
        operation: Operation,
    },
}

impl GatewayError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::ReferenceReused { .. }
            | Self::Invalid { .. }
            | Self::Unsupported { .. } => Advice::GiveUp,
            Self::RateLimited { retry_after, .. } => Advice::TryLater {
                after: *retry_after,
            },
            Self::CircuitOpen { retry_after, .. } => Advice::TryLater {
                after: Some(*retry_after),
            },
            Self::NoAnswer { source, .. } if source.was_not_sent() => {
                Advice::TryLater { after: None }
            }
            Self::InProgress { .. }
            | Self::NoAnswer { .. }
            | Self::Failed { .. }
            | Self::Nonsense { .. } => Advice::LookUpFirst,
            Self::CredentialsRefused { .. } => Advice::TellAPerson,
        }
    }

    /// Whether it says something about the provider's health rather than about the request.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::Failed { .. } | Self::Nonsense { .. } => true,
            Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::InProgress { .. }
            | Self::ReferenceReused { .. }
            | Self::CircuitOpen { .. }
            | Self::CredentialsRefused { .. }
            | Self::Invalid { .. }
            | Self::Unsupported { .. } => false,
        }
    }

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
            Self::CredentialsRefused { .. } => "gateway_credentials_refused",
            Self::Invalid { .. } => "gateway_invalid_request",
            Self::Unsupported { .. } => "gateway_unsupported",
        }
    }
}

/// Why an adapter cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GatewayStartError {
    /// A setting is not what the provider hands out.
    #[error("{setting} {rule}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// A secret cannot be used.
    #[error("a secret cannot be used")]
    Credentials(#[from] CredentialsError),
    /// No calls can be made.
    #[error("calls to the provider cannot be made")]
    Outbound(#[from] OutboundStartError),
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
