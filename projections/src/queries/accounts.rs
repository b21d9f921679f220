//! Accounts and their balances, now and at other times.

use std::collections::HashMap;

use ledger_core::book::AccountTotals;
use ledger_core::money::Balance;
use ledger_core::posting::{NormalSide, Totals};
use ledger_core::{AccountId, Asset, Holder, LedgerName, Position, Timestamp, Total};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::ledgers::LedgerFacts;
use super::totals::{self, Cut, Extent, Place, Sums};
use super::{AsOf, Page, PageRequest, Queries, QueryError};
use crate::read_models::ReadModelName;
use crate::read_models::statements::account_key;

/// How much may still leave an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Available {
    /// This much, the overdraft counted in.
    Amount(Decimal),
    /// Any amount: a system account, or an overdraft without limit.
    Unlimited,
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// The side on which its balance grows.
    pub normal_side: NormalSide,
    /// What has moved through it.
    pub totals: AccountTotals,
    /// The balance, seen from its normal side.
    pub balance: Decimal,
    /// How much may still leave it.
    pub available: Available,
    /// Sides of postings so far.
    pub entries: i64,
    /// The last event that touched it.
    pub position: Position,
}

/// A cut of the log: everything recorded up to a place or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedUntil {
    /// Everything that is known.
    Now,
    /// Up to and with this position.
    Position(Position),
    /// Up to and with this time.
    Time(Timestamp),
}

/// A balance on both axes of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceAt {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// The side on which its balance grows.
    pub normal_side: NormalSide,
    /// The sum of its debits.
    pub debits: Decimal,
    /// The sum of its credits.
    pub credits: Decimal,
    /// The balance, seen from its normal side.
    pub balance: Decimal,
}

const COLUMNS: &str = "account.holder, account.asset, account.posted_debits, \
                       account.posted_credits, account.pending_debits, account.entries, \
                       account.position";

type Row = (String, String, Decimal, Decimal, Decimal, i64, i64);

impl Queries {
    /// The accounts of a wallet or system account that ever moved, in order of asset.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn accounts_of(
        &self,
        ledger: LedgerName,
        holder: Holder,
    ) -> Result<AsOf<Vec<AccountRow>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Accounts, ReadModelName::Wallets])
            .await?;
        let facts = snapshot.facts(ledger).await?;
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM read_models.accounts AS account \
             WHERE ledger = $1 AND holder = $2 ORDER BY asset"
        ))
        .bind(ledger.as_str())
        .bind(holder.to_string())
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let rows = facts.complete(&mut snapshot.tx, ledger, rows).await?;
        Ok(snapshot.answer(rows))
    }

    /// One account; `None` when it never moved.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn account(
        &self,
        ledger: LedgerName,
        account: AccountId,
    ) -> Result<AsOf<Option<AccountRow>>, QueryError> {
        let AsOf { position, value } = self.accounts_of(ledger, account.holder).await?;
        let found = value.into_iter().find(|row| row.account == account);
        Ok(AsOf {
            position,
            value: found,
        })
    }

    /// All accounts that ever moved, in order of holder and asset as texts.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn accounts(
        &self,
        ledger: LedgerName,
        page: PageRequest<AccountId>,
    ) -> Result<AsOf<Page<AccountRow, AccountId>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Accounts, ReadModelName::Wallets])
            .await?;
        let facts = snapshot.facts(ledger).await?;
        let (holder, asset) = page.after.map_or_else(Default::default, |account| {
            (account.holder.to_string(), account.asset.to_string())
        });
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM read_models.accounts AS account \
             WHERE ledger = $1 AND (holder, asset) > ($2, $3) \
             ORDER BY holder, asset LIMIT $4"
        ))
        .bind(ledger.as_str())
        .bind(holder)
        .bind(asset)
        .bind(page.limit + 1)
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let rows = facts.complete(&mut snapshot.tx, ledger, rows).await?;
        Ok(snapshot.answer(Page::cut(rows, page.limit, |row| row.account)))
    }

    /// The balance of an account that counts what was effective up to a time (and with it), as it
    /// was recorded up to a cut of the log. `None` when the holder does not exist.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn balance_at(
        &self,
        ledger: LedgerName,
        account: AccountId,
        effective_until: Option<Timestamp>,
        recorded: RecordedUntil,
    ) -> Result<AsOf<Option<BalanceAt>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Statements, ReadModelName::Wallets])
            .await?;
        let facts = snapshot.facts(ledger).await?;
        if !facts
            .exists(&mut snapshot.tx, ledger, account.holder)
            .await?
        {
            return Ok(snapshot.answer(None));
        }
        let extent = Extent::Effective(effective_until.map_or(Place::End, Place::at_end_of));
        let cut = Cut::of(&mut snapshot.tx, ledger, recorded).await?;
        let key = account_key(ledger, &account);
        let Sums { debits, credits } = totals::totals(&mut snapshot.tx, key, extent, cut).await?;
        let asset = facts.asset(account.asset.as_str())?;
        let normal_side = facts.normal_side(account.holder);
        let balance = match normal_side {
            NormalSide::Credit => credits - debits,
            NormalSide::Debit => debits - credits,
        };
        let at = BalanceAt {
            account,
            asset,
            normal_side,
            debits,
            credits,
            balance,
        };
        Ok(snapshot.answer(Some(at)))
    }

    /// Whether a wallet or system account exists.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn holder_exists(
        &self,
        ledger: LedgerName,
        holder: Holder,
    ) -> Result<bool, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Wallets]).await?;
        let facts = snapshot.facts(ledger).await?;
        facts.exists(&mut snapshot.tx, ledger, holder).await
    }
}

impl LedgerFacts {
    pub(super) fn normal_side(&self, holder: Holder) -> NormalSide {
        match holder {
            Holder::Wallet(_) => NormalSide::Credit,
            Holder::System(name) => self
                .open
                .system_accounts
                .get(&name)
                .copied()
                .unwrap_or(NormalSide::Credit),
        }
    }

    pub(super) async fn exists(
        &self,
        connection: &mut PgConnection,
        ledger: LedgerName,
        holder: Holder,
    ) -> Result<bool, QueryError> {
        match holder {
            Holder::System(name) => Ok(self.open.system_accounts.contains_key(&name)),
            Holder::Wallet(wallet) => Ok(sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM read_models.wallets \
                 WHERE ledger = $1 AND wallet_id = $2)",
            )
            .bind(ledger.as_str())
            .bind(wallet.as_uuid())
            .fetch_one(connection)
            .await?),
        }
    }

    /// Adds what stands elsewhere: the asset, the normal side, the overdraft.
    async fn complete(
        &self,
        connection: &mut PgConnection,
        ledger: LedgerName,
        rows: Vec<Row>,
    ) -> Result<Vec<AccountRow>, QueryError> {
        let overdrafts = overdrafts(connection, ledger, &rows).await?;
        rows.into_iter()
            .map(|row| self.complete_row(row, &overdrafts))
            .collect()
    }

    fn complete_row(
        &self,
        (holder, code, debits, credits, pending, entries, position): Row,
        overdrafts: &HashMap<(String, String), Option<Decimal>>,
    ) -> Result<AccountRow, QueryError> {
        let bad = |error: &dyn std::fmt::Display| QueryError::row("accounts", error);
        let total = |value| Total::try_new(value).map_err(|error| bad(&error));
        let holder_id: Holder = holder.parse().map_err(|error| bad(&error))?;
        let asset = self.asset(&code)?;
        let totals = AccountTotals {
            posted: Totals {
                debits: total(debits)?,
                credits: total(credits)?,
            },
            pending_debits: total(pending)?,
        };
        let normal_side = self.normal_side(holder_id);
        let (up, down) = match normal_side {
            NormalSide::Credit => (totals.posted.credits, totals.posted.debits),
            NormalSide::Debit => (totals.posted.debits, totals.posted.credits),
        };
        let balance = Balance::difference(up, down)
            .map(Balance::value)
            .ok_or_else(|| bad(&"the balance cannot be kept"))?;
        let available = match (holder_id, overdrafts.get(&(holder, code))) {
            (Holder::System(_), _) | (Holder::Wallet(_), Some(None)) => Available::Unlimited,
            (Holder::Wallet(_), Some(Some(limit))) => {
                Available::Amount(balance - totals.pending_debits.value() + limit)
            }
            (Holder::Wallet(_), None) => Available::Amount(balance - totals.pending_debits.value()),
        };
        Ok(AccountRow {
            account: holder_id.account(asset.code),
            asset,
            normal_side,
            totals,
            balance,
            available,
            entries,
            position: Position::try_new(position).unwrap_or_default(),
        })
    }
}

/// The overdrafts of the wallets among the rows, by holder and asset; `None` is without limit.
async fn overdrafts(
    connection: &mut PgConnection,
    ledger: LedgerName,
    rows: &[Row],
) -> Result<HashMap<(String, String), Option<Decimal>>, QueryError> {
    let wallets: Vec<Uuid> = rows
        .iter()
        .filter_map(|row| match row.0.parse() {
            Ok(Holder::Wallet(wallet)) => Some(wallet.as_uuid()),
            Ok(Holder::System(_)) | Err(_) => None,
        })
        .collect();
    let rows: Vec<(Uuid, String, Option<Decimal>)> = sqlx::query_as(
        "SELECT wallet_id, asset, up_to FROM read_models.wallet_overdrafts \
         WHERE ledger = $1 AND wallet_id = ANY($2)",
    )
    .bind(ledger.as_str())
    .bind(&wallets)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(wallet, asset, limit)| ((format!("wallet:{wallet}"), asset), limit))
        .collect())
}
