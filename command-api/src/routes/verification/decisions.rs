//! What compliance decides about cases.

use ledger_core::verification::{CaseAction, Retry};
use poem_openapi::OpenApi;

use super::ends_at;
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::problem::{FieldCode, FieldFault, Problem};
use crate::reply::Done;
use crate::representation::verification::CaseChanged;
use crate::representation::verification::requests::{
    ApproveCaseRequest, CaseReasonsRequest, RejectCaseRequest, reason_codes,
};
use crate::routes::Part;
use crate::routes::groups::CaseCommandParameters;
use crate::routes::payments::actor_id;
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// Decisions about cases.
#[derive(Clone)]
pub struct CaseDecisions(pub Services);

#[OpenApi]
impl CaseDecisions {
    /// Approve a case that is in review; its owner is granted the tier at once.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/approve",
        method = "post",
        operation_id = "approve_case",
        tag = "Part::Verification"
    )]
    async fn approve(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: OptionalJson<ApproveCaseRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = CaseAction::Approve {
            tier: request.tier.map(|tier| tier.0),
            reverify_at: request.reverify_at.map(|time| time.0),
            reasons: reason_codes(request.reasons.as_ref()),
            by: actor_id(&context)?,
        };
        self.0
            .change_case(&context, parameters, &request, action)
            .await
    }

    /// Reject a case that is in review, for good or with another try.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/reject",
        method = "post",
        operation_id = "reject_case",
        tag = "Part::Verification"
    )]
    async fn reject(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: StrictJson<RejectCaseRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let retry: Retry = request.retry.into();
        let expires_at = match (retry, request.expires_at) {
            (Retry::Allowed, asked) => Some(ends_at(asked)?),
            (Retry::Final, None) => None,
            (Retry::Final, Some(_)) => {
                let rule = "may be given only where the owner may try again";
                let fault = FieldFault::new(FieldCode::ConflictingFields, rule);
                return Err(Problem::invalid_request(vec![fault.at_pointer("/expires_at")]).into());
            }
        };
        let action = CaseAction::Reject {
            retry,
            expires_at,
            reasons: reason_codes(request.reasons.as_ref()),
            by: actor_id(&context)?,
        };
        self.0
            .change_case(&context, parameters, &request, action)
            .await
    }

    /// Begin a case anew; what it granted is taken back.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/reset",
        method = "post",
        operation_id = "reset_case",
        tag = "Part::Verification"
    )]
    async fn reset(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        request: OptionalJson<CaseReasonsRequest>,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = CaseAction::Reset {
            reasons: reason_codes(request.reasons.as_ref()),
            by: actor_id(&context)?,
        };
        self.0
            .change_case(&context, parameters, &request, action)
            .await
    }
}
