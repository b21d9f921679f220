//! Asking for payouts, deciding about them as a second person, calling them off.

use identity::identities::Refusal;
use identity::subject::Subject;
use ledger_core::payout::{NewPayout, PayoutAction, PayoutRejection};
use ledger_core::{ActorId, AggregateType, Command, LedgerName, PayoutId, Rejection};
use poem_openapi::OpenApi;
use projections::queries::payments::rows::PayoutRow;
use uuid::Uuid;

use super::actor_id;
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::problem::{FieldCode, FieldFault, Problem};
use crate::reply::{Created, Done};
use crate::representation::payments::payout::{
    PayoutChanged, PayoutDecisionName, PayoutDecisionRequest, PayoutRequested, RequestPayoutRequest,
};
use crate::representation::wallet::ReasonRequest;
use crate::routes::Part;
use crate::routes::groups::{LedgerCommandParameters, PayoutCommandParameters};
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// Commands about payouts.
#[derive(Clone)]
pub struct PayoutCommands(pub Services);

#[OpenApi]
impl PayoutCommands {
    /// Pay money of a wallet out to a verified beneficiary; it is reserved at once.
    #[oai(
        path = "/v1/ledgers/:ledger/payouts",
        method = "post",
        operation_id = "request_payout",
        tag = "Part::Payouts"
    )]
    async fn request(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<RequestPayoutRequest>,
    ) -> Result<Created<PayoutRequested>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let ledger = parameters.ledger;
        let chosen = request.id.map(|id| id.0.as_uuid());
        let id = chosen.unwrap_or_else(Uuid::now_v7);
        let new = NewPayout {
            wallet: request.wallet.0,
            asset: request.asset.0,
            amount: request.amount.0.value(),
            beneficiary: request.beneficiary.0,
            requested_by: actor_id(&context)?,
            reference: request.reference.clone().map(|reference| reference.0),
            metadata: request.metadata.0.clone(),
        };
        let command = Command::Payout {
            payout: PayoutId::new(id),
            action: Box::new(PayoutAction::Request(new)),
        };
        let key = Key::from_header_or_id(parameters.key, AggregateType::Payout, chosen);
        let intent = Intent::of_one(ledger, key, &request, command);
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let id = PayoutId::new(carried.created.unwrap_or(id));
        let body = PayoutRequested {
            id: id.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/payouts/{id}");
        Ok(Created::new(&carried, location, body))
    }

    /// Decide, as a second person, about a payout that waits for one.
    #[oai(
        path = "/v1/ledgers/:ledger/payouts/:payout_id/decision",
        method = "post",
        operation_id = "decide_payout",
        tag = "Part::Payouts"
    )]
    async fn decide(
        &self,
        context: RequestContext,
        parameters: Parameters<PayoutCommandParameters>,
        request: StrictJson<PayoutDecisionRequest>,
    ) -> Result<Done<PayoutChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let by = second_person(&context)?;
        self.check_not_requester(&context, parameters.ledger, parameters.payout)
            .await?;
        let action = match (request.decision, &request.reason) {
            (PayoutDecisionName::Approve, Some(_)) => {
                let fault = FieldFault::new(
                    FieldCode::ConflictingFields,
                    "may be given only with the decision decline",
                );
                let errors = vec![fault.at_pointer("/reason")];
                return Err(Problem::invalid_request(errors).into());
            }
            (PayoutDecisionName::Approve, None) => PayoutAction::Approve { by },
            (PayoutDecisionName::Decline, reason) => PayoutAction::Decline {
                by,
                reason: reason.clone().map(|reason| reason.0),
            },
        };
        self.change(&context, parameters, &request, action).await
    }

    /// Call a payout off that no provider was asked for yet; its money is available again.
    #[oai(
        path = "/v1/ledgers/:ledger/payouts/:payout_id/cancel",
        method = "post",
        operation_id = "cancel_payout",
        tag = "Part::Payouts"
    )]
    async fn cancel(
        &self,
        context: RequestContext,
        parameters: Parameters<PayoutCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<PayoutChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = PayoutAction::Cancel {
            reason: request.reason(),
        };
        self.change(&context, parameters, &request, action).await
    }
}

/// The caller as a second person; a machine is none, whatever its role.
fn second_person(context: &RequestContext) -> Result<ActorId, Problem> {
    match context.caller.principal().map(|caller| caller.subject) {
        Some(Subject::Machine(_)) => Err(Refusal::NotAPerson.into()),
        Some(Subject::Person(_) | Subject::External(_)) | None => actor_id(context),
    }
}

impl PayoutCommands {
    /// To decide is for a second person: not whoever asked, under whatever name, and not whoever made the
    /// machine that asked. Who asked never changes, so the read model is good enough to tell.
    async fn check_not_requester(
        &self,
        context: &RequestContext,
        ledger: LedgerName,
        payout: PayoutId,
    ) -> Result<(), Problem> {
        let found: Option<PayoutRow> = self.0.just_written(ledger, payout.as_uuid()).await?;
        let Some(row) = found else {
            return Ok(());
        };
        let actor = actor_id(context)?;
        let requester = row.requested_by.as_str().parse::<Subject>();
        let is_same = match (context.caller.principal(), requester) {
            (Some(decider), Ok(requester)) => {
                let identities = self.0.identities();
                identities.is_behind(decider.subject, requester).await?
            }
            // Where nobody is asked who they are, there are no subjects.
            (Some(_), Err(_)) | (None, _) => row.requested_by == actor,
        };
        if is_same {
            let rejection = PayoutRejection::ApproverIsRequester { payout, actor };
            return Err(Rejection::from(rejection).into());
        }
        Ok(())
    }

    async fn change<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        parameters: PayoutCommandParameters,
        request: &B,
        action: PayoutAction,
    ) -> Result<Done<PayoutChanged>, CommandProblem> {
        let payout = parameters.payout;
        let command = Command::Payout {
            payout,
            action: Box::new(action),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(parameters.ledger, key, request, command);
        let changed = |carried: &Carried| PayoutChanged {
            id: payout.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(context, intent, changed).await
    }
}
