//! What came out otherwise in a sandbox, as it is stored.

use ledger_core::{LedgerName, Position};
use rust_decimal::Decimal;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::Sandboxes;

/// A command of the source that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DifferenceRow {
    /// Its first event in the source.
    pub source_position: i64,
    /// Its last.
    pub source_until: i64,
    /// What is in the sandbox instead: the first event.
    pub position: Option<i64>,
    /// The last.
    pub position_until: Option<i64>,
    /// The type of its first event.
    pub event_type: String,
    /// The kind of the aggregate of its first event.
    pub aggregate_type: String,
    /// The id of that aggregate.
    pub aggregate_id: String,
    /// `refused`, `changed`, `fell_away` or `left_out`.
    pub outcome: String,
    /// The rule that refused it.
    pub code: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
    /// What the rule concerns: JSON text.
    pub context: Option<String>,
    /// The position in the source of what it builds on and is not in the sandbox.
    pub depends_on: Option<i64>,
    /// What it moved here and there, by account: JSON text.
    pub movements: String,
}

/// An account that stands otherwise at the end. Amounts are of the account's asset and never negative.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct BalanceRow {
    /// The account.
    pub account: String,
    /// The sum of its debits in the source.
    pub source_posted_debits: Decimal,
    /// The sum of its credits in the source.
    pub source_posted_credits: Decimal,
    /// What is reserved of it in the source.
    pub source_pending_debits: Decimal,
    /// The sum of its debits in the sandbox.
    pub sandbox_posted_debits: Decimal,
    /// The sum of its credits in the sandbox.
    pub sandbox_posted_credits: Decimal,
    /// What is reserved of it in the sandbox.
    pub sandbox_pending_debits: Decimal,
}

/// A column of `rows`.
fn column<'r, R, T: 'r>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

pub(super) async fn insert_in_tx(
    tx: &mut PgConnection,
    sandbox: LedgerName,
    rows: &[DifferenceRow],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO daybook.sandbox_difference (ledger, source_position, source_until, position, \
             position_until, event_type, aggregate_type, aggregate_id, outcome, code, detail, context, \
             depends_on, movements) \
         SELECT $1, row.source_position, row.source_until, row.position, row.position_until, \
             row.event_type, row.aggregate_type, row.aggregate_id, row.outcome, row.code, row.detail, \
             row.context::json, row.depends_on, row.movements::json \
         FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], \
             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::text[]) \
             AS row (source_position, source_until, position, position_until, event_type, aggregate_type, \
                     aggregate_id, outcome, code, detail, context, depends_on, movements)",
    )
    .bind(sandbox.as_str())
    .bind(column(rows, |row| row.source_position))
    .bind(column(rows, |row| row.source_until))
    .bind(column(rows, |row| row.position))
    .bind(column(rows, |row| row.position_until))
    .bind(column(rows, |row| row.event_type.as_str()))
    .bind(column(rows, |row| row.aggregate_type.as_str()))
    .bind(column(rows, |row| row.aggregate_id.as_str()))
    .bind(column(rows, |row| row.outcome.as_str()))
    .bind(column(rows, |row| row.code.as_deref()))
    .bind(column(rows, |row| row.detail.as_deref()))
    .bind(column(rows, |row| row.context.as_deref()))
    .bind(column(rows, |row| row.depends_on))
    .bind(column(rows, |row| row.movements.as_str()))
    .execute(tx)
    .await
    .map(|_| ())
}

pub(super) async fn insert_balances_in_tx(
    tx: &mut PgConnection,
    sandbox: LedgerName,
    rows: &[BalanceRow],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO daybook.sandbox_balance (ledger, account, source_posted_debits, \
             source_posted_credits, source_pending_debits, sandbox_posted_debits, \
             sandbox_posted_credits, sandbox_pending_debits) \
         SELECT $1, row.* FROM UNNEST($2::text[], $3::numeric[], $4::numeric[], $5::numeric[], \
             $6::numeric[], $7::numeric[], $8::numeric[]) AS row",
    )
    .bind(sandbox.as_str())
    .bind(column(rows, |row| row.account.as_str()))
    .bind(column(rows, |row| row.source_posted_debits))
    .bind(column(rows, |row| row.source_posted_credits))
    .bind(column(rows, |row| row.source_pending_debits))
    .bind(column(rows, |row| row.sandbox_posted_debits))
    .bind(column(rows, |row| row.sandbox_posted_credits))
    .bind(column(rows, |row| row.sandbox_pending_debits))
    .execute(tx)
    .await
    .map(|_| ())
}

impl Sandboxes {
    /// What came out otherwise, in order, `limit` at most after a position of the source.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn differences(
        &self,
        sandbox: LedgerName,
        after: Position,
        limit: i64,
    ) -> Result<Vec<DifferenceRow>, sqlx::Error> {
        sqlx::query_as(
            "SELECT source_position, source_until, position, position_until, event_type, aggregate_type, \
                    aggregate_id, outcome, code, detail, context::text AS context, depends_on, \
                    movements::text AS movements \
             FROM daybook.sandbox_difference WHERE ledger = $1 AND source_position > $2 \
             ORDER BY source_position LIMIT $3",
        )
        .bind(sandbox.as_str())
        .bind(after.value())
        .bind(limit)
        .fetch_all(self.pool())
        .await
    }

    /// The accounts that stand otherwise at the end, in order, `limit` at most after one. None before it is
    /// complete.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn balances(
        &self,
        sandbox: LedgerName,
        after: &str,
        limit: i64,
    ) -> Result<Vec<BalanceRow>, sqlx::Error> {
        sqlx::query_as(
            "SELECT account, source_posted_debits, source_posted_credits, source_pending_debits, \
                    sandbox_posted_debits, sandbox_posted_credits, sandbox_pending_debits \
             FROM daybook.sandbox_balance WHERE ledger = $1 AND account > $2 \
             ORDER BY account LIMIT $3",
        )
        .bind(sandbox.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(self.pool())
        .await
    }
}
