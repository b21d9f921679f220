//! Asking how payouts stand.

use ledger_core::payout::PayoutRejection;
use ledger_core::{Rejection, Stream};
use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::rows::{PayoutRow, payout_after};

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
use crate::standing::At;

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

    /// Get a payout, now or as it stood: what counts at `effective_at`, as it was known at `recorded_at` or
    /// `position`.
    #[oai(
        path = "/v1/ledgers/:ledger/payouts/:payout_id",
        method = "get",
        operation_id = "get_payout",
        tag = "Part::Payouts"
    )]
    async fn payout(
        &self,
        context: RequestContext,
        parameters: Parameters<At<PayoutQuery>>,
    ) -> Result<Answer<OneAnswer<PayoutView>>, QueryProblem> {
        let Parameters(At { of: query, axes }) = parameters;
        let (ledger, payout) = (query.ledger, query.payout);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = if axes.is_now() {
            let queries = &self.0.queries;
            queries
                .document::<PayoutRow>(ledger, payout.as_uuid())
                .await?
        } else {
            let stream = Stream::Payout(payout);
            let (position, events) = self.0.events_that_count(ledger, stream, axes).await?;
            let value = payout_after(&events).map_err(|error| Problem::internal(&error))?;
            AsOf { position, value }
        };
        let row = value
            .ok_or_else(|| Problem::from(Rejection::from(PayoutRejection::NotFound { payout })))?;
        let value = shown(&context, row);
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
