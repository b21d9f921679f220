//! Asking for disputes.

use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::rows::DisputeRow;

use super::{ListOf, OutsideListQuery, USED};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::responses::QueryProblem;
use crate::problem::{Problem, catalogue};
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::payments::DisputeStatusName;
use crate::representation::payments::dispute::DisputeView;
use crate::routes::Part;
use crate::routes::query_groups::DisputeQuery;
use crate::services::Services;

/// Disputes.
pub struct Disputes;

impl ListOf for Disputes {
    type Status = DisputeStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = true;
    const PART_OF: Option<&'static str> = Some("deposit");
}

/// Queries of disputes.
#[derive(Clone)]
pub struct DisputeQueries(pub Services);

#[OpenApi]
impl DisputeQueries {
    /// List disputes, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/disputes",
        method = "get",
        operation_id = "list_disputes",
        tag = "Part::Deposits"
    )]
    async fn disputes(
        &self,
        context: RequestContext,
        parameters: Parameters<OutsideListQuery<Disputes>>,
    ) -> Result<Answer<PageAnswer<DisputeView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let view = |row: DisputeRow| DisputeView::from(row);
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }

    /// Get a dispute.
    #[oai(
        path = "/v1/ledgers/:ledger/disputes/:dispute_id",
        method = "get",
        operation_id = "get_dispute",
        tag = "Part::Deposits"
    )]
    async fn dispute(
        &self,
        parameters: Parameters<DisputeQuery>,
    ) -> Result<Answer<OneAnswer<DisputeView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, id) = (query.ledger, query.dispute.0);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = self.0.queries.document::<DisputeRow>(ledger, id).await?;
        let value = value.ok_or_else(|| {
            Problem::new(catalogue::DISPUTE_NOT_FOUND, "there is no such dispute")
        })?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
