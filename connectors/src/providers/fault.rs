//! What goes wrong with a call to a provider, by what a caller may do about it.

use std::fmt;
use std::time::Duration;

use super::CredentialsError;
use crate::outbound::{OutboundError, OutboundStartError};

/// A provider's no. Its sentence may repeat what was sent, such as the payer's address, so that neither
/// `Debug` nor the words of an error show it: it is for whoever shows it on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The provider's code.
    pub code: String,
    /// More exactly, where it says so.
    pub reason: Option<String>,
    /// In a sentence, clipped to 300 characters. It may tell who pays.
    pub message: String,
    /// The field it is about.
    pub field: Option<String>,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Refusal({self})")
    }
}

/// The code, the status and the field.
impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} with status {}",
            word(&self.code),
            self.status
        )?;
        if let Some(field) = &self.field {
            write!(formatter, " about {}", word(field))?;
        }
        Ok(())
    }
}

/// A name as providers write names, or nothing of a text that is none.
fn word(text: &str) -> &str {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    match text {
        "" => "no code",
        text if text.len() <= 64 && text.bytes().all(is_allowed) => text,
        _ => "a text",
    }
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
pub enum CallError<P: 'static, O: 'static> {
    /// The provider refused, and did nothing.
    #[error("{provider} refused {operation}: {refusal}")]
    Refused {
        /// Who.
        provider: P,
        /// What.
        operation: O,
        /// Its words.
        refusal: Box<Refusal>,
    },
    /// The provider has no such thing.
    #[error("{provider} does not know what {operation} is about")]
    NotFound {
        /// Who.
        provider: P,
        /// What.
        operation: O,
    },
    /// Too many calls; nothing was done.
    #[error("{provider} wants fewer calls")]
    RateLimited {
        /// Who.
        provider: P,
        /// How long to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// A call with this reference is still being carried out.
    #[error("{provider} is still at {operation} with this reference")]
    InProgress {
        /// Who.
        provider: P,
        /// What.
        operation: O,
    },
    /// The reference was used for something else. Nothing was done.
    #[error("{provider} has seen this reference in another {operation}")]
    ReferenceReused {
        /// Who.
        provider: P,
        /// What.
        operation: O,
    },
    /// The provider is not called for now, because it failed too often.
    #[error("{provider} is not asked for {operation} for {} ms", retry_after.as_millis())]
    CircuitOpen {
        /// Who.
        provider: P,
        /// What.
        operation: O,
        /// When it is asked again.
        retry_after: Duration,
    },
    /// There is no answer. A call that changes something may have been carried out.
    #[error("{operation} at {provider} has no answer")]
    NoAnswer {
        /// Who.
        provider: P,
        /// What.
        operation: O,
        /// What happened to the call.
        #[source]
        source: OutboundError,
    },
    /// The provider says that it failed. A call that changes something may have been carried out.
    #[error("{provider} failed at {operation} with status {status}")]
    Failed {
        /// Who.
        provider: P,
        /// What.
        operation: O,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is not what the interface documents. A call that changes something may have been
    /// carried out.
    #[error("the answer of {provider} to {operation} is not understood: {reason}")]
    Nonsense {
        /// Who.
        provider: P,
        /// What.
        operation: O,
        /// What is wrong with it, without its content.
        reason: String,
    },
    /// A list was searched for what an earlier call may have left behind, and there is more of the list
    /// than is searched. It may have been done.
    #[error("{provider} has more than is searched for {operation}")]
    SearchEnded {
        /// Who.
        provider: P,
        /// What.
        operation: O,
    },
    /// What an earlier call left behind cannot be looked up, for whatever reason. It may have been done.
    #[error("whether it was done cannot be looked up")]
    NotKnown {
        /// What the look-up says of itself.
        #[source]
        source: Box<Self>,
    },
    /// The key is not accepted.
    #[error("{provider} does not accept our credentials for {operation}")]
    CredentialsRefused {
        /// Who.
        provider: P,
        /// What.
        operation: O,
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
        provider: P,
        /// What.
        operation: O,
    },
}

impl<P: 'static, O: 'static> CallError<P, O> {
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
            | Self::Nonsense { .. }
            | Self::SearchEnded { .. }
            | Self::NotKnown { .. } => Advice::LookUpFirst,
            Self::CredentialsRefused { .. } => Advice::TellAPerson,
        }
    }

    /// Whether it says something about the provider's health rather than about the request.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::Failed { .. } | Self::Nonsense { .. } => true,
            Self::NotKnown { source } => source.is_outage(),
            Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::InProgress { .. }
            | Self::ReferenceReused { .. }
            | Self::CircuitOpen { .. }
            | Self::SearchEnded { .. }
            | Self::CredentialsRefused { .. }
            | Self::Invalid { .. }
            | Self::Unsupported { .. } => false,
        }
    }
}

/// Why an adapter cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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

#[cfg(test)]
mod tests {
    use super::Refusal;
    use crate::gateways::{GatewayError, Operation, Provider};

    const PROVIDER: Provider = Provider::Stripe;

    fn refused(code: &str, field: &str) -> GatewayError {
        GatewayError::Refused {
            provider: PROVIDER,
            operation: Operation::Payout,
            refusal: Box::new(Refusal {
                status: 400,
                code: code.to_owned(),
                reason: Some("for asha@example.org".to_owned()),
                message: "Invalid email address: asha@example.org".to_owned(),
                field: Some(field.to_owned()),
            }),
        }
    }

    #[test]
    fn a_refusal_tells_nothing_of_the_payer() {
        let error = refused("email_invalid", "customer[email]");
        assert_eq!(
            error.to_string(),
            "stripe refused payout: email_invalid with status 400 about customer[email]"
        );
        for error in [error, refused("asha@example.org", "asha@example.org: no")] {
            for told in [error.to_string(), format!("{error:?}")] {
                assert!(!told.contains("asha"), "{told}");
            }
        }
    }
}
