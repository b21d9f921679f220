//! Transactions.

use ledger_core::annotation::{Metadata, Reference};
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::{
    AccountId, Event, Holder, LedgerName, Position, Posting, Stream, Timestamp, TransactionId,
};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{AsOf, Page, PageRequest, Queries, QueryError, log};
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
        let until = snapshot.position;
        let events = log::stream_of(&mut snapshot.tx, ledger, transaction, until).await?;
        Ok(snapshot.answer(rows(events)?.pop()))
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
        let until = snapshot.position;
        let wanted = Wanted {
            ledger,
            filter,
            until,
            page,
        };
        let positions = wanted.positions(&mut snapshot.tx).await?;
        let events = log::streams_at(&mut snapshot.tx, ledger, &positions, until).await?;
        Ok(snapshot.answer(Page::cut(rows(events)?, page.limit, |row| row.position)))
    }
}

/// Which transactions are looked for.
struct Wanted<'f> {
    ledger: LedgerName,
    filter: &'f TransactionFilter,
    until: Position,
    page: PageRequest<Position>,
}

impl Wanted<'_> {
    /// Where they stand, newest first: those of a page and one more.
    async fn positions(&self, connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
        let holder = self.filter.account.map(|account| account.holder);
        let mut query = match holder.or(self.filter.holder) {
            None => self.of_ledger(),
            Some(holder) => self.of_holder(holder),
        };
        query
            .push(" ORDER BY position DESC LIMIT ")
            .push_bind(self.page.limit + 1);
        query.build_query_scalar().fetch_all(connection).await
    }

    fn of_ledger(&self) -> QueryBuilder<'_, Postgres> {
        let mut query = QueryBuilder::new(
            "SELECT transaction.position FROM read_models.transactions AS transaction \
             WHERE transaction.ledger = ",
        );
        query.push_bind(self.ledger.as_str().to_owned());
        self.push_conditions(&mut query);
        query
    }

    /// Each of the holder's accounts gives the newest of its entries and of its dated entries.
    fn of_holder(&self, holder: Holder) -> QueryBuilder<'_, Postgres> {
        let mut query = QueryBuilder::new(
            "SELECT DISTINCT moved.position FROM read_models.entry_accounts AS account \
             CROSS JOIN LATERAL ((",
        );
        self.push_newest(&mut query, "entries");
        query.push(") UNION ALL (");
        self.push_newest(&mut query, "dated_entries");
        query
            .push(")) AS moved WHERE account.ledger = ")
            .push_bind(self.ledger.as_str().to_owned())
            .push(" AND account.holder = ")
            .push_bind(holder.to_string());
        if let Some(account) = self.filter.account {
            query
                .push(" AND account.asset = ")
                .push_bind(account.asset.to_string());
        }
        if let Some(other) = self.filter.holder.filter(|other| *other != holder) {
            query
                .push(" AND account.holder = ")
                .push_bind(other.to_string());
        }
        query
    }

    /// The newest transactions in one of an account's lists; one that moves the account several times counts
    /// at the first of its entries, which are all in the same list.
    fn push_newest(&self, query: &mut QueryBuilder<'_, Postgres>, entries: &str) {
        query.push(format!(
            "SELECT transaction.position FROM read_models.{entries} AS entry \
             JOIN read_models.transactions AS transaction \
               ON transaction.position = entry.position AND transaction.ledger = account.ledger \
             WHERE entry.account_key = account.account_key AND NOT EXISTS ( \
                 SELECT FROM read_models.{entries} AS earlier \
                 WHERE earlier.account_key = entry.account_key \
                   AND earlier.recorded_at = entry.recorded_at \
                   AND earlier.entry_number = entry.entry_number - 1 \
                   AND earlier.position = entry.position)"
        ));
        if let Some(after) = self.page.after {
            // Found by the index of entries, as their positions are not.
            query
                .push(
                    " AND entry.recorded_at <= (SELECT event.recorded_at \
                     FROM daybook.events AS event WHERE event.ledger = ",
                )
                .push_bind(self.ledger.as_str().to_owned())
                .push(" AND event.position = ")
                .push_bind(after.value())
                .push(")");
        }
        self.push_conditions(query);
        let recorded = [
            (" AND entry.recorded_at >= ", self.filter.recorded_from),
            (" AND entry.recorded_at < ", self.filter.recorded_until),
        ];
        push_bounds(query, recorded);
        query
            .push(" ORDER BY entry.recorded_at DESC, entry.entry_number DESC LIMIT ")
            .push_bind(self.page.limit + 1);
    }

    fn push_conditions(&self, query: &mut QueryBuilder<'_, Postgres>) {
        query
            .push(" AND transaction.position <= ")
            .push_bind(self.until.value());
        if let Some(after) = self.page.after {
            query
                .push(" AND transaction.position < ")
                .push_bind(after.value());
        }
        let filter = self.filter;
        if let Some(reference) = &filter.reference {
            query
                .push(" AND transaction.reference = ")
                .push_bind(reference.clone());
        }
        let bounds = [
            (" AND transaction.effective_at >= ", filter.effective_from),
            (" AND transaction.effective_at < ", filter.effective_until),
            (" AND transaction.recorded_at >= ", filter.recorded_from),
            (" AND transaction.recorded_at < ", filter.recorded_until),
        ];
        push_bounds(query, bounds);
    }
}

fn push_bounds<const N: usize>(
    query: &mut QueryBuilder<'_, Postgres>,
    bounds: [(&str, Option<Timestamp>); N],
) {
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            query.push(condition).push_bind(bound.as_datetime());
        }
    }
}

/// The transactions that events tell of, in their order; each posted before it is reverted.
fn rows(events: Vec<RecordedEvent>) -> Result<Vec<TransactionRow>, QueryError> {
    let mut rows: Vec<TransactionRow> = Vec::new();
    for recorded in events {
        let (Event::Transaction(event), Stream::Transaction(transaction)) =
            (recorded.event, recorded.stream)
        else {
            let reason = format!("the event at {} is of no transaction", recorded.position);
            return Err(QueryError::row("transactions", reason));
        };
        match event {
            TransactionEvent::TransactionPosted {
                postings,
                effective_at,
                cause,
                reference,
                metadata,
                usage: _,
            } => rows.push(TransactionRow {
                transaction,
                position: recorded.position,
                cause,
                reference: reference.map(Reference::into),
                metadata,
                postings,
                effective_at,
                recorded_at: recorded.recorded_at,
                reverted_by: None,
            }),
            TransactionEvent::TransactionReverted {
                reverting_transaction,
            } => {
                let reverted = rows.last_mut().filter(|row| row.transaction == transaction);
                let reverted = reverted.ok_or_else(|| {
                    QueryError::row("events", format!("{transaction} was never posted"))
                })?;
                reverted.reverted_by = Some(reverting_transaction);
            }
        }
    }
    Ok(rows)
}
