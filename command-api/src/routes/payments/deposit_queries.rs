//! Asking for deposits.

use identity::permission::Permission;
use ledger_core::payment::PaymentRejection;
use ledger_core::{Rejection, Stream};
use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::WholePayment;
use projections::queries::payments::rows::{PaymentRow, payment_after};

use super::{ListOf, OutsideListQuery, USED, audience, is_payable};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::payments::deposit_views::{DepositView, WholeDepositView};
use crate::representation::payments::{Audience, DepositStatusName};
use crate::routes::Part;
use crate::routes::query_groups::DepositQuery;
use crate::services::Services;
use crate::standing::At;

/// Deposits.
pub struct Deposits;

impl ListOf for Deposits {
    type Status = DepositStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = true;
    const PART_OF: Option<&'static str> = None;
    const IN_SUSPENSE: bool = true;
}

/// Queries of deposits.
#[derive(Clone)]
pub struct DepositQueries(pub Services);

#[OpenApi]
impl DepositQueries {
    /// List deposits, and money that belongs to none, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits",
        method = "get",
        operation_id = "list_deposits",
        tag = "Part::Deposits"
    )]
    async fn deposits(
        &self,
        context: RequestContext,
        parameters: Parameters<OutsideListQuery<Deposits>>,
    ) -> Result<Answer<PageAnswer<DepositView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let audience = audience(&context);
        let view = |row: PaymentRow| DepositView::of(row, audience);
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }

    /// Get a deposit with its refunds and disputes, and where it is paid; or how it stood: what counts at
    /// `effective_at`, as it was known at `recorded_at` or `position`.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits/:payment_id",
        method = "get",
        operation_id = "get_deposit",
        tag = "Part::Deposits"
    )]
    async fn deposit(
        &self,
        context: RequestContext,
        parameters: Parameters<At<DepositQuery>>,
    ) -> Result<Answer<OneAnswer<WholeDepositView>>, QueryProblem> {
        let Parameters(At { of: query, axes }) = parameters;
        let (ledger, payment) = (query.ledger, query.payment);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = if axes.is_now() {
            self.0.queries.payment(ledger, payment).await?
        } else {
            let stream = Stream::Payment(payment);
            let (position, events) = self.0.events_that_count(ledger, stream, axes).await?;
            let after = payment_after(&events).map_err(|error| Problem::internal(&error))?;
            AsOf {
                position,
                value: after.map(WholePayment::from),
            }
        };
        let whole = value.ok_or_else(|| {
            Problem::from(Rejection::from(PaymentRejection::NotFound { payment }))
        })?;
        // Whoever has the page can pay on it and see who pays: it is for the owner, and for whoever begins
        // deposits.
        let audience = audience(&context);
        let is_for_caller = audience == Audience::Customer
            || context
                .caller
                .may_with_all(Permission::DepositsCreate, ledger);
        let checkout = if axes.is_now() && is_payable(&whole.payment) && is_for_caller {
            self.0.checkouts.find(ledger, payment).await?
        } else {
            None
        };
        let value = WholeDepositView::of(whole, audience, checkout.into());
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
