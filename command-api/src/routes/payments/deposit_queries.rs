//! Asking for deposits.

use ledger_core::Rejection;
use ledger_core::payment::{PaymentRejection, PaymentStatus};
use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::rows::PaymentRow;

use super::{ListOf, OutsideListQuery, USED, is_customer};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::payments::DepositStatusName;
use crate::representation::payments::deposit_views::{DepositView, WholeDepositView};
use crate::routes::Part;
use crate::routes::query_groups::DepositQuery;
use crate::services::Services;

/// Deposits.
pub struct Deposits;

impl ListOf for Deposits {
    type Status = DepositStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = true;
    const PART_OF: Option<&'static str> = None;
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
        let is_customer = is_customer(&context);
        let view = |row: PaymentRow| {
            let mut view = DepositView::from(row);
            if is_customer {
                view.routes.clear();
            }
            view
        };
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }

    /// Get a deposit with its refunds and disputes, and where it is paid.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits/:payment_id",
        method = "get",
        operation_id = "get_deposit",
        tag = "Part::Deposits"
    )]
    async fn deposit(
        &self,
        context: RequestContext,
        parameters: Parameters<DepositQuery>,
    ) -> Result<Answer<OneAnswer<WholeDepositView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, payment) = (query.ledger, query.payment);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = self.0.queries.payment(ledger, payment).await?;
        let whole = value.ok_or_else(|| {
            Problem::from(Rejection::from(PaymentRejection::NotFound { payment }))
        })?;
        let payable = matches!(
            whole.payment.state.status(),
            Some(PaymentStatus::Created | PaymentStatus::AwaitingPayer | PaymentStatus::Failed)
        );
        let checkout = if payable {
            self.0.checkouts.find(ledger, payment).await?
        } else {
            None
        };
        let mut value = WholeDepositView::of(whole, checkout.into());
        if is_customer(&context) {
            value.deposit.routes.clear();
        }
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
