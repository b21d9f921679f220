//! Projectors, which fold the log as it grows: one task per ledger.
//!
//! The task reads the events after the checkpoints, once for all read models that stand there, folds
//! them and moves the checkpoints in the same database transaction. Two replicas may run projectors
//! on one database: one of them folds while the other looks on. An event that cannot be applied
//! stops that read model's projector and no other; nothing is skipped. A lost database is waited for.
//!
//! Projectors of all ledgers together hold a few pooled connections at most, so that queries never
//! wait for them however many ledgers there are.

mod projector;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Database, LogSignal};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::{Connection, PgConnection};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::checkpoint::{self, Positions};
use crate::read_model::{self, FoldError, Tables};
use crate::read_models::ReadModelName;
use crate::rebuild::{RebuildError, rebuild_together};
use crate::status::ProjectionStatus;
use projector::Projector;

/// Events folded in one database transaction, at most.
pub(crate) const PAGE: i64 = 2_000;

/// How long to wait before PostgreSQL is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// The part of the pool's connections that projectors may hold at the same time: a quarter.
const CONNECTION_SHARE: u32 = 4;

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
    }
    bring_up_to_version(database).await
}

/// Rebuilds what another version of the code made, or waits for the node that does: nodes of a new
/// version start at the same time.
async fn bring_up_to_version(database: &Database) -> Result<(), RebuildError> {
    loop {
        let versions: Vec<(String, i32)> =
            sqlx::query_as("SELECT name, version FROM read_models.read_model")
                .fetch_all(database.pool())
                .await?;
        let outdated: Vec<ReadModelName> = versions
            .iter()
            .filter_map(|(name, version)| Some((name.parse::<ReadModelName>().ok()?, version)))
            .filter(|(name, version)| name.read_model().version() != **version)
            .map(|(name, _)| name)
            .collect();
        if outdated.is_empty() {
            return Ok(());
        }
        tracing::info!(read_models = ?outdated, "read models have a new version");
        match rebuild_together(database, &outdated, &mut |_| {}).await {
            Err(RebuildError::UnderWay(_)) => tokio::time::sleep(RETRY).await,
            Err(error) => return Err(error),
            Ok(()) => {}
        }
    }
}

impl Projectors {
    /// Starts projectors for every read model of every ledger, now and as ledgers appear.
    #[must_use]
    pub fn start(database: &Database, signal: &LogSignal, status: ProjectionStatus) -> Self {
        Self::start_some(database, signal, status, &ReadModelName::ALL)
    }

    /// The same for some read models; the others stay where they are.
    #[must_use]
    pub fn start_some(
        database: &Database,
        signal: &LogSignal,
        status: ProjectionStatus,
        read_models: &[ReadModelName],
    ) -> Self {
        let projectors = Self {
            status,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let connections = database.pool().options().get_max_connections() / CONNECTION_SHARE;
        let follower = Follower {
            database: database.clone(),
            signal: signal.clone(),
            read_models: read_models.to_vec(),
            status: projectors.status.clone(),
            shutdown: projectors.shutdown.clone(),
            tasks: projectors.tasks.clone(),
            turns: Arc::new(Semaphore::new(
                usize::try_from(connections).unwrap_or(1).max(1),
            )),
        };
        projectors.tasks.spawn(follower.run());
        projectors
    }

    /// How far they have come.
    #[must_use]
    pub const fn status(&self) -> &ProjectionStatus {
        &self.status
    }

    /// Stops and returns when all have; what is being folded is finished, or rolled back when that takes
    /// too long.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Starts a projector for every ledger.
struct Follower {
    database: Database,
    signal: LogSignal,
    read_models: Vec<ReadModelName>,
    status: ProjectionStatus,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    turns: Arc<Semaphore>,
}

impl Follower {
    async fn run(self) {
        let mut ledgers = self.signal.all_ledgers();
        let mut followed: HashSet<LedgerName> = HashSet::new();
        loop {
            let known: Vec<LedgerName> = ledgers.borrow_and_update().clone();
            for ledger in known {
                if followed.insert(ledger) {
                    let projector = Projector::new(
                        ledger,
                        self.read_models.clone(),
                        self.database.pool().clone(),
                        self.signal.head(ledger),
                        self.status.clone(),
                        Arc::clone(&self.turns),
                    );
                    self.tasks.spawn(projector.run(self.shutdown.clone()));
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                changed = ledgers.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Folds events into one read model and moves its checkpoint, together. `None` when the checkpoint
/// is not where the events begin, or is another replica's at the moment.
///
/// # Errors
/// [`FoldError`]; nothing was written.
pub async fn fold_page(
    connection: &mut PgConnection,
    name: ReadModelName,
    ledger: LedgerName,
    from: Position,
    events: &[RecordedEvent],
) -> Result<Option<Position>, FoldError> {
    let Some(last) = events.last() else {
        return Ok(Some(from));
    };
    let mut tx = connection.begin().await?;
    checkpoint::begin(&mut tx, ledger, &[name]).await?;
    let claimed = checkpoint::claim_in_tx(&mut tx, ledger, &[name]).await?;
    if claimed.get(&name) != Some(&from) {
        tx.rollback().await?;
        return Ok(None);
    }
    let read_model = name.read_model();
    read_model
        .fold(&mut tx, Tables::Live, ledger, events)
        .await?;
    let folded = Positions::from([(name, last.position)]);
    checkpoint::advance_in_tx(&mut tx, ledger, &folded).await?;
    tx.commit().await?;
    Ok(Some(last.position))
}
