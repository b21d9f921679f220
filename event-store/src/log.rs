//! Reading the log: in order of position, without gaps.

mod owners;
mod page;
mod raw;
mod time;

use chrono::{DateTime, TimeDelta, Utc};
use ledger_core::event::{DecodeError, RecordedEvent};
use ledger_core::timestamp::TimestampError;
use ledger_core::{AggregateType, LedgerName, Position, Sequence, Stream, Timestamp, WalletId};
use sqlx::postgres::PgPool;
use sqlx::{FromRow, Postgres, QueryBuilder};

pub use page::{COPY_HEADER, COPY_TRAILER, EventPage, Events};
pub use raw::{EventText, RawEvent, read_raw};

use time::StoredTime;

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// PostgreSQL failed or cannot be reached.
    #[error("the log cannot be read")]
    Database(#[from] sqlx::Error),
    /// A stored event is not one Daybook wrote.
    #[error("the event at position {position} cannot be decoded")]
    Decode {
        /// Its position.
        position: i64,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// The metadata of a stored event is not one Daybook wrote.
    #[error("the metadata at position {position} cannot be decoded")]
    Metadata {
        /// Its position.
        position: i64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A stored time is out of range.
    #[error("the time at position {position} is out of range")]
    Time {
        /// Its position.
        position: i64,
        /// Why.
        #[source]
        source: TimestampError,
    },
    /// A position is missing: the log was tampered with.
    #[error("position {expected} is missing from ledger {ledger}: {found} follows")]
    Gap {
        /// The ledger.
        ledger: LedgerName,
        /// The position that should follow.
        expected: Position,
        /// The position that does.
        found: i64,
    },
}

/// An event as stored: its texts untouched.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredEvent {
    /// Its place in the log.
    pub position: i64,
    /// The kind of its aggregate.
    pub aggregate_type: String,
    /// The id of its aggregate.
    pub aggregate_id: String,
    /// Its place in the stream.
    pub sequence: Sequence,
    /// Its type.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// What it says: JSON text, exactly as written.
    pub payload: String,
    /// Who and what caused it: JSON text, exactly as written.
    pub metadata: String,
    /// When it was written.
    #[sqlx(try_from = "StoredTime")]
    pub recorded_at: DateTime<Utc>,
}

impl StoredEvent {
    /// Reads the texts.
    ///
    /// # Errors
    /// [`LogError::Decode`], [`LogError::Metadata`] and [`LogError::Time`].
    pub fn decode(&self) -> Result<RecordedEvent, LogError> {
        self.text().decode()
    }

    /// The texts, where they are.
    #[must_use]
    pub fn text(&self) -> EventText<'_> {
        EventText {
            position: self.position,
            aggregate_type: &self.aggregate_type,
            aggregate_id: &self.aggregate_id,
            sequence: self.sequence,
            event_type: &self.event_type,
            event_version: &self.event_version,
            payload: &self.payload,
            metadata: &self.metadata,
            recorded_at: self.recorded_at,
        }
    }
}

/// A ledger and how long its log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    /// The ledger.
    pub ledger: LedgerName,
    /// The position of its last event.
    pub position: Position,
    /// When that event was written.
    pub recorded_at: Option<Timestamp>,
    /// Whether it is a fork of another ledger, in which nothing may happen.
    pub is_sandbox: bool,
}

/// Which events of a log to read; everything by default.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only this aggregate type.
    pub aggregate_type: Option<AggregateType>,
    /// Only this aggregate.
    pub aggregate_id: Option<String>,
    /// Only this type of event.
    pub event_type: Option<String>,
    /// Only events that tell of this wallet: its own, those whose content has its id in it, and all of the
    /// payments, payouts and beneficiaries that are of it.
    pub wallet: Option<WalletId>,
    /// Only events of commands that this actor gave.
    pub actor: Option<String>,
    /// Only events written at or after this time.
    pub recorded_from: Option<Timestamp>,
    /// Only events written at or before this time.
    pub recorded_until: Option<Timestamp>,
    /// Only events up to and with this position.
    pub until: Option<Position>,
}

/// A stretch of a log that was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedThrough {
    /// What passed the filter, in order.
    pub events: Vec<StoredEvent>,
    /// Everything up to and with this position was looked at.
    pub reached: Position,
}

/// A limit that is as good as none: it can be added to every position that there will ever be.
const NO_LIMIT: i64 = 1 << 40;

/// Positions looked through by one query.
const STRETCH: i64 = 20_000;

/// Reads logs.
#[derive(Debug, Clone)]
pub struct LogReader {
    pool: PgPool,
}

/// The columns of a [`StoredEvent`].
const COLUMNS: &str = "position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
                       payload::text AS payload, metadata::text AS metadata, recorded_at";

impl LogReader {
    /// A reader on this pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Every ledger with at least one event, in order of name: those in which something may happen. Whoever acts
    /// or tells others asks for these.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn ledgers(&self) -> Result<Vec<LedgerHead>, LogError> {
        let all = self.all_ledgers().await?;
        Ok(all.into_iter().filter(|head| !head.is_sandbox).collect())
    }

    /// The same with sandboxes, for whoever only reads.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn all_ledgers(&self) -> Result<Vec<LedgerHead>, LogError> {
        let rows: Vec<HeadRow> = sqlx::query_as(
            "SELECT ledger, position, recorded_at, is_sandbox FROM daybook.ledger_head \
             WHERE position > 0 ORDER BY ledger",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(head_of_row).collect())
    }

    /// How long one ledger's log is, or `None` when there is no such ledger.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn head(&self, ledger: LedgerName) -> Result<Option<LedgerHead>, LogError> {
        let row: Option<HeadRow> = sqlx::query_as(
            "SELECT ledger, position, recorded_at, is_sandbox FROM daybook.ledger_head \
             WHERE ledger = $1 AND position > 0",
        )
        .bind(ledger.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.and_then(head_of_row))
    }

    /// The next `limit` events after a position, gap-free.
    ///
    /// # Errors
    /// [`LogError::Database`], and [`LogError::Gap`] when a position is missing.
    pub async fn read(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let events = read_events(&self.pool, ledger, after, limit).await?;
        check_gap_free(ledger, after, &events)?;
        Ok(events)
    }

    /// The same, to be decoded at once or not at all.
    ///
    /// # Errors
    /// [`LogError::Database`], and [`LogError::Gap`] when a position is missing.
    pub async fn read_raw(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: i64,
    ) -> Result<Vec<RawEvent>, LogError> {
        read_raw(&self.pool, ledger, after, limit).await
    }

    /// The texts of the events after a position, up to and with another, at once: those that are there, whatever is
    /// missing between them. No more than some thousand should be asked for.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn read_page(
        &self,
        ledger: LedgerName,
        after: Position,
        until: Position,
    ) -> Result<EventPage, LogError> {
        page::read_page(&self.pool, ledger, after, until).await
    }

    /// The next `limit` events after a position that pass the filter, in order.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn read_filtered(
        &self,
        ledger: LedgerName,
        filter: &EventFilter,
        after: Position,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM daybook.events WHERE ledger = ");
        query.push_bind(ledger.as_str().to_owned());
        query.push(" AND position > ").push_bind(after.value());
        if let Some(aggregate_type) = filter.aggregate_type {
            query
                .push(" AND aggregate_type = ")
                .push_bind(aggregate_type.as_str());
        }
        if let Some(aggregate_id) = &filter.aggregate_id {
            query
                .push(" AND aggregate_id = ")
                .push_bind(aggregate_id.clone());
        }
        if let Some(event_type) = &filter.event_type {
            query
                .push(" AND event_type = ")
                .push_bind(event_type.clone());
        }
        if let Some(wallet) = filter.wallet {
            push_wallet(&mut query, ledger, wallet);
        }
        if let Some(actor) = &filter.actor {
            query
                .push(" AND metadata ->> 'actor' = ")
                .push_bind(actor.clone());
        }
        if let Some(time) = filter.recorded_from {
            query
                .push(" AND recorded_at >= ")
                .push_bind(time.as_datetime());
        }
        if let Some(time) = filter.recorded_until {
            query
                .push(" AND recorded_at <= ")
                .push_bind(time.as_datetime());
        }
        if let Some(until) = filter.until {
            query.push(" AND position <= ").push_bind(until.value());
        }
        query.push(" ORDER BY position LIMIT ").push_bind(limit);
        Ok(query.build_query_as().fetch_all(&self.pool).await?)
    }

    /// What of the next events after a position passes the filter, up to and with `until`: `limit` events at
    /// most, of a stretch that is bounded unless it is an index that finds them, so that a filter that little
    /// passes does not keep one query busy for minutes.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn look_through(
        &self,
        ledger: LedgerName,
        filter: &EventFilter,
        after: Position,
        until: Position,
        limit: i64,
    ) -> Result<LookedThrough, LogError> {
        let is_indexed = filter.aggregate_id.is_some() && filter.aggregate_type.is_some();
        let end = match is_indexed {
            true => until,
            false => until.min(after.plus(STRETCH)),
        };
        let end = filter.until.map_or(end, |position| position.min(end));
        let stretch = EventFilter {
            until: Some(end),
            ..filter.clone()
        };
        let events = self.read_filtered(ledger, &stretch, after, limit).await?;
        let is_full = i64::try_from(events.len()).is_ok_and(|count| count >= limit);
        let reached = match events.last() {
            Some(last) if is_full => Position::try_new(last.position).unwrap_or(end),
            Some(_) | None => end,
        };
        Ok(LookedThrough { events, reached })
    }

    /// Which positions two times enclose: after the first and up to and with the second.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn positions_between(
        &self,
        ledger: LedgerName,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(Position, Option<Position>), LogError> {
        let just_before = |time: Timestamp| time.checked_add(-TimeDelta::microseconds(1));
        let after = match from.and_then(just_before) {
            Some(time) => self.position_at(ledger, time).await?,
            None => Position::START,
        };
        let until = match until {
            Some(time) => Some(self.position_at(ledger, time).await?),
            None => None,
        };
        Ok((after, until))
    }

    /// The next `limit` events of some kinds of aggregates after a position, up to and with another.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn read_of(
        &self,
        ledger: LedgerName,
        kinds: &[AggregateType],
        after: Position,
        until: Position,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let query = format!(
            "SELECT {COLUMNS} FROM daybook.events WHERE ledger = $1 AND position > $2 \
             AND position <= $3 AND aggregate_type = ANY($4) ORDER BY position LIMIT $5"
        );
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let events: Vec<StoredEvent> = sqlx::query_as(&query)
            .bind(ledger.as_str())
            .bind(after.value())
            .bind(until.value())
            .bind(kinds)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        events.iter().map(StoredEvent::decode).collect()
    }

    /// All events of one aggregate, in order.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn read_stream(
        &self,
        ledger: LedgerName,
        stream: &Stream,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let events: Vec<StoredEvent> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM daybook.events \
             WHERE ledger = $1 AND aggregate_type = $2 AND aggregate_id = $3 ORDER BY sequence"
        ))
        .bind(ledger.as_str())
        .bind(stream.aggregate_type().as_str())
        .bind(stream.aggregate_id())
        .fetch_all(&self.pool)
        .await?;
        events.iter().map(StoredEvent::decode).collect()
    }

    /// The ledgers in which an aggregate has begun, but for sandboxes.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn ledgers_with(&self, stream: &Stream) -> Result<Vec<LedgerName>, LogError> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT head.ledger FROM daybook.living_ledger AS head WHERE EXISTS ( \
                 SELECT FROM daybook.events AS event WHERE event.ledger = head.ledger \
                 AND event.aggregate_type = $1 AND event.aggregate_id = $2 AND event.sequence = 1) \
             ORDER BY head.ledger",
        )
        .bind(stream.aggregate_type().as_str())
        .bind(stream.aggregate_id())
        .fetch_all(&self.pool)
        .await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The last position written at or before a time; the start of the log when there is none.
    ///
    /// Recorded time never runs backwards along positions, so this is a cut of the log.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn position_at(
        &self,
        ledger: LedgerName,
        time: Timestamp,
    ) -> Result<Position, LogError> {
        let head = self
            .head(ledger)
            .await?
            .map_or(0, |head| head.position.value());
        let (mut below, mut above) = (0, head + 1);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            let recorded_at: Option<DateTime<Utc>> = sqlx::query_scalar(
                "SELECT recorded_at FROM daybook.events WHERE ledger = $1 AND position = $2",
            )
            .bind(ledger.as_str())
            .bind(middle)
            .fetch_optional(&self.pool)
            .await?;
            if recorded_at.is_some_and(|recorded_at| recorded_at <= time.as_datetime()) {
                below = middle;
            } else {
                above = middle;
            }
        }
        Ok(Position::START.plus(below))
    }
}

/// Reads the next `$3` events of the ledger `$1` after the position `$2`.
///
/// The upper bound follows from the limit, at most [`NO_LIMIT`], and changes no answer. Where the statistics are
/// behind, as after a large import, PostgreSQL expects few events after a position, and would read and sort all there
/// are for each page.
fn next_events(columns: &str) -> String {
    format!(
        "SELECT {columns} FROM daybook.events WHERE ledger = $1 AND position > $2 \
         AND position < $3 + (SELECT first.position FROM daybook.events AS first \
             WHERE first.ledger = $1 AND first.position > $2 ORDER BY first.position LIMIT 1) \
         ORDER BY position LIMIT $3"
    )
}

/// The next `limit` events after a position, as they are.
pub(crate) async fn read_events<'e, E>(
    executor: E,
    ledger: LedgerName,
    after: Position,
    limit: i64,
) -> Result<Vec<StoredEvent>, sqlx::Error>
where
    E: sqlx::Executor<'e, Database = Postgres>,
{
    sqlx::query_as(&next_events(COLUMNS))
        .bind(ledger.as_str())
        .bind(after.value())
        .bind(limit.min(NO_LIMIT))
        .fetch_all(executor)
        .await
}

/// Refuses events that do not follow each other one by one.
pub(crate) fn check_gap_free(
    ledger: LedgerName,
    after: Position,
    events: &[StoredEvent],
) -> Result<(), LogError> {
    check_positions(ledger, after, events.iter().map(|event| event.position))
}

/// Refuses positions that do not follow each other one by one.
fn check_positions(
    ledger: LedgerName,
    after: Position,
    positions: impl IntoIterator<Item = i64>,
) -> Result<(), LogError> {
    let mut expected = after;
    for found in positions {
        expected = expected.next();
        if found != expected.value() {
            return Err(LogError::Gap {
                ledger,
                expected,
                found,
            });
        }
    }
    Ok(())
}

type HeadRow = (String, i64, Option<StoredTime>, bool);

fn head_of_row((ledger, position, recorded_at, is_sandbox): HeadRow) -> Option<LedgerHead> {
    Some(LedgerHead {
        ledger: ledger.parse().ok()?,
        position: Position::try_new(position)?,
        recorded_at: recorded_at.and_then(|time| Timestamp::try_new(time.0).ok()),
        is_sandbox,
    })
}

/// Lets events pass that tell of a wallet. What a payment, payout or beneficiary is of is in its first event alone,
/// which is looked up for each of theirs: all that are of the wallet could be a million.
fn push_wallet(query: &mut QueryBuilder<'_, Postgres>, ledger: LedgerName, wallet: WalletId) {
    let (ledger, wallet) = (ledger.as_str().to_owned(), wallet.to_string());
    query
        .push(" AND ((aggregate_type = 'wallet' AND aggregate_id = ")
        .push_bind(wallet.clone())
        .push(") OR strpos(payload::text, ")
        .push_bind(wallet.clone())
        .push(") > 0");
    for (kind, first) in [
        ("payment", "PaymentCreated"),
        ("payout", "PayoutRequested"),
        ("beneficiary", "BeneficiaryAdded"),
    ] {
        query
            .push(format!(
                " OR (aggregate_type = '{kind}' AND (SELECT first.payload #>> '{{{first},wallet}}' \
                 FROM daybook.events AS first WHERE first.aggregate_type = '{kind}' \
                 AND first.aggregate_id = events.aggregate_id AND first.sequence = 1 \
                 AND first.ledger = "
            ))
            .push_bind(ledger.clone())
            .push(") = ")
            .push_bind(wallet.clone())
            .push(")");
    }
    query.push(")");
}
