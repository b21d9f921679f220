//! Opening cases, asking for documents, handing them on.

use ledger_core::verification::{CaseAction, ReverificationCause};
use ledger_core::{AggregateType, CaseId, Command, ProviderName};
use poem_openapi::OpenApi;
use uuid::Uuid;

use super::ends_at;
use crate::access::ownership::case_of_customer;
use crate::commands::Intent;
use crate::context::{Caller, RequestContext};
use crate::idempotency::{Concealed, Key};
use crate::notes::PersonNote;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::problem::{Problem, catalogue};
use crate::reply::{Created, Done};
use crate::representation::verification::requests::{
    CaseReasonsRequest, OpenCaseRequest, RequestDocumentsRequest, RequireReverificationRequest,
    SubmitCaseRequest, reason_codes,
};
use crate::representation::verification::{CaseChanged, CaseOpened};
use crate::routes::Part;
use crate::routes::groups::{CaseCommandParameters, LedgerCommandParameters};
use crate::routes::payments::actor_id;
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// Commands about cases that decide nothing.
#[derive(Clone)]
pub struct CaseCommands(pub Services);

#[OpenApi]
impl CaseCommands {
    /// Open a case about an owner. Customers open theirs: one for each tier.
    #[oai(
        path = "/v1/ledgers/:ledger/cases",
        method = "post",
        operation_id = "open_case",
        tag = "Part::Verification"
    )]
    async fn open(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<OpenCaseRequest>,
    ) -> Result<Created<CaseOpened>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let ledger = parameters.ledger;
        let chosen = request.id.map(|id| id.0.as_uuid());
        let case = case_to_open(&context, &request)?;
        let action = CaseAction::Open {
            owner: request.owner.0.clone(),
            tier: request.tier.0,
            expires_at: Some(ends_at(request.expires_at)?),
            by: actor_id(&context)?,
        };
        let command = Command::VerificationCase {
            case,
            action: Box::new(action),
        };
        let key = Key::from_header_or_id(parameters.key, AggregateType::VerificationCase, chosen);
        let intent = Intent::of_one(ledger, key, &request, command);
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let id = carried.created.map_or(case, CaseId::new);
        let body = CaseOpened {
            id: id.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/cases/{id}");
        Ok(Created::new(&carried, location, body))
    }

    /// Ask for documents. After a rejection, in a review and for a new verification, those that were given before
    /// have to be given again.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/request-documents",
        method = "post",
        operation_id = "request_case_documents",
        tag = "Part::Verification"
    )]
    async fn request_documents(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: StrictJson<RequestDocumentsRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let action = CaseAction::RequestDocuments {
            kinds: request.kinds.iter().map(|kind| kind.0.clone()).collect(),
            expires_at: Some(ends_at(request.expires_at)?),
            by: actor_id(&context)?,
        };
        self.0
            .change_case(&context, parameters, &request, action)
            .await
    }

    /// Hand a case to providers; it waits for the word of all of them. Those at which the ledger has accounts are
    /// asked at once, and `entries` of the case are the person's ways in.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/submit",
        method = "post",
        operation_id = "submit_case",
        tag = "Part::Verification"
    )]
    async fn submit(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: StrictJson<SubmitCaseRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, case) = (parameters.ledger, parameters.case);
        let providers: Vec<ProviderName> = request.providers.iter().map(|name| name.0).collect();
        let (checks, facts) = (&self.0.checks, request.person_facts());
        checks
            .check_submission(ledger, &providers, &facts)
            .map_err(Problem::from)?;
        let note = PersonNote {
            checks,
            ledger,
            case,
            providers: &providers,
            facts,
        };
        let action = CaseAction::Submit {
            providers: providers.clone(),
            by: actor_id(&context)?,
        };
        let command = Command::VerificationCase {
            case,
            action: Box::new(action),
        };
        let concealed = Concealed::of(self.0.identities(), &request)?;
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(ledger, key, &concealed, command);
        let carried = self
            .0
            .commands
            .submit_noted(&context, intent, &note)
            .await?;
        let body = CaseChanged {
            id: case.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Done::new(&carried, body))
    }

    /// Have the platform's own people look at a case; from then on no provider decides it.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/start-review",
        method = "post",
        operation_id = "start_case_review",
        tag = "Part::Verification"
    )]
    async fn start_review(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: OptionalJson<CaseReasonsRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = CaseAction::StartReview {
            reasons: reason_codes(request.reasons.as_ref()),
            by: actor_id(&context)?,
        };
        self.0
            .change_case(&context, parameters, &request, action)
            .await
    }

    /// Have the owner of an approved case verified again; what was granted stands meanwhile.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/require-reverification",
        method = "post",
        operation_id = "require_reverification",
        tag = "Part::Verification"
    )]
    async fn require_reverification(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: OptionalJson<RequireReverificationRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = CaseAction::RequireReverification {
            cause: ReverificationCause::Actor(actor_id(&context)?),
            expires_at: Some(ends_at(request.expires_at)?),
            reasons: reason_codes(request.reasons.as_ref()),
        };
        self.0
            .change_case(&context, parameters, &request, action)
            .await
    }

    /// End a case whose time has passed. That happens by itself soon after; here it can be had at once.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/expire",
        method = "post",
        operation_id = "expire_case",
        tag = "Part::Verification"
    )]
    async fn expire(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let Parameters(parameters) = parameters;
        self.0
            .change_case(&context, parameters, &(), CaseAction::Expire)
            .await
    }
}

/// Which case a request opens. A customer has one for each tier: whoever was rejected for good does not begin
/// another by choosing another id.
fn case_to_open(context: &RequestContext, request: &OpenCaseRequest) -> Result<CaseId, Problem> {
    let chosen = request.id.map(|id| id.0);
    match context.caller {
        Caller::OnlyOwn(..) => {
            if chosen.is_some() || request.expires_at.is_some() {
                let detail = "`id` and `expires_at` are for the platform to choose";
                return Err(Problem::new(catalogue::FORBIDDEN, detail));
            }
            Ok(case_of_customer(&request.owner.0, request.tier.0))
        }
        Caller::Anonymous | Caller::Known(_) => {
            Ok(chosen.unwrap_or_else(|| CaseId::new(Uuid::now_v7())))
        }
    }
}
