//! Asking the read models. Every answer says at which position it is true.
//!
//! A query reads its rows and the checkpoints of the read models it uses in one snapshot, so the
//! position in [`AsOf`] is exact. [`Queries::wait_for`] gives read-your-writes.

pub mod accounts;
pub mod activity;
pub mod explanations;
pub mod holds;
pub mod ledgers;
pub mod limits;
mod log;
pub mod onboardings;
pub mod payments;
pub mod stated;
pub mod statements;
mod totals;
pub mod transactions;
pub mod verification;
pub mod wallets;

use std::time::Duration;

use event_store::Database;
use ledger_core::{LedgerName, Position};
use rust_decimal::Decimal;
use sqlx::{PgPool, Postgres, Transaction};

use crate::read_model::Tables;
use crate::read_models::ReadModelName;
use crate::status::ProjectionStatus;

/// How often checkpoints are looked at while waiting, when no projector of this process moves.
const POLL: Duration = Duration::from_millis(20);

/// A page of an account is the next few rows of its index. Planned by the average account, which has
/// few entries, PostgreSQL would rather fetch all of them and sort; the accounts that are asked for
/// most have millions.
const IN_ORDER_OF_INDEXES: &str =
    "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; ";

/// An answer and the position at which it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<T> {
    /// Where the read model stood whose rows are answered.
    pub position: Position,
    /// The answer.
    pub value: T,
}

/// A stretch of a list: what follows `after`, `limit` rows at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// The key of the last row seen; the beginning when absent.
    pub after: Option<K>,
    /// 1 to 1,000.
    pub limit: i64,
}

/// Rows, and the key to ask for what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows.
    pub items: Vec<T>,
    /// The key of the last row, when there are more.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Cuts one row more than was asked for, which only tells that there are more.
    fn cut(mut items: Vec<T>, limit: i64, key: impl FnOnce(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is no such ledger.
    #[error("the ledger {ledger} does not exist")]
    LedgerNotFound {
        /// The ledger.
        ledger: LedgerName,
    },
    /// The position is beyond the end of the log.
    #[error("position {position} is beyond the end of the log, which is at {head}")]
    PositionUnknown {
        /// The position asked for.
        position: Position,
        /// The end of the log.
        head: Position,
    },
    /// The read models have not come that far in time; try again.
    #[error("the read models have not reached position {position} in time, they are at {reached}")]
    PositionNotReached {
        /// The position asked for.
        position: Position,
        /// How far they are.
        reached: Position,
    },
    /// PostgreSQL failed or cannot be reached.
    #[error("the read models cannot be read")]
    Database(#[from] sqlx::Error),
    /// A row is not one that a projector wrote.
    #[error("a row of {table} cannot be read: {reason}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl QueryError {
    /// Reads a sum that may be wider than a [`Decimal`], which is never rounded.
    fn exact(table: &'static str, sum: &str) -> Result<Decimal, Self> {
        Decimal::from_str_exact(sum).map_err(|error| Self::row(table, error))
    }

    fn row(table: &'static str, error: impl std::fmt::Display) -> Self {
        Self::Row {
            table,
            reason: error.to_string(),
        }
    }
}

/// Questions to the read models.
#[derive(Debug, Clone)]
pub struct Queries {
    pool: PgPool,
    status: ProjectionStatus,
}

/// One snapshot of the read models.
struct Snapshot {
    tx: Transaction<'static, Postgres>,
    position: Position,
    /// Where the read model stood that was furthest behind.
    earliest: Position,
}

impl Snapshot {
    fn answer<T>(&self, value: T) -> AsOf<T> {
        AsOf {
            position: self.position,
            value,
        }
    }
}

impl Queries {
    /// Questions to this database; `status` tells when projectors of this process move.
    #[must_use]
    pub fn new(database: &Database, status: ProjectionStatus) -> Self {
        Self::over(database.pool().clone(), status)
    }

    /// Questions to the database behind a pool, which need not be reachable yet.
    #[must_use]
    pub const fn over(pool: PgPool, status: ProjectionStatus) -> Self {
        Self { pool, status }
    }

    /// Waits until the read models have folded the log up to a position.
    ///
    /// # Errors
    /// [`QueryError::PositionUnknown`], [`QueryError::PositionNotReached`] after `patience`,
    /// [`QueryError::LedgerNotFound`].
    pub async fn wait_for(
        &self,
        ledger: LedgerName,
        read_models: &[ReadModelName],
        position: Position,
        patience: Duration,
    ) -> Result<(), QueryError> {
        let mut advanced = self.status.advanced();
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            advanced.mark_unchanged();
            let Standing {
                head,
                earliest: reached,
                ..
            } = standing(&self.pool, ledger, read_models).await?;
            if reached >= position {
                return Ok(());
            }
            if head < position {
                return Err(QueryError::PositionUnknown { position, head });
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(QueryError::PositionNotReached { position, reached });
            }
            tokio::select! {
                _ = advanced.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Waits until the read models have folded all that the log holds now.
    ///
    /// # Errors
    /// [`QueryError::PositionNotReached`] after `patience`, [`QueryError::LedgerNotFound`].
    pub async fn catch_up(
        &self,
        ledger: LedgerName,
        read_models: &[ReadModelName],
        patience: Duration,
    ) -> Result<(), QueryError> {
        let head = standing(&self.pool, ledger, read_models).await?.head;
        self.wait_for(ledger, read_models, head, patience).await
    }

    /// One snapshot of these read models. What is answered stands where the first of them, whose rows
    /// they are, stands; the others, usually at the same position, say more about those rows.
    async fn snapshot(
        &self,
        ledger: LedgerName,
        read_models: &[ReadModelName],
    ) -> Result<Snapshot, QueryError> {
        let mut tx = self.begin(read_models).await?;
        let standing = standing(&mut *tx, ledger, read_models).await?;
        Ok(Snapshot {
            tx,
            position: standing.first,
            earliest: standing.earliest,
        })
    }

    async fn begin(
        &self,
        read_models: &[ReadModelName],
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        // The tables are locked before the snapshot is taken. A snapshot older than a rebuild's swap
        // would find the new tables by their name and see in them only a part of their rows.
        let tables: Vec<String> = read_models
            .iter()
            .flat_map(|name| name.read_model().tables())
            .map(|table| format!("{}.{table}", Tables::Live.schema()))
            .collect();
        let planning = if read_models.contains(&ReadModelName::Statements) {
            IN_ORDER_OF_INDEXES
        } else {
            ""
        };
        self.pool
            .begin_with(format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {planning}\
                 LOCK TABLE {} IN ACCESS SHARE MODE",
                tables.join(", ")
            ))
            .await
    }
}

/// How far a log and some read models of it have come.
struct Standing {
    head: Position,
    /// Of the first.
    first: Position,
    /// Of the one that is furthest behind.
    earliest: Position,
}

async fn standing<'e, E>(
    executor: E,
    ledger: LedgerName,
    read_models: &[ReadModelName],
) -> Result<Standing, QueryError>
where
    E: sqlx::Executor<'e, Database = Postgres>,
{
    let names: Vec<&str> = read_models.iter().map(|name| name.as_str()).collect();
    let (head, first, earliest): (Option<i64>, i64, i64) = sqlx::query_as(
        "SELECT (SELECT position FROM daybook.ledger_head WHERE ledger = $1 AND position > 0), \
                COALESCE(max(checkpoint.position) FILTER (WHERE used.number = 1), 0), \
                COALESCE(min(COALESCE(checkpoint.position, 0)), 0) \
         FROM UNNEST($2::text[]) WITH ORDINALITY AS used (name, number) \
         LEFT JOIN read_models.checkpoint AS checkpoint \
           ON checkpoint.read_model = used.name AND checkpoint.ledger = $1",
    )
    .bind(ledger.as_str())
    .bind(&names)
    .fetch_one(executor)
    .await?;
    let head = head
        .and_then(Position::try_new)
        .ok_or(QueryError::LedgerNotFound { ledger })?;
    Ok(Standing {
        head,
        first: Position::try_new(first).unwrap_or_default(),
        earliest: Position::try_new(earliest).unwrap_or_default(),
    })
}
