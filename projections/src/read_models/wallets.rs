//! Wallets, their overdrafts, and the statistics of their owners.

mod owners;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::annotation::Reference;
use ledger_core::event::RecordedEvent;
use ledger_core::posting::{FreezeScope, Overdraft};
use ledger_core::wallet::WalletEvent;
use ledger_core::{AssetCode, Event, LedgerName, Stream, WalletId};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::read_model::{Before, Fold, FoldError, Place, ROWS_IN_MEMORY, ReadModel};
use owners::Owners;

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
    // What of an owner's statistics the accounts of the owner's wallets do not say.
    "CREATE TABLE {schema}.owners (
    ledger            text        NOT NULL,
    owner             text        NOT NULL,
    wallets_opened    bigint      NOT NULL,
    wallets_closed    bigint      NOT NULL,
    -- Accounts of the owner that a transaction moved beside the first, over all transactions: added up
    -- over the accounts, it is counted so many times too often.
    counted_again     bigint      NOT NULL,
    -- The first and the last event of one of the wallets.
    first_activity_at timestamptz NOT NULL,
    last_activity_at  timestamptz NOT NULL,
    PRIMARY KEY (ledger, owner)
) WITH (fillfactor = 60)",
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

/// What events do to the wallets of a ledger and to their owners.
struct Batch {
    ledger: LedgerName,
    opened: Opened,
    changes: BTreeMap<WalletId, Change>,
    overdrafts: BTreeMap<(WalletId, AssetCode), Overdraft>,
    owners: Owners,
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

    async fn write_wallets(&self, place: &mut Place<'_>) -> Result<(), sqlx::Error> {
        let ledger = self.ledger;
        if !self.opened.ids.is_empty() {
            sqlx::query(&place.sql(OPEN))
                .bind(ledger.as_str())
                .bind(&self.opened.ids)
                .bind(&self.opened.positions)
                .bind(&self.opened.owners)
                .bind(&self.opened.references)
                .bind(&self.opened.metadata)
                .bind(&self.opened.opened_at)
                .execute(&mut *place.connection)
                .await?;
        }
        if !self.changes.is_empty() {
            let changes = || self.changes.values();
            sqlx::query(&place.sql(CHANGE))
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
                .execute(&mut *place.connection)
                .await?;
        }
        if !self.overdrafts.is_empty() {
            self.write_overdrafts(place).await?;
        }
        Ok(())
    }

    async fn write_overdrafts(&self, place: &mut Place<'_>) -> Result<(), sqlx::Error> {
        let ledger = self.ledger;
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
        sqlx::query(&place.sql(FORBID_OVERDRAFTS))
            .bind(ledger.as_str())
            .bind(&forbidden.0)
            .bind(&forbidden.1)
            .execute(&mut *place.connection)
            .await?;
        sqlx::query(&place.sql(ALLOW_OVERDRAFTS))
            .bind(ledger.as_str())
            .bind(&allowed.0)
            .bind(&allowed.1)
            .bind(&limits)
            .execute(&mut *place.connection)
            .await
            .map(|_| ())
    }
}

#[async_trait]
impl ReadModel for Wallets {
    fn name(&self) -> &'static str {
        "wallets"
    }

    fn version(&self) -> i32 {
        3
    }

    fn tables(&self) -> &'static [&'static str] {
        &["wallets", "wallet_overdrafts", "owners"]
    }

    fn former_tables(&self) -> &'static [&'static str] {
        &["owner_flows"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold> {
        Box::new(Batch {
            ledger,
            opened: Opened::default(),
            changes: BTreeMap::new(),
            overdrafts: BTreeMap::new(),
            owners: Owners::new(ledger, before),
        })
    }
}

#[async_trait]
impl Fold for Batch {
    async fn recall(
        &mut self,
        place: &mut Place<'_>,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        Ok(self.owners.recall(place, events).await?)
    }

    fn add(&mut self, event: &RecordedEvent) -> Result<(), FoldError> {
        self.fold(event)?;
        self.owners.add(event)
    }

    fn is_full(&self) -> bool {
        let wallets = self.opened.ids.len() + self.changes.len() + self.overdrafts.len();
        wallets + self.owners.waiting() > ROWS_IN_MEMORY
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        self.write_wallets(place).await?;
        self.opened = Opened::default();
        self.changes.clear();
        self.overdrafts.clear();
        self.owners.write(place).await
    }
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
