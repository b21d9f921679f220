//! Beginning and ending deposits, refunding them, crediting them out of suspense.

use std::time::Duration;

use event_store::executor::Atomicity;
use ledger_core::payment::{NewPayment, PaymentAction};
use ledger_core::provider::{Route, RouteRejection};
use ledger_core::{AggregateType, Command, LedgerName, PaymentId, RefundId, TransactionId};
use poem_openapi::OpenApi;
use uuid::Uuid;
use workflows::routing::{Direction, NoRoute, RouteQuestion};

use super::id_under_key;
use crate::checkouts::Noted;
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::{Key, KeyText};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::CommandProblem;
use crate::problem::{Problem, catalogue};
use crate::reading::wait;
use crate::reply::{Created, Done};
use crate::representation::payments::DepositStatusName;
use crate::representation::payments::deposit::{
    CreateDepositRequest, CreditDepositRequest, DepositChanged, DepositCreated, RefundRequest,
    RefundRequested,
};
use crate::representation::wallet::ReasonRequest;
use crate::routes::Part;
use crate::routes::groups::{DepositCommandParameters, idempotency_key, ledger};
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// A deposit to begin, and how long to wait for its page.
#[derive(Debug)]
pub struct CreateDepositParameters {
    ledger: LedgerName,
    key: Option<KeyText>,
    wait: Duration,
}

impl ParameterGroup for CreateDepositParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, key) = (ledger(from), idempotency_key(from));
        let wait = wait(
            from,
            "How long to wait for the page on which the payer pays, in milliseconds, before answering without; 2000 when absent.",
        );
        Ok(Self {
            ledger: ledger?,
            key: key?,
            wait: wait?,
        })
    }
}

/// Commands about deposits.
#[derive(Clone)]
pub struct DepositCommands(pub Services);

#[OpenApi]
impl DepositCommands {
    /// Begin a deposit; the answer says where it is paid, as soon as that is known.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits",
        method = "post",
        operation_id = "create_deposit",
        tag = "Part::Deposits"
    )]
    async fn create(
        &self,
        context: RequestContext,
        parameters: Parameters<CreateDepositParameters>,
        request: StrictJson<CreateDepositRequest>,
    ) -> Result<Created<DepositCreated>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let ledger = parameters.ledger;
        let chosen = request.id.map(|id| id.0.as_uuid());
        let payment = PaymentId::new(chosen.unwrap_or_else(Uuid::now_v7));
        let command = self.creation(ledger, payment, &request)?;
        context
            .caller
            .check_commands(ledger, std::slice::from_ref(&command))
            .await?;
        let facts = request.payer_facts();
        let noted = self.0.checkouts.note(ledger, payment, &facts).await?;
        let intent = Intent {
            ledger,
            key: Key::from_header_or_id(parameters.key, AggregateType::Payment, chosen),
            request: &request,
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await;
        self.tidy(ledger, payment, noted, &carried).await?;
        let carried = carried?;
        let id = carried.created.map_or(payment, PaymentId::new);
        let found = self
            .0
            .checkouts
            .wait_for(ledger, id, parameters.wait)
            .await?;
        let body = DepositCreated {
            id: id.into(),
            status: match found {
                Some(_) => DepositStatusName::AwaitingPayer,
                None => DepositStatusName::Created,
            },
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
            checkout: found.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/deposits/{id}");
        Ok(Created::new(&carried, location, body))
    }

    /// End a deposit that is not paid yet. Money that arrives all the same is credited.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits/:payment_id/expire",
        method = "post",
        operation_id = "expire_deposit",
        tag = "Part::Deposits"
    )]
    async fn expire(
        &self,
        context: RequestContext,
        parameters: Parameters<DepositCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<DepositChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = PaymentAction::Expire {
            reason: request.reason(),
        };
        self.change(&context, parameters, &request, action).await
    }

    /// Give money of a deposit back to who paid it; it is reserved until the provider has done so.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits/:payment_id/refunds",
        method = "post",
        operation_id = "request_refund",
        tag = "Part::Deposits"
    )]
    async fn refund(
        &self,
        context: RequestContext,
        parameters: Parameters<DepositCommandParameters>,
        request: OptionalJson<RefundRequest>,
    ) -> Result<Created<RefundRequested>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let (ledger, payment) = (parameters.ledger, parameters.payment);
        let key = parameters.key.as_ref();
        let refund = request.id.map_or_else(
            || RefundId::new(id_under_key("refund", &context, payment.as_uuid(), key)),
            |id| id.0,
        );
        let action = PaymentAction::RequestRefund {
            refund,
            amount: request.amount.map(|amount| amount.0.value()),
            reason: request.reason.clone().map(|reason| reason.0),
        };
        let carried = self.submit(&context, parameters, &request, action).await?;
        let body = RefundRequested {
            id: refund.into(),
            deposit: payment.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/refunds?deposit={payment}");
        Ok(Created::new(&carried, location, body))
    }

    /// Take the money of a deposit out of suspense into a wallet.
    #[oai(
        path = "/v1/ledgers/:ledger/deposits/:payment_id/credit",
        method = "post",
        operation_id = "credit_deposit",
        tag = "Part::Deposits"
    )]
    async fn credit(
        &self,
        context: RequestContext,
        parameters: Parameters<DepositCommandParameters>,
        request: StrictJson<CreditDepositRequest>,
    ) -> Result<Done<DepositChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let action = PaymentAction::Credit {
            wallet: request.wallet.0,
            transaction: TransactionId::new(Uuid::now_v7()),
        };
        self.change(&context, parameters, &request, action).await
    }
}

impl DepositCommands {
    fn creation(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        request: &CreateDepositRequest,
    ) -> Result<Command, Problem> {
        let route = self.route(ledger, payment, request)?;
        let new = NewPayment {
            wallet: request.wallet.0,
            asset: request.asset.0,
            amount: request.amount.0.value(),
            route,
            expires_at: request.expires_at.map(|time| time.0),
            reference: request.reference.clone().map(|reference| reference.0),
            metadata: request.metadata.0.clone(),
        };
        Ok(Command::Payment {
            payment,
            action: Box::new(PaymentAction::Create(new)),
        })
    }

    /// Which provider it is sent to.
    fn route(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        request: &CreateDepositRequest,
    ) -> Result<Route, Problem> {
        let wanted = request.provider.map(|provider| provider.0);
        if let Some(provider) = wanted.filter(|wanted| !self.0.router.knows(ledger, *wanted)) {
            let rejection = RouteRejection::NotACandidate { provider };
            return Err(Problem::new(rejection.code(), rejection.to_string()));
        }
        let question = RouteQuestion {
            ledger,
            id: payment.as_uuid(),
            direction: Direction::In,
            asset: request.asset.0,
            amount: request.amount.0.value(),
            method: request.method.map(|method| method.as_str().to_owned()),
            country: request.country.as_ref().map(|country| country.0.0.clone()),
            wanted,
            asked: Vec::new(),
            failure: None,
        };
        let unavailable =
            |none: NoRoute| Problem::new(catalogue::PROVIDER_UNAVAILABLE, none.to_string());
        self.0.router.decide(&question).map_err(unavailable)
    }

    /// Takes back what was noted of a payment that certainly is not; of one that may be, it stays.
    async fn tidy(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        noted: Noted,
        carried: &Result<Carried, Problem>,
    ) -> Result<(), Problem> {
        let is_there = match carried {
            Ok(carried) => carried
                .created
                .is_none_or(|created| created == payment.as_uuid()),
            Err(problem) => {
                [catalogue::OUTCOME_UNKNOWN, catalogue::INTERNAL_FAULT].contains(&problem.code())
            }
        };
        if noted == Noted::Now && !is_there {
            self.0.checkouts.take_back(ledger, payment).await?;
        }
        Ok(())
    }

    async fn submit<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        parameters: DepositCommandParameters,
        request: &B,
        action: PaymentAction,
    ) -> Result<Carried, Problem> {
        let intent = Intent {
            ledger: parameters.ledger,
            key: Key::from_header(parameters.key),
            request,
            commands: vec![Command::Payment {
                payment: parameters.payment,
                action: Box::new(action),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        self.0.commands.submit_one(context, intent).await
    }

    async fn change<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        parameters: DepositCommandParameters,
        request: &B,
        action: PaymentAction,
    ) -> Result<Done<DepositChanged>, CommandProblem> {
        let payment = parameters.payment;
        let carried = self.submit(context, parameters, request, action).await?;
        let body = DepositChanged {
            id: payment.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Done::new(&carried, body))
    }
}
