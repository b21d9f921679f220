//! Following a ledger's log and putting work into the queue for what happens there.
//!
//! A process manager is a function of events ([`ProcessManager::react`]); this runs it. Its checkpoint
//! moves in the database transaction that puts in the jobs, and only from where this node thinks it is:
//! of two nodes that follow the same log one moves it, and the other takes its jobs back and reads on from
//! there. So each event leads to its jobs once. Their names are made of manager and position, so that even
//! without that they would not be there twice.
//!
//! An event that cannot be read stops the manager for its ledger: work about money is not skipped. That is
//! an error for a person, once, and a failed part of the node until it goes on ([`WorkStatus`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_store::{ErrorChain, LogError, LogReader, LogSignal};
use ledger_core::event::RecordedEvent;
use ledger_core::{AggregateType, LedgerName, Position};
use sqlx::postgres::{PgConnection, PgPool};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::jobs::{NewJob, insert_jobs_in_tx};
use crate::links::{Link, insert_links_in_tx};
use crate::work_status::{PartStatus, WorkStatus};

/// Events read at a time.
const BATCH: i64 = 500;

/// How long a manager waits after a fault, and at most for news of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// How long it waits when it has stopped for a reason that does not pass by itself.
const STOPPED: Duration = Duration::from_secs(10);

/// What an event leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// Work outside the ledger. The names are made unique by the runner.
    pub jobs: Vec<NewJob>,
    /// Names by which providers know things.
    pub links: Vec<Link>,
}

/// Reacts to events.
pub trait ProcessManager: Send + Sync + fmt::Debug {
    /// Its name, which its checkpoint has.
    fn name(&self) -> &'static str;

    /// The kinds of aggregates it listens to.
    fn listens_to(&self) -> &'static [AggregateType];

    /// Whether it follows a ledger.
    fn follows(&self, ledger: LedgerName) -> bool;

    /// How long it may leave news alone, so that what is written meanwhile costs one look at the log and one
    /// move of its checkpoint. Nothing, where somebody waits for what it does.
    fn patience(&self) -> Duration;

    /// What an event leads to; the same whenever it is asked, but for times that are counted from now.
    fn react(&self, ledger: LedgerName, event: &RecordedEvent) -> Reaction;

    /// Tells people what an event says that needs them. Once for each event, or again when its reaction
    /// could not be kept; nothing by default.
    fn alert(&self, _ledger: LedgerName, _event: &RecordedEvent) {}
}

/// Runs a process manager over all ledgers that it follows.
#[derive(Debug)]
pub struct ProcessRunner {
    manager: Arc<dyn ProcessManager>,
    pool: PgPool,
    log: LogReader,
    signal: LogSignal,
    status: WorkStatus,
}

/// Why events were not reacted to; it is tried again.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the log cannot be followed")]
    Log(#[from] LogError),
    #[error("what events lead to cannot be written down")]
    Database(#[from] sqlx::Error),
}

impl FollowError {
    /// Whether it passes when PostgreSQL is well again. What was read and cannot be understood will not
    /// be understood the next time.
    const fn is_transient(&self) -> bool {
        match self {
            Self::Log(LogError::Database(error)) | Self::Database(error) => {
                use sqlx::Error as Fault;
                !matches!(
                    error,
                    Fault::Decode(_)
                        | Fault::ColumnDecode { .. }
                        | Fault::ColumnNotFound(_)
                        | Fault::Encode(_)
                        | Fault::TypeNotFound { .. }
                )
            }
            Self::Log(
                LogError::Decode { .. }
                | LogError::Metadata { .. }
                | LogError::Time { .. }
                | LogError::Gap { .. },
            ) => false,
        }
    }
}

impl ProcessRunner {
    /// A runner; [`ProcessRunner::run`] starts it, and `status` says how far it is.
    #[must_use]
    pub fn new(
        manager: Arc<dyn ProcessManager>,
        pool: PgPool,
        signal: LogSignal,
        status: WorkStatus,
    ) -> Self {
        Self {
            manager,
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
                if !followed.contains(&ledger) && this.manager.follows(ledger) {
                    followed.push(ledger);
                    tasks.spawn(Arc::clone(&this).follow(ledger, shutdown.clone()));
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = ledgers.changed() => if changed.is_err() { break },
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn follow(self: Arc<Self>, ledger: LedgerName, shutdown: CancellationToken) {
        let mut head = self.signal.head(ledger);
        let mut known: Option<String> = None;
        loop {
            head.mark_unchanged();
            let failure = self.catch_up(ledger).await.err();
            let pause = match &failure {
                Some(error) if !error.is_transient() => STOPPED,
                Some(_) | None => PAUSE,
            };
            self.tell_failure(ledger, failure.as_ref(), &mut known);
            let news = async {
                match &failure {
                    // Newer events come after the one that it stopped at.
                    Some(_) => std::future::pending().await,
                    None => head.changed().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = news => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.manager.patience()) => {}
            }
        }
    }

    /// Says that it does not go on, and why; a reason that stays is an error once.
    fn tell_failure(
        &self,
        ledger: LedgerName,
        failure: Option<&FollowError>,
        known: &mut Option<String>,
    ) {
        let Some(error) = failure else {
            *known = None;
            return;
        };
        let reason = ErrorChain(error).to_string();
        let process = self.manager.name();
        if error.is_transient() {
            tracing::warn!(%ledger, process, error = reason, "a process manager cannot go on for now");
        } else if known.as_ref() != Some(&reason) {
            tracing::error!(%ledger, process, error = reason, "a process manager has stopped");
        }
        let part = self.part(ledger);
        let lag_positions = self.status.parts().remove(&part);
        let status = PartStatus {
            failure: Some(reason.clone()),
            lag_positions: lag_positions.and_then(|status| status.lag_positions),
        };
        self.status.tell(&part, status);
        *known = Some(reason);
    }

    /// Says how far it is behind.
    fn tell_lag(&self, ledger: LedgerName, from: Position, head: Position) {
        let lag = (head.value() - from.value()).max(0);
        let labels = [
            ("process", self.manager.name().to_owned()),
            ("ledger", ledger.to_string()),
        ];
        metrics::gauge!("daybook_process_lag_positions", &labels)
            .set(f64::from(i32::try_from(lag).unwrap_or(i32::MAX)));
        let status = PartStatus {
            failure: None,
            lag_positions: Some(lag),
        };
        self.status.tell(&self.part(ledger), status);
    }

    fn part(&self, ledger: LedgerName) -> String {
        format!("process.{ledger}.{}", self.manager.name())
    }

    /// Reacts to everything up to the end of the log.
    async fn catch_up(&self, ledger: LedgerName) -> Result<(), FollowError> {
        loop {
            let from = self.checkpoint(ledger).await?;
            let Some(head) = self.log.head(ledger).await? else {
                return Ok(());
            };
            if head.position <= from {
                self.tell_lag(ledger, from, head.position);
                return Ok(());
            }
            let kinds = self.manager.listens_to();
            let read = self.log.read_of(ledger, kinds, from, head.position, BATCH);
            let events = read.await?;
            let to = match events.last() {
                Some(last) if i64::try_from(events.len()).unwrap_or(BATCH) >= BATCH => {
                    last.position
                }
                Some(_) | None => head.position,
            };
            self.react_to(ledger, from, to, &events).await?;
            self.tell_lag(ledger, to, head.position);
        }
    }

    async fn react_to(
        &self,
        ledger: LedgerName,
        from: Position,
        to: Position,
        events: &[RecordedEvent],
    ) -> Result<(), FollowError> {
        let (mut jobs, mut links) = (Vec::new(), Vec::new());
        for event in events {
            let reaction = self.manager.react(ledger, event);
            links.extend(reaction.links);
            jobs.extend(reaction.jobs.into_iter().map(|job| NewJob {
                key: format!(
                    "{}/{ledger}/{}/{}",
                    self.manager.name(),
                    event.position,
                    job.key
                ),
                ..job
            }));
        }
        // Two nodes that put in the same names wait for each other, and not in a circle.
        links.sort_by(|one: &Link, other| one.name.cmp(&other.name));
        let mut tx = self.pool.begin().await?;
        if !self
            .move_checkpoint_in_tx(&mut tx, ledger, from, to)
            .await?
        {
            // Another node was here first; what it left is read next.
            return Ok(());
        }
        insert_links_in_tx(&mut tx, ledger, &links).await?;
        insert_jobs_in_tx(&mut tx, &jobs).await?;
        // Before it is certain: an alert that comes twice is better than one that never comes.
        for event in events {
            self.manager.alert(ledger, event);
        }
        tx.commit().await?;
        Ok(())
    }

    async fn checkpoint(&self, ledger: LedgerName) -> Result<Position, sqlx::Error> {
        let position: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM workflows.checkpoint WHERE process = $1 AND ledger = $2",
        )
        .bind(self.manager.name())
        .bind(ledger.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(Position::START.plus(position.unwrap_or_default()))
    }

    async fn move_checkpoint_in_tx(
        &self,
        connection: &mut PgConnection,
        ledger: LedgerName,
        from: Position,
        to: Position,
    ) -> Result<bool, sqlx::Error> {
        // Whoever inserts or updates the row first holds it until its transaction ends; the other then
        // finds it elsewhere.
        let moved = sqlx::query(
            "INSERT INTO workflows.checkpoint AS checkpoint (process, ledger, position) \
             SELECT $1, $2, $4 WHERE $3 = 0 OR EXISTS ( \
                 SELECT FROM workflows.checkpoint WHERE process = $1 AND ledger = $2) \
             ON CONFLICT ON CONSTRAINT checkpoint_pkey \
             DO UPDATE SET position = $4 WHERE checkpoint.position = $3",
        )
        .bind(self.manager.name())
        .bind(ledger.as_str())
        .bind(from.value())
        .bind(to.value())
        .execute(connection)
        .await?;
        Ok(moved.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::FollowError;
    use event_store::LogError;

    #[test]
    fn what_cannot_be_understood_does_not_pass() {
        let ledger = "main".parse().unwrap();
        let gap = LogError::Gap {
            ledger,
            expected: ledger_core::Position::START,
            found: 7,
        };
        assert!(!FollowError::from(gap).is_transient());
        let decode = || sqlx::Error::Decode("an odd column".into());
        assert!(!FollowError::from(decode()).is_transient());
        assert!(!FollowError::from(LogError::from(decode())).is_transient());
        for passing in [sqlx::Error::PoolTimedOut, sqlx::Error::WorkerCrashed] {
            assert!(FollowError::from(passing).is_transient());
        }
    }
}
