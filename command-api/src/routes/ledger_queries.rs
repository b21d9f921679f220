//! Asking for ledgers, assets, system accounts and what a ledger adds up to.

use ledger_core::{LedgerName, Timestamp};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;
use projections::queries::accounts::RecordedUntil;
use projections::queries::activity::Interval;

use crate::choice::choice;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::{Freshness, effective_at, limit, recorded_until};
use crate::reply::Answer;
use crate::representation::answer::{ListAnswer, OneAnswer};
use crate::representation::ledger::{AssetView, LedgerList, LedgerView, SystemAccountView};
use crate::representation::reports::{ActivityView, OwnerStatisticsView, TrialBalanceView};
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::routes::query_groups::{AssetQuery, LedgerQuery, NoParameters, OwnerQuery};
use crate::services::Services;

choice!(
    /// How long the stretches of figures are.
    IntervalName {
        /// Hours, UTC.
        Hour => "hour",
        /// Days, UTC.
        Day => "day",
    }
);

impl From<IntervalName> for Interval {
    fn from(name: IntervalName) -> Self {
        match name {
            IntervalName::Hour => Self::Hour,
            IntervalName::Day => Self::Day,
        }
    }
}

/// Which figures.
#[derive(Debug)]
pub struct ActivityQuery {
    ledger: LedgerName,
    by: Option<IntervalName>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: i64,
    freshness: Freshness,
}

impl ParameterGroup for ActivityQuery {
    fn read(source: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(source);
        let by = source.query(
            "by",
            "Figures of each hour or each day; `hour` when absent.",
        );
        let from = source.query("from", "Only hours that begin at or after this time.");
        let until = source.query("until", "Only hours that begin before this time.");
        let (limit, freshness) = (limit(source), Freshness::read(source));
        Ok(Self {
            ledger: ledger?,
            by: by?,
            from: from?,
            until: until?,
            limit: limit?,
            freshness: freshness?,
        })
    }
}

/// Which trial balance: at which time, as known when.
#[derive(Debug)]
pub struct TrialBalanceQuery {
    ledger: LedgerName,
    effective_at: Option<Timestamp>,
    recorded: RecordedUntil,
    freshness: Freshness,
}

impl ParameterGroup for TrialBalanceQuery {
    fn read(source: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, effective_at) = (ledger(source), effective_at(source));
        let (recorded, freshness) = (recorded_until(source), Freshness::read(source));
        let recorded = recorded?;
        Ok(Self {
            ledger: ledger?,
            effective_at: effective_at?,
            recorded,
            freshness: freshness?.for_cut(recorded),
        })
    }
}

/// Queries of ledgers.
#[derive(Clone)]
pub struct LedgerQueries(pub Services);

#[OpenApi]
impl LedgerQueries {
    /// List all ledgers, in order of name.
    #[oai(
        path = "/v1/ledgers",
        method = "get",
        operation_id = "list_ledgers",
        tag = "Part::Ledgers"
    )]
    async fn ledgers(
        &self,
        _parameters: Parameters<NoParameters>,
    ) -> Result<Answer<LedgerList>, QueryProblem> {
        let ledgers = self.0.queries.ledgers().await?;
        Ok(Answer(LedgerList {
            items: ledgers.into_iter().map(OneAnswer::from).collect(),
        }))
    }

    /// Get a ledger; `as_of` is the end of its log.
    #[oai(
        path = "/v1/ledgers/:ledger",
        method = "get",
        operation_id = "get_ledger",
        tag = "Part::Ledgers"
    )]
    async fn ledger(
        &self,
        parameters: Parameters<LedgerQuery>,
    ) -> Result<Answer<OneAnswer<LedgerView>>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0.wait_for(query.freshness, query.ledger, &[]).await?;
        Ok(Answer(self.0.queries.ledger(query.ledger).await?.into()))
    }

    /// List the assets of a ledger: the standard ones and its own, in order of code.
    #[oai(
        path = "/v1/ledgers/:ledger/assets",
        method = "get",
        operation_id = "list_assets",
        tag = "Part::Assets"
    )]
    async fn assets(
        &self,
        parameters: Parameters<LedgerQuery>,
    ) -> Result<Answer<ListAnswer<AssetView>>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0
            .wait_for(query.freshness, query.ledger, &[ReadModelName::Ledgers])
            .await?;
        let AsOf { position, value } = self.0.queries.assets(query.ledger).await?;
        let value = value.iter().collect();
        Ok(Answer(ListAnswer::of(AsOf { position, value })))
    }

    /// Get an asset.
    #[oai(
        path = "/v1/ledgers/:ledger/assets/:asset",
        method = "get",
        operation_id = "get_asset",
        tag = "Part::Assets"
    )]
    async fn asset(
        &self,
        parameters: Parameters<AssetQuery>,
    ) -> Result<Answer<OneAnswer<AssetView>>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0
            .wait_for(query.freshness, query.ledger, &[ReadModelName::Ledgers])
            .await?;
        let asset = self.0.existing_asset(query.ledger, query.asset).await?;
        Ok(Answer(OneAnswer::of(asset)))
    }

    /// List the system accounts of a ledger, in order of name.
    #[oai(
        path = "/v1/ledgers/:ledger/system-accounts",
        method = "get",
        operation_id = "list_system_accounts",
        tag = "Part::SystemAccounts"
    )]
    async fn system_accounts(
        &self,
        parameters: Parameters<LedgerQuery>,
    ) -> Result<Answer<ListAnswer<SystemAccountView>>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0
            .wait_for(query.freshness, query.ledger, &[ReadModelName::Ledgers])
            .await?;
        let accounts = self.0.queries.system_accounts(query.ledger).await?;
        Ok(Answer(ListAnswer::of(accounts)))
    }

    /// Get the trial balance: the debits and credits of all accounts, by asset; of what counts at
    /// `effective_at`, as it was known at `recorded_at` or `position`.
    #[oai(
        path = "/v1/ledgers/:ledger/trial-balance",
        method = "get",
        operation_id = "get_trial_balance",
        tag = "Part::Reports"
    )]
    async fn trial_balance(
        &self,
        parameters: Parameters<TrialBalanceQuery>,
    ) -> Result<Answer<ListAnswer<TrialBalanceView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, effective_at, recorded) = (query.ledger, query.effective_at, query.recorded);
        // What every account comes to now is known without asking for its entries.
        let is_now = effective_at.is_none() && recorded == RecordedUntil::Now;
        let used = if is_now {
            ReadModelName::Accounts
        } else {
            ReadModelName::Statements
        };
        let used = [used, ReadModelName::Ledgers];
        self.0.wait_for(query.freshness, ledger, &used).await?;
        let queries = &self.0.queries;
        let rows = if is_now {
            queries.trial_balance(ledger).await?
        } else {
            queries
                .trial_balance_at(ledger, effective_at, recorded)
                .await?
        };
        Ok(Answer(ListAnswer::of(rows)))
    }

    /// Get what an owner has done.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/statistics",
        method = "get",
        operation_id = "get_owner_statistics",
        tag = "Part::Reports"
    )]
    async fn owner_statistics(
        &self,
        parameters: Parameters<OwnerQuery>,
    ) -> Result<Answer<OneAnswer<OwnerStatisticsView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let used = [
            ReadModelName::Wallets,
            ReadModelName::Accounts,
            ReadModelName::Ledgers,
        ];
        self.0
            .wait_for(query.freshness, query.ledger, &used)
            .await?;
        let found = self
            .0
            .queries
            .owner_statistics(query.ledger, &query.owner)
            .await?;
        let AsOf { position, value } = found;
        let value = value.ok_or_else(|| Problem::owner_not_found(&query.owner))?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// List counts and volumes of each hour or day, in order of time.
    #[oai(
        path = "/v1/ledgers/:ledger/activity",
        method = "get",
        operation_id = "list_activity",
        tag = "Part::Reports"
    )]
    async fn activity(
        &self,
        parameters: Parameters<ActivityQuery>,
    ) -> Result<Answer<ListAnswer<ActivityView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let used = [ReadModelName::Activity, ReadModelName::Ledgers];
        self.0
            .wait_for(query.freshness, query.ledger, &used)
            .await?;
        let interval = query.by.unwrap_or(IntervalName::Hour).into();
        let (from, until) = (query.from, query.until);
        let rows = self
            .0
            .queries
            .activity(query.ledger, interval, from, until, query.limit)
            .await?;
        Ok(Answer(ListAnswer::of(rows)))
    }
}
