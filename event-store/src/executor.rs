//! The executor: decides commands against the book and appends their events, many at a time.
//!
//! One task per ledger and node. It collects the commands that are waiting, loads what the book
//! lacks, decides each in order, and appends all of their events in one statement that also moves
//! the ledger's head: one round trip, one flush. While that append is under way the next commands
//! are already decided on top of it.
//!
//! **Any number of nodes.** The statement moves the head only from where this executor thinks it
//! is. If another node wrote, nothing is appended: the executor takes its decisions back, applies
//! the events in between and decides again. No leader and no lock service is needed for
//! correctness. So that this happens rarely, executors take turns (`turns`).
//!
//! **Answers.** A caller is answered only when everything the decision saw is durable: acceptance
//! after its own append, refusal after a check that the head is still where the refusal was
//! decided. So answers are strictly serializable, refusals too.
//!
//! **Unknown outcome.** When the connection breaks during an append, the executor raises the
//! head's fence, which shuts out the lost connection's statement, and then reads whether the batch
//! is in the log. Only then is anyone answered, unless PostgreSQL stays away for longer than
//! [`ExecutorSettings::patience`].
//!
//! **Idempotency.** The key is written by the append statement: into the event that begins what has
//! the key as its id, or else as a row. Keys are not looked up beforehand: a key used before makes
//! the statement fail, and the batch is decided again with its keys looked up. A refusal is given only after the key was looked up, since the first attempt may
//! have been accepted.
//!
//! **Persons.** What a command records of a person is sealed under that person's key ([`crate::vault`])
//! after it is decided, when its place in the stream is known, and before it is written. The key is made or
//! read before the decision; an event with anything personal that is not sealed cannot be written.
//!
//! Bounds: [`ExecutorSettings`]. Round trips per batch: one, plus one for what the book lacks.

mod append;
mod batch;
mod columns;
mod decide;
mod gathering;
mod idempotency_key;
mod keys;
mod ledger_task;
mod lookup;
mod outcome;
mod persons;
mod recovery;
mod submission;
mod turn_taking;

pub(crate) use append::create_view_in_tx;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger_core::LedgerName;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::Database;
use crate::log::LogReader;
use crate::signal::LogSignal;
use crate::vault::Vault;

pub use idempotency_key::IdempotencyKey;
pub use lookup::{AccountSnapshot, AccountSource, UsageSnapshot};
pub use outcome::{Applied, CommandOutcome, Outcome, Refusal};
pub use submission::{Atomicity, Submission, SubmitError};

use persons::Persons;
use submission::{Request, Waiting};

/// Bounds of an executor.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// Submissions that may wait before new ones are refused as overloaded.
    pub queue: usize,
    /// Commands decided into one append, about.
    pub batch_commands: usize,
    /// Entities of each kind kept in the book.
    pub cached_entities: usize,
    /// Entities that the book may come to keep because the accounts read model lags; then commands are
    /// refused as overloaded until it has caught up.
    pub lagging_entities: usize,
    /// Idempotency keys kept in memory.
    pub cached_keys: usize,
    /// How long callers wait for PostgreSQL to come back before they are told to try again.
    pub patience: Duration,
}

impl Default for ExecutorSettings {
    fn default() -> Self {
        Self {
            queue: 8_192,
            batch_commands: 2_048,
            cached_entities: 100_000,
            lagging_entities: 1_000_000,
            cached_keys: 100_000,
            patience: Duration::from_secs(5),
        }
    }
}

/// The executors of one node: one per ledger, started when first needed.
#[derive(Debug, Clone)]
pub struct Executors {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    database: Database,
    signal: LogSignal,
    accounts: Arc<dyn AccountSource>,
    persons: Persons,
    settings: ExecutorSettings,
    running: Mutex<HashMap<LedgerName, mpsc::Sender<Request>>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Executors {
    /// Executors that append to `database` and load cold accounts from `accounts`. They have no keys of
    /// persons, so that commands which record anything personal fail.
    #[must_use]
    pub fn new(
        database: Database,
        signal: LogSignal,
        accounts: Arc<dyn AccountSource>,
        settings: ExecutorSettings,
    ) -> Self {
        Self::with_persons(database, signal, accounts, Persons::None, settings)
    }

    /// Executors that seal what is personal under the keys in `vault`.
    #[must_use]
    pub fn with_vault(
        database: Database,
        signal: LogSignal,
        accounts: Arc<dyn AccountSource>,
        vault: Vault,
        settings: ExecutorSettings,
    ) -> Self {
        let persons = Persons::Sealed(vault);
        Self::with_persons(database, signal, accounts, persons, settings)
    }

    fn with_persons(
        database: Database,
        signal: LogSignal,
        accounts: Arc<dyn AccountSource>,
        persons: Persons,
        settings: ExecutorSettings,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                database,
                signal,
                accounts,
                persons,
                settings,
                running: Mutex::default(),
                shutdown: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// Decides a submission and waits until its outcome is durable.
    ///
    /// # Errors
    /// [`SubmitError`]; a refusal by a rule is not an error but an [`Outcome`].
    pub async fn submit(
        &self,
        ledger: LedgerName,
        submission: Submission,
    ) -> Result<Outcome, SubmitError> {
        let sender = self.sender(ledger, &submission).await?;
        let (request, answer) = Waiting::new(submission);
        sender.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
        })?;
        answer.await.unwrap_or(Err(SubmitError::Fault))
    }

    /// Takes no more submissions, finishes those taken, and returns when all are answered.
    pub async fn stop(&self) {
        self.shared.shutdown.cancel();
        self.running().clear();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    async fn sender(
        &self,
        ledger: LedgerName,
        submission: &Submission,
    ) -> Result<mpsc::Sender<Request>, SubmitError> {
        if self.shared.shutdown.is_cancelled() {
            return Err(SubmitError::Stopping);
        }
        if let Some(sender) = self.running().get(&ledger)
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        self.check_exists(ledger, submission).await?;
        let mut running = self.running();
        if let Some(sender) = running.get(&ledger)
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        let sender = self.start(ledger);
        running.insert(ledger, sender.clone());
        Ok(sender)
    }

    async fn check_exists(
        &self,
        ledger: LedgerName,
        submission: &Submission,
    ) -> Result<(), SubmitError> {
        if submission.opens_ledger() {
            append::create_ledger(self.shared.database.pool(), ledger)
                .await
                .map_err(|error| SubmitError::unavailable(&error))?;
        }
        let reader = LogReader::new(self.shared.database.pool().clone());
        // A ledger is a sandbox from its first moment on or never, so that a task that runs need not ask again.
        match reader.head(ledger).await {
            Ok(Some(head)) if head.is_sandbox => Err(SubmitError::LedgerIsSandbox { ledger }),
            Ok(Some(_)) => Ok(()),
            Ok(None) if submission.opens_ledger() => Ok(()),
            Ok(None) => Err(SubmitError::LedgerNotFound { ledger }),
            Err(error) => Err(SubmitError::unavailable(&error)),
        }
    }

    fn start(&self, ledger: LedgerName) -> mpsc::Sender<Request> {
        let (sender, receiver) = mpsc::channel(self.shared.settings.queue);
        let task = ledger_task::LedgerTask::new(
            ledger,
            self.shared.database.clone(),
            self.shared.signal.clone(),
            Arc::clone(&self.shared.accounts),
            self.shared.persons.clone(),
            self.shared.settings.clone(),
            receiver,
        );
        self.shared.tasks.spawn(task.run());
        sender
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<LedgerName, mpsc::Sender<Request>>> {
        self.shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
