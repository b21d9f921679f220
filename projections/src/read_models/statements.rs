//! Every side of every posting, with the balance after it: what statements are cut from.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Event, LedgerName, Posting, Stream};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::read_model::{FoldError, ReadModel, Tables};

/// The read model.
#[derive(Debug)]
pub struct Statements;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.entries (
    ledger         text        NOT NULL,
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
    recorded_at    timestamptz NOT NULL,
    -- Statements in recorded order; the last entry of an account.
    PRIMARY KEY (ledger, holder, asset, entry_number)
)",
    // Statements and balances on the effective axis.
    "CREATE INDEX ON {schema}.entries (ledger, holder, asset, effective_at, entry_number)",
    // The transactions of an account or wallet, newest first.
    "CREATE INDEX ON {schema}.entries (ledger, holder, position)",
];

const LAST: &str = "\
SELECT touched.holder, touched.asset, last.entry_number, last.balance_after
FROM UNNEST($2::text[], $3::text[]) AS touched (holder, asset)
CROSS JOIN LATERAL (
    SELECT entry_number, balance_after FROM {schema}.entries AS entry
    WHERE entry.ledger = $1 AND entry.holder = touched.holder AND entry.asset = touched.asset
    ORDER BY entry_number DESC LIMIT 1) AS last";

const WRITE: &str = "\
INSERT INTO {schema}.entries (ledger, holder, asset, entry_number, position, posting,
    transaction_id, counterparty, direction, amount, balance_after, effective_at, recorded_at)
SELECT $1, entry.* FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[],
    $7::uuid[], $8::text[], $9::text[], $10::numeric[], $11::numeric[], $12::timestamptz[],
    $13::timestamptz[]) AS entry";

/// The last entry of an account so far.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    entry_number: i64,
    balance: Decimal,
}

#[derive(Default)]
struct Rows {
    holders: Vec<String>,
    assets: Vec<String>,
    entry_numbers: Vec<i64>,
    positions: Vec<i64>,
    postings: Vec<i32>,
    transactions: Vec<Uuid>,
    counterparties: Vec<String>,
    directions: Vec<&'static str>,
    amounts: Vec<Decimal>,
    balances: Vec<Decimal>,
    effective_at: Vec<DateTime<Utc>>,
    recorded_at: Vec<DateTime<Utc>>,
}

#[async_trait]
impl ReadModel for Statements {
    fn name(&self) -> &'static str {
        "statements"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["entries"]
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
        let mut last = last_entries(connection, tables, ledger, events).await?;
        let mut rows = Rows::default();
        for event in events {
            rows.fold(event, &mut last)?;
        }
        if rows.amounts.is_empty() {
            return Ok(());
        }
        sqlx::query(&tables.sql(WRITE))
            .bind(ledger.as_str())
            .bind(&rows.holders)
            .bind(&rows.assets)
            .bind(&rows.entry_numbers)
            .bind(&rows.positions)
            .bind(&rows.postings)
            .bind(&rows.transactions)
            .bind(&rows.counterparties)
            .bind(&rows.directions)
            .bind(&rows.amounts)
            .bind(&rows.balances)
            .bind(&rows.effective_at)
            .bind(&rows.recorded_at)
            .execute(connection)
            .await?;
        Ok(())
    }
}

async fn last_entries(
    connection: &mut PgConnection,
    tables: Tables,
    ledger: LedgerName,
    events: &[RecordedEvent],
) -> Result<BTreeMap<AccountId, Last>, FoldError> {
    let mut last: BTreeMap<AccountId, Last> = BTreeMap::new();
    for posting in events.iter().flat_map(postings_of) {
        last.entry(posting.debited()).or_default();
        last.entry(posting.credited()).or_default();
    }
    let holders: Vec<String> = last
        .keys()
        .map(|account| account.holder.to_string())
        .collect();
    let assets: Vec<String> = last
        .keys()
        .map(|account| account.asset.to_string())
        .collect();
    if holders.is_empty() {
        return Ok(last);
    }
    let rows: Vec<(String, String, i64, Decimal)> = sqlx::query_as(&tables.sql(LAST))
        .bind(ledger.as_str())
        .bind(&holders)
        .bind(&assets)
        .fetch_all(connection)
        .await?;
    for (holder, asset, entry_number, balance) in rows {
        if let Ok(account) = format!("{holder}:{asset}").parse::<AccountId>() {
            last.insert(
                account,
                Last {
                    entry_number,
                    balance,
                },
            );
        }
    }
    Ok(last)
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

impl Rows {
    fn fold(
        &mut self,
        recorded: &RecordedEvent,
        last: &mut BTreeMap<AccountId, Last>,
    ) -> Result<(), FoldError> {
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
                let entry = last.entry(account).or_default();
                entry.entry_number += 1;
                entry.balance =
                    entry
                        .balance
                        .checked_add(change)
                        .ok_or_else(|| FoldError::Event {
                            position: recorded.position,
                            reason: format!("the balance of {account} cannot be kept"),
                        })?;
                self.holders.push(account.holder.to_string());
                self.assets.push(account.asset.to_string());
                self.entry_numbers.push(entry.entry_number);
                self.positions.push(recorded.position.value());
                self.postings.push(index);
                self.transactions.push(transaction.as_uuid());
                self.counterparties.push(counterparty.to_string());
                self.directions.push(direction);
                self.amounts.push(amount);
                self.balances.push(entry.balance);
                self.effective_at.push(effective_at.as_datetime());
                self.recorded_at.push(recorded.recorded_at.as_datetime());
            }
        }
        Ok(())
    }
}
