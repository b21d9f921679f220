//! Asking for holds.

use ledger_core::annotation::Reference;
use ledger_core::hold::HoldRejection;
use ledger_core::{Holder, LedgerName, Position, Rejection};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;
use projections::queries::holds::HoldFilter;

use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::{Freshness, ListIdentity, Paging};
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::views::{HoldStatusName, HoldView};
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::routes::query_groups::HoldQuery;
use crate::services::Services;

/// What holds are read from.
const USED: [ReadModelName; 2] = [ReadModelName::Holds, ReadModelName::Ledgers];

/// Which holds.
#[derive(Debug)]
pub struct HoldsQuery {
    ledger: LedgerName,
    filter: HoldFilter,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for HoldsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let source = from.query::<Holder>("source", "Only holds on this wallet or system account.");
        let status = from.query::<HoldStatusName>("status", "Only holds in this state.");
        let reference = from.query::<Reference>("reference", "Only holds with this reference.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: HoldFilter {
                source: source?,
                status: status?.map(Into::into),
                reference: reference?.map(Into::into),
            },
            paging: paging?,
            freshness: freshness?,
        })
    }
}

/// Queries of holds.
#[derive(Clone)]
pub struct HoldQueries(pub Services);

#[OpenApi]
impl HoldQueries {
    /// List holds, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/holds",
        method = "get",
        operation_id = "list_holds",
        tag = "Part::Holds"
    )]
    async fn holds(
        &self,
        context: RequestContext,
        parameters: Parameters<HoldsQuery>,
    ) -> Result<Answer<PageAnswer<HoldView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<Position>(&list)?;
        self.0
            .wait_for(query.freshness, query.ledger, &USED)
            .await?;
        let found = self
            .0
            .queries
            .holds(query.ledger, &query.filter, page)
            .await?;
        Ok(Answer(PageAnswer::of(found, &list)))
    }

    /// Get a hold.
    #[oai(
        path = "/v1/ledgers/:ledger/holds/:hold_id",
        method = "get",
        operation_id = "get_hold",
        tag = "Part::Holds"
    )]
    async fn hold(
        &self,
        parameters: Parameters<HoldQuery>,
    ) -> Result<Answer<OneAnswer<HoldView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, hold) = (query.ledger, query.hold);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = self.0.queries.hold(ledger, hold).await?;
        let value = value
            .ok_or_else(|| Problem::from(Rejection::from(HoldRejection::NotFound { hold })))?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
