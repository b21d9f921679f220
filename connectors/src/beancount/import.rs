//! Carries a plan out: submits its commands in order, each batch once.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use event_store::executor::{
    Atomicity, CommandOutcome, Executors, IdempotencyKey, Outcome, Refusal, Submission, SubmitError,
};
use ledger_core::event::EventMetadata;
use ledger_core::posting::NormalSide;
use ledger_core::{Command, LedgerName, Position};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::ImportError;
use super::plan::{ImportRequest, Plan, open_system_account, plan};
use super::python::Python;
use super::report::{ImportReport, Progress};

/// Commands in one submission. Part of what an idempotency key stands for: with another number,
/// an import that was begun could not be gone on with.
const BATCH_COMMANDS: usize = 250;

/// The scope of the import's idempotency keys.
const SCOPE: &str = "import.beancount";

/// How often a submission is tried again while the log is busy or away.
const MAX_RETRIES: u32 = 5;
/// The wait before the first retry; each next one is twice as long.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Where commands are submitted: in production, the executors.
pub trait SubmitCommands: Sync {
    /// Decides a submission and waits until its outcome is durable; see [`Executors::submit`].
    ///
    /// # Errors
    /// [`SubmitError`].
    fn submit_commands(
        &self,
        ledger: LedgerName,
        submission: Submission,
    ) -> impl Future<Output = Result<Outcome, SubmitError>> + Send;
}

impl SubmitCommands for Executors {
    async fn submit_commands(
        &self,
        ledger: LedgerName,
        submission: Submission,
    ) -> Result<Outcome, SubmitError> {
        self.submit(ledger, submission).await
    }
}

/// Imports a beancount file: reads it, opens the ledger when it does not exist, and posts.
///
/// `progress` is called after every batch. See the [module](super) for what happens when the same
/// books are imported again.
///
/// # Errors
/// [`ImportError`]. Before [`ImportError::Refused`] and [`ImportError::Submit`] nothing has been
/// written but the ledger itself; after these, what was posted stays.
pub async fn import(
    request: &ImportRequest,
    executors: &impl SubmitCommands,
    python: &Python,
    progress: impl FnMut(Progress) + Send,
) -> Result<ImportReport, ImportError> {
    let plan = prepare(request, python).await?;
    carry_out(&plan, executors, progress).await
}

/// Reads the file and plans its import, without writing anything.
///
/// # Errors
/// [`ImportError`].
pub async fn prepare(request: &ImportRequest, python: &Python) -> Result<Plan, ImportError> {
    let journal = python.journal(&request.file).await?;
    plan(request, &journal)
}

/// Submits a plan's commands.
///
/// # Errors
/// [`ImportError`], as [`import()`].
pub async fn carry_out(
    plan: &Plan,
    executors: &impl SubmitCommands,
    progress: impl FnMut(Progress) + Send,
) -> Result<ImportReport, ImportError> {
    let mut run = Run {
        plan,
        executors,
        report: ImportReport {
            ledger: plan.ledger,
            ledger_opened: false,
            posted: 0,
            already_posted: 0,
            without_movement: plan.without_movement,
            set_up: 0,
            accounts: plan.accounts.clone(),
            assets: plan.assets.clone(),
            position: Position::START,
        },
    };
    run.open_ledger().await?;
    run.set_up().await?;
    run.post(progress).await?;
    tracing::info!(
        ledger = %plan.ledger,
        posted = run.report.posted,
        already_posted = run.report.already_posted,
        position = %run.report.position,
        "a beancount file was imported"
    );
    Ok(run.report)
}

struct Run<'a, Executors> {
    plan: &'a Plan,
    executors: &'a Executors,
    report: ImportReport,
}

impl<Submitter: SubmitCommands> Run<'_, Submitter> {
    async fn open_ledger(&mut self) -> Result<(), ImportError> {
        let submission = self.without_key(self.plan.open_ledger());
        let outcome = self.submit(submission).await?;
        match outcome.refusal() {
            None => self.report.ledger_opened = true,
            Some(refusal) if refusal.code == "ledger_exists" => {}
            Some(refusal) => return Err(self.refused("to be opened".to_owned(), refusal)),
        }
        Ok(())
    }

    /// Registers and opens what the ledger does not have yet.
    async fn set_up(&mut self) -> Result<(), ImportError> {
        for (index, batch) in self.plan.setup.chunks(BATCH_COMMANDS).enumerate() {
            let mut wanted = batch.to_vec();
            while !wanted.is_empty() {
                let submission = self.submission("setup", index, wanted.clone());
                let outcome = self.submit(submission).await?;
                if self.settle_setup(&mut wanted, &outcome)?.is_break() {
                    break;
                }
            }
        }
        if self.report.ledger_opened {
            return Ok(());
        }
        self.open_conversions().await
    }

    /// A ledger that others opened may lack the account through which conversions go.
    async fn open_conversions(&mut self) -> Result<(), ImportError> {
        let command = open_system_account(self.plan.conversions, NormalSide::Debit);
        let mut wanted = vec![command.clone()];
        let outcome = self.submit(self.without_key(command)).await?;
        self.settle_setup(&mut wanted, &outcome).map(drop)
    }

    /// Leaves out what the ledger has already, such as an account of an earlier file. Trying the
    /// rest under the same key is safe: a refused submission leaves its key unused.
    fn settle_setup(
        &mut self,
        wanted: &mut Vec<Command>,
        outcome: &Outcome,
    ) -> Result<ControlFlow<()>, ImportError> {
        let Some((index, refusal)) = first_refusal(outcome) else {
            if !outcome.replayed {
                self.report.set_up += wanted.len();
            }
            self.report.position = self.report.position.max(outcome.position);
            return Ok(ControlFlow::Break(()));
        };
        let command = wanted.get(index);
        match (command, refusal.code.as_str()) {
            (Some(Command::OpenSystemAccount { .. }), "system_account_exists") => {}
            (Some(Command::RegisterAsset { scale, .. }), "asset_exists") => {
                check_scale(refusal, *scale)?;
            }
            _ => {
                let what = command.map_or("a command", Command::name).to_owned();
                return Err(self.refused(what, refusal));
            }
        }
        wanted.remove(index);
        Ok(ControlFlow::Continue(()))
    }

    async fn post(&mut self, mut progress: impl FnMut(Progress) + Send) -> Result<(), ImportError> {
        progress(self.progress());
        for (index, batch) in self.plan.transactions.chunks(BATCH_COMMANDS).enumerate() {
            let commands = batch
                .iter()
                .map(|planned| planned.command.clone())
                .collect();
            let submission = self.submission("transactions", index, commands);
            let outcome = self.submit(submission).await?;
            if let Some((index, refusal)) = first_refusal(&outcome) {
                let origin = batch.get(index).map(|planned| planned.origin.to_string());
                let what = format!("the transaction at {}", origin.unwrap_or_default());
                return Err(self.refused(what, refusal));
            }
            if outcome.replayed {
                self.report.already_posted += batch.len();
            } else {
                self.report.posted += batch.len();
            }
            self.report.position = self.report.position.max(outcome.position);
            progress(self.progress());
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.report.posted + self.report.already_posted,
            total: self.plan.transactions.len(),
        }
    }

    fn submission(&self, step: &str, index: usize, commands: Vec<Command>) -> Submission {
        let key = format!("{}/{step}/{index}", self.plan.namespace);
        let request_hash = Sha256::new()
            .chain_update(self.plan.content_hash)
            .chain_update(&key)
            .finalize()
            .into();
        Submission {
            commands,
            atomicity: Atomicity::AllOrNothing,
            idempotency: Some(IdempotencyKey::new(SCOPE.to_owned(), key, request_hash)),
            metadata: metadata(self.plan),
        }
    }

    /// For a command that is refused when it has been carried out before.
    fn without_key(&self, command: Command) -> Submission {
        Submission {
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
            idempotency: None,
            metadata: metadata(self.plan),
        }
    }

    /// Submits, and again while the log is busy or away. That is safe: a submission with a key
    /// takes effect once, and opening a ledger twice is refused.
    async fn submit(&self, submission: Submission) -> Result<Outcome, ImportError> {
        let mut delay = FIRST_RETRY_DELAY;
        for _ in 0..MAX_RETRIES {
            match self.attempt(submission.clone()).await {
                Err(
                    SubmitError::Overloaded
                    | SubmitError::Unavailable
                    | SubmitError::OutcomeUnknown,
                ) => tokio::time::sleep(delay).await,
                answer => return answer.map_err(|error| self.stopped(error)),
            }
            delay *= 2;
        }
        let answer = self.attempt(submission).await;
        answer.map_err(|error| self.stopped(error))
    }

    /// Every attempt is a command of its own.
    async fn attempt(&self, mut submission: Submission) -> Result<Outcome, SubmitError> {
        submission.metadata.command_id = Uuid::now_v7();
        self.executors
            .submit_commands(self.plan.ledger, submission)
            .await
    }

    fn stopped(&self, source: SubmitError) -> ImportError {
        if source == SubmitError::IdempotencyKeyReused {
            return ImportError::Changed {
                ledger: self.plan.ledger,
                source_name: self.plan.source_name.clone(),
            };
        }
        ImportError::Submit {
            progress: self.progress(),
            source,
        }
    }

    fn refused(&self, what: String, refusal: &Refusal) -> ImportError {
        ImportError::Refused {
            what,
            progress: self.progress(),
            refusal: refusal.clone(),
        }
    }
}

fn metadata(plan: &Plan) -> EventMetadata {
    EventMetadata {
        command_id: Uuid::now_v7(),
        actor: Some(SCOPE.to_owned()),
        correlation_id: Some(plan.namespace.to_string()),
        causation_id: None,
        idempotency: None,
    }
}

fn first_refusal(outcome: &Outcome) -> Option<(usize, &Refusal)> {
    outcome
        .commands
        .iter()
        .enumerate()
        .find_map(|(index, command)| match command {
            CommandOutcome::Refused(refusal) => Some((index, refusal)),
            CommandOutcome::Applied(_) | CommandOutcome::NotApplied => None,
        })
}

/// An asset that the ledger has already is as good if it is at least as fine.
fn check_scale(refusal: &Refusal, needed: u32) -> Result<(), ImportError> {
    let scale = refusal.context["scale"].as_u64().unwrap_or_default();
    if scale >= u64::from(needed) {
        return Ok(());
    }
    let asset = refusal.context["asset"].as_str().unwrap_or_default();
    Err(ImportError::AssetTooCoarse {
        asset: asset.to_owned(),
        scale,
        needed,
    })
}
