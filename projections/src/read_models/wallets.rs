//! Wallets, their overdrafts, and the statistics of their owners.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::annotation::Reference;
use ledger_core::event::RecordedEvent;
use ledger_core::posting::{FreezeScope, Overdraft};
use ledger_core::transaction::TransactionEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{AssetCode, Event, Holder, LedgerName, Stream, WalletId};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::ExactSum;
use crate::read_model::{FoldError, ReadModel, Tables};

/// The read model.
#[derive(Debug)]
pub struct Wallets;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.wallets (
    ledger       text        NOT NULL,
    wallet_id    uuid        NOT NULL,
    position     bigint      NOT NULL,
    owner        text        NOT NULL,
    status       text        NOT NULL CHECK (status IN ('open', 'frozen', 'closed')),
    freeze_scope text,
    reason       text,
    reference    text,
    -- JSON text, as in the event.
    metadata     text        NOT NULL,
    opened_at    timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (ledger, wallet_id)
)",
    // Lists, newest first.
    "CREATE UNIQUE INDEX ON {schema}.wallets (ledger, position)",
    // The wallets of one owner.
    "CREATE INDEX ON {schema}.wallets (ledger, owner, position)",
    "CREATE TABLE {schema}.wallet_overdrafts (
    ledger     text    NOT NULL,
    wallet_id  uuid    NOT NULL,
    asset      text    NOT NULL,
    -- Without limit when absent.
    up_to      numeric,
    PRIMARY KEY (ledger, wallet_id, asset)
)",
    "CREATE TABLE {schema}.owners (
    ledger            text        NOT NULL,
    owner             text        NOT NULL,
    wallets_opened    bigint      NOT NULL,
    wallets_closed    bigint      NOT NULL,
    -- Transactions that moved money into or out of one of the owner's wallets.
    transactions      bigint      NOT NULL,
    first_activity_at timestamptz NOT NULL,
    last_activity_at  timestamptz NOT NULL,
    PRIMARY KEY (ledger, owner)
)",
    "CREATE TABLE {schema}.owner_flows (
    ledger     text    NOT NULL,
    owner      text    NOT NULL,
    asset      text    NOT NULL,
    amount_in  numeric NOT NULL,
    amount_out numeric NOT NULL,
    PRIMARY KEY (ledger, owner, asset)
)",
];

const OPEN: &str = "\
INSERT INTO {schema}.wallets (ledger, wallet_id, position, owner, status, reference, metadata,
                              opened_at, changed_at)
SELECT $1, wallet_id, position, owner, 'open', reference, metadata, opened_at, opened_at
FROM UNNEST($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
     AS opened (wallet_id, position, owner, reference, metadata, opened_at)";

const CHANGE: &str = "\
UPDATE {schema}.wallets AS wallet
SET status = change.status, freeze_scope = change.freeze_scope, reason = change.reason,
    changed_at = change.changed_at
FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
     AS change (wallet_id, status, freeze_scope, reason, changed_at)
WHERE wallet.ledger = $1 AND wallet.wallet_id = change.wallet_id";

const FORBID_OVERDRAFTS: &str = "\
DELETE FROM {schema}.wallet_overdrafts AS overdraft
USING UNNEST($2::uuid[], $3::text[]) AS change (wallet_id, asset)
WHERE overdraft.ledger = $1 AND overdraft.wallet_id = change.wallet_id
  AND overdraft.asset = change.asset";

const ALLOW_OVERDRAFTS: &str = "\
INSERT INTO {schema}.wallet_overdrafts (ledger, wallet_id, asset, up_to)
SELECT $1, change.* FROM UNNEST($2::uuid[], $3::text[], $4::numeric[]) AS change
ON CONFLICT (ledger, wallet_id, asset) DO UPDATE SET up_to = EXCLUDED.up_to";

const OWNERS: &str = "\
SELECT wallet_id, owner FROM {schema}.wallets WHERE ledger = $1 AND wallet_id = ANY($2)";

const WRITE_OWNERS: &str = "\
INSERT INTO {schema}.owners AS known (ledger, owner, wallets_opened, wallets_closed, transactions,
                                      first_activity_at, last_activity_at)
SELECT $1, change.* FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
                                $6::timestamptz[], $7::timestamptz[]) AS change
ON CONFLICT (ledger, owner) DO UPDATE SET
    wallets_opened = known.wallets_opened + EXCLUDED.wallets_opened,
    wallets_closed = known.wallets_closed + EXCLUDED.wallets_closed,
    transactions   = known.transactions + EXCLUDED.transactions,
    last_activity_at = EXCLUDED.last_activity_at";

const WRITE_FLOWS: &str = "\
INSERT INTO {schema}.owner_flows AS known (ledger, owner, asset, amount_in, amount_out)
SELECT $1, owner, asset, sum(amount_in), sum(amount_out)
FROM UNNEST($2::text[], $3::text[], $4::numeric[], $5::numeric[])
     AS change (owner, asset, amount_in, amount_out)
GROUP BY owner, asset
ON CONFLICT (ledger, owner, asset) DO UPDATE SET
    amount_in = known.amount_in + EXCLUDED.amount_in,
    amount_out = known.amount_out + EXCLUDED.amount_out";

#[derive(Default)]
struct Opened {
    ids: Vec<Uuid>,
    positions: Vec<i64>,
    owners: Vec<String>,
    references: Vec<Option<String>>,
    metadata: Vec<String>,
    opened_at: Vec<DateTime<Utc>>,
}

/// A wallet's state after a batch of events.
struct Change {
    status: &'static str,
    freeze_scope: Option<&'static str>,
    reason: Option<String>,
    changed_at: DateTime<Utc>,
}

/// What a batch of events does to an owner's statistics.
struct OwnerChange {
    wallets_opened: i64,
    wallets_closed: i64,
    transactions: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

#[derive(Default)]
struct Batch {
    opened: Opened,
    changes: BTreeMap<WalletId, Change>,
    overdrafts: BTreeMap<(WalletId, AssetCode), Overdraft>,
}

impl Batch {
    fn fold(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let (Event::Wallet(event), Stream::Wallet(id)) = (&recorded.event, recorded.stream) else {
            return Ok(());
        };
        let changed_at = recorded.recorded_at.as_datetime();
        let text = |reason: &Option<Reference>| reason.clone().map(Reference::into);
        match event {
            WalletEvent::WalletOpened {
                owner,
                overdraft,
                reference,
                metadata,
            } => {
                self.opened.ids.push(id.as_uuid());
                self.opened.positions.push(recorded.position.value());
                self.opened.owners.push(owner.to_string());
                self.opened.references.push(text(reference));
                let metadata = serde_json::to_string(metadata);
                self.opened
                    .metadata
                    .push(metadata.map_err(|error| FoldError::Event {
                        position: recorded.position,
                        reason: error.to_string(),
                    })?);
                self.opened.opened_at.push(changed_at);
                for (asset, overdraft) in overdraft {
                    self.overdrafts.insert((id, *asset), *overdraft);
                }
            }
            WalletEvent::WalletFrozen { scope, reason } => {
                let freeze_scope = Some(scope_name(*scope));
                let reason = text(reason);
                self.changes.insert(
                    id,
                    Change {
                        status: "frozen",
                        freeze_scope,
                        reason,
                        changed_at,
                    },
                );
            }
            WalletEvent::WalletUnfrozen { reason } => {
                let reason = text(reason);
                self.changes.insert(
                    id,
                    Change {
                        status: "open",
                        freeze_scope: None,
                        reason,
                        changed_at,
                    },
                );
            }
            WalletEvent::WalletClosed { reason } => {
                let reason = text(reason);
                self.changes.insert(
                    id,
                    Change {
                        status: "closed",
                        freeze_scope: None,
                        reason,
                        changed_at,
                    },
                );
            }
            WalletEvent::WalletOverdraftSet { asset, overdraft } => {
                self.overdrafts.insert((id, *asset), *overdraft);
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        if !self.opened.ids.is_empty() {
            sqlx::query(&tables.sql(OPEN))
                .bind(ledger.as_str())
                .bind(&self.opened.ids)
                .bind(&self.opened.positions)
                .bind(&self.opened.owners)
                .bind(&self.opened.references)
                .bind(&self.opened.metadata)
                .bind(&self.opened.opened_at)
                .execute(&mut *connection)
                .await?;
        }
        if !self.changes.is_empty() {
            let changes = || self.changes.values();
            sqlx::query(&tables.sql(CHANGE))
                .bind(ledger.as_str())
                .bind(
                    self.changes
                        .keys()
                        .map(|id| id.as_uuid())
                        .collect::<Vec<_>>(),
                )
                .bind(changes().map(|change| change.status).collect::<Vec<_>>())
                .bind(
                    changes()
                        .map(|change| change.freeze_scope)
                        .collect::<Vec<_>>(),
                )
                .bind(
                    changes()
                        .map(|change| change.reason.clone())
                        .collect::<Vec<_>>(),
                )
                .bind(
                    changes()
                        .map(|change| change.changed_at)
                        .collect::<Vec<_>>(),
                )
                .execute(&mut *connection)
                .await?;
        }
        if !self.overdrafts.is_empty() {
            self.write_overdrafts(connection, tables, ledger).await?;
        }
        Ok(())
    }

    async fn write_overdrafts(
        &self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        let (mut forbidden, mut allowed) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        let mut limits: Vec<Option<Decimal>> = Vec::new();
        for ((wallet, asset), overdraft) in &self.overdrafts {
            let limit = match overdraft {
                Overdraft::Forbidden => {
                    forbidden.0.push(wallet.as_uuid());
                    forbidden.1.push(asset.to_string());
                    continue;
                }
                Overdraft::UpTo(limit) => Some(limit.value()),
                Overdraft::Unlimited => None,
            };
            allowed.0.push(wallet.as_uuid());
            allowed.1.push(asset.to_string());
            limits.push(limit);
        }
        sqlx::query(&tables.sql(FORBID_OVERDRAFTS))
            .bind(ledger.as_str())
            .bind(&forbidden.0)
            .bind(&forbidden.1)
            .execute(&mut *connection)
            .await?;
        sqlx::query(&tables.sql(ALLOW_OVERDRAFTS))
            .bind(ledger.as_str())
            .bind(&allowed.0)
            .bind(&allowed.1)
            .bind(&limits)
            .execute(connection)
            .await
            .map(|_| ())
    }
}

/// What came in and went out.
#[derive(Default)]
struct Flow {
    amount_in: ExactSum,
    amount_out: ExactSum,
}

/// What a batch of events does to the statistics of owners.
#[derive(Default)]
struct Statistics {
    owners: BTreeMap<String, OwnerChange>,
    flows: BTreeMap<(String, AssetCode), Flow>,
}

impl Statistics {
    fn owner(&mut self, owner: &str, at: DateTime<Utc>) -> &mut OwnerChange {
        let change = self.owners.entry(owner.to_owned()).or_insert(OwnerChange {
            wallets_opened: 0,
            wallets_closed: 0,
            transactions: 0,
            first: at,
            last: at,
        });
        change.last = at;
        change
    }

    fn fold(
        &mut self,
        recorded: &RecordedEvent,
        owners: &BTreeMap<WalletId, String>,
    ) -> Result<(), FoldError> {
        let at = recorded.recorded_at.as_datetime();
        let owner_of = |wallet: WalletId| {
            owners.get(&wallet).ok_or_else(|| FoldError::Event {
                position: recorded.position,
                reason: format!("the wallet {wallet} is not known"),
            })
        };
        match (&recorded.event, recorded.stream) {
            (Event::Wallet(event), Stream::Wallet(wallet)) => {
                let change = self.owner(owner_of(wallet)?, at);
                match event {
                    WalletEvent::WalletOpened { .. } => change.wallets_opened += 1,
                    WalletEvent::WalletClosed { .. } => change.wallets_closed += 1,
                    WalletEvent::WalletFrozen { .. }
                    | WalletEvent::WalletUnfrozen { .. }
                    | WalletEvent::WalletOverdraftSet { .. } => {}
                }
            }
            (
                Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }),
                Stream::Transaction(_),
            ) => {
                let mut concerned = BTreeSet::new();
                for posting in postings {
                    let amount = posting.amount.value();
                    if let Holder::Wallet(wallet) = posting.source {
                        let owner = owner_of(wallet)?;
                        concerned.insert(owner);
                        self.flow(owner, posting.asset).amount_out.add(amount);
                    }
                    if let Holder::Wallet(wallet) = posting.destination {
                        let owner = owner_of(wallet)?;
                        concerned.insert(owner);
                        self.flow(owner, posting.asset).amount_in.add(amount);
                    }
                }
                for owner in concerned {
                    self.owner(owner, at).transactions += 1;
                }
            }
            (_, _) => {}
        }
        Ok(())
    }

    fn flow(&mut self, owner: &str, asset: AssetCode) -> &mut Flow {
        self.flows.entry((owner.to_owned(), asset)).or_default()
    }

    async fn write(
        self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        let (owners, changes): (Vec<String>, Vec<OwnerChange>) = self.owners.into_iter().unzip();
        let count = |value: fn(&OwnerChange) -> i64| changes.iter().map(value).collect::<Vec<_>>();
        sqlx::query(&tables.sql(WRITE_OWNERS))
            .bind(ledger.as_str())
            .bind(&owners)
            .bind(count(|change| change.wallets_opened))
            .bind(count(|change| change.wallets_closed))
            .bind(count(|change| change.transactions))
            .bind(
                changes
                    .iter()
                    .map(|change| change.first)
                    .collect::<Vec<_>>(),
            )
            .bind(changes.iter().map(|change| change.last).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
        let flows: Vec<FlowRow> = self.flows.into_iter().flat_map(flow_rows).collect();
        let texts = |text: fn(&FlowRow) -> String| flows.iter().map(text).collect::<Vec<_>>();
        let amounts =
            |amount: fn(&FlowRow) -> Decimal| flows.iter().map(amount).collect::<Vec<_>>();
        sqlx::query(&tables.sql(WRITE_FLOWS))
            .bind(ledger.as_str())
            .bind(texts(|row| row.owner.clone()))
            .bind(texts(|row| row.asset.to_string()))
            .bind(amounts(|row| row.amount_in))
            .bind(amounts(|row| row.amount_out))
            .execute(connection)
            .await
            .map(|_| ())
    }
}

/// A part of a flow, as written.
struct FlowRow {
    owner: String,
    asset: AssetCode,
    amount_in: Decimal,
    amount_out: Decimal,
}

fn flow_rows(((owner, asset), flow): ((String, AssetCode), Flow)) -> Vec<FlowRow> {
    let row = |amount_in, amount_out| FlowRow {
        owner: owner.clone(),
        asset,
        amount_in,
        amount_out,
    };
    let (coming, going) = (flow.amount_in.into_parts(), flow.amount_out.into_parts());
    let coming = coming.into_iter().map(|amount| row(amount, Decimal::ZERO));
    let going = going.into_iter().map(|amount| row(Decimal::ZERO, amount));
    coming.chain(going).collect()
}

#[async_trait]
impl ReadModel for Wallets {
    fn name(&self) -> &'static str {
        "wallets"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["wallets", "wallet_overdrafts", "owners", "owner_flows"]
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
        let mut batch = Batch::default();
        for event in events {
            batch.fold(event)?;
        }
        batch.write(connection, tables, ledger).await?;
        let owners = owners(connection, tables, ledger, events).await?;
        let mut statistics = Statistics::default();
        for event in events {
            statistics.fold(event, &owners)?;
        }
        if !statistics.owners.is_empty() {
            statistics.write(connection, tables, ledger).await?;
        }
        Ok(())
    }
}

/// Who owns the wallets that the events concern; those just opened are in the table already.
async fn owners(
    connection: &mut PgConnection,
    tables: Tables,
    ledger: LedgerName,
    events: &[RecordedEvent],
) -> Result<BTreeMap<WalletId, String>, sqlx::Error> {
    let mut wallets: BTreeSet<Uuid> = BTreeSet::new();
    for event in events {
        match (&event.event, event.stream) {
            (_, Stream::Wallet(wallet)) => {
                wallets.insert(wallet.as_uuid());
            }
            (Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }), _) => {
                for holder in postings.iter().flat_map(|p| [p.source, p.destination]) {
                    if let Holder::Wallet(wallet) = holder {
                        wallets.insert(wallet.as_uuid());
                    }
                }
            }
            (_, _) => {}
        }
    }
    let wallets: Vec<Uuid> = wallets.into_iter().collect();
    let rows: Vec<(Uuid, String)> = sqlx::query_as(&tables.sql(OWNERS))
        .bind(ledger.as_str())
        .bind(&wallets)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(wallet, owner)| (WalletId::new(wallet), owner))
        .collect())
}

/// A freeze's scope, as stored.
#[must_use]
pub const fn scope_name(scope: FreezeScope) -> &'static str {
    match scope {
        FreezeScope::Debits => "debits",
        FreezeScope::Credits => "credits",
        FreezeScope::All => "all",
    }
}
