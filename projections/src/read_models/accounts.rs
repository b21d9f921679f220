//! The totals of every account; also where the executor loads cold accounts from, with the wallets that
//! hold them, and what their owners have used of limits.

mod altered;
mod owners;
mod source;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use ledger_core::event::RecordedEvent;
use ledger_core::hold::HoldEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Amount, Event, LedgerName, Position};
use rust_decimal::Decimal;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use super::statements::account_key;
use crate::read_model::{Before, Fold, FoldError, Place, ROWS_IN_MEMORY, ReadModel};
use altered::{ALTERED_WALLETS, AlteredWallets};
use owners::{OWNER_USAGE, OWNER_WALLETS, Owners};

pub(crate) use altered::{altered_wallets, unaltered_wallet};
pub use source::AccountsReadModel;

/// The read model.
#[derive(Debug)]
pub struct Accounts;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.accounts (
    -- Stands for ledger, holder and asset: a row is found by it at a third less.
    account_key    uuid    NOT NULL,
    ledger         text    NOT NULL,
    holder         text    NOT NULL,
    asset          text    NOT NULL,
    posted_debits  numeric NOT NULL,
    posted_credits numeric NOT NULL,
    pending_debits numeric NOT NULL,
    -- Sides of postings so far.
    entries        bigint  NOT NULL,
    -- Transactions that moved it so far.
    transactions   bigint  NOT NULL,
    -- When the last of them was recorded.
    moved_at       timestamptz,
    -- The last event that touched it.
    position       bigint  NOT NULL,
    -- Finds the rows that events change.
    PRIMARY KEY (account_key)
-- Room for a row's next version beside it, which then needs no entry in the indexes.
) WITH (fillfactor = 60)",
    // Loads a holder's accounts, for the executor and for queries.
    "CREATE UNIQUE INDEX ON {schema}.accounts (ledger, holder, asset)",
    ALTERED_WALLETS,
    OWNER_WALLETS,
    OWNER_USAGE,
];

const WRITE: &str = "\
INSERT INTO {schema}.accounts AS account
       (account_key, posted_debits, posted_credits, pending_debits, entries, transactions, moved_at,
        position, ledger, holder, asset)
SELECT change.key, change.debits, change.credits, change.pending, change.entries,
       change.transactions, change.moved_at, change.position, $9, change.holder, change.asset
FROM UNNEST($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::bigint[], $6::bigint[],
            $7::timestamptz[], $8::bigint[], $10::text[], $11::text[])
     AS change (key, debits, credits, pending, entries, transactions, moved_at, position, holder,
                asset)
-- And not the key: another account of the same key is refused.
ON CONFLICT (ledger, holder, asset) DO UPDATE SET
    posted_debits  = account.posted_debits + EXCLUDED.posted_debits,
    posted_credits = account.posted_credits + EXCLUDED.posted_credits,
    -- 5.00 - 5.00 is 0.00 to PostgreSQL; the same in every batch is plain 0.
    pending_debits = COALESCE(NULLIF(account.pending_debits + EXCLUDED.pending_debits, 0), 0),
    entries        = account.entries + EXCLUDED.entries,
    transactions   = account.transactions + EXCLUDED.transactions,
    moved_at       = COALESCE(EXCLUDED.moved_at, account.moved_at),
    position       = EXCLUDED.position";

const CHANGE: &str = "\
UPDATE {schema}.accounts AS account SET
    posted_debits  = account.posted_debits + change.debits,
    posted_credits = account.posted_credits + change.credits,
    pending_debits = COALESCE(NULLIF(account.pending_debits + change.pending, 0), 0),
    entries        = account.entries + change.entries,
    transactions   = account.transactions + change.transactions,
    moved_at       = COALESCE(change.moved_at, account.moved_at),
    position       = change.position
FROM UNNEST($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::bigint[], $6::bigint[],
            $7::timestamptz[], $8::bigint[])
     AS change (key, debits, credits, pending, entries, transactions, moved_at, position)
WHERE account.account_key = change.key";

/// What a batch of events does to one account.
#[derive(Default)]
struct Change {
    debits: Decimal,
    credits: Decimal,
    pending_debits: Decimal,
    entries: i64,
    transactions: i64,
    moved_at: Option<DateTime<Utc>>,
    position: Position,
}

impl Change {
    /// Counts an entry of a transaction; no other event has its position.
    fn count_entry(&mut self, recorded: &RecordedEvent) {
        self.entries += 1;
        if self.position != recorded.position {
            self.transactions += 1;
        }
        self.moved_at = Some(recorded.recorded_at.as_datetime());
    }
}

/// An account's key, its name and what happens to it.
type Row = (Uuid, AccountId, Change);

/// What events do to the accounts of a ledger.
struct Changes {
    ledger: LedgerName,
    before: Before,
    /// Accounts whose rows are known to be there; changing a row costs half of what finding out does.
    written: HashMap<AccountId, Uuid>,
    accounts: HashMap<AccountId, Change>,
    wallets: AlteredWallets,
    owners: Owners,
}

impl Changes {
    fn change(
        &mut self,
        account: AccountId,
        position: Position,
        change: impl FnOnce(&mut Change) -> Option<()>,
    ) -> Result<(), FoldError> {
        let entry = self.accounts.entry(account).or_default();
        let changed = change(entry);
        entry.position = position;
        changed.ok_or_else(|| FoldError::Event {
            position,
            reason: format!("the totals of {account} cannot be kept"),
        })
    }
}

/// What a hold event adds to the reserved amount; negative when it gives back.
fn reservation(event: &HoldEvent) -> Option<Decimal> {
    match event {
        HoldEvent::HoldPlaced { amount, .. } => Some(amount.value()),
        HoldEvent::HoldCaptured {
            amount, released, ..
        } => {
            let released = released.map_or(Decimal::ZERO, Amount::value);
            Some(-amount.value().checked_add(released)?)
        }
        HoldEvent::HoldVoided { released, .. } | HoldEvent::HoldExpired { released, .. } => {
            Some(-released.value())
        }
    }
}

#[async_trait]
impl ReadModel for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn version(&self) -> i32 {
        5
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "accounts",
            "altered_wallets",
            "owner_wallets",
            "owner_usage",
        ]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold> {
        Box::new(Changes {
            ledger,
            before,
            written: HashMap::new(),
            accounts: HashMap::new(),
            wallets: AlteredWallets::new(before),
            owners: Owners::default(),
        })
    }
}

#[async_trait]
impl Fold for Changes {
    async fn recall(
        &mut self,
        place: &mut Place<'_>,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        Ok(self.wallets.recall(place, self.ledger, events).await?)
    }

    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let position = recorded.position;
        self.owners.add(recorded)?;
        match &recorded.event {
            Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) => {
                for posting in postings {
                    let amount = posting.amount.value();
                    self.change(posting.debited(), position, |change| {
                        change.count_entry(recorded);
                        change.debits = change.debits.checked_add(amount)?;
                        Some(())
                    })?;
                    self.change(posting.credited(), position, |change| {
                        change.count_entry(recorded);
                        change.credits = change.credits.checked_add(amount)?;
                        Some(())
                    })?;
                }
                Ok(())
            }
            Event::Hold(event) => {
                let reserved = reservation(event);
                self.change(event.account(), position, |change| {
                    change.pending_debits = change.pending_debits.checked_add(reserved?)?;
                    Some(())
                })
            }
            Event::Wallet(_) => self.wallets.add(recorded),
            Event::Transaction(TransactionEvent::TransactionReverted { .. })
            | Event::Ledger(_)
            | Event::Payment(_)
            | Event::Payout(_)
            | Event::Beneficiary(_)
            | Event::Settlement(_)
            | Event::Owner(_)
            | Event::VerificationCase(_)
            | Event::Profile(_)
            | Event::Onboarding(_) => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.accounts.len() > ROWS_IN_MEMORY || self.wallets.is_full() || self.owners.is_full()
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        self.wallets.write(place, self.ledger).await?;
        self.owners.write(place, self.ledger).await?;
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for (account, change) in self.accounts.drain() {
            match self.written.get(&account) {
                Some(key) => known.push((*key, account, change)),
                None => new.push((account_key(self.ledger, &account), account, change)),
            }
        }
        // In the order of the index, whose pages are then met one after the other.
        known.sort_unstable_by_key(|(key, ..)| *key);
        new.sort_unstable_by_key(|(key, ..)| *key);
        if !known.is_empty() {
            let statement = place.sql(CHANGE);
            let done = bind(&statement, &known)
                .execute(&mut *place.connection)
                .await?;
            if usize::try_from(done.rows_affected()) != Ok(known.len()) {
                return Err(lost(&known));
            }
        }
        if !new.is_empty() {
            write_new(place, self.ledger, &new).await?;
        }
        if self.before == Before::InTables {
            let written = new.iter().map(|(key, account, _)| (*account, *key));
            self.written.extend(written);
        }
        if self.before.is_too_much(self.written.len()) {
            self.written.clear();
        }
        Ok(())
    }
}

/// Somebody took a row away that was written before.
fn lost(changes: &[Row]) -> FoldError {
    let position = changes.iter().map(|(.., change)| change.position).min();
    FoldError::Event {
        position: position.unwrap_or_default(),
        reason: "an account that was written is not in its table any more".to_owned(),
    }
}

async fn write_new(
    place: &mut Place<'_>,
    ledger: LedgerName,
    rows: &[Row],
) -> Result<(), sqlx::Error> {
    let texts = |text: fn(&AccountId) -> String| -> Vec<String> {
        rows.iter().map(|(_, account, _)| text(account)).collect()
    };
    bind(&place.sql(WRITE), rows)
        .bind(ledger.as_str())
        .bind(texts(|account| account.holder.to_string()))
        .bind(texts(|account| account.asset.to_string()))
        .execute(&mut *place.connection)
        .await
        .map(|_| ())
}

/// A statement with what happens to rows as its first parameters.
fn bind<'q>(statement: &'q str, rows: &[Row]) -> Query<'q, Postgres, PgArguments> {
    let sums = |value: fn(&Change) -> Decimal| -> Vec<Decimal> {
        rows.iter().map(|(.., change)| value(change)).collect()
    };
    let numbers = |value: fn(&Change) -> i64| -> Vec<i64> {
        rows.iter().map(|(.., change)| value(change)).collect()
    };
    let times = |value: fn(&Change) -> Option<DateTime<Utc>>| -> Vec<Option<DateTime<Utc>>> {
        rows.iter().map(|(.., change)| value(change)).collect()
    };
    sqlx::query(statement)
        .bind(rows.iter().map(|(key, ..)| *key).collect::<Vec<Uuid>>())
        .bind(sums(|change| change.debits))
        .bind(sums(|change| change.credits))
        .bind(sums(|change| change.pending_debits))
        .bind(numbers(|change| change.entries))
        .bind(numbers(|change| change.transactions))
        .bind(times(|change| change.moved_at))
        .bind(numbers(|change| change.position.value()))
}

fn undecodable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
