//! Statements: opening balance, entries with running balance, closing balance.

use chrono::{DateTime, Utc};
use ledger_core::posting::NormalSide;
use ledger_core::{AccountId, Asset, Holder, LedgerName, Position, Timestamp, TransactionId};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::ledgers::timestamp;
use super::{AsOf, Page, PageRequest, Queries, QueryError};
use crate::read_models::ReadModelName;
use crate::read_models::statements::account_key;

/// Which time orders and bounds a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// When things count.
    Effective,
    /// When they were written.
    Recorded,
}

impl Axis {
    const fn column(self) -> &'static str {
        match self {
            Self::Effective => "effective_at",
            Self::Recorded => "recorded_at",
        }
    }
}

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRequest {
    /// Of which account.
    pub account: AccountId,
    /// In which order of time.
    pub axis: Axis,
    /// From this time on; from the beginning when absent.
    pub from: Option<Timestamp>,
    /// Before this time; to the end when absent.
    pub until: Option<Timestamp>,
}

/// The place of an entry in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryKey {
    /// Its time on the statement's axis.
    pub time: Timestamp,
    /// Its number in the account.
    pub entry_number: i64,
}

/// One side of a posting, as the account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// 1, 2, 3 … in the account, in recorded order.
    pub entry_number: i64,
    /// The transaction's position.
    pub position: Position,
    /// The transaction.
    pub transaction: TransactionId,
    /// The posting's place in it, from 0.
    pub posting: i32,
    /// Who is on the other side.
    pub counterparty: Holder,
    /// Whether the account was debited or credited.
    pub direction: NormalSide,
    /// How much.
    pub amount: Decimal,
    /// The balance after it in the statement's order, seen from the account's normal side.
    pub balance_after: Decimal,
    /// When it counts.
    pub effective_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A statement, or a page of one. Balances are seen from the account's normal side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// The side on which its balance grows.
    pub normal_side: NormalSide,
    /// The balance before the first entry of the period.
    pub opening_balance: Decimal,
    /// The balance after the last entry of the period.
    pub closing_balance: Decimal,
    /// The sum of the period's debits.
    pub debits: Decimal,
    /// The sum of the period's credits.
    pub credits: Decimal,
    /// The entries of this page.
    pub entries: Page<EntryRow, EntryKey>,
}

#[derive(FromRow)]
struct Row {
    entry_number: i64,
    position: i64,
    posting: i32,
    transaction_id: Uuid,
    counterparty: String,
    direction: String,
    amount: Decimal,
    effective_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
}

/// The sums of a stretch of an account.
#[derive(FromRow)]
struct Sums {
    opening: Decimal,
    debits: Decimal,
    credits: Decimal,
}

impl Queries {
    /// The statement of an account; `None` when its holder does not exist.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn statement(
        &self,
        ledger: LedgerName,
        request: StatementRequest,
        page: PageRequest<EntryKey>,
    ) -> Result<AsOf<Option<Statement>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Statements, ReadModelName::Wallets])
            .await?;
        let facts = snapshot.facts(ledger).await?;
        if !facts
            .exists(&mut snapshot.tx, ledger, request.account.holder)
            .await?
        {
            return Ok(snapshot.answer(None));
        }
        let asset = facts.asset(request.account.asset.as_str())?;
        let normal_side = facts.normal_side(request.account.holder);
        let sign = |credit_balance: Decimal| match normal_side {
            NormalSide::Credit => credit_balance,
            NormalSide::Debit => -credit_balance,
        };
        let sums = sums(&mut snapshot.tx, ledger, request).await?;
        let (before, rows) = entries(&mut snapshot.tx, ledger, request, page).await?;
        let mut running = before.unwrap_or(sums.opening);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            running += if row.direction == "credit" {
                row.amount
            } else {
                -row.amount
            };
            items.push(read(row, sign(running))?);
        }
        let key = |entry: &EntryRow| EntryKey {
            time: match request.axis {
                Axis::Effective => entry.effective_at,
                Axis::Recorded => entry.recorded_at,
            },
            entry_number: entry.entry_number,
        };
        let statement = Statement {
            account: request.account,
            asset,
            normal_side,
            opening_balance: sign(sums.opening),
            closing_balance: sign(sums.opening + sums.credits - sums.debits),
            debits: sums.debits,
            credits: sums.credits,
            entries: Page::cut(items, page.limit, key),
        };
        Ok(snapshot.answer(Some(statement)))
    }
}

async fn sums(
    connection: &mut PgConnection,
    ledger: LedgerName,
    request: StatementRequest,
) -> Result<Sums, sqlx::Error> {
    let column = request.axis.column();
    sqlx::query_as(&format!(
        "SELECT COALESCE(sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END) \
                         FILTER (WHERE {column} < $4), 0) AS opening, \
                COALESCE(sum(amount) FILTER (WHERE direction = 'debit' \
                         AND ($4::timestamptz IS NULL OR {column} >= $4)), 0) AS debits, \
                COALESCE(sum(amount) FILTER (WHERE direction = 'credit' \
                         AND ($4::timestamptz IS NULL OR {column} >= $4)), 0) AS credits \
         FROM read_models.entries \
         WHERE account_key = $6 AND ledger = $1 AND holder = $2 AND asset = $3 \
           AND ($5::timestamptz IS NULL OR {column} < $5)"
    ))
    .bind(ledger.as_str())
    .bind(request.account.holder.to_string())
    .bind(request.account.asset.as_str())
    .bind(request.from.map(Timestamp::as_datetime))
    .bind(request.until.map(Timestamp::as_datetime))
    .bind(account_key(ledger, &request.account))
    .fetch_one(connection)
    .await
}

/// The entries of a page and one more, with the balance before the first when the page is not the
/// first.
async fn entries(
    connection: &mut PgConnection,
    ledger: LedgerName,
    request: StatementRequest,
    page: PageRequest<EntryKey>,
) -> Result<(Option<Decimal>, Vec<Row>), sqlx::Error> {
    let column = request.axis.column();
    let (holder, asset) = (
        request.account.holder.to_string(),
        request.account.asset.to_string(),
    );
    let before = match page.after {
        None => None,
        Some(after) => Some(
            sqlx::query_scalar(&format!(
                "SELECT COALESCE(sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END), 0) \
                 FROM read_models.entries \
                 WHERE account_key = $6 AND ledger = $1 AND holder = $2 AND asset = $3 \
                   AND ({column}, entry_number) <= ($4, $5)"
            ))
            .bind(ledger.as_str())
            .bind(&holder)
            .bind(&asset)
            .bind(after.time.as_datetime())
            .bind(after.entry_number)
            .bind(account_key(ledger, &request.account))
            .fetch_one(&mut *connection)
            .await?,
        ),
    };
    let rows = sqlx::query_as(&format!(
        "SELECT entry_number, position, posting, transaction_id, counterparty, direction, amount, \
                effective_at, recorded_at \
         FROM read_models.entries \
         WHERE account_key = $9 AND ledger = $1 AND holder = $2 AND asset = $3 \
           AND ($4::timestamptz IS NULL OR {column} >= $4) \
           AND ($5::timestamptz IS NULL OR {column} < $5) \
           AND ($6::timestamptz IS NULL OR ({column}, entry_number) > ($6, $7)) \
         ORDER BY {column}, entry_number LIMIT $8"
    ))
    .bind(ledger.as_str())
    .bind(&holder)
    .bind(&asset)
    .bind(request.from.map(Timestamp::as_datetime))
    .bind(request.until.map(Timestamp::as_datetime))
    .bind(page.after.map(|after| after.time.as_datetime()))
    .bind(page.after.map(|after| after.entry_number))
    .bind(page.limit + 1)
    .bind(account_key(ledger, &request.account))
    .fetch_all(connection)
    .await?;
    Ok((before, rows))
}

fn read(row: Row, balance_after: Decimal) -> Result<EntryRow, QueryError> {
    let bad = |error: &dyn std::fmt::Display| QueryError::row("entries", error);
    Ok(EntryRow {
        entry_number: row.entry_number,
        position: Position::try_new(row.position).unwrap_or_default(),
        transaction: TransactionId::new(row.transaction_id),
        posting: row.posting,
        counterparty: row.counterparty.parse().map_err(|error| bad(&error))?,
        direction: super::ledgers::normal_side(&row.direction),
        amount: row.amount,
        balance_after,
        effective_at: timestamp("entries", row.effective_at)?,
        recorded_at: timestamp("entries", row.recorded_at)?,
    })
}
