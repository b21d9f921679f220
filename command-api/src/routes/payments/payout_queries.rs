//! Asking how payouts stand.

use ledger_core::Rejection;
use ledger_core::payout::PayoutRejection;
use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::rows::PayoutRow;

use super::{ListOf, OutsideListQuery, USED, audience};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::payments::payout_views::PayoutView;
use crate::representation::payments::{Audience, PayoutStatusName};
use crate::routes::Part;
use crate::routes::query_groups::PayoutQuery;
use crate::services::Services;

/// Payouts.
pub struct Payouts;

impl ListOf for Payouts {
    type Status = PayoutStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = true;
    const PART_OF: Option<&'static str> = Some("beneficiary");
}

/// Queries of payouts.
#[derive(Clone)]
pub struct PayoutQueries(pub Services);

/// A payout as this caller sees it.
fn shown(context: &RequestContext, row: PayoutRow) -> PayoutView {
    let mut view = PayoutView::from(row);
    if audience(context) == Audience::Customer {
        view.attempts.clear();
    }
    view
}

#[OpenApi]
impl PayoutQueries {
    /// List payouts, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/payouts",
        method = "get",
        operation_id = "list_payouts",
        tag = "Part::Payouts"
    )]
    async fn payouts(
        &self,
        context: RequestContext,
        parameters: Parameters<OutsideListQuery<Payouts>>,
    ) -> Result<Answer<PageAnswer<PayoutView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let view = |row: PayoutRow| shown(&context, row);
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }

    /// Get a payout.
    #[oai(
        path = "/v1/ledgers/:ledger/payouts/:payout_id",
        method = "get",
        operation_id = "get_payout",
        tag = "Part::Payouts"
    )]
    async fn payout(
        &self,
        context: RequestContext,
        parameters: Parameters<PayoutQuery>,
    ) -> Result<Answer<OneAnswer<PayoutView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, payout) = (query.ledger, query.payout);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let found = self
            .0
            .queries
            .document::<PayoutRow>(ledger, payout.as_uuid());
        let AsOf { position, value } = found.await?;
        let row = value
            .ok_or_else(|| Problem::from(Rejection::from(PayoutRejection::NotFound { payout })))?;
        let value = shown(&context, row);
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
