//! What payments and payouts of an asset may do.

use ledger_core::wallet::WalletRejection;
use ledger_core::{Command, Rejection};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;

use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Done};
use crate::representation::answer::OneAnswer;
use crate::representation::payments::policy::{
    PaymentPolicySet, PaymentPolicyView, SetPaymentPolicyRequest,
};
use crate::routes::Part;
use crate::routes::groups::AssetCommandParameters;
use crate::routes::query_groups::AssetQuery;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Operations on payment policies.
#[derive(Clone)]
pub struct PolicyOperations(pub Services);

#[OpenApi]
impl PolicyOperations {
    /// Get what payments and payouts of an asset may do.
    #[oai(
        path = "/v1/ledgers/:ledger/payment-policies/:asset",
        method = "get",
        operation_id = "get_payment_policy",
        tag = "Part::Payouts"
    )]
    async fn policy(
        &self,
        parameters: Parameters<AssetQuery>,
    ) -> Result<Answer<OneAnswer<PaymentPolicyView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, asset) = (query.ledger, query.asset);
        let used = [ReadModelName::Ledgers];
        self.0.wait_for(query.freshness, ledger, &used).await?;
        let found = self.0.queries.payment_policy(ledger, asset).await?;
        let AsOf { position, value } = found;
        let value = value.ok_or_else(|| {
            Problem::from(Rejection::from(WalletRejection::AssetNotFound { asset }))
        })?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// Say what payments and payouts of an asset may do from now on.
    #[oai(
        path = "/v1/ledgers/:ledger/payment-policies/:asset",
        method = "put",
        operation_id = "set_payment_policy",
        tag = "Part::Payouts"
    )]
    async fn set(
        &self,
        context: RequestContext,
        parameters: Parameters<AssetCommandParameters>,
        request: StrictJson<SetPaymentPolicyRequest>,
    ) -> Result<Done<PaymentPolicySet>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let asset = parameters.asset;
        let requested = request.requested();
        let policy = requested.map_err(|error| Problem::invalid_request(vec![error]))?;
        let command = Command::SetPaymentPolicy { asset, policy };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(parameters.ledger, key, &request, command);
        let set = |carried: &Carried| PaymentPolicySet {
            asset: asset.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(&context, intent, set).await
    }
}
