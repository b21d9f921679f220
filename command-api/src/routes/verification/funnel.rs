//! How many cases come how far.

use chrono::{Days, NaiveDate, NaiveTime, Utc};
use ledger_core::{LedgerName, ProviderName, Timestamp};
use poem_openapi::OpenApi;
use projections::queries::verification::Period;

use super::USED;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::QueryProblem;
use crate::problem::{FieldCode, FieldFault};
use crate::reading::Freshness;
use crate::reply::Answer;
use crate::representation::answer::ListAnswer;
use crate::representation::verification::funnel::FunnelStepView;
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::services::Services;
use crate::text_formats::Day;

/// The most days in one answer.
const MOST_DAYS: i64 = 366;

/// The days before the last that are answered when no first is named.
const DAYS_BEFORE: Days = Days::new(29);

/// Which days.
#[derive(Debug)]
pub struct FunnelQuery {
    ledger: LedgerName,
    provider: Option<ProviderName>,
    period: Period,
    freshness: Freshness,
}

impl ParameterGroup for FunnelQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let provider =
            from.query::<ProviderName>("provider", "Only what was handed to this provider.");
        let first = from.query::<Day>("from", "The first day, UTC; 30 days in all when absent.");
        let last = from.query::<Day>("to", "The last day, UTC; today when absent.");
        let freshness = Freshness::read(from);
        let last = last?.map_or_else(|| Utc::now().date_naive(), |day| day.0);
        let first = first?.map_or_else(
            || last.checked_sub_days(DAYS_BEFORE).unwrap_or(last),
            |day| day.0,
        );
        if !(0..MOST_DAYS).contains(&(last - first).num_days()) {
            let rule = format!("must be before `to` by at most {MOST_DAYS} days");
            return Err(from.refuse("from", FieldFault::new(FieldCode::OutOfRange, rule)));
        }
        let (Some(begin), Some(end)) = (midnight(Some(first)), midnight(last.succ_opt())) else {
            let rule = "must be in the years 1900 to 2199";
            return Err(from.refuse("to", FieldFault::new(FieldCode::OutOfRange, rule)));
        };
        Ok(Self {
            ledger: ledger?,
            provider: provider?,
            period: Period {
                from: Some(begin),
                until: Some(end),
            },
            freshness: freshness?,
        })
    }
}

fn midnight(day: Option<NaiveDate>) -> Option<Timestamp> {
    Timestamp::try_new(day?.and_time(NaiveTime::MIN).and_utc()).ok()
}

/// Figures of cases.
#[derive(Clone)]
pub struct CaseFigures(pub Services);

#[OpenApi]
impl CaseFigures {
    /// List how many cases came to each step in some days, all together and by provider, and how long it took.
    #[oai(
        path = "/v1/ledgers/:ledger/case-funnel",
        method = "get",
        operation_id = "get_case_funnel",
        tag = "Part::Verification"
    )]
    async fn funnel(
        &self,
        parameters: Parameters<FunnelQuery>,
    ) -> Result<Answer<ListAnswer<FunnelStepView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let ledger = query.ledger;
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let found = self
            .0
            .queries
            .verification_funnel(ledger, query.provider, query.period)
            .await?;
        Ok(Answer(ListAnswer::of(found)))
    }
}
