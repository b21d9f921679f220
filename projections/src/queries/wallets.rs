//! Wallets and the statistics of their owners.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use ledger_core::annotation::Metadata;
use ledger_core::posting::{FreezeScope, WalletStatus};
use ledger_core::{Asset, AssetCode, LedgerName, OwnerId, Position, Timestamp, WalletId};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::ledgers::timestamp;
use super::{AsOf, Page, PageRequest, Queries, QueryError};
use crate::read_models::ReadModelName;

/// A wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletRow {
    /// Its id.
    pub wallet: WalletId,
    /// The position at which it was opened.
    pub position: Position,
    /// Who owns it.
    pub owner: OwnerId,
    /// What its state allows.
    pub status: WalletStatus,
    /// Why it was last frozen, unfrozen or closed.
    pub reason: Option<String>,
    /// How far it may be overdrawn, by asset; `None` is without limit.
    pub overdrafts: BTreeMap<AssetCode, Option<Decimal>>,
    /// The caller's name for it.
    pub reference: Option<String>,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

/// A wallet's state, to list by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalletState {
    /// Open.
    Open,
    /// Frozen in some direction.
    Frozen,
    /// Closed.
    Closed,
}

impl WalletState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }
}

/// Which wallets to list; all by default.
#[derive(Debug, Clone, Default)]
pub struct WalletFilter {
    /// Those of this owner.
    pub owner: Option<OwnerId>,
    /// Those in this state.
    pub state: Option<WalletState>,
    /// Those with this reference.
    pub reference: Option<String>,
}

/// What an owner has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerStatistics {
    /// The owner.
    pub owner: OwnerId,
    /// Wallets opened.
    pub wallets_opened: i64,
    /// Wallets closed.
    pub wallets_closed: i64,
    /// Transactions that moved money into or out of one of the wallets.
    pub transactions: i64,
    /// What came in and went out, by asset.
    pub flows: Vec<OwnerFlow>,
    /// The first event that concerned the owner.
    pub first_activity_at: Timestamp,
    /// The last.
    pub last_activity_at: Timestamp,
}

/// What came in and went out in one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerFlow {
    /// The asset.
    pub asset: Asset,
    /// What came in.
    pub amount_in: Decimal,
    /// What went out.
    pub amount_out: Decimal,
}

/// Asset, amount in, amount out, transactions of its accounts, the last of them.
type AssetMoved = (String, String, String, i64, DateTime<Utc>);

/// Wallets opened, wallets closed, accounts counted again, first and last activity.
type OwnerCounts = (i64, i64, i64, DateTime<Utc>, DateTime<Utc>);

#[derive(FromRow)]
struct Row {
    wallet_id: Uuid,
    position: i64,
    owner: String,
    status: String,
    freeze_scope: Option<String>,
    reason: Option<String>,
    reference: Option<String>,
    metadata: String,
    opened_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

impl Queries {
    /// One wallet.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn wallet(
        &self,
        ledger: LedgerName,
        wallet: WalletId,
    ) -> Result<AsOf<Option<WalletRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Wallets]).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM read_models.wallets WHERE ledger = $1 AND wallet_id = $2",
        )
        .bind(ledger.as_str())
        .bind(wallet.as_uuid())
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let wallet = complete(&mut snapshot.tx, ledger, rows).await?.pop();
        Ok(snapshot.answer(wallet))
    }

    /// Wallets, newest first; the key is the position.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn wallets(
        &self,
        ledger: LedgerName,
        filter: &WalletFilter,
        page: PageRequest<Position>,
    ) -> Result<AsOf<Page<WalletRow, Position>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Wallets]).await?;
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT * FROM read_models.wallets WHERE ledger = ");
        query.push_bind(ledger.as_str().to_owned());
        if let Some(owner) = &filter.owner {
            query.push(" AND owner = ").push_bind(owner.to_string());
        }
        if let Some(state) = filter.state {
            query.push(" AND status = ").push_bind(state.as_str());
        }
        if let Some(reference) = &filter.reference {
            query.push(" AND reference = ").push_bind(reference.clone());
        }
        if let Some(after) = page.after {
            query.push(" AND position < ").push_bind(after.value());
        }
        query
            .push(" ORDER BY position DESC LIMIT ")
            .push_bind(page.limit + 1);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *snapshot.tx).await?;
        let wallets = complete(&mut snapshot.tx, ledger, rows).await?;
        Ok(snapshot.answer(Page::cut(wallets, page.limit, |wallet| wallet.position)))
    }

    /// What an owner has done; `None` when there is no such owner.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn owner_statistics(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<AsOf<Option<OwnerStatistics>>, QueryError> {
        let used = [ReadModelName::Wallets, ReadModelName::Accounts];
        let mut snapshot = self.snapshot(ledger, &used).await?;
        let facts = snapshot.facts(ledger).await?;
        let row: Option<OwnerCounts> = sqlx::query_as(
            "SELECT wallets_opened, wallets_closed, counted_again, first_activity_at, \
                    last_activity_at \
             FROM read_models.owners WHERE ledger = $1 AND owner = $2",
        )
        .bind(ledger.as_str())
        .bind(owner.as_str())
        .fetch_optional(&mut *snapshot.tx)
        .await?;
        let Some((wallets_opened, wallets_closed, counted_again, first, mut last)) = row else {
            return Ok(snapshot.answer(None));
        };
        let moved: Vec<AssetMoved> = sqlx::query_as(MOVED)
            .bind(ledger.as_str())
            .bind(owner.as_str())
            .fetch_all(&mut *snapshot.tx)
            .await?;
        let mut transactions = -counted_again;
        let mut flows = Vec::with_capacity(moved.len());
        for (asset, amount_in, amount_out, count, moved_at) in moved {
            transactions += count;
            last = last.max(moved_at);
            flows.push(OwnerFlow {
                asset: facts.asset(&asset)?,
                amount_in: QueryError::exact("accounts", &amount_in)?,
                amount_out: QueryError::exact("accounts", &amount_out)?,
            });
        }
        Ok(snapshot.answer(Some(OwnerStatistics {
            owner: owner.clone(),
            wallets_opened,
            wallets_closed,
            transactions,
            flows,
            first_activity_at: timestamp("owners", first)?,
            last_activity_at: timestamp("accounts", last)?,
        })))
    }
}

/// What the accounts of an owner's wallets say, by asset.
const MOVED: &str = "\
SELECT account.asset, sum(account.posted_credits)::text, sum(account.posted_debits)::text,
       sum(account.transactions)::bigint, max(account.moved_at)
FROM read_models.wallets AS wallet
JOIN read_models.accounts AS account
  ON account.ledger = wallet.ledger AND account.holder = 'wallet:' || wallet.wallet_id
WHERE wallet.ledger = $1 AND wallet.owner = $2 AND account.moved_at IS NOT NULL
GROUP BY account.asset ORDER BY account.asset";

async fn complete(
    connection: &mut PgConnection,
    ledger: LedgerName,
    rows: Vec<Row>,
) -> Result<Vec<WalletRow>, QueryError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.wallet_id).collect();
    let limits: Vec<(Uuid, String, Option<Decimal>)> = sqlx::query_as(
        "SELECT wallet_id, asset, up_to FROM read_models.wallet_overdrafts \
         WHERE ledger = $1 AND wallet_id = ANY($2)",
    )
    .bind(ledger.as_str())
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    let mut overdrafts: HashMap<Uuid, BTreeMap<AssetCode, Option<Decimal>>> = HashMap::new();
    for (wallet, asset, limit) in limits {
        let asset = asset
            .parse()
            .map_err(|error| QueryError::row("wallet_overdrafts", error))?;
        overdrafts.entry(wallet).or_default().insert(asset, limit);
    }
    rows.into_iter()
        .map(|row| {
            let overdrafts = overdrafts.remove(&row.wallet_id).unwrap_or_default();
            read(row, overdrafts)
        })
        .collect()
}

fn read(
    row: Row,
    overdrafts: BTreeMap<AssetCode, Option<Decimal>>,
) -> Result<WalletRow, QueryError> {
    let bad = |error: &dyn std::fmt::Display| QueryError::row("wallets", error);
    let status = match (row.status.as_str(), row.freeze_scope.as_deref()) {
        ("open", _) => WalletStatus::Open,
        ("closed", _) => WalletStatus::Closed,
        ("frozen", Some("debits")) => WalletStatus::Frozen(FreezeScope::Debits),
        ("frozen", Some("credits")) => WalletStatus::Frozen(FreezeScope::Credits),
        ("frozen", Some("all")) => WalletStatus::Frozen(FreezeScope::All),
        (_, _) => return Err(bad(&"unknown status")),
    };
    Ok(WalletRow {
        wallet: WalletId::new(row.wallet_id),
        position: Position::try_new(row.position).unwrap_or_default(),
        owner: row.owner.parse().map_err(|error| bad(&error))?,
        status,
        reason: row.reason,
        overdrafts,
        reference: row.reference,
        metadata: serde_json::from_str(&row.metadata).map_err(|error| bad(&error))?,
        opened_at: timestamp("wallets", row.opened_at)?,
        changed_at: timestamp("wallets", row.changed_at)?,
    })
}
