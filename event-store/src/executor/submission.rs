//! What is handed to an executor.

use crate::error_chain::ErrorChain;
use std::time::Instant;

use ledger_core::event::EventMetadata;
use ledger_core::{Command, LedgerName};
use tokio::sync::oneshot;

use super::idempotency_key::IdempotencyKey;
use super::outcome::Outcome;

/// Whether the commands of one submission stand or fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// Each is decided for itself; a refused one does not affect the others.
    Independent,
    /// The first refusal refuses all.
    AllOrNothing,
    /// As `AllOrNothing`, and nothing is written: the outcome tells what would have happened.
    DryRun,
}

/// Commands that are handed over, decided and answered together.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What is asked, in order. At least one.
    pub commands: Vec<Command>,
    /// Whether they stand or fall together.
    pub atomicity: Atomicity,
    /// The caller's key, if it may ask again.
    pub idempotency: Option<IdempotencyKey>,
    /// Who and what caused it; the same on every event. The command id must be new.
    pub metadata: EventMetadata,
}

impl Submission {
    pub(super) fn opens_ledger(&self) -> bool {
        matches!(self.commands.as_slice(), [Command::OpenLedger { .. }])
    }
}

/// Why a submission has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// There is no such ledger.
    #[error("the ledger {ledger} does not exist")]
    LedgerNotFound {
        /// The ledger.
        ledger: LedgerName,
    },
    /// The ledger is a fork of another, in which nothing may happen.
    #[error("the ledger {ledger} is a sandbox: it can be read and not changed")]
    LedgerIsSandbox {
        /// The ledger.
        ledger: LedgerName,
    },
    /// The key was used for another request.
    #[error("the idempotency key was used before for another request")]
    IdempotencyKeyReused,
    /// Too many submissions are waiting. Nothing was done.
    #[error("too many commands are waiting, try again later")]
    Overloaded,
    /// The service is stopping. Nothing was done.
    #[error("the service is stopping")]
    Stopping,
    /// PostgreSQL cannot be reached. Nothing was done.
    #[error("the log cannot be reached, try again later")]
    Unavailable,
    /// PostgreSQL was lost while the events were written, and has not come back in time.
    #[error(
        "the log was lost while writing: ask again with the same idempotency key to learn the outcome"
    )]
    OutcomeUnknown,
    /// Daybook failed on this submission. Nothing was done.
    #[error("the command failed inside Daybook")]
    Fault,
}

impl SubmitError {
    pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = %ErrorChain(error), "a command could not reach the log");
        Self::Unavailable
    }

    /// The stable code; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LedgerNotFound { .. } => "ledger_not_found",
            Self::LedgerIsSandbox { .. } => "ledger_is_sandbox",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::Overloaded => "overloaded",
            Self::Stopping => "stopping",
            Self::Unavailable => "log_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Fault => "internal_fault",
        }
    }
}

/// A submission on its way. In a box, because it is large and handed on many times.
pub(super) type Request = Box<Waiting>;

/// A submission, and where its answer goes.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) submission: Submission,
    /// How often a decision on it was taken back.
    pub(super) attempts: u32,
    received: Instant,
    answer: oneshot::Sender<Result<Outcome, SubmitError>>,
}

impl Waiting {
    pub(super) fn new(
        submission: Submission,
    ) -> (Request, oneshot::Receiver<Result<Outcome, SubmitError>>) {
        let (answer, receiver) = oneshot::channel();
        let request = Self {
            submission,
            attempts: 0,
            received: Instant::now(),
            answer,
        };
        (Box::new(request), receiver)
    }

    /// A caller that has gone away does not change what was decided.
    pub(super) fn answer(self: Box<Self>, answer: Result<Outcome, SubmitError>) {
        metrics::histogram!("daybook_command_duration_seconds").record(self.received.elapsed());
        drop(self.answer.send(answer));
    }
}
