//! What the log itself says, in the snapshot of a question.
//!
//! Read models tell where to look; events are read by position or by stream, which the log is
//! indexed by.

use std::collections::HashMap;

use event_store::{LogError, StoredEvent};
use ledger_core::event::RecordedEvent;
use ledger_core::{CaseId, LedgerName, OwnerKey, PaymentId, Position, Stream, TransactionId};
use sqlx::PgConnection;

use super::{PageRequest, QueryError};

/// The columns of a [`StoredEvent`] called `event`.
const COLUMNS: &str = "event.position, event.aggregate_type, event.aggregate_id, event.sequence, \
                       event.event_type, event.event_version, event.payload::text AS payload, \
                       event.metadata::text AS metadata, event.recorded_at";

/// The events at some positions, each once.
pub(super) async fn events_at(
    connection: &mut PgConnection,
    ledger: LedgerName,
    mut positions: Vec<i64>,
) -> Result<HashMap<Position, RecordedEvent>, QueryError> {
    positions.sort_unstable();
    positions.dedup();
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM daybook.events AS event \
         WHERE event.ledger = $1 AND event.position = ANY($2)"
    ))
    .bind(ledger.as_str())
    .bind(positions)
    .fetch_all(connection)
    .await?;
    let decoded = decode(&stored)?.into_iter();
    Ok(decoded.map(|event| (event.position, event)).collect())
}

/// The events of a transaction's stream up to a position, in order.
pub(super) async fn stream_of(
    connection: &mut PgConnection,
    ledger: LedgerName,
    transaction: TransactionId,
    until: Position,
) -> Result<Vec<RecordedEvent>, QueryError> {
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM daybook.events AS event \
         WHERE event.aggregate_id = $2 AND event.aggregate_type = 'transaction' \
           AND event.ledger = $1 AND event.position <= $3 \
         ORDER BY event.sequence"
    ))
    .bind(ledger.as_str())
    .bind(transaction.to_string())
    .bind(until.value())
    .fetch_all(connection)
    .await?;
    decode(&stored)
}

/// The events of an owner's stream up to a position, in order.
pub(super) async fn owner_stream(
    connection: &mut PgConnection,
    ledger: LedgerName,
    owner: OwnerKey,
    until: Position,
) -> Result<Vec<RecordedEvent>, QueryError> {
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM daybook.events AS event \
         WHERE event.aggregate_id = $2 AND event.aggregate_type = 'owner' \
           AND event.ledger = $1 AND event.position <= $3 \
         ORDER BY event.sequence"
    ))
    .bind(ledger.as_str())
    .bind(owner.to_string())
    .bind(until.value())
    .fetch_all(connection)
    .await?;
    decode(&stored)
}

/// Events of a case's stream up to a position, in order.
pub(super) async fn case_stream(
    connection: &mut PgConnection,
    ledger: LedgerName,
    case: CaseId,
    page: PageRequest<Position>,
    until: Position,
) -> Result<Vec<RecordedEvent>, QueryError> {
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM daybook.events AS event \
         WHERE event.aggregate_id = $2 AND event.aggregate_type = 'verification_case' \
           AND event.ledger = $1 AND event.position > $3 AND event.position <= $4 \
         ORDER BY event.sequence LIMIT $5"
    ))
    .bind(ledger.as_str())
    .bind(case.to_string())
    .bind(page.after.unwrap_or_default().value())
    .bind(until.value())
    .bind(page.limit)
    .fetch_all(connection)
    .await?;
    decode(&stored)
}

/// The last events of payments before some positions: what led to the transactions there, which are
/// appended together with it.
pub(super) async fn payments_before(
    connection: &mut PgConnection,
    ledger: LedgerName,
    places: &[(PaymentId, Position)],
) -> Result<Vec<RecordedEvent>, QueryError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = places.iter().map(|place| place.0.to_string()).collect();
    let positions: Vec<i64> = places.iter().map(|place| place.1.value()).collect();
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM UNNEST($2::text[], $3::bigint[]) AS asked (payment, position) \
         CROSS JOIN LATERAL ( \
             SELECT * FROM daybook.events AS own \
             WHERE own.ledger = $1 AND own.aggregate_type = 'payment' \
               AND own.aggregate_id = asked.payment AND own.position < asked.position \
             ORDER BY own.sequence DESC LIMIT 1) AS event"
    ))
    .bind(ledger.as_str())
    .bind(ids)
    .bind(positions)
    .fetch_all(connection)
    .await?;
    decode(&stored)
}

/// The last events of some streams before some positions, `most` of each, each once and in order of position.
pub(super) async fn last_before(
    connection: &mut PgConnection,
    ledger: LedgerName,
    places: &[(Stream, Position)],
    most: usize,
) -> Result<Vec<RecordedEvent>, QueryError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let kinds: Vec<&str> = places
        .iter()
        .map(|(stream, _)| stream.aggregate_type().as_str())
        .collect();
    let ids: Vec<String> = places
        .iter()
        .map(|(stream, _)| stream.aggregate_id())
        .collect();
    let positions: Vec<i64> = places.iter().map(|place| place.1.value()).collect();
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM UNNEST($2::text[], $3::text[], $4::bigint[]) \
             AS asked (aggregate_type, aggregate_id, position) \
         CROSS JOIN LATERAL ( \
             SELECT * FROM daybook.events AS own \
             WHERE own.ledger = $1 AND own.aggregate_type = asked.aggregate_type \
               AND own.aggregate_id = asked.aggregate_id AND own.position < asked.position \
             ORDER BY own.sequence DESC LIMIT $5) AS event"
    ))
    .bind(ledger.as_str())
    .bind(kinds)
    .bind(ids)
    .bind(positions)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    let mut events = decode(&stored)?;
    events.sort_unstable_by_key(|event| event.position);
    events.dedup_by_key(|event| event.position);
    Ok(events)
}

/// The events, up to a position, of the transactions that were posted at some others; those of each
/// in order.
pub(super) async fn streams_at(
    connection: &mut PgConnection,
    ledger: LedgerName,
    positions: &[i64],
    until: Position,
) -> Result<Vec<RecordedEvent>, QueryError> {
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM daybook.events AS posted JOIN daybook.events AS event \
           ON event.aggregate_id = posted.aggregate_id AND event.aggregate_type = 'transaction' \
          AND event.ledger = posted.ledger AND event.position <= $3 \
         WHERE posted.ledger = $1 AND posted.position = ANY($2) \
         ORDER BY posted.position DESC, event.sequence"
    ))
    .bind(ledger.as_str())
    .bind(positions)
    .bind(until.value())
    .fetch_all(connection)
    .await?;
    decode(&stored)
}

fn decode(stored: &[StoredEvent]) -> Result<Vec<RecordedEvent>, QueryError> {
    stored
        .iter()
        .map(|event| event.decode().map_err(undecodable))
        .collect()
}

fn undecodable(error: LogError) -> QueryError {
    match error {
        LogError::Database(error) => QueryError::Database(error),
        other => QueryError::row("events", event_store::ErrorChain(&other)),
    }
}
