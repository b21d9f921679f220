//! Counts and volumes by hour and day.

use chrono::{DateTime, Utc};
use ledger_core::{Asset, LedgerName, Timestamp};
use rust_decimal::Decimal;

use super::ledgers::timestamp;
use super::{AsOf, Queries, QueryError};
use crate::read_models::ReadModelName;

/// How long the stretches are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// Hours, UTC.
    Hour,
    /// Days, UTC.
    Day,
}

impl Interval {
    const fn field(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// One figure of one stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRow {
    /// The start of the stretch.
    pub from: Timestamp,
    /// What is counted, such as `transactions_posted` or `volume`.
    pub metric: String,
    /// The asset of a volume.
    pub asset: Option<Asset>,
    /// How many.
    pub count: i64,
    /// How much, of a volume.
    pub amount: Option<Decimal>,
}

impl Queries {
    /// The figures of the stretches that begin in `[from, until)`, in order of time, metric and
    /// asset; `limit` rows at most.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn activity(
        &self,
        ledger: LedgerName,
        interval: Interval,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
        limit: i64,
    ) -> Result<AsOf<Vec<ActivityRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Activity]).await?;
        let facts = snapshot.facts(ledger).await?;
        let rows: Vec<(DateTime<Utc>, String, String, i64, String)> = sqlx::query_as(
            // The first condition on the hour is implied by those on the start; the index has it.
            "SELECT start, metric, asset, sum(count)::bigint, sum(amount)::text \
             FROM (SELECT *, date_trunc($2, hour, 'UTC') AS start FROM read_models.activity \
                   WHERE ledger = $1 AND ($3::timestamptz IS NULL OR hour >= $3)) AS activity \
             WHERE ($3::timestamptz IS NULL OR start >= $3) \
               AND ($4::timestamptz IS NULL OR start < $4) \
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT $5",
        )
        .bind(ledger.as_str())
        .bind(interval.field())
        .bind(from.map(Timestamp::as_datetime))
        .bind(until.map(Timestamp::as_datetime))
        .bind(limit)
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let rows = rows
            .into_iter()
            .map(|(start, metric, asset, count, amount)| {
                let asset = match asset.as_str() {
                    "" => None,
                    code => Some(facts.asset(code)?),
                };
                let amount = match asset {
                    None => None,
                    Some(_) => Some(QueryError::exact("activity", &amount)?),
                };
                let from = timestamp("activity", start)?;
                Ok(ActivityRow {
                    from,
                    metric,
                    asset,
                    count,
                    amount,
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        Ok(snapshot.answer(rows))
    }
}
