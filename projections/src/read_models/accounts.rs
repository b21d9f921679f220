//! The totals of every account; also where the executor loads cold accounts from.

use std::collections::BTreeMap;

use async_trait::async_trait;
use event_store::executor::{AccountSnapshot, AccountSource};
use ledger_core::book::AccountTotals;
use ledger_core::event::RecordedEvent;
use ledger_core::hold::HoldEvent;
use ledger_core::posting::Totals;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Amount, Event, Holder, LedgerName, Position, Total};
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use crate::read_model::{FoldError, ReadModel, Tables};

/// The read model.
#[derive(Debug)]
pub struct Accounts;

const DEFINITION: &[&str] = &["CREATE TABLE {schema}.accounts (
    ledger         text    NOT NULL,
    holder         text    NOT NULL,
    asset          text    NOT NULL,
    posted_debits  numeric NOT NULL,
    posted_credits numeric NOT NULL,
    pending_debits numeric NOT NULL,
    -- Sides of postings so far.
    entries        bigint  NOT NULL,
    -- The last event that touched it.
    position       bigint  NOT NULL,
    -- Loads a holder's accounts, for the executor and for queries.
    PRIMARY KEY (ledger, holder, asset)
)"];

const WRITE: &str = "\
INSERT INTO {schema}.accounts AS account
       (ledger, holder, asset, posted_debits, posted_credits, pending_debits, entries, position)
SELECT $1, change.* FROM UNNEST($2::text[], $3::text[], $4::numeric[], $5::numeric[],
                                $6::numeric[], $7::bigint[], $8::bigint[]) AS change
ON CONFLICT (ledger, holder, asset) DO UPDATE SET
    posted_debits  = account.posted_debits + EXCLUDED.posted_debits,
    posted_credits = account.posted_credits + EXCLUDED.posted_credits,
    -- 5.00 - 5.00 is 0.00 to PostgreSQL; the same in every batch is plain 0.
    pending_debits = COALESCE(NULLIF(account.pending_debits + EXCLUDED.pending_debits, 0), 0),
    entries        = account.entries + EXCLUDED.entries,
    position       = EXCLUDED.position";

/// What a batch of events does to one account.
#[derive(Default)]
struct Change {
    debits: Decimal,
    credits: Decimal,
    pending_debits: Decimal,
    entries: i64,
    position: Position,
}

#[derive(Default)]
struct Changes(BTreeMap<AccountId, Change>);

impl Changes {
    fn add(
        &mut self,
        account: AccountId,
        position: Position,
        change: impl FnOnce(&mut Change) -> Option<()>,
    ) -> Result<(), FoldError> {
        let entry = self.0.entry(account).or_default();
        entry.position = position;
        change(entry).ok_or_else(|| FoldError::Event {
            position,
            reason: format!("the totals of {account} cannot be kept"),
        })
    }

    fn fold(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let position = recorded.position;
        match &recorded.event {
            Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) => {
                for posting in postings {
                    let amount = posting.amount.value();
                    self.add(posting.debited(), position, |change| {
                        change.entries += 1;
                        change.debits = change.debits.checked_add(amount)?;
                        Some(())
                    })?;
                    self.add(posting.credited(), position, |change| {
                        change.entries += 1;
                        change.credits = change.credits.checked_add(amount)?;
                        Some(())
                    })?;
                }
                Ok(())
            }
            Event::Hold(event) => {
                let reserved = reservation(event);
                self.add(event.account(), position, |change| {
                    change.pending_debits = change.pending_debits.checked_add(reserved?)?;
                    Some(())
                })
            }
            Event::Transaction(TransactionEvent::TransactionReverted { .. })
            | Event::Ledger(_)
            | Event::Wallet(_) => Ok(()),
        }
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
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["accounts"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    async fn fold(
        &self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        let mut changes = Changes::default();
        for event in events {
            changes.fold(event)?;
        }
        let (accounts, changes): (Vec<AccountId>, Vec<Change>) = changes.0.into_iter().unzip();
        if accounts.is_empty() {
            return Ok(());
        }
        let column = |value: fn(&Change) -> Decimal| changes.iter().map(value).collect::<Vec<_>>();
        sqlx::query(&tables.sql(WRITE))
            .bind(ledger.as_str())
            .bind(
                accounts
                    .iter()
                    .map(|account| account.holder.to_string())
                    .collect::<Vec<_>>(),
            )
            .bind(
                accounts
                    .iter()
                    .map(|account| account.asset.to_string())
                    .collect::<Vec<_>>(),
            )
            .bind(column(|change| change.debits))
            .bind(column(|change| change.credits))
            .bind(column(|change| change.pending_debits))
            .bind(
                changes
                    .iter()
                    .map(|change| change.entries)
                    .collect::<Vec<_>>(),
            )
            .bind(
                changes
                    .iter()
                    .map(|change| change.position.value())
                    .collect::<Vec<_>>(),
            )
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// The live table, as the executor's source of cold accounts.
#[derive(Debug, Clone)]
pub struct AccountsReadModel {
    pool: PgPool,
}

impl AccountsReadModel {
    /// Reads from this pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

/// One statement, so that rows and checkpoint are of one snapshot.
const LOAD: &str = "\
SELECT checkpoint.position, account.holder, account.asset,
       account.posted_debits, account.posted_credits, account.pending_debits
FROM (SELECT COALESCE((SELECT position FROM read_models.checkpoint
                       WHERE read_model = 'accounts' AND ledger = $1), 0) AS position) AS checkpoint
LEFT JOIN read_models.accounts AS account ON account.ledger = $1 AND account.holder = ANY($2)";

type LoadedRow = (
    i64,
    Option<String>,
    Option<String>,
    Option<Decimal>,
    Option<Decimal>,
    Option<Decimal>,
);

#[async_trait]
impl AccountSource for AccountsReadModel {
    async fn load(
        &self,
        ledger: LedgerName,
        holders: &[Holder],
    ) -> Result<AccountSnapshot, sqlx::Error> {
        let names: Vec<String> = holders.iter().map(Holder::to_string).collect();
        let rows: Vec<LoadedRow> = sqlx::query_as(LOAD)
            .bind(ledger.as_str())
            .bind(&names)
            .fetch_all(&self.pool)
            .await?;
        let mut snapshot = AccountSnapshot::default();
        for (position, holder, asset, debits, credits, pending) in rows {
            snapshot.as_of = Position::try_new(position).unwrap_or_default();
            let (Some(holder), Some(asset)) = (holder, asset) else {
                continue;
            };
            let totals = AccountTotals {
                posted: Totals {
                    debits: total(debits)?,
                    credits: total(credits)?,
                },
                pending_debits: total(pending)?,
            };
            let holder: Holder = holder.parse().map_err(undecodable)?;
            let asset = asset.parse().map_err(undecodable)?;
            snapshot
                .accounts
                .entry(holder)
                .or_default()
                .push((asset, totals));
        }
        Ok(snapshot)
    }
}

fn total(value: Option<Decimal>) -> Result<Total, sqlx::Error> {
    Total::try_new(value.unwrap_or_default()).map_err(undecodable)
}

fn undecodable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
