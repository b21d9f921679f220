//! What an account comes to up to a place on an axis of time, as it was known at a cut of the log.
//!
//! Every entry has the totals of its list after it in recorded order, so on the recorded axis an answer is one
//! search among the entries and one among the dated entries. On the effective axis the entries that are not
//! dated are still one search; of the dated ones, those that were known by the cut are a few runs, and each
//! is one search (see [`runs`]).

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use ledger_core::{LedgerName, Position, Timestamp};
use rust_decimal::Decimal;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgConnection, Postgres};
use uuid::Uuid;

use super::QueryError;
use super::accounts::RecordedUntil;
use super::ledgers::timestamp;
use crate::read_models::statements::runs;

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

/// What of the log is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// On the recorded axis of every account: nothing behind it is known.
    pub(super) place: Place,
    /// Nothing behind it is known, either: it cuts what was recorded at one time.
    pub(super) position: Position,
}

impl Cut {
    /// Everything is known.
    pub(super) const EVERYTHING: Self = Self {
        place: Place::End,
        position: Position::START.plus(i64::MAX),
    };

    pub(super) async fn of(
        connection: &mut PgConnection,
        ledger: LedgerName,
        recorded: RecordedUntil,
    ) -> Result<Self, QueryError> {
        match recorded {
            RecordedUntil::Now => Ok(Self::EVERYTHING),
            RecordedUntil::Time(time) => Ok(Self {
                place: Place::at_end_of(time),
                ..Self::EVERYTHING
            }),
            RecordedUntil::Position(position) => Self::at(connection, ledger, position).await,
        }
    }

    /// What was known when the log ended at a position.
    pub(super) async fn at(
        connection: &mut PgConnection,
        ledger: LedgerName,
        position: Position,
    ) -> Result<Self, QueryError> {
        if position == Position::START {
            let place = Place::Beginning;
            return Ok(Self { place, position });
        }
        let time: Option<DateTime<Utc>> = sqlx::query_scalar(
            "SELECT recorded_at FROM daybook.events WHERE ledger = $1 AND position = $2",
        )
        .bind(ledger.as_str())
        .bind(position.value())
        .fetch_optional(connection)
        .await?;
        let place = match time {
            Some(time) => Place::at_end_of(timestamp("events", time)?),
            // Beyond the end of the log.
            None => Place::End,
        };
        Ok(Self { place, position })
    }

    /// What is known by both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            place: self.place.min(other.place),
            position: self.position.min(other.position),
        }
    }
}

/// Which entries of an account are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Those recorded up to a place.
    Recorded(Place),
    /// Those that count up to a place.
    Effective(Place),
}

/// The last entries of each list that are added up whole. Recorded time never runs backwards along
/// positions, so the condition on these passes over no more than what was recorded at the very time of
/// the cut.
const WHOLE: &str = "\
LEFT JOIN LATERAL (
    SELECT debits, credits FROM read_models.entries AS entry
    WHERE entry.account_key = account.account_key
      AND (recorded_at, entry_number) <= ($2, $3) AND position <= $4
    ORDER BY recorded_at DESC, entry_number DESC LIMIT 1) AS last ON true
LEFT JOIN LATERAL (
    SELECT dated_number, debits, credits FROM read_models.dated_entries AS entry
    WHERE entry.account_key = account.account_key
      AND (recorded_at, entry_number) <= ($5, $6) AND position <= $4
    ORDER BY recorded_at DESC, entry_number DESC LIMIT 1) AS last_dated ON true";

/// Of the dated entries up to the last that is known, what those come to that count up to a place.
static COUNTED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "LEFT JOIN LATERAL (
    SELECT sum(debits) AS debits, sum(credits) AS credits FROM (
        SELECT part.debits, part.credits FROM ({filled}) AS filled
        CROSS JOIN LATERAL (
            SELECT debits, credits FROM read_models.dated_runs AS counted
            WHERE counted.account_key = account.account_key
              AND counted.level = filled.level AND counted.run = filled.run
              AND (effective_at, entry_number) <= ($7, $8)
            ORDER BY effective_at DESC, entry_number DESC LIMIT 1) AS part
        UNION ALL
        SELECT GREATEST(-amount, 0), GREATEST(amount, 0)
        FROM read_models.dated_entries AS loose
        WHERE loose.account_key = account.account_key
          AND loose.dated_number > {loose} AND loose.dated_number <= last_dated.dated_number
          AND (effective_at, entry_number) <= ($7, $8)) AS parts) AS dated ON true",
        filled = runs::filled("last_dated.dated_number"),
        loose = runs::loose_after("last_dated.dated_number"),
    )
});

impl Extent {
    /// The statement `SELECT {columns} FROM added {rest}`, where `added` has a row for each of some
    /// accounts, with what they come to as `debits` and `credits`. `accounts` is SQL for the rows that
    /// have an `account_key`; it may use `$1`.
    pub(super) fn statement(self, columns: &str, accounts: &str, rest: &str) -> String {
        let (dated, counted) = match self.narrowed() {
            Self::Recorded(_) => ("last_dated", ""),
            Self::Effective(_) => ("dated", COUNTED.as_str()),
        };
        format!(
            "SELECT {columns} FROM (
    SELECT account.*,
           COALESCE(last.debits, 0) + COALESCE({dated}.debits, 0) AS debits,
           COALESCE(last.credits, 0) + COALESCE({dated}.credits, 0) AS credits
    FROM ({accounts}) AS account {WHOLE} {counted}) AS added {rest}"
        )
    }

    /// Binds all parameters of such a statement but the first.
    pub(super) fn bind<'q, O>(self, query: AskFor<'q, O>, cut: Cut) -> AskFor<'q, O> {
        let bind = |query: AskFor<'q, O>, place: Place| {
            let (time, entry_number) = place.columns();
            query.bind(time).bind(entry_number)
        };
        match self.narrowed() {
            Self::Recorded(place) => {
                let place = place.min(cut.place);
                bind(bind(query, place).bind(cut.position.value()), place)
            }
            Self::Effective(place) => {
                // What is not dated counts when it is recorded.
                let query = bind(query, place.min(cut.place)).bind(cut.position.value());
                bind(bind(query, cut.place), place)
            }
        }
    }

    /// Everything that is known comes to the same on either axis, and is found sooner on the recorded one.
    fn narrowed(self) -> Self {
        match self {
            Self::Effective(Place::End) => Self::Recorded(Place::End),
            Self::Effective(_) | Self::Recorded(_) => self,
        }
    }
}

/// A question to PostgreSQL whose parameters are being bound.
pub(super) type AskFor<'q, O> = QueryAs<'q, Postgres, O, PgArguments>;

/// What an account comes to.
pub(super) async fn totals(
    connection: &mut PgConnection,
    account_key: Uuid,
    extent: Extent,
    cut: Cut,
) -> Result<Sums, sqlx::Error> {
    let statement = extent.statement("debits, credits", "SELECT $1::uuid AS account_key", "");
    let query = sqlx::query_as(&statement).bind(account_key);
    extent.bind(query, cut).fetch_one(connection).await
}
