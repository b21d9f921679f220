//! How far each read model has come in a ledger, and who may move it on.
//!
//! A checkpoint is one row. Whoever folds claims it first: the row is locked until the end of the
//! database transaction that folds, so of two replicas one folds and the other does not even read.
//! A claim is only good for tables of the version that this code folds into: an old replica that is
//! still running when a new one has swapped its tables in gets nothing.
//!
//! Lock order: the checkpoints' table, then rows of it, then the tables of read models.

use std::collections::BTreeMap;

use ledger_core::{LedgerName, Position};
use sqlx::{Executor, PgConnection};

use crate::read_models::ReadModelName;

/// How far read models have come.
pub type Positions = BTreeMap<ReadModelName, Position>;

/// A swap takes the table's lock before the rows'; taken here in the same order, they never wait for
/// each other. A process that is stopped in the middle of a fold loses its claim, so that another node
/// goes on.
const ENTER: &str = "LOCK TABLE read_models.checkpoint IN ROW EXCLUSIVE MODE; \
                     SET LOCAL idle_in_transaction_session_timeout = '5s'";

const BEGIN: &str = "\
INSERT INTO read_models.checkpoint (read_model, ledger, position)
SELECT name, $1, 0 FROM UNNEST($2::text[]) AS wanted (name)
ON CONFLICT DO NOTHING";

const CLAIM: &str = "\
SELECT checkpoint.read_model, checkpoint.position
FROM UNNEST($2::text[], $3::integer[]) AS wanted (name, version)
JOIN read_models.read_model AS made USING (name, version)
JOIN read_models.checkpoint AS checkpoint
  ON checkpoint.read_model = wanted.name AND checkpoint.ledger = $1
FOR UPDATE OF checkpoint SKIP LOCKED";

const ADVANCE: &str = "\
UPDATE read_models.checkpoint AS checkpoint SET position = folded.position
FROM UNNEST($2::text[], $3::bigint[]) AS folded (name, position)
WHERE checkpoint.read_model = folded.name AND checkpoint.ledger = $1";

/// How far a read model has come in one ledger; the start when it has not begun.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn checkpoint<'e, E>(
    executor: E,
    read_model: ReadModelName,
    ledger: LedgerName,
) -> Result<Position, sqlx::Error>
where
    E: sqlx::Executor<'e, Database = sqlx::Postgres>,
{
    let positions = checkpoints(executor, ledger).await?;
    Ok(positions.get(&read_model).copied().unwrap_or_default())
}

/// How far the read models have come in one ledger; those that have not begun are absent.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn checkpoints<'e, E>(executor: E, ledger: LedgerName) -> Result<Positions, sqlx::Error>
where
    E: sqlx::Executor<'e, Database = sqlx::Postgres>,
{
    let rows =
        sqlx::query_as("SELECT read_model, position FROM read_models.checkpoint WHERE ledger = $1")
            .bind(ledger.as_str())
            .fetch_all(executor)
            .await?;
    Ok(positions(rows))
}

/// Makes the checkpoints that are not there yet.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn begin(
    connection: &mut PgConnection,
    ledger: LedgerName,
    wanted: &[ReadModelName],
) -> Result<(), sqlx::Error> {
    sqlx::query(BEGIN)
        .bind(ledger.as_str())
        .bind(names(wanted))
        .execute(connection)
        .await
        .map(|_| ())
}

/// Locks the checkpoints that nobody else holds until the end of the database transaction, and tells
/// where they stand. Those of tables that another version of the code made are left out.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn claim_in_tx(
    connection: &mut PgConnection,
    ledger: LedgerName,
    wanted: &[ReadModelName],
) -> Result<Positions, sqlx::Error> {
    connection.execute(ENTER).await?;
    let versions: Vec<i32> = wanted
        .iter()
        .map(|name| name.read_model().version())
        .collect();
    let rows = sqlx::query_as(CLAIM)
        .bind(ledger.as_str())
        .bind(names(wanted))
        .bind(versions)
        .fetch_all(connection)
        .await?;
    Ok(positions(rows))
}

/// Moves claimed checkpoints.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn advance_in_tx(
    connection: &mut PgConnection,
    ledger: LedgerName,
    folded: &Positions,
) -> Result<(), sqlx::Error> {
    let read_models: Vec<ReadModelName> = folded.keys().copied().collect();
    let positions: Vec<i64> = folded.values().map(|position| position.value()).collect();
    sqlx::query(ADVANCE)
        .bind(ledger.as_str())
        .bind(names(&read_models))
        .bind(positions)
        .execute(connection)
        .await
        .map(|_| ())
}

fn names(read_models: &[ReadModelName]) -> Vec<&'static str> {
    read_models.iter().map(|name| name.as_str()).collect()
}

fn positions(rows: Vec<(String, i64)>) -> Positions {
    rows.into_iter()
        .filter_map(|(name, position)| Some((name.parse().ok()?, Position::try_new(position)?)))
        .collect()
}
