//! Problems from the errors of other crates.

use event_store::executor::{Refusal, SubmitError};
use event_store::{ErrorChain, LogError};
use ledger_core::OwnerId;
use poem::error::{
    MethodNotAllowedError, NotFoundError, ParsePathError, ReadBodyError, ResponseError,
};

use projections::queries::QueryError;
use workflows::identity_checks::{DeskFault, NoteFault, SubmissionFault};

use super::{FieldCode, FieldFault, Problem, Retryable, catalogue};

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.code.clone(), refusal.detail.clone())
            .with_retryable(refusal.transient.into())
            .with_context(refusal.context.clone())
    }
}

impl From<ledger_core::Rejection> for Problem {
    fn from(rejection: ledger_core::Rejection) -> Self {
        Self::from(&Refusal::from(&rejection))
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let problem = Self::new(error.code(), error.to_string());
        match error {
            SubmitError::LedgerNotFound { ledger } | SubmitError::LedgerIsSandbox { ledger } => {
                problem.with_context(serde_json::json!({ "ledger": ledger }))
            }
            SubmitError::IdempotencyKeyReused
            | SubmitError::Overloaded
            | SubmitError::Stopping
            | SubmitError::Unavailable
            | SubmitError::OutcomeUnknown
            | SubmitError::Fault => problem,
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match &error {
            LogError::Database(source) => Self::from_database(source),
            LogError::Decode { .. }
            | LogError::Metadata { .. }
            | LogError::Time { .. }
            | LogError::Gap { .. } => Self::internal(&error),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::LedgerNotFound { ledger } => {
                SubmitError::LedgerNotFound { ledger: *ledger }.into()
            }
            QueryError::PositionUnknown { position, head } => {
                Self::new(catalogue::POSITION_UNKNOWN, error.to_string())
                    .with_context(serde_json::json!({ "min_position": position, "head": head }))
            }
            QueryError::PositionNotReached { position, reached } => {
                Self::new(catalogue::POSITION_NOT_REACHED, error.to_string()).with_context(
                    serde_json::json!({ "min_position": position, "reached": reached }),
                )
            }
            QueryError::Database(source) => Self::from_database(source),
            QueryError::Row { .. } => Self::internal(&error),
        }
    }
}

impl From<NoteFault> for Problem {
    fn from(fault: NoteFault) -> Self {
        match &fault {
            NoteFault::Database(error) => Self::from_database(error),
            NoteFault::Sealed(_) | NoteFault::Text(_) => Self::internal(&fault),
        }
    }
}

impl From<DeskFault> for Problem {
    fn from(fault: DeskFault) -> Self {
        match &fault {
            DeskFault::Database(error) => Self::from_database(error),
            DeskFault::Sealed(_) | DeskFault::Text(_) => Self::internal(&fault),
        }
    }
}

impl From<SubmissionFault> for Problem {
    fn from(fault: SubmissionFault) -> Self {
        let (code, provider) = match fault {
            SubmissionFault::NotConfigured { provider } => {
                (catalogue::IDENTITY_PROVIDER_NOT_CONFIGURED, provider)
            }
            SubmissionFault::NameMissing { provider } => (catalogue::PERSON_NAME_MISSING, provider),
            SubmissionFault::ContactMissing { provider } => {
                (catalogue::PERSON_CONTACT_MISSING, provider)
            }
        };
        let context = serde_json::json!({ "provider": provider });
        Self::new(code, fault.to_string()).with_context(context)
    }
}

impl Problem {
    /// A database that cannot be reached is retryable; everything else it says is our fault.
    #[must_use]
    pub fn from_database(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::log_unavailable(error),
            sqlx::Error::Database(refusal)
                if refusal.code().is_some_and(|code| is_outage(&code)) =>
            {
                Self::log_unavailable(error)
            }
            _ => Self::internal(error),
        }
    }

    /// Nobody owns a wallet under that name.
    #[must_use]
    pub fn owner_not_found(owner: &OwnerId) -> Self {
        Self::new(catalogue::OWNER_NOT_FOUND, "the owner has no wallets")
            .with_context(serde_json::json!({ "owner": owner }))
            .with_retryable(Retryable::Yes)
    }

    fn log_unavailable(error: &sqlx::Error) -> Self {
        tracing::warn!(
            error = %ErrorChain(error),
            "a query could not reach the database"
        );
        Self::new(
            catalogue::LOG_UNAVAILABLE,
            "the database cannot be reached, try again later",
        )
    }

    /// A failure of ours: its cause goes to the log, not to the caller.
    #[must_use]
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %ErrorChain(error), "a request failed inside Daybook");
        Self::new(
            catalogue::INTERNAL_FAULT,
            "the request failed inside Daybook",
        )
    }

    /// Takes an error of `poem` as the problem it stands for.
    #[must_use]
    pub fn from_poem(error: poem::Error) -> Self {
        if let Some(problem) = error.downcast_ref::<Self>() {
            return problem.clone();
        }
        if error.is::<NotFoundError>() {
            return Self::new(catalogue::ROUTE_NOT_FOUND, "there is no such path");
        }
        if error.is::<MethodNotAllowedError>() {
            return Self::new(
                catalogue::METHOD_NOT_ALLOWED,
                "the path does not have this method",
            );
        }
        if error.is::<ParsePathError>() {
            let fault = FieldFault::new(
                FieldCode::InvalidFormat,
                "the path is not UTF-8 after percent-decoding",
            );
            return Self::invalid_request(vec![fault.at_parameter("path")]);
        }
        if let Some(read_error) = error.downcast_ref::<ReadBodyError>() {
            return Self::from_body(read_error);
        }
        tracing::error!(
            error = %ErrorChain(&error),
            "a request failed inside Daybook"
        );
        Self::new(
            catalogue::INTERNAL_FAULT,
            "the request failed inside Daybook",
        )
    }

    /// Why a body could not be read.
    #[must_use]
    pub fn from_body(error: &ReadBodyError) -> Self {
        if error.status() == poem::http::StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(catalogue::BODY_TOO_LARGE, "the body is too large");
        }
        // The client broke off; what it is told will hardly reach it.
        Self::new(
            catalogue::MALFORMED_JSON,
            "the body ended before it was complete",
        )
        .with_retryable(Retryable::Yes)
    }
}

/// Shutdown, start-up and lost connections, and too many of them (SQLSTATE classes 57P, 08, 53).
fn is_outage(code: &str) -> bool {
    code.starts_with("57P") || code.starts_with("08") || code.starts_with("53")
}
