//! Placing, capturing and voiding holds.

use event_store::executor::Atomicity;
use ledger_core::{AggregateType, Command, HoldId, TransactionId};
use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::commands::Intent;
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::reply::{Created, Done};
use crate::representation::hold::{
    CaptureHoldRequest, HoldCaptured, HoldPlaced, HoldVoided, PlaceHoldRequest,
};
use crate::representation::wallet::ReasonRequest;
use crate::routes::Part;
use crate::routes::groups::{HoldCommandParameters, LedgerCommandParameters};
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// Commands about holds.
#[derive(Clone)]
pub struct HoldCommands(pub Services);

#[OpenApi]
impl HoldCommands {
    /// Reserve money.
    #[oai(
        path = "/v1/ledgers/:ledger/holds",
        method = "post",
        operation_id = "place_hold",
        tag = "Part::Holds"
    )]
    async fn place(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<PlaceHoldRequest>,
    ) -> Result<Created<HoldPlaced>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let chosen = request.id.map(|id| id.0.as_uuid());
        let id = chosen.unwrap_or_else(Uuid::now_v7);
        let ledger = parameters.ledger;
        let intent = Intent {
            ledger,
            key: Key::from_header_or_id(parameters.key, AggregateType::Hold, chosen),
            request: &request,
            commands: vec![Command::PlaceHold {
                hold: HoldId::new(id),
                request: request.requested(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let id = HoldId::new(carried.created.unwrap_or(id));
        let body = HoldPlaced {
            id: id.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/holds/{id}");
        Ok(Created::new(&carried, location, body))
    }

    /// Settle all or a part of a hold by a new transaction.
    #[oai(
        path = "/v1/ledgers/:ledger/holds/:hold_id/capture",
        method = "post",
        operation_id = "capture_hold",
        tag = "Part::Holds"
    )]
    async fn capture(
        &self,
        context: RequestContext,
        parameters: Parameters<HoldCommandParameters>,
        request: OptionalJson<CaptureHoldRequest>,
    ) -> Result<Created<HoldCaptured>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let (ledger, hold) = (parameters.ledger, parameters.hold);
        let id = Uuid::now_v7();
        let intent = Intent {
            ledger,
            key: Key::from_header(parameters.key),
            request: &request,
            commands: vec![Command::CaptureHold {
                hold,
                transaction: TransactionId::new(id),
                request: request.requested(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let transaction = TransactionId::new(carried.created.unwrap_or(id));
        let body = HoldCaptured {
            hold: hold.into(),
            transaction: transaction.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/transactions/{transaction}");
        Ok(Created::new(&carried, location, body))
    }

    /// Give back what is left of a hold.
    #[oai(
        path = "/v1/ledgers/:ledger/holds/:hold_id/void",
        method = "post",
        operation_id = "void_hold",
        tag = "Part::Holds"
    )]
    async fn void(
        &self,
        context: RequestContext,
        parameters: Parameters<HoldCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<HoldVoided>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let hold = parameters.hold;
        let intent = Intent {
            ledger: parameters.ledger,
            key: Key::from_header(parameters.key),
            request: &request,
            commands: vec![Command::VoidHold {
                hold,
                reason: request.reason(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let body = HoldVoided {
            id: hold.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Done::new(&carried, body))
    }
}
