//! A node with read models: its executors load cold accounts from them.

use std::sync::Arc;
use std::time::Duration;

use event_store::executor::ExecutorSettings;
use event_store::{Database, LogReader, LogSignal};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use projections::checkpoint::checkpoint;
use projections::read_model::Tables;
use projections::runner::{fold_page, prepare};
use projections::{AccountsReadModel, ProjectionStatus, Projectors, Queries, ReadModelName};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::Bench;

/// How long a test waits for read models; long, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Executors, projectors and queries over one database.
pub struct Projected {
    pub bench: Bench,
    pub queries: Queries,
    pub status: ProjectionStatus,
    pub database: Database,
    pub ledger: LedgerName,
    signal: LogSignal,
    projectors: Option<Projectors>,
}

impl Projected {
    /// A node whose projectors run.
    pub async fn start(database: Database) -> Self {
        let mut node = Self::stopped(database, ExecutorSettings::default()).await;
        node.start_projectors();
        node
    }

    /// A node whose read models exist and stand still.
    pub async fn stopped(database: Database, settings: ExecutorSettings) -> Self {
        prepare(&database).await.unwrap();
        let signal = LogSignal::start(&database, CancellationToken::new());
        let accounts = Arc::new(AccountsReadModel::new(database.pool().clone()));
        let bench = Bench::assemble(database.clone(), signal.clone(), accounts, settings).await;
        let status = ProjectionStatus::default();
        Self {
            queries: Queries::new(&database, status.clone()),
            ledger: bench.ledger,
            bench,
            status,
            database,
            signal,
            projectors: None,
        }
    }

    pub fn start_projectors(&mut self) {
        let projectors = Projectors::start(&self.database, &self.signal, self.status.clone());
        self.projectors = Some(projectors);
    }

    pub async fn stop_projectors(&mut self) {
        if let Some(projectors) = self.projectors.take() {
            projectors.stop().await;
        }
    }

    /// Waits until every read model is at the head, and tells where that is.
    pub async fn settled(&self) -> Position {
        let head = self.bench.head().await;
        self.reach(head).await;
        head
    }

    pub async fn reach(&self, position: Position) {
        self.queries
            .wait_for(self.ledger, &ReadModelName::ALL, position, PATIENCE)
            .await
            .unwrap();
    }

    /// The log as the projectors see it.
    pub async fn log(&self) -> Vec<RecordedEvent> {
        let reader = LogReader::new(self.database.pool().clone());
        let stored = reader
            .read(self.ledger, Position::START, 1_000_000)
            .await
            .unwrap();
        stored.iter().map(|event| event.decode().unwrap()).collect()
    }

    /// Folds every read model to the head, without projectors.
    pub async fn fold_all(&self) {
        let log = self.log().await;
        let mut connection = self.database.dedicated_connection().await.unwrap();
        for name in ReadModelName::ALL {
            let from = checkpoint(&mut connection, name, self.ledger)
                .await
                .unwrap();
            let events: Vec<RecordedEvent> = log
                .iter()
                .filter(|event| event.position > from)
                .cloned()
                .collect();
            fold_page(&mut connection, name, self.ledger, from, &events)
                .await
                .unwrap()
                .unwrap();
        }
    }
}

/// Folds events in pages of a size into tables that are there, apart from any checkpoint.
pub async fn fold(
    connection: &mut PgConnection,
    name: ReadModelName,
    tables: Tables,
    ledger: LedgerName,
    events: &[RecordedEvent],
    page: usize,
) {
    for page in events.chunks(page) {
        name.read_model()
            .fold(connection, tables, ledger, page)
            .await
            .unwrap();
    }
}

/// Every row of a read model as JSON text, by table, in order; numbers keep their decimals.
pub async fn rows_of(
    connection: &mut PgConnection,
    name: ReadModelName,
    tables: Tables,
) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    for table in name.read_model().tables() {
        let statement = format!(
            "SELECT to_jsonb(t)::text FROM {}.{table} AS t ORDER BY 1",
            tables.schema()
        );
        let rows = sqlx::query_scalar(&statement)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        all.push((*table, rows));
    }
    all
}
