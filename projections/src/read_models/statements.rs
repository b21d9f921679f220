//! Both sides of every posting, with the account's totals after each: what statements are cut from.
//!
//! An entry holds what the log does not answer by position. Who was on the other side, the
//! transaction and the amount are in the event, which a page of a statement reads by its position.
//! Most transactions count when they are recorded; the others are *dated*. An account is therefore
//! two lists, each in recorded order and each with its own totals: its entries, and its dated entries,
//! which also have a time and an amount of their own. What an account comes to at any recorded time is
//! one search in either. For the effective axis the dated entries stand once more in [`runs`], sorted
//! by when they count.

mod entry;
mod keys;
pub mod runs;
mod tables;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Event, LedgerName, Position, Posting};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use keys::account_key;

use entry::{Dated, Entry, Totals, in_order_of_accounts, write_dated_entry, write_entry};
use runs::Completed;
use tables::{ACCOUNTS, DATED_ENTRIES, DEFINITION, ENTRIES, INDEXES, LAST, LastRow};

use crate::copy_rows::CopyRows;
use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Statements;

/// Entries written together, at most: 10 MB.
const SORTED_TOGETHER: usize = 100_000;

/// An account after its last entry so far.
#[derive(Debug)]
struct Last {
    account_key: Uuid,
    entry_number: i64,
    /// Of the entries that are not dated.
    totals: Totals,
    /// Rare, and apart so that the others are small.
    dated: Option<Box<LastDated>>,
}

/// The last dated entry so far.
#[derive(Debug, Clone, Copy, Default)]
struct LastDated {
    dated_number: i64,
    totals: Totals,
}

/// What events add to the statements of a ledger.
struct Rows {
    ledger: LedgerName,
    before: Before,
    last: HashMap<AccountId, Last>,
    /// Accounts that have their first entry.
    begun: CopyRows,
    waiting: Vec<Entry>,
    completed: Completed,
}

#[async_trait]
impl ReadModel for Statements {
    fn name(&self) -> &'static str {
        "statements"
    }

    fn version(&self) -> i32 {
        4
    }

    fn tables(&self) -> &'static [&'static str] {
        &["entries", "dated_entries", "dated_runs", "entry_accounts"]
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
        macro_rules! by_account {
            ($table:literal) => {
                concat!(
                    "NOT EXISTS (SELECT FROM {schema}.entry_accounts AS account ",
                    "WHERE account.account_key = ",
                    $table,
                    ".account_key AND account.ledger <> $1)"
                )
            };
        }
        match table {
            "entries" => by_account!("entries"),
            "dated_entries" => by_account!("dated_entries"),
            "dated_runs" => by_account!("dated_runs"),
            _ => "ledger = $1",
        }
    }

    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold> {
        Box::new(Rows {
            ledger,
            before,
            last: HashMap::new(),
            begun: CopyRows::default(),
            waiting: Vec::new(),
            completed: Completed::default(),
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
            let at = usize::try_from(row.number - 1).unwrap_or(usize::MAX);
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
                self.enter(recorded, index, (account, change), dated)?;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= SORTED_TOGETHER
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let (columns, dated_columns) = (place.sql(ENTRIES), place.sql(DATED_ENTRIES));
        let (mut rows, mut dated_rows) = (CopyRows::default(), CopyRows::default());
        for at in in_order_of_accounts(&self.waiting) {
            if let Some(entry) = self.waiting.get(at) {
                match &entry.dated {
                    None => write_entry(&mut rows, entry),
                    Some(dated) => write_dated_entry(&mut dated_rows, entry, dated),
                }
            }
            if rows.is_full() {
                rows.send(place.connection, &columns, self.before).await?;
            }
            if dated_rows.is_full() {
                dated_rows
                    .send(place.connection, &dated_columns, self.before)
                    .await?;
            }
        }
        rows.send(place.connection, &columns, self.before).await?;
        dated_rows
            .send(place.connection, &dated_columns, self.before)
            .await?;
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

    async fn settle(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        Ok(self.completed.write(place).await?)
    }
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
        let name = (row.ledger.as_str(), row.holder, row.asset.as_str());
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
        let totals = |debits: Option<_>, credits: Option<_>| Totals {
            debits: debits.unwrap_or_default(),
            credits: credits.unwrap_or_default(),
        };
        let last = Last {
            account_key,
            entry_number: row.entry_number.max(row.dated_entry_number).unwrap_or(0),
            totals: totals(row.debits, row.credits),
            dated: row.dated_number.map(|dated_number| {
                Box::new(LastDated {
                    dated_number,
                    totals: totals(row.dated_debits, row.dated_credits),
                })
            }),
        };
        self.last.insert(account, last);
        Ok(())
    }

    /// Adds the entry that a change makes in an account; a debit is negative.
    fn enter(
        &mut self,
        recorded: &RecordedEvent,
        posting: i32,
        (account, change): (AccountId, Decimal),
        effective_at: Option<DateTime<Utc>>,
    ) -> Result<(), FoldError> {
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
                totals: Totals::default(),
                dated: None,
            }
        });
        last.entry_number += 1;
        let too_much = || FoldError::Event {
            position: recorded.position,
            reason: format!("the totals of {account} cannot be kept"),
        };
        let (totals, dated) = match effective_at {
            None => {
                last.totals.add(change).ok_or_else(too_much)?;
                (last.totals, None)
            }
            Some(effective_at) => {
                let last_dated = last.dated.get_or_insert_default();
                last_dated.totals.add(change).ok_or_else(too_much)?;
                last_dated.dated_number += 1;
                self.completed
                    .reached(last.account_key, last_dated.dated_number);
                let dated = Dated {
                    effective_at,
                    dated_number: last_dated.dated_number,
                    amount: change,
                };
                (last_dated.totals, Some(Box::new(dated)))
            }
        };
        self.waiting.push(Entry {
            account_key: last.account_key,
            entry_number: last.entry_number,
            position: recorded.position,
            posting,
            recorded_at: recorded.recorded_at.as_datetime(),
            totals,
            dated,
        });
        Ok(())
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
