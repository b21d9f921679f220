//! Beginning and ending deposits, refunding them, crediting them out of suspense.

use std::str::FromStr;
use std::time::Duration;

use ledger_core::payment::{NewPayment, PaymentAction};
use ledger_core::provider::{Candidate, Route};
use ledger_core::{
    AggregateType, Command, LedgerName, PaymentId, ProviderName, RefundId, TransactionId,
};
use poem_openapi::OpenApi;
use projections::queries::payments::rows::PaymentRow;
use uuid::Uuid;
use workflows::routing::{Direction, RouteQuestion};

use super::{id_under_key, is_payable};
use crate::checkouts::{OpenCheckout, PayerFacts};
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::{Concealed, Key, KeyText};
use crate::notes::PayerNote;
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

/// The ledger's word for a route whose provider cannot be asked.
const NOT_A_CANDIDATE: &str = "route_provider_not_a_candidate";

/// The provider of a route where there is none.
const NOBODY: &str = "nobody";

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
        let (route, unroutable) = self.route(ledger, payment, &request)?;
        let note = PayerNote {
            checkouts: &self.0.checkouts,
            ledger,
            payment,
            payer: self.payer(ledger, &request).await?,
        };
        let concealed = Concealed::of(self.0.identities(), &request)?;
        let key = Key::from_header_or_id(parameters.key, AggregateType::Payment, chosen);
        let command = creation(payment, &request, route);
        let intent = Intent::of_one(ledger, key, &concealed, command);
        let commands = &self.0.commands;
        let carried = commands.submit_noted(&context, intent, &note).await;
        let carried = carried.map_err(|problem| match unroutable {
            Some(unroutable) if problem.code() == NOT_A_CANDIDATE => unroutable,
            Some(_) | None => problem,
        })?;
        let id = carried.created.map_or(payment, PaymentId::new);
        let (status, page) = self.page(ledger, id, &carried, parameters.wait).await;
        let body = DepositCreated {
            id: id.into(),
            status,
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
            checkout: page.into(),
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
        let intent = intent(parameters, &request, action);
        let carried = self.0.commands.submit_one(&context, intent).await?;
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
    /// Which provider it is sent to. When there is none the command is handed over all the same, with a route
    /// that the ledger refuses: whoever sends a request again gets its first reply, whatever became of the
    /// providers since. The problem is what to answer when there was none.
    fn route(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        request: &CreateDepositRequest,
    ) -> Result<(Route, Option<Problem>), Problem> {
        let wanted = request.provider.map(|provider| provider.0);
        if let Some(wanted) = wanted.filter(|wanted| !self.0.router.knows(ledger, *wanted)) {
            return Ok((no_route(wanted, Vec::new())?, None));
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
        match self.0.router.decide(&question) {
            Ok(route) => Ok((route, None)),
            Err(none) => {
                let problem = Problem::new(catalogue::PROVIDER_UNAVAILABLE, none.to_string());
                let first = none.candidates.first().map(|candidate| candidate.provider);
                let provider = match first {
                    Some(provider) => provider,
                    None => known_to_parse(NOBODY)?,
                };
                Ok((no_route(provider, none.candidates)?, Some(problem)))
            }
        }
    }

    /// Who pays. Of an erased person nothing is kept, nor of who pays for one.
    async fn payer(
        &self,
        ledger: LedgerName,
        request: &CreateDepositRequest,
    ) -> Result<PayerFacts, Problem> {
        let payer = request.payer_facts();
        let wallet = request.wallet.0;
        if payer.tells_who() && self.0.log.is_wallet_of_erased(ledger, wallet).await? {
            return Ok(payer.without_who());
        }
        Ok(payer)
    }

    /// How far a deposit has come, and where it is paid. The deposit is in the log, so nothing that goes wrong
    /// here is its failure: then there is no page yet.
    async fn page(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        carried: &Carried,
        patience: Duration,
    ) -> (DepositStatusName, Option<OpenCheckout>) {
        let found = self.find_page(ledger, payment, carried, patience).await;
        found.unwrap_or_else(|problem| {
            tracing::warn!(
                payment.id = %payment,
                problem = %problem,
                "the page of a deposit that was begun cannot be looked for"
            );
            (DepositStatusName::Created, None)
        })
    }

    async fn find_page(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        carried: &Carried,
        patience: Duration,
    ) -> Result<(DepositStatusName, Option<OpenCheckout>), Problem> {
        let mut status = DepositStatusName::Created;
        if carried.replayed {
            let known: Option<PaymentRow> = self.0.just_written(ledger, payment.as_uuid()).await?;
            if let Some(row) = known {
                status = row.state.status().map_or(status, Into::into);
                if !is_payable(&row) {
                    return Ok((status, None));
                }
            }
        }
        let checkouts = &self.0.checkouts;
        let page = checkouts.wait_for(ledger, payment, patience).await?;
        if page.is_some() && matches!(status, DepositStatusName::Created) {
            status = DepositStatusName::AwaitingPayer;
        }
        Ok((status, page))
    }

    async fn change<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        parameters: DepositCommandParameters,
        request: &B,
        action: PaymentAction,
    ) -> Result<Done<DepositChanged>, CommandProblem> {
        let payment = parameters.payment;
        let intent = intent(parameters, request, action);
        let changed = |carried: &Carried| DepositChanged {
            id: payment.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(context, intent, changed).await
    }
}

fn intent<B>(
    parameters: DepositCommandParameters,
    request: &B,
    action: PaymentAction,
) -> Intent<'_, B> {
    let command = Command::Payment {
        payment: parameters.payment,
        action: Box::new(action),
    };
    let key = Key::from_header(parameters.key);
    Intent::of_one(parameters.ledger, key, request, command)
}

fn creation(payment: PaymentId, request: &CreateDepositRequest, route: Route) -> Command {
    let new = NewPayment {
        wallet: request.wallet.0,
        asset: request.asset.0,
        amount: request.amount.0.value(),
        route,
        expires_at: request.expires_at.map(|time| time.0),
        reference: request.reference.clone().map(|reference| reference.0),
        metadata: request.metadata.0.clone(),
    };
    Command::Payment {
        payment,
        action: Box::new(PaymentAction::Create(new)),
    }
}

/// A route that no payment can be begun with, because its provider is none of the candidates that could be
/// chosen.
fn no_route(provider: ProviderName, candidates: Vec<Candidate>) -> Result<Route, Problem> {
    Ok(Route {
        provider,
        candidates,
        rule: known_to_parse("none")?,
        reason: known_to_parse("nobody can be asked")?,
        fallback: None,
    })
}

/// A text of ours as the domain has it.
fn known_to_parse<T>(text: &str) -> Result<T, Problem>
where
    T: FromStr<Err: std::error::Error + 'static>,
{
    text.parse().map_err(|error| Problem::internal(&error))
}
