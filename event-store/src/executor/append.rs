//! The statements that write.

use std::time::Duration;

use ledger_core::{LedgerName, Position};
use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

use super::batch::{Batch, Rows};
use crate::signal::{CHANNEL, turn_suffix};
use crate::turns::NextTurn;

/// How long an append may take before its connection is given up. Generous, because a slow disk
/// should show as latency and not as errors.
const APPEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Moves the head from where it is expected to be, and only if it was there writes the events, the
/// keys and the notification. The head's row lock orders the writers of all nodes.
const APPEND: &str = "\
WITH head AS (
    UPDATE daybook.ledger_head SET position = position + $4, recorded_at = $5
    WHERE ledger = $1 AND position = $2 AND fence = $3
    RETURNING position - $4 AS base
), appended AS (
    INSERT INTO daybook.events (ledger, position, aggregate_type, aggregate_id, sequence,
                                event_type, event_version, payload, metadata, recorded_at)
    SELECT $1, head.base + event.ordinality, event.aggregate_type, event.aggregate_id,
           event.sequence, event.event_type, event.event_version, event.payload::json,
           event.metadata::json, $5
    FROM head, UNNEST($6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[],
                      $11::text[], $12::text[])
         WITH ORDINALITY AS event (aggregate_type, aggregate_id, sequence, event_type,
                                   event_version, payload, metadata, ordinality)
), keyed AS (
    INSERT INTO daybook.idempotency (ledger, scope, key, request_hash, position, outcome)
    SELECT $1, key.scope, key.key, key.request_hash, key.position, key.outcome::json
    FROM head, UNNEST($13::text[], $14::text[], $15::bytea[], $16::bigint[], $17::text[])
         AS key (scope, key, request_hash, position, outcome)
)
SELECT pg_notify($18, $1 || ' ' || (base + $4) || $19) IS NULL FROM head";

/// What became of an append.
#[derive(Debug)]
pub(super) enum Appended {
    /// The batch is durable (or, without events: its refusals were decided at the head).
    Durable,
    /// The head is elsewhere; nothing was written.
    HeadMoved,
}

/// Why an append failed.
#[derive(Debug)]
pub(super) enum AppendError {
    /// A key or the first place of a stream is taken; nothing was written.
    Taken,
    /// PostgreSQL refused the statement; nothing was written.
    Refused(sqlx::Error),
    /// The connection was lost; whether the batch was written is unknown.
    Lost(sqlx::Error),
}

/// Appends a batch; a batch without events only learns whether the head is where it was.
pub(super) async fn append(
    connection: &mut PgConnection,
    ledger: LedgerName,
    fence: i64,
    batch: &Batch,
    turn: NextTurn,
) -> Result<Appended, AppendError> {
    let statement = async {
        if batch.rows.events.is_empty() {
            check_head(connection, ledger, fence, batch.expected).await
        } else {
            append_events(connection, ledger, fence, batch, turn).await
        }
    };
    match tokio::time::timeout(APPEND_TIMEOUT, statement).await {
        Ok(Ok(true)) => Ok(Appended::Durable),
        Ok(Ok(false)) => Ok(Appended::HeadMoved),
        Ok(Err(error)) => Err(classify(error)),
        Err(_) => Err(AppendError::Lost(sqlx::Error::PoolTimedOut)),
    }
}

async fn append_events(
    connection: &mut PgConnection,
    ledger: LedgerName,
    fence: i64,
    batch: &Batch,
    turn: NextTurn,
) -> Result<bool, sqlx::Error> {
    let Rows { events, keys } = &batch.rows;
    let row: Option<bool> = sqlx::query_scalar(APPEND)
        .bind(ledger.as_str())
        .bind(batch.expected.value())
        .bind(fence)
        .bind(events.count())
        .bind(batch.recorded_at.as_datetime())
        .bind(&events.aggregate_types)
        .bind(&events.aggregate_ids)
        .bind(&events.sequences)
        .bind(&events.event_types)
        .bind(&events.event_versions)
        .bind(&events.payloads)
        .bind(&events.metadata)
        .bind(&keys.scopes)
        .bind(&keys.keys)
        .bind(&keys.request_hashes)
        .bind(&keys.positions)
        .bind(&keys.outcomes)
        .bind(CHANNEL)
        .bind(turn_suffix(turn))
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

async fn check_head(
    connection: &mut PgConnection,
    ledger: LedgerName,
    fence: i64,
    expected: Position,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM daybook.ledger_head \
         WHERE ledger = $1 AND position = $2 AND fence = $3)",
    )
    .bind(ledger.as_str())
    .bind(expected.value())
    .bind(fence)
    .fetch_one(connection)
    .await
}

/// Tells a statement that certainly did nothing from one that may have been carried out.
fn classify(error: sqlx::Error) -> AppendError {
    let sqlx::Error::Database(database) = &error else {
        return AppendError::Lost(error);
    };
    match (database.constraint(), database.code().as_deref()) {
        (Some("idempotency_pkey" | "events_pkey"), _) => AppendError::Taken,
        // 08: connection, 57: operator intervention (shutdown, crash), 58: system error.
        (_, Some(code))
            if ["08", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class)) =>
        {
            AppendError::Lost(error)
        }
        (_, _) => AppendError::Refused(error),
    }
}

/// Shuts out every statement that was sent with an earlier fence, and tells where the head is.
///
/// Waits for a statement that is just moving the head, so that afterwards the log tells whether it
/// was carried out.
pub(super) async fn raise_fence(
    connection: &mut PgConnection,
    ledger: LedgerName,
) -> Result<Option<Head>, sqlx::Error> {
    let row: Option<(i64, i64, Option<chrono::DateTime<chrono::Utc>>)> = sqlx::query_as(
        "UPDATE daybook.ledger_head SET fence = fence + 1 WHERE ledger = $1 \
         RETURNING position, fence, recorded_at",
    )
    .bind(ledger.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(position, fence, recorded_at)| Head {
        position: Position::try_new(position).unwrap_or_default(),
        fence,
        recorded_at: recorded_at.and_then(|time| ledger_core::Timestamp::try_new(time).ok()),
    }))
}

/// The fence as it stands.
pub(super) async fn read_fence(
    connection: &mut PgConnection,
    ledger: LedgerName,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT fence FROM daybook.ledger_head WHERE ledger = $1")
        .bind(ledger.as_str())
        .fetch_one(connection)
        .await
}

/// A head row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) position: Position,
    pub(super) fence: i64,
    pub(super) recorded_at: Option<ledger_core::Timestamp>,
}

/// The command id of the event at a position, if there is one.
pub(super) async fn command_at(
    connection: &mut PgConnection,
    ledger: LedgerName,
    position: Position,
) -> Result<Option<Uuid>, sqlx::Error> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT metadata ->> 'command_id' FROM daybook.events WHERE ledger = $1 AND position = $2",
    )
    .bind(ledger.as_str())
    .bind(position.value())
    .fetch_optional(connection)
    .await?;
    Ok(id.and_then(|id| id.parse().ok()))
}

/// Makes the head row of a ledger, and the view through which stock `postgres-es` reads it.
pub(super) async fn create_ledger(pool: &PgPool, ledger: LedgerName) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    let made =
        sqlx::query("INSERT INTO daybook.ledger_head (ledger) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(ledger.as_str())
            .execute(&mut *tx)
            .await?;
    if made.rows_affected() > 0 {
        create_view_in_tx(&mut tx, ledger).await?;
    }
    tx.commit().await
}

/// Makes the view of a ledger's log for stock `postgres-es`.
pub(crate) async fn create_view_in_tx(
    tx: &mut PgConnection,
    ledger: LedgerName,
) -> Result<(), sqlx::Error> {
    // The name is [a-z][a-z0-9_]*; quoted because it may be a word of SQL.
    let view = format!(
        "CREATE OR REPLACE VIEW ledger_events.\"{ledger}\" AS \
         SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata \
         FROM daybook.events WHERE ledger = '{ledger}'"
    );
    sqlx::query(&view).execute(tx).await.map(|_| ())
}
