//! Where the executor loads cold accounts from.

use async_trait::async_trait;
use chrono::NaiveDate;
use event_store::executor::{AccountSnapshot, AccountSource, UsageSnapshot};
use ledger_core::book::AccountTotals;
use ledger_core::limit::{Flow, UsedByDay};
use ledger_core::posting::Totals;
use ledger_core::{AssetCode, Holder, LedgerName, OwnerKey, Position, Sequence, Total, WalletId};
use rust_decimal::Decimal;
use sqlx::PgPool;
use std::collections::HashMap;
use uuid::Uuid;

use super::altered::{read_state, unaltered_wallet};
use super::undecodable;

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

/// One statement, so that rows and checkpoint are of one snapshot. The limit has every wallet searched for
/// by itself, whatever PostgreSQL believes of the table's size.
const LOAD: &str = "\
SELECT checkpoint.position, account.holder, account.asset,
       account.posted_debits, account.posted_credits, account.pending_debits,
       altered.sequence, altered.state
FROM (SELECT COALESCE((SELECT position FROM read_models.checkpoint
                       WHERE read_model = 'accounts' AND ledger = $1), 0) AS position) AS checkpoint
LEFT JOIN read_models.accounts AS account ON account.ledger = $1 AND account.holder = ANY($2)
LEFT JOIN LATERAL (SELECT wallet.sequence, wallet.state::text AS state
                   FROM read_models.altered_wallets AS wallet
                   WHERE wallet.holder = account.holder AND wallet.ledger = $1
                   LIMIT 1) AS altered ON TRUE";

/// An account, and its wallet if that has a row; nothing but the position when no account is there.
#[derive(sqlx::FromRow)]
struct LoadedRow {
    position: i64,
    holder: Option<String>,
    asset: Option<String>,
    posted_debits: Option<Decimal>,
    posted_credits: Option<Decimal>,
    pending_debits: Option<Decimal>,
    sequence: Option<Sequence>,
    state: Option<String>,
}

/// One statement, for the same reason: an owner's wallets, and what was counted of limits by day.
const LOAD_USAGE: &str = "\
SELECT checkpoint.position, row.owner_key, row.wallet_id, row.asset, row.flow, row.day, row.amount
FROM (SELECT COALESCE((SELECT position FROM read_models.checkpoint
                       WHERE read_model = 'accounts' AND ledger = $1), 0) AS position) AS checkpoint
LEFT JOIN (SELECT owner_key, wallet_id, NULL::text AS asset, NULL::text AS flow, NULL::date AS day,
                  NULL::numeric AS amount
           FROM read_models.owner_wallets WHERE owner_key = ANY($2) AND ledger = $1
           UNION ALL
           SELECT owner_key, NULL, asset, flow, day, amount
           FROM read_models.owner_usage WHERE owner_key = ANY($2) AND ledger = $1) AS row ON TRUE";

/// A wallet or a sum of an owner; nothing but the position when there are none.
#[derive(sqlx::FromRow)]
struct UsageRow {
    position: i64,
    owner_key: Option<Uuid>,
    wallet_id: Option<Uuid>,
    asset: Option<String>,
    flow: Option<String>,
    day: Option<NaiveDate>,
    amount: Option<Decimal>,
}

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
        for row in rows {
            snapshot.as_of = Position::try_new(row.position).unwrap_or_default();
            take_in(&mut snapshot, row)?;
        }
        Ok(snapshot)
    }

    async fn load_usage(
        &self,
        ledger: LedgerName,
        owners: &[OwnerKey],
    ) -> Result<UsageSnapshot, sqlx::Error> {
        let keys: Vec<Uuid> = owners.iter().map(|owner| owner.as_uuid()).collect();
        let rows: Vec<UsageRow> = sqlx::query_as(LOAD_USAGE)
            .bind(ledger.as_str())
            .bind(&keys)
            .fetch_all(&self.pool)
            .await?;
        let mut snapshot = UsageSnapshot::default();
        let mut sums: HashMap<OwnerKey, Vec<_>> = HashMap::new();
        for row in rows {
            snapshot.as_of = Position::try_new(row.position).unwrap_or_default();
            let Some(owner) = row.owner_key.map(OwnerKey::new) else {
                continue;
            };
            let known = snapshot.owners.entry(owner).or_default();
            known.wallets.extend(row.wallet_id.map(WalletId::new));
            if let (Some(asset), Some(flow), Some(day)) = (row.asset, row.flow, row.day) {
                let asset: AssetCode = asset.parse().map_err(undecodable)?;
                let flow: Flow = flow.parse().map_err(undecodable)?;
                let sum = (asset, flow, day, total(row.amount)?);
                sums.entry(owner).or_default().push(sum);
            }
        }
        for (owner, rows) in sums {
            let known = snapshot.owners.entry(owner).or_default();
            known.used = UsedByDay::from_rows(rows);
        }
        Ok(snapshot)
    }
}

fn take_in(snapshot: &mut AccountSnapshot, row: LoadedRow) -> Result<(), sqlx::Error> {
    let (Some(holder), Some(asset)) = (row.holder, row.asset) else {
        return Ok(());
    };
    let holder: Holder = holder.parse().map_err(undecodable)?;
    let asset = asset.parse().map_err(undecodable)?;
    let totals = AccountTotals {
        posted: Totals {
            debits: total(row.posted_debits)?,
            credits: total(row.posted_credits)?,
        },
        pending_debits: total(row.pending_debits)?,
    };
    if let Holder::Wallet(_) = holder {
        let wallet = match (row.state, row.sequence) {
            (Some(state), Some(sequence)) => (read_state(&state)?, sequence),
            (_, _) => unaltered_wallet(),
        };
        snapshot.wallets.insert(holder, wallet);
    }
    let accounts = snapshot.accounts.entry(holder).or_default();
    accounts.push((asset, totals));
    Ok(())
}

fn total(value: Option<Decimal>) -> Result<Total, sqlx::Error> {
    Total::try_new(value.unwrap_or_default()).map_err(undecodable)
}
