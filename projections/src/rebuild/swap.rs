//! Putting the new tables in the live ones' place.

use std::time::Duration;

use event_store::LogReader;
use ledger_core::{LedgerName, Position};
use sqlx::{Connection, Executor, PgConnection};

use super::{RebuildError, read_page};
use crate::checkpoint;
use crate::read_model::{self, FoldError, Tables};
use crate::read_models::ReadModelName;
use crate::runner::PAGE;

/// Whoever wants the tables waits behind a swap that waits for its locks; so it waits this long and
/// no longer. A long reader, or verifying, then goes on, and the swap is tried again.
const LOCKS: &str = "SET LOCAL lock_timeout = '5s'; \
                     LOCK TABLE read_models.checkpoint IN SHARE ROW EXCLUSIVE MODE";

/// How long others have their turn before the swap is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the swap is tried.
const ATTEMPTS: u32 = 100;

/// PostgreSQL's `lock_not_available`.
const LOCK_TIMEOUT: &str = "55P03";

/// Swaps, with as little as possible to be folded while the locks are held.
pub(super) async fn swap(
    connection: &mut PgConnection,
    reader: &LogReader,
    names: &[ReadModelName],
    mut folded: Vec<(LedgerName, Position)>,
) -> Result<(), RebuildError> {
    let mut attempt = 1;
    loop {
        catch_up(connection, reader, names, &mut folded).await?;
        match try_swap(connection, reader, names, folded.clone()).await {
            Err(error) if attempt < ATTEMPTS && is_lock_timeout(&error) => {
                attempt += 1;
                tracing::info!(
                    attempt,
                    "the rebuilt tables are in use; trying again to swap"
                );
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
}

fn is_lock_timeout(error: &RebuildError) -> bool {
    match error {
        RebuildError::Database(sqlx::Error::Database(error))
        | RebuildError::Fold(FoldError::Database(sqlx::Error::Database(error))) => {
            error.code().is_some_and(|code| code == LOCK_TIMEOUT)
        }
        _ => false,
    }
}

/// Folds what was written during the load, without holding anybody up.
async fn catch_up(
    connection: &mut PgConnection,
    reader: &LogReader,
    names: &[ReadModelName],
    folded: &mut [(LedgerName, Position)],
) -> Result<(), RebuildError> {
    for (ledger, position) in folded {
        loop {
            let mut tx = connection.begin().await?;
            let (next, events) = fold_next(&mut tx, reader, names, *ledger, *position).await?;
            tx.commit().await?;
            *position = next;
            if events < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                break;
            }
        }
    }
    Ok(())
}

/// Folds one page into the new tables; returns where it ends and how many events it has.
async fn fold_next(
    connection: &mut PgConnection,
    reader: &LogReader,
    names: &[ReadModelName],
    ledger: LedgerName,
    after: Position,
) -> Result<(Position, usize), FoldError> {
    let events = read_page(reader, ledger, after).await?;
    let Some(last) = events.last() else {
        return Ok((after, 0));
    };
    for name in names {
        name.read_model()
            .fold(&mut *connection, Tables::Next, ledger, &events)
            .await?;
    }
    Ok((last.position, events.len()))
}

async fn try_swap(
    connection: &mut PgConnection,
    reader: &LogReader,
    names: &[ReadModelName],
    mut folded: Vec<(LedgerName, Position)>,
) -> Result<(), RebuildError> {
    let mut tx = connection.begin().await?;
    // Lock order: checkpoints, then tables, as projectors and verifying do. Projectors wait from
    // here on; verifying holds single rows, which must be waited for before a table is taken.
    tx.execute(LOCKS).await?;
    let read_models: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    sqlx::query("SELECT FROM read_models.checkpoint WHERE read_model = ANY($1) FOR UPDATE")
        .bind(&read_models)
        .execute(&mut *tx)
        .await?;
    for head in reader.all_ledgers().await.map_err(FoldError::from)? {
        if !folded.iter().any(|(ledger, _)| *ledger == head.ledger) {
            folded.push((head.ledger, Position::START));
        }
    }
    for (ledger, position) in &mut folded {
        loop {
            let (next, events) = fold_next(&mut tx, reader, names, *ledger, *position).await?;
            *position = next;
            if events == 0 {
                break;
            }
        }
    }
    for name in names {
        replace_tables(&mut tx, *name).await?;
    }
    for (ledger, position) in folded {
        let moved = names.iter().map(|name| (*name, position)).collect();
        checkpoint::begin(&mut tx, ledger, names).await?;
        checkpoint::advance_in_tx(&mut tx, ledger, &moved).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn replace_tables(
    connection: &mut PgConnection,
    name: ReadModelName,
) -> Result<(), sqlx::Error> {
    let read_model = name.read_model();
    read_model::drop_tables(connection, read_model, Tables::Live).await?;
    for table in read_model.tables() {
        let statement = format!(
            "ALTER TABLE {}.{table} SET SCHEMA {}",
            Tables::Next.schema(),
            Tables::Live.schema()
        );
        connection.execute(statement.as_str()).await?;
    }
    sqlx::query("UPDATE read_models.read_model SET version = $2 WHERE name = $1")
        .bind(read_model.name())
        .bind(read_model.version())
        .execute(connection)
        .await
        .map(|_| ())
}
