//! Handing commands to the executor, and what they are answered with.

use std::sync::Arc;
use std::time::Instant;

use event_store::executor::{
    Applied, Atomicity, CommandOutcome, Executors, IdempotencyKey, Outcome, Submission, SubmitError,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ledger_core::event::EventMetadata;
use ledger_core::{Command, LedgerName, Position, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::problem::{Problem, catalogue};

/// What decides commands and makes them durable: [`Executors`], outside of tests.
pub trait CommandPort: Send + Sync {
    /// Decides a submission and waits until its outcome is durable.
    fn submit(
        &self,
        ledger: LedgerName,
        submission: Submission,
    ) -> BoxFuture<'_, Result<Outcome, SubmitError>>;
}

impl CommandPort for Executors {
    fn submit(
        &self,
        ledger: LedgerName,
        submission: Submission,
    ) -> BoxFuture<'_, Result<Outcome, SubmitError>> {
        Self::submit(self, ledger, submission).boxed()
    }
}

/// Commands of one request, with what makes it the same request when it is sent again.
#[derive(Debug)]
pub struct Intent<'a, B> {
    /// The ledger.
    pub ledger: LedgerName,
    /// What makes it the same request.
    pub key: Key,
    /// The request as understood; hashed.
    pub request: &'a B,
    /// What is asked.
    pub commands: Vec<Command>,
    /// Whether the commands stand or fall together.
    pub atomicity: Atomicity,
}

impl<'a, B> Intent<'a, B> {
    /// An intent of one command.
    #[must_use]
    pub fn of_one(ledger: LedgerName, key: Key, request: &'a B, command: Command) -> Self {
        Self {
            ledger,
            key,
            request,
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
        }
    }
}

/// The commands' way to the ledger.
#[derive(Clone)]
pub struct Commands {
    port: Arc<dyn CommandPort>,
}

impl Commands {
    /// Commands go to this port.
    #[must_use]
    pub fn new(port: Arc<dyn CommandPort>) -> Self {
        Self { port }
    }

    /// Carries an intent out.
    ///
    /// # Errors
    /// The problem when there is no outcome; refusals are part of the outcome.
    pub async fn submit<B: Serialize>(
        &self,
        context: &RequestContext,
        intent: Intent<'_, B>,
    ) -> Result<Outcome, Problem> {
        self.submit_as(context, intent, Uuid::now_v7()).await
    }

    /// Carries an intent out under an id that its events carry, and that no other has.
    async fn submit_as<B: Serialize>(
        &self,
        context: &RequestContext,
        intent: Intent<'_, B>,
        command_id: Uuid,
    ) -> Result<Outcome, Problem> {
        let started = Instant::now();
        context
            .caller
            .check_commands(intent.ledger, &intent.commands)
            .await?;
        let name = match intent.commands.as_slice() {
            [only] => only.name(),
            _ => "Batch",
        };
        // A dry run leaves nothing, so there is nothing to give again.
        let idempotency = match intent.atomicity {
            Atomicity::DryRun => None,
            Atomicity::Independent | Atomicity::AllOrNothing => {
                intent.key.for_request(context, intent.request)?
            }
        };
        let submission = Submission {
            commands: intent.commands,
            atomicity: intent.atomicity,
            idempotency,
            metadata: EventMetadata {
                command_id,
                actor: context.caller.actor(),
                correlation_id: Some(context.correlation_id.clone()),
                causation_id: None,
                idempotency: None,
            },
        };
        let outcome = self.port.submit(intent.ledger, submission).await;
        metrics::histogram!(
            "daybook_command_duration_seconds",
            "command" => name,
            "result" => result_label(&outcome),
        )
        .record(started.elapsed());
        if let Ok(outcome) = &outcome {
            tracing::Span::current().record("event.position", outcome.position.value());
        }
        Ok(outcome?)
    }

    /// Carries an intent of one command out.
    ///
    /// # Errors
    /// The problem when it was refused or has no outcome.
    pub async fn submit_one<B: Serialize>(
        &self,
        context: &RequestContext,
        intent: Intent<'_, B>,
    ) -> Result<Carried, Problem> {
        self.submit_one_as(context, intent, Uuid::now_v7()).await
    }

    /// Carries an intent of one command out under an id that its events carry, and that no other has.
    ///
    /// # Errors
    /// The problem when it was refused or has no outcome.
    pub async fn submit_one_as<B: Serialize>(
        &self,
        context: &RequestContext,
        intent: Intent<'_, B>,
        command_id: Uuid,
    ) -> Result<Carried, Problem> {
        let outcome = self.submit_as(context, intent, command_id).await?;
        carried(&outcome)
    }
}

impl Commands {
    /// Carries out what somebody asked for before, in another request.
    ///
    /// # Errors
    /// The problem when it was refused or has no outcome.
    pub async fn submit_later(&self, later: Later) -> Result<Carried, Problem> {
        let submission = Submission {
            commands: vec![later.command],
            atomicity: Atomicity::AllOrNothing,
            idempotency: Some(later.key),
            metadata: EventMetadata {
                command_id: Uuid::now_v7(),
                actor: later.actor,
                correlation_id: Some(later.correlation_id),
                causation_id: None,
                idempotency: None,
            },
        };
        carried(&self.port.submit(later.ledger, submission).await?)
    }
}

/// A command that somebody has asked for before, and may no more be who sends the request.
#[derive(Debug)]
pub struct Later {
    /// The ledger.
    pub ledger: LedgerName,
    /// What is asked.
    pub command: Command,
    /// What makes it the same intent.
    pub key: IdempotencyKey,
    /// Who asked.
    pub actor: Option<String>,
    /// What the request belongs to.
    pub correlation_id: String,
}

fn carried(outcome: &Outcome) -> Result<Carried, Problem> {
    match outcome.commands.first() {
        Some(CommandOutcome::Applied(applied)) => Ok(Carried::new(outcome, applied)),
        Some(CommandOutcome::Refused(refusal)) => Err((&**refusal).into()),
        Some(CommandOutcome::NotApplied) | None => Err(Problem::new(
            catalogue::INTERNAL_FAULT,
            "the command has no outcome",
        )),
    }
}

fn result_label(outcome: &Result<Outcome, SubmitError>) -> &'static str {
    match outcome {
        Ok(outcome) if outcome.replayed => "replayed",
        Ok(outcome) if outcome.refusal().is_some() => "refused",
        Ok(_) => "applied",
        Err(error) => error.code(),
    }
}

/// A command that took effect.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    /// The position of its last event; in a dry run, the head it was decided at.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The id of what it began, as the first reply gave it.
    pub created: Option<Uuid>,
    /// Whether this was answered before.
    pub replayed: bool,
}

impl Carried {
    fn new(outcome: &Outcome, applied: &Applied) -> Self {
        Self {
            position: outcome.position,
            recorded_at: outcome.recorded_at,
            created: applied.created,
            replayed: outcome.replayed,
        }
    }
}
