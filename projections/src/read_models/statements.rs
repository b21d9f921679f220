//! Every side of every posting, with the balance after it: what statements are cut from.

mod keys;

use async_trait::async_trait;
use hashbrown::HashMap;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Event, LedgerName, Position, Posting, Stream};
use rust_decimal::Decimal;

pub use keys::account_key;

use crate::copy_rows::CopyRows;
use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Statements;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.entries (
    ledger         text        NOT NULL,
    -- A hash that stands for ledger, holder and asset.
    account_key    bigint      NOT NULL,
    holder         text        NOT NULL,
    asset          text        NOT NULL,
    -- 1, 2, 3 ... in the account, in recorded order.
    entry_number   bigint      NOT NULL,
    position       bigint      NOT NULL,
    -- The posting's place in its transaction, from 0.
    posting        integer     NOT NULL,
    transaction_id uuid        NOT NULL,
    counterparty   text        NOT NULL,
    direction      text        NOT NULL CHECK (direction IN ('debit', 'credit')),
    amount         numeric     NOT NULL,
    -- Credits less debits after this entry, in recorded order.
    balance_after  numeric     NOT NULL,
    effective_at   timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL
)",
    // The accounts of a holder that have entries; saves an index over the holders of entries.
    "CREATE TABLE {schema}.entry_accounts (
    ledger      text   NOT NULL,
    holder      text   NOT NULL,
    asset       text   NOT NULL,
    account_key bigint NOT NULL,
    PRIMARY KEY (ledger, holder, asset)
)",
];

const INDEXES: &[&str] = &[
    // The last entry of an account; its transactions, newest first.
    "CREATE INDEX ON {schema}.entries (account_key, position, entry_number)",
    // Statements and balances on the effective axis.
    "CREATE INDEX ON {schema}.entries (account_key, effective_at, entry_number)",
];

const LAST: &str = "\
SELECT touched.number, last.entry_number, last.balance_after
FROM UNNEST($2::text[], $3::text[], $4::bigint[])
     WITH ORDINALITY AS touched (holder, asset, key, number)
CROSS JOIN LATERAL (
    SELECT entry_number, balance_after FROM {schema}.entries AS entry
    WHERE entry.account_key = touched.key AND entry.ledger = $1
      AND entry.holder = touched.holder AND entry.asset = touched.asset
    ORDER BY position DESC, entry_number DESC LIMIT 1) AS last";

const COLUMNS: &str = "{schema}.entries (ledger, account_key, holder, asset, \
                       entry_number, position, posting, \
                       transaction_id, counterparty, direction, amount, balance_after, \
                       effective_at, recorded_at)";

const BEGIN: &str = "\
INSERT INTO {schema}.entry_accounts (ledger, holder, asset, account_key)
SELECT $1, begun.* FROM UNNEST($2::text[], $3::text[], $4::bigint[]) AS begun";

/// The last entry of an account so far.
#[derive(Debug, Clone, Copy)]
struct Last {
    account_key: i64,
    entry_number: i64,
    balance: Decimal,
}

impl Last {
    fn beginning(ledger: LedgerName, account: &AccountId) -> Self {
        Self {
            account_key: account_key(ledger, account),
            entry_number: 0,
            balance: Decimal::ZERO,
        }
    }
}

/// What events add to the statements of a ledger.
struct Rows {
    ledger: LedgerName,
    before: Before,
    last: HashMap<AccountId, Last>,
    /// Accounts that have their first entry.
    begun: Vec<AccountId>,
    entries: CopyRows,
}

#[async_trait]
impl ReadModel for Statements {
    fn name(&self) -> &'static str {
        "statements"
    }

    fn version(&self) -> i32 {
        2
    }

    fn tables(&self) -> &'static [&'static str] {
        &["entries", "entry_accounts"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn indexes(&self) -> &'static [&'static str] {
        INDEXES
    }

    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold> {
        Box::new(Rows {
            ledger,
            before,
            last: HashMap::new(),
            begun: Vec::new(),
            entries: CopyRows::default(),
        })
    }
}

#[async_trait]
impl Fold for Rows {
    async fn recall(
        &mut self,
        place: &mut Place<'_>,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        if self.before == Before::Nothing {
            return Ok(());
        }
        let mut asked: Vec<AccountId> = events
            .iter()
            .flat_map(postings_of)
            .flat_map(|posting| [posting.debited(), posting.credited()])
            .filter(|account| !self.last.contains_key(account))
            .collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() {
            return Ok(());
        }
        let texts = |text: fn(&AccountId) -> String| asked.iter().map(text).collect::<Vec<_>>();
        let keys: Vec<i64> = asked
            .iter()
            .map(|account| account_key(self.ledger, account))
            .collect();
        let rows: Vec<(i64, i64, Decimal)> = sqlx::query_as(&place.sql(LAST))
            .bind(self.ledger.as_str())
            .bind(texts(|account| account.holder.to_string()))
            .bind(texts(|account| account.asset.to_string()))
            .bind(keys)
            .fetch_all(&mut *place.connection)
            .await?;
        for (number, entry_number, balance) in rows {
            let account = usize::try_from(number - 1)
                .ok()
                .and_then(|at| asked.get(at));
            if let Some(account) = account {
                let mut last = Last::beginning(self.ledger, account);
                last.entry_number = entry_number;
                last.balance = balance;
                self.last.insert(*account, last);
            }
        }
        Ok(())
    }

    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let (
            Event::Transaction(TransactionEvent::TransactionPosted {
                postings,
                effective_at,
                ..
            }),
            Stream::Transaction(transaction),
        ) = (&recorded.event, recorded.stream)
        else {
            return Ok(());
        };
        for (index, posting) in (0_i32..).zip(postings) {
            let amount = posting.amount.value();
            let sides = [
                (posting.debited(), posting.destination, "debit", -amount),
                (posting.credited(), posting.source, "credit", amount),
            ];
            for (account, counterparty, direction, change) in sides {
                let Last {
                    account_key,
                    entry_number,
                    balance,
                } = self.advance(account, change, recorded.position)?;
                self.entries
                    .row(14)
                    .text(self.ledger.as_str())
                    .bigint(account_key)
                    .holder(&account.holder)
                    .text(account.asset.as_str())
                    .bigint(entry_number)
                    .bigint(recorded.position.value())
                    .integer(index)
                    .uuid(transaction.as_uuid())
                    .holder(&counterparty)
                    .text(direction)
                    .numeric(amount)
                    .numeric(balance)
                    .timestamp(effective_at.as_datetime())
                    .timestamp(recorded.recorded_at.as_datetime());
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.entries.is_full()
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let columns = place.sql(COLUMNS);
        let entries = &mut self.entries;
        entries
            .send(place.connection, &columns, self.before)
            .await?;
        self.write_begun(place).await?;
        if self.before.is_too_much(self.last.len()) {
            self.last.clear();
        }
        Ok(())
    }
}

impl Rows {
    async fn write_begun(&mut self, place: &mut Place<'_>) -> Result<(), sqlx::Error> {
        let begun = std::mem::take(&mut self.begun);
        if begun.is_empty() {
            return Ok(());
        }
        let texts = |text: fn(&AccountId) -> String| begun.iter().map(text).collect::<Vec<_>>();
        let keys = begun
            .iter()
            .map(|account| account_key(self.ledger, account));
        sqlx::query(&place.sql(BEGIN))
            .bind(self.ledger.as_str())
            .bind(texts(|account| account.holder.to_string()))
            .bind(texts(|account| account.asset.to_string()))
            .bind(keys.collect::<Vec<_>>())
            .execute(&mut *place.connection)
            .await
            .map(|_| ())
    }

    /// The entry that a change makes in an account.
    fn advance(
        &mut self,
        account: AccountId,
        change: Decimal,
        position: Position,
    ) -> Result<Last, FoldError> {
        let ledger = self.ledger;
        let last = self
            .last
            .entry(account)
            .or_insert_with(|| Last::beginning(ledger, &account));
        last.entry_number += 1;
        if last.entry_number == 1 {
            self.begun.push(account);
        }
        last.balance = last
            .balance
            .checked_add(change)
            .ok_or_else(|| FoldError::Event {
                position,
                reason: format!("the balance of {account} cannot be kept"),
            })?;
        Ok(*last)
    }
}

fn postings_of(recorded: &RecordedEvent) -> &[Posting] {
    match &recorded.event {
        Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) => postings,
        Event::Transaction(TransactionEvent::TransactionReverted { .. })
        | Event::Ledger(_)
        | Event::Wallet(_)
        | Event::Hold(_) => &[],
    }
}
