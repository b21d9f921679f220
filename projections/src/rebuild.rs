//! Building a read model anew beside the live one, and swapping them.
//!
//! The log is read and decoded once for all read models that are asked for, and folded by two
//! connections at the same time ([`load`]). The live tables go on being read and folded meanwhile. At
//! the end the checkpoints are locked, the new tables catch up the rest and take the live ones'
//! place, all in one database transaction ([`swap`]), so a reader sees either the old tables at
//! their checkpoint or the new ones at theirs, which is never earlier. A rebuild that was cut off
//! leaves nothing, or tables that the next one removes.

mod load;
mod swap;

use std::collections::BTreeSet;

use event_store::{Database, LogError, LogReader, RawEvent};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool};

use crate::read_model::FoldError;
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
    /// A part of the rebuild ended before its time.
    #[error("the rebuild was cut off")]
    CutOff(#[from] tokio::task::JoinError),
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
    rebuild_together(database, &[name], progress).await
}

/// Builds read models anew for all ledgers, reading the log once, and swaps them all at the same
/// moment.
///
/// # Errors
/// [`RebuildError`].
pub async fn rebuild_together(
    database: &Database,
    names: &[ReadModelName],
    progress: &mut (dyn FnMut(RebuildProgress) + Send),
) -> Result<(), RebuildError> {
    let names: BTreeSet<ReadModelName> = names.iter().copied().collect();
    let names: Vec<ReadModelName> = names.into_iter().collect();
    let mut connection = database.dedicated_connection().await?;
    for name in &names {
        // Held by the connection, so it ends with it whatever happens.
        let alone: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('daybook rebuild ' || $1))")
                .bind(name.as_str())
                .fetch_one(&mut connection)
                .await?;
        if !alone {
            return Err(RebuildError::UnderWay(*name));
        }
    }
    let reader_pool = own_pool(database);
    let reader = LogReader::new(reader_pool.clone());
    let folded = load::load(database, &reader, &names, progress).await?;
    swap::swap(&mut connection, &reader, &names, folded).await?;
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

pub(crate) async fn read_page(
    reader: &LogReader,
    ledger: LedgerName,
    after: Position,
) -> Result<Vec<RecordedEvent>, FoldError> {
    Ok(decode(&reader.read_raw(ledger, after, PAGE).await?)?)
}

fn decode(events: &[RawEvent]) -> Result<Vec<RecordedEvent>, LogError> {
    events.iter().map(RawEvent::decode).collect()
}
