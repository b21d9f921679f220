//! Both sides of every posting, with the account's totals after each: what statements are cut from.
//!
//! An entry holds what the log does not answer by position. Who was on the other side, the
//! transaction and the amount are in the event, which a page of a statement reads by its position.
//! Every entry has the account's totals, so a balance at any recorded time is one search. Most
//! transactions count when they are recorded; entries of the others, which are *dated*, have a time
//! and an amount of their own and an index of their own, so that the effective axis costs a search
//! and the account's dated entries.

mod keys;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Event, LedgerName, Position, Posting};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use keys::account_key;

use crate::copy_rows::CopyRows;
use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Statements;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.entries (
    -- Stands for ledger, holder and asset, as `entry_accounts` has them.
    account_key  uuid        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    -- When it counts, where that is not when it was recorded.
    effective_at timestamptz,
    -- 1, 2, 3 ... in the account, in recorded order.
    entry_number bigint      NOT NULL,
    position     bigint      NOT NULL,
    -- The posting's place in its transaction, from 0.
    posting      integer     NOT NULL,
    -- The account's totals after this entry, in recorded order.
    debits       numeric     NOT NULL,
    credits      numeric     NOT NULL,
    -- Of an entry with an effective time of its own; a debit is negative.
    amount       numeric
)",
    // The accounts that have entries.
    "CREATE TABLE {schema}.entry_accounts (
    ledger      text NOT NULL,
    holder      text NOT NULL,
    asset       text NOT NULL,
    account_key uuid NOT NULL
)",
];

const INDEXES: &[&str] = &[
    // The last entry of an account, now and at any recorded time; its transactions, newest first;
    // statements. Recorded time never runs backwards along entry numbers.
    "CREATE INDEX ON {schema}.entries (account_key, recorded_at, entry_number)",
    // The dated entries of an account, for the effective axis.
    "CREATE INDEX ON {schema}.entries (account_key, effective_at, entry_number) \
     WHERE effective_at IS NOT NULL",
    // Two accounts of one key are refused.
    "ALTER TABLE {schema}.entry_accounts ADD PRIMARY KEY (account_key)",
    // The accounts of a holder.
    "CREATE UNIQUE INDEX ON {schema}.entry_accounts (ledger, holder, asset)",
];

const LAST: &str = "\
SELECT touched.number, account.ledger, account.holder, account.asset,
       last.entry_number, last.debits, last.credits
FROM UNNEST($1::uuid[]) WITH ORDINALITY AS touched (key, number)
JOIN {schema}.entry_accounts AS account ON account.account_key = touched.key
CROSS JOIN LATERAL (
    SELECT entry_number, debits, credits FROM {schema}.entries AS entry
    WHERE entry.account_key = touched.key
    ORDER BY recorded_at DESC, entry_number DESC LIMIT 1) AS last";

const ENTRIES: &str = "{schema}.entries (account_key, recorded_at, effective_at, entry_number, \
                       position, posting, debits, credits, amount)";

const ACCOUNTS: &str = "{schema}.entry_accounts (ledger, holder, asset, account_key)";

/// Entries written together, at most: 10 MB.
const SORTED_TOGETHER: usize = 100_000;

/// Number among those asked for, ledger, holder, asset, entry number, debits, credits.
type LastRow = (i64, String, String, String, i64, Decimal, Decimal);

/// An account after its last entry so far.
#[derive(Debug, Clone, Copy)]
struct Last {
    account_key: Uuid,
    entry_number: i64,
    debits: Decimal,
    credits: Decimal,
}

/// An entry that waits to be written; two of them wait for every transfer.
struct Entry {
    /// The account after it.
    account: Last,
    position: Position,
    posting: i32,
    recorded_at: DateTime<Utc>,
    /// Rare, and apart so that the others are small.
    dated: Option<Box<Dated>>,
}

/// What an entry has that counts at another time than that of its recording.
struct Dated {
    effective_at: DateTime<Utc>,
    amount: Decimal,
}

/// What events add to the statements of a ledger.
struct Rows {
    ledger: LedgerName,
    before: Before,
    last: HashMap<AccountId, Last>,
    /// Accounts that have their first entry.
    begun: CopyRows,
    waiting: Vec<Entry>,
}

#[async_trait]
impl ReadModel for Statements {
    fn name(&self) -> &'static str {
        "statements"
    }

    fn version(&self) -> i32 {
        3
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

    /// Entries name their ledger by their account. Those of an account nobody knows belong to every
    /// ledger, so that whoever looks finds them.
    fn rows_of_ledger(&self, table: &str) -> &'static str {
        if table == "entries" {
            "NOT EXISTS (SELECT FROM {schema}.entry_accounts AS account \
             WHERE account.account_key = entries.account_key AND account.ledger <> $1)"
        } else {
            "ledger = $1"
        }
    }

    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold> {
        Box::new(Rows {
            ledger,
            before,
            last: HashMap::new(),
            begun: CopyRows::default(),
            waiting: Vec::new(),
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
        let keys: Vec<Uuid> = asked
            .iter()
            .map(|account| account_key(self.ledger, account))
            .collect();
        let rows: Vec<LastRow> = sqlx::query_as(&place.sql(LAST))
            .bind(&keys)
            .fetch_all(&mut *place.connection)
            .await?;
        let position = events.first().map(|event| event.position);
        for row in rows {
            let at = usize::try_from(row.0 - 1).unwrap_or(usize::MAX);
            if let (Some(account), Some(key)) = (asked.get(at), keys.get(at)) {
                self.remember(*account, *key, row, position.unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            postings,
            effective_at,
            ..
        }) = &recorded.event
        else {
            return Ok(());
        };
        let dated = (*effective_at != recorded.recorded_at).then(|| effective_at.as_datetime());
        for (index, posting) in (0_i32..).zip(postings) {
            let amount = posting.amount.value();
            for (account, change) in [(posting.debited(), -amount), (posting.credited(), amount)] {
                let entry = Entry {
                    account: self.advance(account, change, recorded.position)?,
                    position: recorded.position,
                    posting: index,
                    recorded_at: recorded.recorded_at.as_datetime(),
                    dated: dated.map(|effective_at| {
                        Box::new(Dated {
                            effective_at,
                            amount: change,
                        })
                    }),
                };
                self.waiting.push(entry);
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= SORTED_TOGETHER
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let columns = place.sql(ENTRIES);
        let mut rows = CopyRows::default();
        for at in in_order_of_accounts(&self.waiting) {
            if let Some(entry) = self.waiting.get(at) {
                write_entry(&mut rows, entry);
            }
            if rows.is_full() {
                rows.send(place.connection, &columns, self.before).await?;
            }
        }
        rows.send(place.connection, &columns, self.before).await?;
        self.waiting.clear();
        let columns = place.sql(ACCOUNTS);
        self.begun
            .send(place.connection, &columns, self.before)
            .await?;
        if self.before.is_too_much(self.last.len()) {
            self.last.clear();
        }
        Ok(())
    }
}

/// Where the entries stand, account by account: in an index that is there, the rows of one account then
/// meet the same page; for one that is built later, rows in long sorted runs are cheaper to sort. And
/// whoever reads an account finds its rows together.
fn in_order_of_accounts(entries: &[Entry]) -> impl Iterator<Item = usize> + use<> {
    let mut places: Vec<(u128, usize)> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| (entry.account.account_key.as_u128(), at))
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, at)| at)
}

fn write_entry(rows: &mut CopyRows, entry: &Entry) {
    let (account, dated) = (&entry.account, entry.dated.as_deref());
    rows.row(9)
        .uuid(account.account_key)
        .timestamp(entry.recorded_at)
        .optional_timestamp(dated.map(|dated| dated.effective_at))
        .bigint(account.entry_number)
        .bigint(entry.position.value())
        .integer(entry.posting)
        .numeric(account.debits)
        .numeric(account.credits)
        .optional_numeric(dated.map(|dated| dated.amount));
}

impl Rows {
    /// Takes over what an account's last entry says.
    fn remember(
        &mut self,
        account: AccountId,
        account_key: Uuid,
        row: LastRow,
        position: Position,
    ) -> Result<(), FoldError> {
        let (_, ledger, holder, asset, entry_number, debits, credits) = row;
        let name = (ledger.as_str(), holder, asset.as_str());
        if name
            != (
                self.ledger.as_str(),
                account.holder.to_string(),
                account.asset.as_str(),
            )
        {
            return Err(FoldError::Event {
                position,
                reason: format!("{account} has the key of another account"),
            });
        }
        let last = Last {
            account_key,
            entry_number,
            debits,
            credits,
        };
        self.last.insert(account, last);
        Ok(())
    }

    /// The account after the entry that a change makes in it; a debit is negative.
    fn advance(
        &mut self,
        account: AccountId,
        change: Decimal,
        position: Position,
    ) -> Result<Last, FoldError> {
        let (ledger, begun) = (self.ledger, &mut self.begun);
        let last = self.last.entry(account).or_insert_with(|| {
            let account_key = account_key(ledger, &account);
            begun
                .row(4)
                .text(ledger.as_str())
                .holder(&account.holder)
                .text(account.asset.as_str())
                .uuid(account_key);
            Last {
                account_key,
                entry_number: 0,
                debits: Decimal::ZERO,
                credits: Decimal::ZERO,
            }
        });
        last.entry_number += 1;
        let total = if change.is_sign_negative() {
            &mut last.debits
        } else {
            &mut last.credits
        };
        *total = total
            .checked_add(change.abs())
            .ok_or_else(|| FoldError::Event {
                position,
                reason: format!("the totals of {account} cannot be kept"),
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
        | Event::Hold(_)
        | Event::Payment(_)
        | Event::Payout(_)
        | Event::Beneficiary(_)
        | Event::Settlement(_)
        | Event::Owner(_)
        | Event::VerificationCase(_)
        | Event::Profile(_)
        | Event::Onboarding(_) => &[],
    }
}
