//! Transactions.

use chrono::{DateTime, Utc};
use ledger_core::annotation::Metadata;
use ledger_core::transaction::TransactionCause;
use ledger_core::{
    AccountId, HoldId, Holder, LedgerName, Position, Posting, Timestamp, TransactionId,
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::ledgers::timestamp;
use super::{AsOf, Page, PageRequest, Queries, QueryError};
use crate::read_models::ReadModelName;

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRow {
    /// Its id.
    pub transaction: TransactionId,
    /// The position at which it was posted.
    pub position: Position,
    /// Why it was posted.
    pub cause: TransactionCause,
    /// The caller's name for it.
    pub reference: Option<String>,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// What moved.
    pub postings: Vec<Posting>,
    /// When it counts.
    pub effective_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The transaction that reverted it.
    pub reverted_by: Option<TransactionId>,
}

/// Which transactions to list; all by default.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    /// Those that moved this wallet or system account.
    pub holder: Option<Holder>,
    /// Those that moved this account.
    pub account: Option<AccountId>,
    /// Those with this reference.
    pub reference: Option<String>,
    /// Those effective at or after this time.
    pub effective_from: Option<Timestamp>,
    /// Those effective before this time.
    pub effective_until: Option<Timestamp>,
    /// Those recorded at or after this time.
    pub recorded_from: Option<Timestamp>,
    /// Those recorded before this time.
    pub recorded_until: Option<Timestamp>,
}

const COLUMNS: &str = "transaction_id, position, cause, cause_id, reference, metadata, postings, \
                       effective_at, recorded_at, reverted_by";

type Row = (
    Uuid,
    i64,
    String,
    Option<Uuid>,
    Option<String>,
    String,
    String,
    DateTime<Utc>,
    DateTime<Utc>,
    Option<Uuid>,
);

impl Queries {
    /// One transaction.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn transaction(
        &self,
        ledger: LedgerName,
        transaction: TransactionId,
    ) -> Result<AsOf<Option<TransactionRow>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Transactions])
            .await?;
        let row: Option<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM read_models.transactions \
             WHERE ledger = $1 AND transaction_id = $2"
        ))
        .bind(ledger.as_str())
        .bind(transaction.as_uuid())
        .fetch_optional(&mut *snapshot.tx)
        .await?;
        Ok(snapshot.answer(row.map(read).transpose()?))
    }

    /// Transactions, newest first; the key is the position.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn transactions(
        &self,
        ledger: LedgerName,
        filter: &TransactionFilter,
        page: PageRequest<Position>,
    ) -> Result<AsOf<Page<TransactionRow, Position>>, QueryError> {
        let used = [ReadModelName::Transactions, ReadModelName::Statements];
        let mut snapshot = self.snapshot(ledger, &used).await?;
        // What one of them does not have yet is left out of the other.
        snapshot.position = snapshot.earliest;
        let mut query = QueryBuilder::<Postgres>::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM read_models.transactions AS transaction WHERE ledger = ");
        query.push_bind(ledger.as_str().to_owned());
        query
            .push(" AND position <= ")
            .push_bind(snapshot.position.value());
        push_filter(&mut query, ledger, filter);
        if let Some(after) = page.after {
            query.push(" AND position < ").push_bind(after.value());
        }
        query
            .push(" ORDER BY position DESC LIMIT ")
            .push_bind(page.limit + 1);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *snapshot.tx).await?;
        let rows = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(snapshot.answer(Page::cut(rows, page.limit, |row| row.position)))
    }
}

fn push_filter(
    query: &mut QueryBuilder<'_, Postgres>,
    ledger: LedgerName,
    filter: &TransactionFilter,
) {
    if filter.holder.is_some() || filter.account.is_some() {
        query.push(
            " AND position IN (SELECT entry.position FROM read_models.entry_accounts AS account \
             JOIN read_models.entries AS entry USING (account_key, ledger, holder, asset) \
             WHERE account.ledger = ",
        );
        query.push_bind(ledger.as_str().to_owned());
        if let Some(holder) = filter.holder {
            query
                .push(" AND account.holder = ")
                .push_bind(holder.to_string());
        }
        if let Some(account) = filter.account {
            query
                .push(" AND account.holder = ")
                .push_bind(account.holder.to_string())
                .push(" AND account.asset = ")
                .push_bind(account.asset.to_string());
        }
        query.push(")");
    }
    if let Some(reference) = &filter.reference {
        query.push(" AND reference = ").push_bind(reference.clone());
    }
    let bounds = [
        (" AND effective_at >= ", filter.effective_from),
        (" AND effective_at < ", filter.effective_until),
        (" AND recorded_at >= ", filter.recorded_from),
        (" AND recorded_at < ", filter.recorded_until),
    ];
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            query.push(condition).push_bind(bound.as_datetime());
        }
    }
}

fn read(row: Row) -> Result<TransactionRow, QueryError> {
    let (id, position, cause, cause_id, reference, metadata, postings, effective, recorded, by) =
        row;
    let bad = |error: serde_json::Error| QueryError::row("transactions", error);
    let cause = match (cause.as_str(), cause_id) {
        ("revert", Some(id)) => TransactionCause::Revert(TransactionId::new(id)),
        ("capture", Some(id)) => TransactionCause::Capture(HoldId::new(id)),
        (_, _) => TransactionCause::Request,
    };
    Ok(TransactionRow {
        transaction: TransactionId::new(id),
        position: Position::try_new(position).unwrap_or_default(),
        cause,
        reference,
        metadata: serde_json::from_str(&metadata).map_err(bad)?,
        postings: serde_json::from_str(&postings).map_err(bad)?,
        effective_at: timestamp("transactions", effective)?,
        recorded_at: timestamp("transactions", recorded)?,
        reverted_by: by.map(TransactionId::new),
    })
}
