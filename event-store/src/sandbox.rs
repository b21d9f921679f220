//! Forks of ledgers: a log that is written by whoever decides another one again, and by nobody else.
//!
//! A sandbox is made with its head ([`create_in_tx`]), so that its name can never be a ledger's in which something
//! happens. It grows by stretches ([`Sandboxes::append`]): the events, what came out otherwise and how far the source
//! was gone through, in one database transaction that moves the head from where it was. Of two nodes that build the
//! same sandbox one succeeds; the other finds the head elsewhere and has written nothing.
//!
//! Recorded times are those of the source, which never run backwards either.

mod differences;
mod rows;

use chrono::{DateTime, Utc};
use ledger_core::{LedgerName, Position, Timestamp};
use sqlx::postgres::{PgConnection, PgPool};

use crate::executor::create_view_in_tx;
use crate::signal::SANDBOX_CHANNEL;

pub use differences::{BalanceRow, DifferenceRow};
pub use rows::{Failure, Sandbox, SandboxError, SandboxState};

/// What a new sandbox is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSandbox {
    /// Its name.
    pub ledger: LedgerName,
    /// Which ledger is forked.
    pub source: LedgerName,
    /// Up to here its log is copied.
    pub position: Position,
    /// From there to here it is decided again.
    pub until: Position,
    /// The rules that are others, as JSON.
    pub rules: String,
    /// SHA-256 of what was asked, by which the same request is known again.
    pub request_hash: [u8; 32],
    /// Who asked.
    pub created_by: Option<String>,
}

/// An event of a sandbox, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxEvent {
    /// The kind of its aggregate.
    pub aggregate_type: &'static str,
    /// The id of its aggregate.
    pub aggregate_id: String,
    /// Its place in the stream.
    pub sequence: i64,
    /// Its type.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// What it says: JSON text.
    pub payload: String,
    /// Who and what caused it: JSON text.
    pub metadata: String,
    /// When the source recorded it.
    pub recorded_at: Timestamp,
}

/// How a sandbox goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The head of the sandbox before it.
    pub after: Position,
    /// How far the source was gone through before it.
    pub reached_before: Position,
    /// How far it is gone through with it.
    pub reached: Position,
    /// What is appended, in order.
    pub events: Vec<SandboxEvent>,
    /// What came out otherwise, in order.
    pub differences: Vec<DifferenceRow>,
}

/// Makes a sandbox and its empty log; `false` when the name is taken, be it by a ledger that never opened.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn create_in_tx(tx: &mut PgConnection, new: &NewSandbox) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO daybook.ledger_head (ledger, is_sandbox) VALUES ($1, true) ON CONFLICT DO NOTHING",
    )
    .bind(new.ledger.as_str())
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    create_view_in_tx(&mut *tx, new.ledger).await?;
    sqlx::query(
        "INSERT INTO daybook.sandbox (ledger, source, position, until, rules, request_hash, created_by) \
         VALUES ($1, $2, $3, $4, $5::json, $6, $7)",
    )
    .bind(new.ledger.as_str())
    .bind(new.source.as_str())
    .bind(new.position.value())
    .bind(new.until.value())
    .bind(&new.rules)
    .bind(new.request_hash.as_slice())
    .bind(&new.created_by)
    .execute(tx)
    .await?;
    Ok(true)
}

/// The sandboxes of a database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandboxes {
    pool: PgPool,
}

impl Sandboxes {
    /// Those in a migrated database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool that they are read from.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Appends a stretch; `false` when the sandbox is elsewhere or has ended: nothing was written then.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn append(
        &self,
        sandbox: LedgerName,
        stretch: &Stretch,
    ) -> Result<bool, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        // Lock order: the head, then the sandbox.
        if !move_head_in_tx(&mut tx, sandbox, stretch).await?
            || !move_on_in_tx(&mut tx, sandbox, stretch).await?
        {
            return Ok(false);
        }
        insert_events_in_tx(&mut tx, sandbox, stretch).await?;
        differences::insert_in_tx(&mut tx, sandbox, &stretch.differences).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that the source was gone through to the end, and what stands otherwise; `false` when it has ended
    /// before, or is not that far.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn complete(
        &self,
        sandbox: LedgerName,
        balances: &[BalanceRow],
    ) -> Result<bool, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let ended = sqlx::query(
            "UPDATE daybook.sandbox SET state = 'complete', ended_at = now() \
             WHERE ledger = $1 AND state = 'building' AND reached = until",
        )
        .bind(sandbox.as_str())
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        differences::insert_balances_in_tx(&mut tx, sandbox, balances).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that it cannot be built, and why; nothing when it has ended before.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn fail(&self, sandbox: LedgerName, failure: &Failure) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE daybook.sandbox SET state = 'failed', failure_code = $2, failure_detail = $3, \
             ended_at = now() WHERE ledger = $1 AND state = 'building'",
        )
        .bind(sandbox.as_str())
        .bind(&failure.code)
        .bind(&failure.detail)
        .execute(&self.pool)
        .await
        .map(|_| ())
    }
}

async fn move_head_in_tx(
    tx: &mut PgConnection,
    sandbox: LedgerName,
    stretch: &Stretch,
) -> Result<bool, sqlx::Error> {
    let count = i64::try_from(stretch.events.len()).unwrap_or(i64::MAX);
    let recorded_at: Option<DateTime<Utc>> = stretch
        .events
        .last()
        .map(|event| event.recorded_at.as_datetime());
    let moved: Option<bool> = sqlx::query_scalar(
        "WITH head AS ( \
             UPDATE daybook.ledger_head SET position = position + $3, \
                    recorded_at = COALESCE($4, recorded_at) \
             WHERE ledger = $1 AND position = $2 AND is_sandbox RETURNING position) \
         SELECT pg_notify($5, $1 || ' ' || position) IS NULL FROM head",
    )
    .bind(sandbox.as_str())
    .bind(stretch.after.value())
    .bind(count)
    .bind(recorded_at)
    .bind(SANDBOX_CHANNEL)
    .fetch_optional(tx)
    .await?;
    Ok(moved.is_some())
}

async fn move_on_in_tx(
    tx: &mut PgConnection,
    sandbox: LedgerName,
    stretch: &Stretch,
) -> Result<bool, sqlx::Error> {
    let count = |outcome: &str| {
        let of_it = stretch.differences.iter();
        let of_it = of_it.filter(|difference| difference.outcome == outcome);
        i64::try_from(of_it.count()).unwrap_or(i64::MAX)
    };
    let moved = sqlx::query(
        "UPDATE daybook.sandbox SET reached = $3, refused = refused + $4, changed = changed + $5, \
                fell_away = fell_away + $6, left_out = left_out + $7 \
         WHERE ledger = $1 AND reached = $2 AND state = 'building'",
    )
    .bind(sandbox.as_str())
    .bind(stretch.reached_before.value())
    .bind(stretch.reached.value())
    .bind(count("refused"))
    .bind(count("changed"))
    .bind(count("fell_away"))
    .bind(count("left_out"))
    .execute(tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}

async fn insert_events_in_tx(
    tx: &mut PgConnection,
    sandbox: LedgerName,
    stretch: &Stretch,
) -> Result<(), sqlx::Error> {
    fn column<'s, T: 's>(
        events: &'s [SandboxEvent],
        value: impl Fn(&'s SandboxEvent) -> T,
    ) -> Vec<T> {
        events.iter().map(value).collect()
    }
    let events = &stretch.events;
    sqlx::query(
        "INSERT INTO daybook.events (ledger, position, aggregate_type, aggregate_id, sequence, \
                                     event_type, event_version, payload, metadata, recorded_at) \
         SELECT $1, $2 + event.ordinality, event.aggregate_type, event.aggregate_id, event.sequence, \
                event.event_type, event.event_version, event.payload::json, event.metadata::json, \
                event.recorded_at \
         FROM UNNEST($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], \
                     $9::text[], $10::timestamptz[]) WITH ORDINALITY \
              AS event (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
                        metadata, recorded_at, ordinality)",
    )
    .bind(sandbox.as_str())
    .bind(stretch.after.value())
    .bind(column(events, |event| event.aggregate_type))
    .bind(column(events, |event| event.aggregate_id.as_str()))
    .bind(column(events, |event| event.sequence))
    .bind(column(events, |event| event.event_type.as_str()))
    .bind(column(events, |event| event.event_version.as_str()))
    .bind(column(events, |event| event.payload.as_str()))
    .bind(column(events, |event| event.metadata.as_str()))
    .bind(column(events, |event| event.recorded_at.as_datetime()))
    .execute(tx)
    .await
    .map(|_| ())
}
