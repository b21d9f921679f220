//! The statistics of owners.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{AssetCode, Event, Holder, LedgerName, Stream, WalletId};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::read_model::{FoldError, Tables};
use crate::read_models::ExactSum;

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

/// What a batch of events does to an owner's statistics.
struct OwnerChange {
    wallets_opened: i64,
    wallets_closed: i64,
    transactions: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

/// Folds the statistics; the wallets just opened are in their table already.
pub(super) async fn fold(
    connection: &mut PgConnection,
    tables: Tables,
    ledger: LedgerName,
    events: &[RecordedEvent],
) -> Result<(), FoldError> {
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
