//! Events on their way from the database to whoever folds them.

use chrono::{DateTime, Utc};
use ledger_core::event::{EventMetadata, RecordedEvent};
use ledger_core::{AggregateType, Event, LedgerName, Position, Sequence, Stream, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row};

use super::time::StoredTime;
use super::{LogError, NO_LIMIT, check_positions, next_events};

/// An event as the database sent it: nothing is copied before it is decoded.
#[derive(Debug)]
pub struct RawEvent(PgRow);

impl RawEvent {
    /// Reads the texts.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn decode(&self) -> Result<RecordedEvent, LogError> {
        self.text()?.decode()
    }

    /// The texts as they are stored.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub fn text(&self) -> Result<EventText<'_>, LogError> {
        // In the order of `COLUMNS`, whose types are known: finding each by its name
        // and comparing its type take as long as reading it.
        Ok(EventText {
            position: self.0.try_get_unchecked(0)?,
            aggregate_type: self.0.try_get_unchecked(1)?,
            aggregate_id: self.0.try_get_unchecked(2)?,
            sequence: self.0.try_get_unchecked(3)?,
            event_type: self.0.try_get_unchecked(4)?,
            event_version: self.0.try_get_unchecked(5)?,
            payload: self.0.try_get_unchecked(6)?,
            metadata: self.0.try_get_unchecked(7)?,
            recorded_at: self.0.try_get_unchecked::<StoredTime, _>(8)?.0,
        })
    }
}

/// The columns of a [`RawEvent`]; `json` travels as its text, so nothing is gained by making it one.
pub(super) const COLUMNS: &str = "position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
                       payload, metadata, recorded_at";

/// The next `limit` events after a position, gap-free, on a connection of the caller's.
///
/// # Errors
/// [`LogError::Database`], and [`LogError::Gap`] when a position is missing.
pub async fn read_raw<'e, E>(
    executor: E,
    ledger: LedgerName,
    after: Position,
    limit: i64,
) -> Result<Vec<RawEvent>, LogError>
where
    E: sqlx::Executor<'e, Database = Postgres>,
{
    let rows = sqlx::query(&next_events(COLUMNS))
        .bind(ledger.as_str())
        .bind(after.value())
        .bind(limit.min(NO_LIMIT))
        .fetch_all(executor)
        .await?;
    let positions = rows
        .iter()
        .map(|row| row.try_get_unchecked(0))
        .collect::<Result<Vec<i64>, _>>()?;
    check_positions(ledger, after, positions)?;
    Ok(rows.into_iter().map(RawEvent).collect())
}

/// An event as stored, its texts where somebody else keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventText<'t> {
    /// Its place in the log.
    pub position: i64,
    /// The kind of its aggregate.
    pub aggregate_type: &'t str,
    /// The id of its aggregate.
    pub aggregate_id: &'t str,
    /// Its place in the stream.
    pub sequence: Sequence,
    /// Its type.
    pub event_type: &'t str,
    /// The version of its shape.
    pub event_version: &'t str,
    /// What it says: JSON text, exactly as written.
    pub payload: &'t str,
    /// Who and what caused it: JSON text, exactly as written.
    pub metadata: &'t str,
    /// When it was written.
    pub recorded_at: DateTime<Utc>,
}

impl EventText<'_> {
    pub(super) fn decode(&self) -> Result<RecordedEvent, LogError> {
        let position = self.position;
        let undecodable = |source| LogError::Decode { position, source };
        let aggregate_type: AggregateType = self.aggregate_type.parse().map_err(undecodable)?;
        let stream = Stream::parse(aggregate_type, self.aggregate_id).map_err(undecodable)?;
        let event = Event::from_payload(
            aggregate_type,
            self.event_type,
            self.event_version,
            self.payload,
        )
        .map_err(undecodable)?;
        let metadata: EventMetadata = serde_json::from_str(self.metadata)
            .map_err(|source| LogError::Metadata { position, source })?;
        Ok(RecordedEvent {
            position: Position::try_new(position).unwrap_or_default(),
            recorded_at: Timestamp::try_new(self.recorded_at)
                .map_err(|source| LogError::Time { position, source })?,
            stream,
            sequence: self.sequence,
            event,
            metadata,
        })
    }
}
