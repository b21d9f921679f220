//! What follows when a person was erased: the key is destroyed, and whatever else tells of the person is
//! forgotten, wherever it is kept.
//!
//! The log is the truth: from the tombstone (`ProfileErased`) on a person is erased for whoever asks. What is
//! still to be destroyed is driven from there. A ledger's profiles are followed in order, and the checkpoint
//! moves only when every step has been taken for an event; so a crash, a lost connection or a step that
//! fails only delays the rest, and nothing has to be remembered between tombstone and key. Steps can be
//! taken any number of times and on any number of nodes at once.
//!
//! **Every step is taken twice**: at once, and [`AFTERGLOW`] later. What was under way when the person was
//! erased may write down behind the first what it had read before: a request its payer, a job its page.
//!
//! It also keeps the index by which persons are found (`Vault::note_addresses`), for the same reason: it
//! follows from the log, and is gone when the key is.
//!
//! A step that keeps failing is an error for a person, once, and a failed part of the node.

mod checks;
mod payers;
mod webhooks;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use event_store::{ErrorChain, LogError, LogReader, LogSignal, Vault, VaultError};
use ledger_core::event::RecordedEvent;
use ledger_core::profile::ProfileEvent;
use ledger_core::{Event, LedgerName, OwnerId, Position};
use sqlx::postgres::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::work_status::{PartStatus, WorkStatus};

pub use checks::ForgetChecks;
pub use payers::ForgetPayers;
pub use webhooks::{ForgetWebhooks, PersonAddresses};

/// How long requests, jobs and leases may go on that have begun before a person was erased, with much to
/// spare.
pub const AFTERGLOW: Duration = Duration::from_secs(10 * 60);

/// One of the two times that steps are taken.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// The name of its checkpoint.
    process: &'static str,
    /// How old the tombstone has to be; `None` for at once, whatever a clock says.
    after: Option<TimeDelta>,
    /// How long it waits after a fault, and at most for news of the log.
    pause: Duration,
}

/// Events read at a time.
const BATCH: i64 = 100;

/// How long it waits after a fault, and at most for news of the log: what a missed notification costs.
const PAUSE: Duration = Duration::from_secs(1);

/// The same when steps are taken again, which nobody waits for.
const AFTERGLOW_PAUSE: Duration = Duration::from_secs(30);

/// How often it looks at most, however fast the log grows.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

/// Why a step could not be taken.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// Why a step could not be taken; it is tried again.
#[derive(Debug, thiserror::Error)]
#[error("the step {step} cannot be taken")]
pub struct ErasureFault {
    /// Which step.
    pub step: &'static str,
    /// Why.
    #[source]
    pub source: StepError,
}

/// Forgets what one part of the deployment has of a person.
#[async_trait]
pub trait ErasureStep: Send + Sync + fmt::Debug {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// Forgets it. It may have been done before.
    ///
    /// # Errors
    /// Whatever keeps it from being done; it is asked again.
    async fn forget(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), StepError>;
}

/// Follows the profiles of every ledger.
#[derive(Debug)]
pub struct Erasure {
    vault: Vault,
    steps: Vec<Arc<dyn ErasureStep>>,
    pool: PgPool,
    log: LogReader,
    signal: LogSignal,
    status: WorkStatus,
    rounds: [Round; 2],
}

/// Why it cannot go on; it is tried again.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the log cannot be followed")]
    Log(#[from] LogError),
    #[error("the checkpoint cannot be read or moved")]
    Database(#[from] sqlx::Error),
    #[error("the keys of persons cannot be used")]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Step(#[from] ErasureFault),
}

impl Erasure {
    /// Destroys keys in `vault` and takes `steps`, in order, and again `afterglow` later; [`Erasure::run`]
    /// starts it.
    #[must_use]
    pub fn new(
        vault: Vault,
        steps: Vec<Arc<dyn ErasureStep>>,
        pool: PgPool,
        signal: LogSignal,
        status: WorkStatus,
        afterglow: Duration,
    ) -> Self {
        let first = Round {
            process: "erasure",
            after: None,
            pause: PAUSE,
        };
        let second = Round {
            process: "erasure_again",
            after: Some(TimeDelta::from_std(afterglow).unwrap_or(TimeDelta::MAX)),
            pause: AFTERGLOW_PAUSE.min(afterglow),
        };
        Self {
            rounds: [first, second],
            vault,
            steps,
            log: LogReader::new(pool.clone()),
            pool,
            signal,
            status,
        }
    }

    /// Runs until `shutdown` is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let this = Arc::new(self);
        let mut ledgers = this.signal.ledgers();
        let mut followed: Vec<LedgerName> = Vec::new();
        let mut tasks = JoinSet::new();
        loop {
            for ledger in ledgers.borrow_and_update().clone() {
                if !followed.contains(&ledger) {
                    followed.push(ledger);
                    for round in this.rounds {
                        tasks.spawn(Arc::clone(&this).follow(ledger, round, shutdown.clone()));
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = ledgers.changed() => if changed.is_err() { break },
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn follow(
        self: Arc<Self>,
        ledger: LedgerName,
        round: Round,
        shutdown: CancellationToken,
    ) {
        let mut head = self.signal.head(ledger);
        let mut known: Option<String> = None;
        loop {
            head.mark_unchanged();
            let failure = tokio::select! {
                () = shutdown.cancelled() => return,
                done = self.catch_up(ledger, round) => done.err(),
            };
            self.tell(ledger, round, failure.as_ref(), &mut known);
            let is_timed = failure.is_some() || round.after.is_some();
            let news = async {
                if is_timed {
                    return std::future::pending().await;
                }
                head.changed().await
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = news => if changed.is_err() { return },
                () = tokio::time::sleep(round.pause) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LEAST_PAUSE) => {}
            }
        }
    }

    fn tell(
        &self,
        ledger: LedgerName,
        round: Round,
        failure: Option<&FollowError>,
        known: &mut Option<String>,
    ) {
        let reason = failure.map(|error| ErrorChain(error).to_string());
        if reason.is_some() && *known != reason {
            tracing::error!(
                %ledger,
                error = reason,
                "what tells of an erased person cannot be destroyed; it is tried again"
            );
        }
        let status = PartStatus {
            failure: reason.clone(),
            lag_positions: None,
        };
        let part = format!("process.{ledger}.{}", round.process);
        self.status.tell(&part, status);
        *known = reason;
    }

    /// Takes every step up to the end of the log, or to what is old enough.
    async fn catch_up(&self, ledger: LedgerName, round: Round) -> Result<(), FollowError> {
        loop {
            let from = self.checkpoint(ledger, round).await?;
            let events = self.log.profiles_after(ledger, from, BATCH).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                // A clock that is put back delays it.
                let age = Utc::now() - event.recorded_at.as_datetime();
                if round.after.is_some_and(|after| age < after) {
                    return Ok(());
                }
                self.take_steps(ledger, round, event).await?;
                self.move_checkpoint(ledger, round, event.position).await?;
            }
        }
    }

    async fn take_steps(
        &self,
        ledger: LedgerName,
        round: Round,
        event: &RecordedEvent,
    ) -> Result<(), FollowError> {
        let Event::Profile(profile) = &event.event else {
            return Ok(());
        };
        match &**profile {
            ProfileEvent::ProfileRecorded { .. } => {
                self.vault.note_addresses(ledger, event).await?;
            }
            ProfileEvent::ProfileErased { owner, .. } => {
                self.vault.destroy(ledger, owner.key()).await?;
                for step in &self.steps {
                    let forgotten = step.forget(ledger, owner).await;
                    forgotten.map_err(|source| ErasureFault {
                        step: step.name(),
                        source,
                    })?;
                }
                metrics::counter!("daybook_erasures_total", "round" => round.process).increment(1);
                tracing::info!(
                    %ledger,
                    event.position = event.position.value(),
                    "what told of an erased person is destroyed"
                );
            }
        }
        Ok(())
    }

    async fn checkpoint(&self, ledger: LedgerName, round: Round) -> Result<Position, sqlx::Error> {
        let position: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM workflows.checkpoint WHERE process = $1 AND ledger = $2",
        )
        .bind(round.process)
        .bind(ledger.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(Position::START.plus(position.unwrap_or_default()))
    }

    /// Forward only: of two nodes the one that is behind takes nothing back.
    async fn move_checkpoint(
        &self,
        ledger: LedgerName,
        round: Round,
        to: Position,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO workflows.checkpoint AS checkpoint (process, ledger, position) \
             VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT checkpoint_pkey \
             DO UPDATE SET position = $3 WHERE checkpoint.position < $3",
        )
        .bind(round.process)
        .bind(ledger.as_str())
        .bind(to.value())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
