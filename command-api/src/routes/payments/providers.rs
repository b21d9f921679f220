//! Asking how providers do.

use chrono::{NaiveDate, TimeDelta, Utc};
use ledger_core::{LedgerName, ProviderName};
use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::Days;

use super::USED;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::QueryProblem;
use crate::problem::{FieldCode, FieldFault};
use crate::reading::Freshness;
use crate::reply::Answer;
use crate::representation::answer::ListAnswer;
use crate::representation::payments::provider::{ProviderDayView, ProviderView};
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::routes::query_groups::LedgerQuery;
use crate::services::Services;
use crate::text_formats::Day;

/// The most days in one answer.
const MOST_DAYS: i64 = 366;

/// The days before today that are answered when none is named.
const DAYS_BEFORE: i64 = 29;

/// The days before today that tell how a provider does lately.
const LATELY: i64 = 6;

/// Which days of which providers.
#[derive(Debug)]
pub struct ProviderDaysQuery {
    ledger: LedgerName,
    provider: Option<ProviderName>,
    days: Days,
    freshness: Freshness,
}

impl ParameterGroup for ProviderDaysQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let provider = from.query::<ProviderName>("provider", "Only this provider.");
        let first = from.query::<Day>("from", "The first day; 30 days in all when absent.");
        let last = from.query::<Day>("to", "The last day; today when absent.");
        let freshness = Freshness::read(from);
        let last = last?.map_or_else(|| Utc::now().date_naive(), |day| day.0);
        let first = first?.map_or_else(|| before(last, DAYS_BEFORE), |day| day.0);
        let days = (last - first).num_days();
        if !(0..MOST_DAYS).contains(&days) {
            let rule = format!("must be before `to` by at most {MOST_DAYS} days");
            return Err(from.refuse("from", FieldFault::new(FieldCode::OutOfRange, rule)));
        }
        Ok(Self {
            ledger: ledger?,
            provider: provider?,
            days: Days {
                from: first,
                to: last,
            },
            freshness: freshness?,
        })
    }
}

fn before(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_sub_signed(TimeDelta::days(days)).unwrap_or(day)
}

/// Queries of providers.
#[derive(Clone)]
pub struct ProviderQueries(pub Services);

#[OpenApi]
impl ProviderQueries {
    /// List the providers that the ledger has accounts at: what they can do, whether they can be asked, and how
    /// they did lately.
    #[oai(
        path = "/v1/ledgers/:ledger/providers",
        method = "get",
        operation_id = "list_providers",
        tag = "Part::Settlements"
    )]
    async fn providers(
        &self,
        parameters: Parameters<LedgerQuery>,
    ) -> Result<Answer<ListAnswer<ProviderView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let ledger = query.ledger;
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let today = Utc::now().date_naive();
        let days = Days {
            from: before(today, LATELY),
            to: today,
        };
        let figures = self.0.queries.provider_figures(ledger, None, days).await?;
        let AsOf { position, value } = figures;
        let days = ProviderDayView::of(value);
        let standings = self.0.router.standings(ledger).into_iter();
        let value = standings
            .map(|standing| ProviderView::of(standing, &days))
            .collect();
        Ok(Answer(ListAnswer::of(AsOf { position, value })))
    }

    /// List how providers did, by day.
    #[oai(
        path = "/v1/ledgers/:ledger/provider-days",
        method = "get",
        operation_id = "list_provider_days",
        tag = "Part::Settlements"
    )]
    async fn days(
        &self,
        parameters: Parameters<ProviderDaysQuery>,
    ) -> Result<Answer<ListAnswer<ProviderDayView>>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0
            .wait_for(query.freshness, query.ledger, &USED)
            .await?;
        let AsOf { position, value } = self
            .0
            .queries
            .provider_figures(query.ledger, query.provider, query.days)
            .await?;
        let value = ProviderDayView::of(value);
        Ok(Answer(ListAnswer::of(AsOf { position, value })))
    }
}
