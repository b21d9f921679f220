//! Ledgers, assets, system accounts, the trial balance.

use chrono::{DateTime, Utc};
use ledger_core::ledger::{Ledger, OpenLedger, SystemAccount};
use ledger_core::money::{AssetKind, AssetRegistry};
use ledger_core::posting::NormalSide;
use ledger_core::{AggregateType, Asset, AssetCode, Event, LedgerName, Position, Timestamp};
use rust_decimal::Decimal;

use super::accounts::RecordedUntil;
use super::totals::{Cut, Extent, Place};
use super::{AsOf, Queries, QueryError, Snapshot};
use crate::read_models::ReadModelName;

/// A ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its name.
    pub ledger: LedgerName,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The position of its last event.
    pub head: Position,
    /// Whether it is a fork of another ledger, in which nothing happens.
    pub is_sandbox: bool,
}

/// The debits and credits of all accounts in one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalanceRow {
    /// The asset.
    pub asset: Asset,
    /// The sum of all debits.
    pub debits: Decimal,
    /// The sum of all credits; the books balance when it equals the debits.
    pub credits: Decimal,
}

impl Queries {
    /// Every ledger, in order of name.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ledgers(&self) -> Result<Vec<LedgerRow>, QueryError> {
        let rows: Vec<(String, DateTime<Utc>, i64, bool)> = sqlx::query_as(
            "SELECT event.ledger, event.recorded_at, head.position, head.is_sandbox FROM daybook.ledger_head AS head \
             JOIN daybook.events AS event ON event.ledger = head.ledger AND event.position = 1 \
             ORDER BY event.ledger",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(ledger_row).collect()
    }

    /// One ledger.
    ///
    /// # Errors
    /// [`QueryError::LedgerNotFound`] and those of PostgreSQL.
    pub async fn ledger(&self, ledger: LedgerName) -> Result<LedgerRow, QueryError> {
        let row: Option<(String, DateTime<Utc>, i64, bool)> = sqlx::query_as(
            "SELECT event.ledger, event.recorded_at, head.position, head.is_sandbox FROM daybook.ledger_head AS head \
             JOIN daybook.events AS event ON event.ledger = head.ledger AND event.position = 1 \
             WHERE head.ledger = $1",
        )
        .bind(ledger.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.map(ledger_row)
            .transpose()?
            .ok_or(QueryError::LedgerNotFound { ledger })
    }

    /// The assets of a ledger: the standard ones and its own.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn assets(&self, ledger: LedgerName) -> Result<AsOf<AssetRegistry>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Ledgers]).await?;
        let rows: Vec<(String, i32)> =
            sqlx::query_as("SELECT code, scale FROM read_models.assets WHERE ledger = $1")
                .bind(ledger.as_str())
                .fetch_all(&mut *snapshot.tx)
                .await?;
        let mut registry = AssetRegistry::default();
        for (code, scale) in rows {
            registry.register(Asset {
                code: code
                    .parse()
                    .map_err(|error| QueryError::row("assets", error))?,
                scale: scale
                    .try_into()
                    .map_err(|error| QueryError::row("assets", error))?,
                kind: AssetKind::Custom,
            });
        }
        Ok(snapshot.answer(registry))
    }

    /// The system accounts of a ledger, in order of name.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn system_accounts(
        &self,
        ledger: LedgerName,
    ) -> Result<AsOf<Vec<SystemAccount>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Ledgers]).await?;
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, normal_side FROM read_models.system_accounts WHERE ledger = $1 ORDER BY name",
        )
        .bind(ledger.as_str())
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let accounts = rows
            .into_iter()
            .map(|(name, side)| {
                Ok(SystemAccount {
                    name: name
                        .parse()
                        .map_err(|error| QueryError::row("system_accounts", error))?,
                    normal_side: normal_side(&side),
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        Ok(snapshot.answer(accounts))
    }

    /// The trial balance: per asset, the debits and credits of all accounts.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn trial_balance(
        &self,
        ledger: LedgerName,
    ) -> Result<AsOf<Vec<TrialBalanceRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Accounts]).await?;
        let facts = snapshot.facts(ledger).await?;
        let rows: Vec<TrialBalanceSums> = sqlx::query_as(
            "SELECT asset, sum(posted_debits)::text, sum(posted_credits)::text \
             FROM read_models.accounts \
             WHERE ledger = $1 GROUP BY asset ORDER BY asset",
        )
        .bind(ledger.as_str())
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let rows = trial_balance(&facts, rows)?;
        Ok(snapshot.answer(rows))
    }

    /// The trial balance of what was effective up to a time (and with it), as it was recorded up to a cut of
    /// the log: of the assets of which anything was. As every posting of a transaction counts at the same
    /// time and stands at the same position, debits equal credits at any time and cut.
    ///
    /// It asks every account of the ledger what it came to, in one statement; an account costs a few searches.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn trial_balance_at(
        &self,
        ledger: LedgerName,
        effective_until: Option<Timestamp>,
        recorded: RecordedUntil,
    ) -> Result<AsOf<Vec<TrialBalanceRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Statements]).await?;
        let facts = snapshot.facts(ledger).await?;
        let extent = Extent::Effective(effective_until.map_or(Place::End, Place::at_end_of));
        let cut = Cut::of(&mut snapshot.tx, ledger, recorded).await?;
        let statement = extent.statement(
            "asset, sum(debits)::text, sum(credits)::text",
            "SELECT account_key, asset FROM read_models.entry_accounts WHERE ledger = $1",
            "GROUP BY asset HAVING sum(debits) > 0 OR sum(credits) > 0 ORDER BY asset",
        );
        let query = sqlx::query_as(&statement).bind(ledger.as_str());
        let rows = extent.bind(query, cut).fetch_all(&mut *snapshot.tx).await?;
        let rows = trial_balance(&facts, rows)?;
        Ok(snapshot.answer(rows))
    }
}

/// Asset, debits and credits; as texts, because the sums may be wider than a [`Decimal`].
type TrialBalanceSums = (String, String, String);

fn trial_balance(
    facts: &LedgerFacts,
    rows: Vec<TrialBalanceSums>,
) -> Result<Vec<TrialBalanceRow>, QueryError> {
    let row = |(code, debits, credits): TrialBalanceSums| {
        Ok(TrialBalanceRow {
            asset: facts.asset(&code)?,
            debits: QueryError::exact("accounts", &debits)?,
            credits: QueryError::exact("accounts", &credits)?,
        })
    };
    rows.into_iter().map(row).collect()
}

/// A ledger's assets and system accounts.
pub(super) struct LedgerFacts {
    pub(super) open: OpenLedger,
}

impl LedgerFacts {
    pub(super) fn asset(&self, code: &str) -> Result<Asset, QueryError> {
        let code: AssetCode = code
            .parse()
            .map_err(|error| QueryError::row("accounts", error))?;
        self.open
            .assets
            .get(&code)
            .ok_or_else(|| QueryError::row("accounts", format!("unknown asset {code}")))
    }
}

impl Snapshot {
    /// The ledger's assets and system accounts, from its own few events in the log and not from their
    /// read model: that may lag behind the one whose rows are read, and a system account it does not
    /// know yet would show its balance from the wrong side.
    pub(super) async fn facts(&mut self, ledger: LedgerName) -> Result<LedgerFacts, QueryError> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT event_type, event_version, payload::text FROM daybook.events \
             WHERE ledger = $1 AND aggregate_type = 'ledger' AND aggregate_id = $1 \
             ORDER BY sequence",
        )
        .bind(ledger.as_str())
        .fetch_all(&mut *self.tx)
        .await?;
        let mut state = Ledger::default();
        for (event_type, version, payload) in rows {
            let event = Event::from_payload(AggregateType::Ledger, &event_type, &version, &payload)
                .map_err(|error| QueryError::row("events", error))?;
            if let Event::Ledger(event) = event {
                state = state
                    .evolve(&event)
                    .map_err(|error| QueryError::row("events", error))?;
            }
        }
        match state {
            Ledger::Open(open) => Ok(LedgerFacts { open }),
            Ledger::Absent => Err(QueryError::LedgerNotFound { ledger }),
        }
    }
}

fn ledger_row(
    (ledger, opened_at, head, is_sandbox): (String, DateTime<Utc>, i64, bool),
) -> Result<LedgerRow, QueryError> {
    Ok(LedgerRow {
        ledger: ledger
            .parse()
            .map_err(|error| QueryError::row("ledger_head", error))?,
        opened_at: timestamp("events", opened_at)?,
        head: Position::try_new(head).unwrap_or_default(),
        is_sandbox,
    })
}

pub(super) fn normal_side(text: &str) -> NormalSide {
    if text == "debit" {
        NormalSide::Debit
    } else {
        NormalSide::Credit
    }
}

pub(super) fn timestamp(table: &'static str, time: DateTime<Utc>) -> Result<Timestamp, QueryError> {
    Timestamp::try_new(time).map_err(|error| QueryError::row(table, error))
}
