//! Asking for refunds.

use poem_openapi::OpenApi;
use projections::queries::payments::rows::RefundRow;

use super::{ListOf, OutsideListQuery};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::responses::QueryProblem;
use crate::reply::Answer;
use crate::representation::answer::PageAnswer;
use crate::representation::payments::RefundStatusName;
use crate::representation::payments::refund::RefundView;
use crate::routes::Part;
use crate::services::Services;

/// Refunds.
pub struct Refunds;

impl ListOf for Refunds {
    type Status = RefundStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = true;
    const PART_OF: Option<&'static str> = Some("deposit");
}

/// Queries of refunds.
#[derive(Clone)]
pub struct RefundQueries(pub Services);

#[OpenApi]
impl RefundQueries {
    /// List refunds, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/refunds",
        method = "get",
        operation_id = "list_refunds",
        tag = "Part::Deposits"
    )]
    async fn refunds(
        &self,
        context: RequestContext,
        parameters: Parameters<OutsideListQuery<Refunds>>,
    ) -> Result<Answer<PageAnswer<RefundView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let view = |row: RefundRow| RefundView::from(row);
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }
}
