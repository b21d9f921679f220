//! Tiers, and how much of its limits an owner has used.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use ledger_core::limit::{
    AssetLimits, Calendar, Flow, Operation, OtherAssets, Tier, Used, UsedByDay,
};
use ledger_core::owner::{Grant, Owner};
use ledger_core::{Asset, AssetCode, Event, LedgerName, OwnerId, TierName, Timestamp, Total};
use rust_decimal::Decimal;

use super::log::owner_stream;
use super::{AsOf, Queries, QueryError, Snapshot};
use crate::read_models::ReadModelName;

/// A tier of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierRow {
    /// Its name.
    pub name: TierName,
    /// Whether it is everybody's to whom none was granted.
    pub is_default: bool,
    /// What its owners may do.
    pub rules: Tier,
}

/// What an owner may do, and has done of it in the day and month of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerLimits {
    /// Who.
    pub owner: OwnerId,
    /// What was granted, the last in force.
    pub grants: Vec<Grant>,
    /// The tier in force; without limits when there is none.
    pub in_force: Option<TierInForce>,
}

/// A tier as it bounds an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierInForce {
    /// Its name.
    pub name: TierName,
    /// What may be done; everything when absent.
    pub operations: Option<Vec<Operation>>,
    /// The assets that it does not name.
    pub other_assets: OtherAssets,
    /// The day and month asked about.
    pub calendar: Calendar,
    /// The assets that it names.
    pub assets: Vec<AssetUse>,
}

/// What an owner may do with an asset, and has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetUse {
    /// Which.
    pub asset: Asset,
    /// What is allowed.
    pub limits: AssetLimits,
    /// What came in and counts.
    pub incoming: Used,
    /// What went out and counts.
    pub outgoing: Used,
    /// What the owner's wallets hold together.
    pub balance: Decimal,
}

impl Queries {
    /// The tiers of a ledger, in order of name.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn tiers(&self, ledger: LedgerName) -> Result<AsOf<Vec<TierRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Ledgers]).await?;
        let open = snapshot.facts(ledger).await?.open;
        let tiers = open.tiers.into_iter().map(|(name, rules)| TierRow {
            name,
            is_default: open.default_tier == Some(name),
            rules,
        });
        let tiers = tiers.collect();
        Ok(snapshot.answer(tiers))
    }

    /// What an owner may do, and has done of it at `now`; `None` for an owner who has no wallets and to
    /// whom nothing was granted.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn owner_limits(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
        now: Timestamp,
    ) -> Result<AsOf<Option<OwnerLimits>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Accounts]).await?;
        let facts = snapshot.facts(ledger).await?;
        let known = snapshot.owner(ledger, owner).await?;
        let wallets = snapshot.has_wallets(ledger, owner).await?;
        if known == Owner::Absent && !wallets {
            return Ok(snapshot.answer(None));
        }
        let name = known.tier().or(facts.open.default_tier);
        let tier = name.and_then(|name| Some((name, facts.open.tiers.get(&name)?)));
        let in_force = match tier {
            Some((name, tier)) => {
                let calendar = Calendar::at(tier.utc_offset_minutes, now);
                let used = snapshot.usage(ledger, owner).await?;
                let balances = snapshot.balances(ledger, owner).await?;
                let assets = tier.assets.keys().filter_map(|code| {
                    Some(AssetUse {
                        asset: facts.open.assets.get(code)?,
                        limits: tier.limits(*code)?,
                        incoming: used.used(*code, Flow::Incoming, &calendar),
                        outgoing: used.used(*code, Flow::Outgoing, &calendar),
                        balance: balances.get(code).copied().unwrap_or_default(),
                    })
                });
                Some(TierInForce {
                    name,
                    operations: tier.operations.clone().map(|all| all.into_iter().collect()),
                    other_assets: tier.other_assets,
                    calendar,
                    assets: assets.collect(),
                })
            }
            None => None,
        };
        let grants = match known {
            Owner::Absent => Vec::new(),
            Owner::Known(known) => known.grants,
        };
        let owner = owner.clone();
        Ok(snapshot.answer(Some(OwnerLimits {
            owner,
            grants,
            in_force,
        })))
    }
}

impl Snapshot {
    /// An owner, from the owner's own few events in the log: no read model has them.
    async fn owner(&mut self, ledger: LedgerName, owner: &OwnerId) -> Result<Owner, QueryError> {
        let events = owner_stream(&mut self.tx, ledger, owner.key(), self.position).await?;
        let mut state = Owner::default();
        for recorded in events {
            if let Event::Owner(event) = recorded.event {
                let next = state.evolve(&event);
                state = next.map_err(|error| QueryError::row("events", error))?;
            }
        }
        Ok(state)
    }

    async fn has_wallets(
        &mut self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<bool, QueryError> {
        let found = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM read_models.owner_wallets \
                            WHERE owner_key = $2 AND ledger = $1)",
        )
        .bind(ledger.as_str())
        .bind(owner.key().as_uuid())
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(found)
    }

    async fn usage(
        &mut self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<UsedByDay, QueryError> {
        let rows: Vec<(String, String, NaiveDate, Decimal)> = sqlx::query_as(
            "SELECT asset, flow, day, amount FROM read_models.owner_usage \
             WHERE owner_key = $2 AND ledger = $1",
        )
        .bind(ledger.as_str())
        .bind(owner.key().as_uuid())
        .fetch_all(&mut *self.tx)
        .await?;
        let sums = rows.into_iter().map(|(asset, flow, day, amount)| {
            Ok((
                read("owner_usage", asset.parse::<AssetCode>())?,
                read("owner_usage", flow.parse::<Flow>())?,
                day,
                read("owner_usage", Total::try_new(amount))?,
            ))
        });
        Ok(UsedByDay::from_rows(
            sums.collect::<Result<Vec<_>, QueryError>>()?,
        ))
    }

    async fn balances(
        &mut self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<BTreeMap<AssetCode, Decimal>, QueryError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT account.asset, sum(account.posted_credits - account.posted_debits)::text \
             FROM read_models.owner_wallets AS own \
             JOIN read_models.accounts AS account \
               ON account.ledger = own.ledger AND account.holder = 'wallet:' || own.wallet_id \
             WHERE own.owner_key = $2 AND own.ledger = $1 GROUP BY account.asset",
        )
        .bind(ledger.as_str())
        .bind(owner.key().as_uuid())
        .fetch_all(&mut *self.tx)
        .await?;
        let balances = rows.into_iter().map(|(asset, balance)| {
            let code = read("accounts", asset.parse())?;
            Ok((code, QueryError::exact("accounts", &balance)?))
        });
        balances.collect()
    }
}

fn read<T, E: std::fmt::Display>(
    table: &'static str,
    value: Result<T, E>,
) -> Result<T, QueryError> {
    value.map_err(|error| QueryError::row(table, error))
}
