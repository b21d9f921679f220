//! Projectors: one task per read model and ledger, folding the log as it grows.
//!
//! A projector reads the events after its checkpoint, folds them and moves the checkpoint in the
//! same database transaction. Two replicas may run the same projector: the checkpoint moves only
//! from where each thinks it is, so one of them rolls back and looks again. An event that cannot be
//! applied stops the projector; nothing is skipped. A lost database is waited for.

use std::collections::HashSet;
use std::time::Duration;

use event_store::{Database, ErrorChain, LogReader, LogSignal, StoredEvent};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::read_model::{self, FoldError, Tables};
use crate::read_models::ReadModelName;
use crate::rebuild::{RebuildError, rebuild};
use crate::status::ProjectionStatus;

/// Events folded in one database transaction, at most.
pub(crate) const PAGE: i64 = 2_000;

/// How long to wait before PostgreSQL is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// The projectors of one process.
#[derive(Debug)]
pub struct Projectors {
    status: ProjectionStatus,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// Makes the tables of read models that have none, and builds those anew whose version is another
/// than this code's. To be done before anything reads or folds.
///
/// # Errors
/// [`RebuildError`].
pub async fn prepare(database: &Database) -> Result<(), RebuildError> {
    for name in ReadModelName::ALL {
        let mut connection = database.dedicated_connection().await?;
        let read_model = name.read_model();
        let mut tx = connection.begin().await?;
        // Held until the end of the database transaction: nodes start at the same time.
        sqlx::query("LOCK TABLE read_models.read_model IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await?;
        let version: Option<i32> =
            sqlx::query_scalar("SELECT version FROM read_models.read_model WHERE name = $1")
                .bind(read_model.name())
                .fetch_optional(&mut *tx)
                .await?;
        if version.is_none() {
            read_model::create_tables(&mut tx, read_model, Tables::Live).await?;
            sqlx::query("INSERT INTO read_models.read_model (name, version) VALUES ($1, $2)")
                .bind(read_model.name())
                .bind(read_model.version())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        if version.is_some_and(|version| version != read_model.version()) {
            tracing::info!(
                read_model = name.as_str(),
                "the read model has a new version"
            );
            bring_up_to_version(database, name).await?;
        }
    }
    Ok(())
}

/// Rebuilds, or waits for the node that does: nodes of a new version start at the same time.
async fn bring_up_to_version(database: &Database, name: ReadModelName) -> Result<(), RebuildError> {
    loop {
        match rebuild(database, name, &mut |_| {}).await {
            Err(RebuildError::UnderWay(_)) => tokio::time::sleep(RETRY).await,
            ended => return ended,
        }
        let version: i32 =
            sqlx::query_scalar("SELECT version FROM read_models.read_model WHERE name = $1")
                .bind(name.as_str())
                .fetch_one(database.pool())
                .await?;
        if version == name.read_model().version() {
            return Ok(());
        }
    }
}

impl Projectors {
    /// Starts projectors for every read model of every ledger, now and as ledgers appear.
    #[must_use]
    pub fn start(database: &Database, signal: &LogSignal, status: ProjectionStatus) -> Self {
        let projectors = Self {
            status,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        projectors.tasks.spawn(follow_ledgers(
            database.clone(),
            signal.clone(),
            projectors.status.clone(),
            projectors.shutdown.clone(),
            projectors.tasks.clone(),
        ));
        projectors
    }

    /// How far they have come.
    #[must_use]
    pub const fn status(&self) -> &ProjectionStatus {
        &self.status
    }

    /// Stops and returns when all have; a database transaction under way is rolled back.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn follow_ledgers(
    database: Database,
    signal: LogSignal,
    status: ProjectionStatus,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) {
    let mut ledgers = signal.ledgers();
    let mut followed: HashSet<LedgerName> = HashSet::new();
    loop {
        let known: Vec<LedgerName> = ledgers.borrow_and_update().clone();
        for ledger in known {
            if !followed.insert(ledger) {
                continue;
            }
            for read_model in ReadModelName::ALL {
                let projector = Projector {
                    read_model,
                    ledger,
                    database: database.clone(),
                    reader: LogReader::new(database.pool().clone()),
                    head: signal.head(ledger),
                    status: status.clone(),
                };
                tasks.spawn(projector.run(shutdown.clone()));
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = ledgers.changed() => if changed.is_err() { return },
        }
    }
}

struct Projector {
    read_model: ReadModelName,
    ledger: LedgerName,
    database: Database,
    reader: LogReader,
    head: watch::Receiver<Position>,
    status: ProjectionStatus,
}

impl Projector {
    async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let folded = tokio::select! {
                () = shutdown.cancelled() => return,
                folded = self.fold_to_head() => folded,
            };
            match folded {
                Ok(()) => {
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        changed = self.head.changed() => if changed.is_err() { return },
                    }
                }
                Err(error) if error.is_transient() => {
                    tracing::debug!(
                        read_model = self.read_model.as_str(),
                        ledger = %self.ledger,
                        error = %ErrorChain(&error),
                        "a projector tries again"
                    );
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
                Err(error) => return self.stop_for(&error),
            }
        }
    }

    /// Folds until nothing is left.
    async fn fold_to_head(&mut self) -> Result<(), FoldError> {
        let pool = self.database.pool();
        loop {
            let name = self.read_model.as_str();
            let from = read_model::checkpoint(pool, name, self.ledger).await?;
            let head = (*self.head.borrow_and_update()).max(from);
            self.status.update(self.read_model, self.ledger, |status| {
                status.position = from;
                status.head = head;
            });
            let stored = self.reader.read(self.ledger, from, PAGE).await?;
            if stored.is_empty() {
                return Ok(());
            }
            let events = readable(&stored)?;
            let mut connection = pool.acquire().await?;
            if let Some(position) =
                fold_page(&mut connection, self.read_model, self.ledger, from, &events).await?
            {
                self.status.update(self.read_model, self.ledger, |status| {
                    status.position = position;
                    status.head = status.head.max(position);
                });
            }
        }
    }

    fn stop_for(&self, error: &FoldError) {
        tracing::error!(
            read_model = self.read_model.as_str(),
            ledger = %self.ledger,
            error = %ErrorChain(error),
            "a projector has stopped; the read model stays where it is"
        );
        let failure = ErrorChain(error).to_string();
        self.status.update(self.read_model, self.ledger, |status| {
            status.failure = Some(failure)
        });
    }
}

/// The events in front of the first that cannot be read; its fault when it is the very first, so that
/// a projector stops right in front of it however the log is cut.
fn readable(stored: &[StoredEvent]) -> Result<Vec<RecordedEvent>, FoldError> {
    let mut events = Vec::with_capacity(stored.len());
    for event in stored {
        match event.decode() {
            Ok(event) => events.push(event),
            Err(error) if events.is_empty() => return Err(error.into()),
            Err(_) => break,
        }
    }
    Ok(events)
}

/// Folds events and moves the checkpoint, together. `None` when another replica moved it first.
///
/// # Errors
/// [`FoldError`]; nothing was written.
pub async fn fold_page(
    connection: &mut PgConnection,
    read_model: ReadModelName,
    ledger: LedgerName,
    from: Position,
    events: &[RecordedEvent],
) -> Result<Option<Position>, FoldError> {
    let Some(last) = events.last() else {
        return Ok(Some(from));
    };
    let mut tx = connection.begin().await?;
    let name = read_model.as_str();
    if !read_model::advance_in_tx(&mut tx, name, ledger, from, last.position).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    read_model
        .read_model()
        .fold(&mut tx, Tables::Live, ledger, events)
        .await?;
    tx.commit().await?;
    Ok(Some(last.position))
}
