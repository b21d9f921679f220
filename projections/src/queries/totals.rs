//! What an account comes to up to a place on an axis of time.
//!
//! Every entry has the totals after it in recorded order, so on the recorded axis an answer is one
//! search. On the effective axis the dated entries are taken out where they were recorded and put in
//! where they count: a search, and a scan of the account's dated entries.

use chrono::{DateTime, TimeDelta, Utc};
use ledger_core::{LedgerName, Position, Timestamp};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::QueryError;
use super::ledgers::timestamp;

/// A place on an axis of one account: a time and a number among the entries of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In front of everything.
    Beginning,
    /// Behind the entry of this number at this time.
    After(Timestamp, i64),
    /// Behind everything.
    End,
}

impl Place {
    /// In front of everything of a time, and behind all that comes before it.
    pub(super) const fn before(time: Timestamp) -> Self {
        // Entries are numbered from 1.
        Self::After(time, 0)
    }

    /// Behind everything of a time.
    pub(super) fn at_end_of(time: Timestamp) -> Self {
        // Times are whole microseconds.
        match time.checked_add(TimeDelta::microseconds(1)) {
            Some(next) => Self::before(next),
            None => Self::End,
        }
    }

    /// The time and the number, to compare columns with.
    pub(super) fn columns(self) -> (DateTime<Utc>, i64) {
        // Times are in the years 1900 to 2199.
        let four_centuries = TimeDelta::days(146_097);
        match self {
            Self::Beginning => (DateTime::UNIX_EPOCH - four_centuries, 0),
            Self::After(time, entry_number) => (time.as_datetime(), entry_number),
            Self::End => (DateTime::UNIX_EPOCH + four_centuries, 0),
        }
    }
}

/// Debits and credits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub(super) struct Sums {
    pub(super) debits: Decimal,
    pub(super) credits: Decimal,
}

impl Sums {
    /// Credits less debits.
    pub(super) fn credit_balance(self) -> Decimal {
        self.credits - self.debits
    }
}

const RECORDED: &str = "\
SELECT debits, credits FROM read_models.entries
WHERE account_key = $1 AND (recorded_at, entry_number) <= ($2, $3)
ORDER BY recorded_at DESC, entry_number DESC LIMIT 1";

/// The totals of all that was recorded up to a place.
pub(super) async fn recorded_up_to(
    connection: &mut PgConnection,
    account_key: Uuid,
    place: Place,
) -> Result<Sums, sqlx::Error> {
    let (time, entry_number) = place.columns();
    let sums = sqlx::query_as(RECORDED)
        .bind(account_key)
        .bind(time)
        .bind(entry_number)
        .fetch_optional(connection)
        .await?;
    Ok(sums.unwrap_or_default())
}

/// What the totals of all that was recorded up to a place lack, and have too much, when the dated
/// entries are counted up to the same place of the effective axis, as far as they were recorded up to
/// a cut. The place in recorded order is the earlier of the two.
const DATED: &str = "\
SELECT COALESCE(sum(-amount * counted) FILTER (WHERE amount < 0), 0) AS debits,
       COALESCE(sum(amount * counted) FILTER (WHERE amount > 0), 0) AS credits
FROM (SELECT amount,
             ((effective_at, entry_number) <= ($2, $3))::integer
             - ((recorded_at, entry_number) <= ($2, $3))::integer AS counted
      FROM read_models.entries
      WHERE account_key = $1 AND effective_at IS NOT NULL
        AND (recorded_at, entry_number) <= ($4, $5)) AS dated";

/// The totals of all that counts up to a place of the effective axis, as far as it was recorded up to
/// a cut.
pub(super) async fn effective_up_to(
    connection: &mut PgConnection,
    account_key: Uuid,
    place: Place,
    cut: Place,
) -> Result<Sums, sqlx::Error> {
    let recorded = recorded_up_to(&mut *connection, account_key, place.min(cut)).await?;
    let ((time, entry_number), (cut_time, cut_number)) = (place.columns(), cut.columns());
    let dated: Sums = sqlx::query_as(DATED)
        .bind(account_key)
        .bind(time)
        .bind(entry_number)
        .bind(cut_time)
        .bind(cut_number)
        .fetch_one(connection)
        .await?;
    Ok(Sums {
        debits: recorded.debits + dated.debits,
        credits: recorded.credits + dated.credits,
    })
}

const LAST_UP_TO_POSITION: &str = "\
SELECT recorded_at, entry_number FROM read_models.entries
WHERE account_key = $1 AND position <= $3
  AND recorded_at <= COALESCE((SELECT event.recorded_at FROM daybook.events AS event
                               WHERE event.ledger = $2 AND event.position = $3), 'infinity')
ORDER BY recorded_at DESC, entry_number DESC LIMIT 1";

/// The place on an account's recorded axis behind its last entry up to a position; none when it has
/// none.
pub(super) async fn place_of_position(
    connection: &mut PgConnection,
    ledger: LedgerName,
    account_key: Uuid,
    position: Position,
) -> Result<Option<Place>, QueryError> {
    if position == Position::START {
        return Ok(None);
    }
    let last: Option<(DateTime<Utc>, i64)> = sqlx::query_as(LAST_UP_TO_POSITION)
        .bind(account_key)
        .bind(ledger.as_str())
        .bind(position.value())
        .fetch_optional(connection)
        .await?;
    let place = last.map(|(time, entry_number)| {
        timestamp("entries", time).map(|time| Place::After(time, entry_number))
    });
    place.transpose()
}
