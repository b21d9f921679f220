//! Building a read model anew beside the live one, and swapping them.
//!
//! The live tables go on being read and folded meanwhile. At the end the checkpoints are locked, the
//! new tables catch up the rest and take the live ones' place, all in one database transaction, so
//! a reader sees either the old tables at their checkpoint or the new ones at theirs, which is never
//! earlier. A rebuild that was cut off leaves tables that the next one removes.

use event_store::{Database, LogReader};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::read_model::{self, FoldError, Tables};
use crate::read_models::ReadModelName;
use crate::runner::PAGE;

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildProgress {
    /// The ledger being folded.
    pub ledger: LedgerName,
    /// The last event folded.
    pub position: Position,
    /// The head of its log.
    pub head: Position,
}

/// Why a rebuild failed; the live tables are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// PostgreSQL failed.
    #[error("PostgreSQL failed during the rebuild")]
    Database(#[from] sqlx::Error),
    /// The log cannot be folded.
    #[error("the log cannot be folded")]
    Fold(#[from] FoldError),
    /// Another rebuild of the read model is under way.
    #[error("another rebuild of {0} is under way")]
    UnderWay(ReadModelName),
}

/// Builds a read model anew for all ledgers.
///
/// # Errors
/// [`RebuildError`].
pub async fn rebuild(
    database: &Database,
    name: ReadModelName,
    progress: &mut (dyn FnMut(RebuildProgress) + Send),
) -> Result<(), RebuildError> {
    let mut connection = database.dedicated_connection().await?;
    // Held by the connection, so it ends with it whatever happens.
    let alone: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('daybook rebuild ' || $1))")
            .bind(name.as_str())
            .fetch_one(&mut connection)
            .await?;
    if !alone {
        return Err(RebuildError::UnderWay(name));
    }
    read_model::drop_tables(&mut connection, name.read_model(), Tables::Next).await?;
    read_model::create_tables(&mut connection, name.read_model(), Tables::Next).await?;
    let reader_pool = own_pool(database);
    let reader = LogReader::new(reader_pool.clone());
    let mut folded: Vec<(LedgerName, Position)> = Vec::new();
    for head in reader.ledgers().await.map_err(FoldError::from)? {
        let mut position = Position::START;
        while let Some(last) =
            fold_next(&mut connection, &reader, name, head.ledger, position).await?
        {
            position = last;
            progress(RebuildProgress {
                ledger: head.ledger,
                position,
                head: head.position.max(position),
            });
        }
        folded.push((head.ledger, position));
    }
    swap(&mut connection, &reader, name, folded).await?;
    reader_pool.close().await;
    connection.close().await?;
    Ok(())
}

/// One connection to read the log with: while the swap holds the checkpoints, the projectors that
/// wait for them may have taken every connection of the shared pool.
pub(crate) fn own_pool(database: &Database) -> PgPool {
    let options = database.pool().connect_options();
    PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with((*options).clone())
}

/// Folds one page into the new tables; `None` at the head.
async fn fold_next(
    connection: &mut PgConnection,
    reader: &LogReader,
    name: ReadModelName,
    ledger: LedgerName,
    after: Position,
) -> Result<Option<Position>, FoldError> {
    let events = read_page(reader, ledger, after).await?;
    let Some(last) = events.last() else {
        return Ok(None);
    };
    let mut tx = connection.begin().await?;
    name.read_model()
        .fold(&mut tx, Tables::Next, ledger, &events)
        .await?;
    tx.commit().await?;
    Ok(Some(last.position))
}

pub(crate) async fn read_page(
    reader: &LogReader,
    ledger: LedgerName,
    after: Position,
) -> Result<Vec<RecordedEvent>, FoldError> {
    let stored = reader.read(ledger, after, PAGE).await?;
    Ok(stored
        .iter()
        .map(|event| event.decode())
        .collect::<Result<Vec<_>, _>>()?)
}

async fn swap(
    connection: &mut PgConnection,
    reader: &LogReader,
    name: ReadModelName,
    mut folded: Vec<(LedgerName, Position)>,
) -> Result<(), RebuildError> {
    let read_model = name.read_model();
    let mut tx = connection.begin().await?;
    // Lock order: checkpoints, then tables, as projectors and verifying do. Projectors wait from
    // here on; verifying holds single rows, which must be waited for before a table is taken.
    sqlx::query("LOCK TABLE read_models.checkpoint IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await?;
    sqlx::query("SELECT FROM read_models.checkpoint WHERE read_model = $1 FOR UPDATE")
        .bind(read_model.name())
        .execute(&mut *tx)
        .await?;
    for head in reader.ledgers().await.map_err(FoldError::from)? {
        if !folded.iter().any(|(ledger, _)| *ledger == head.ledger) {
            folded.push((head.ledger, Position::START));
        }
    }
    for (ledger, position) in &mut folded {
        loop {
            let events = read_page(reader, *ledger, *position).await?;
            let Some(last) = events.last() else {
                break;
            };
            read_model
                .fold(&mut tx, Tables::Next, *ledger, &events)
                .await?;
            *position = last.position;
        }
    }
    read_model::drop_tables(&mut tx, read_model, Tables::Live).await?;
    for table in read_model.tables() {
        let statement = format!(
            "ALTER TABLE {}.{table} SET SCHEMA {}",
            Tables::Next.schema(),
            Tables::Live.schema()
        );
        sqlx::query(&statement).execute(&mut *tx).await?;
    }
    for (ledger, position) in folded {
        sqlx::query(
            "INSERT INTO read_models.checkpoint AS checkpoint (read_model, ledger, position) \
             VALUES ($1, $2, $3) ON CONFLICT (read_model, ledger) DO UPDATE \
             SET position = EXCLUDED.position",
        )
        .bind(read_model.name())
        .bind(ledger.as_str())
        .bind(position.value())
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query("UPDATE read_models.read_model SET version = $2 WHERE name = $1")
        .bind(read_model.name())
        .bind(read_model.version())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}
