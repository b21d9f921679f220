//! What waits for a second person.

use chrono::Utc;
use identity::approvals::{Approval, ApprovalFilter, Verdict};
use identity::permission::Reach;
use poem_openapi::OpenApi;

use super::{BeforeQuery, IdParameter, optional_time, principal, time};
use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{Problem, catalogue};
use crate::reply::Answer;
use crate::representation::approval::{
    ApprovalList, ApprovalStatus, ApprovalView, Decision, DecisionRequest,
};
use crate::routes::Part;
use crate::services::Services;
use crate::strict_json::StrictJson;
use crate::text_formats::AnyId;

/// Which approvals.
#[derive(Debug)]
pub struct ApprovalsQuery {
    filter: ApprovalFilter,
    limit: i64,
}

impl ParameterGroup for ApprovalsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let waiting = from.query::<bool>("waiting", "Only those that may still be decided.");
        let page = BeforeQuery::read(from);
        let (waiting, page) = (waiting?, page?);
        Ok(Self {
            filter: ApprovalFilter {
                waiting: waiting.unwrap_or_default(),
                before: page.before,
            },
            limit: page.limit,
        })
    }
}

/// Operations of a second person.
#[derive(Clone)]
pub struct ApprovalOperations(pub Services);

#[OpenApi]
impl ApprovalOperations {
    /// List what waits for a second person, and what became of it, newest first.
    #[oai(
        path = "/v1/approvals",
        method = "get",
        operation_id = "list_approvals",
        tag = "Part::Access"
    )]
    async fn list(
        &self,
        parameters: Parameters<ApprovalsQuery>,
    ) -> Result<Answer<ApprovalList>, QueryProblem> {
        let Parameters(query) = parameters;
        let approvals = self
            .0
            .identities()
            .approvals(query.filter, query.limit)
            .await?;
        let items = approvals
            .into_iter()
            .map(view)
            .collect::<Result<_, Problem>>()?;
        Ok(Answer(ApprovalList { items }))
    }

    /// Get an approval, with the request as it came.
    #[oai(
        path = "/v1/approvals/:id",
        method = "get",
        operation_id = "get_approval",
        tag = "Part::Access"
    )]
    async fn get(
        &self,
        parameters: Parameters<IdParameter>,
    ) -> Result<Answer<ApprovalView>, QueryProblem> {
        let Parameters(IdParameter { id }) = parameters;
        Ok(Answer(view(self.0.identities().approval(id).await?)?))
    }

    /// Decide, as the second person, about what somebody else asked for. It takes the permission that the
    /// request takes.
    #[oai(
        path = "/v1/approvals/:id/decision",
        method = "post",
        operation_id = "decide_approval",
        tag = "Part::Access"
    )]
    async fn decide(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
        request: StrictJson<DecisionRequest>,
    ) -> Result<Answer<ApprovalView>, CommandProblem> {
        let (Parameters(IdParameter { id }), StrictJson(request)) = (parameters, request);
        let principal = principal(&context)?;
        let approval = self.0.identities().approval(id).await?;
        check_may_do(principal, &approval)?;
        let verdict = match request.decision {
            Decision::Approve => Verdict::Approved,
            Decision::Refuse => Verdict::Refused,
        };
        let comment = request.comment.map(|comment| comment.0.to_string());
        let decided = self
            .0
            .identities()
            .decide_approval(id, principal.subject, verdict, comment.as_deref())
            .await?;
        Ok(Answer(view(decided)?))
    }
}

/// The second person must be able to do it themselves.
fn check_may_do(
    principal: &identity::principal::Principal,
    approval: &Approval,
) -> Result<(), Problem> {
    let unreadable =
        |_| Problem::internal(&identity::identities::IdentityError::Stored { what: "approval" });
    let permission = approval
        .permission
        .parse()
        .map_err(|_| ())
        .map_err(unreadable)?;
    let ledger = match &approval.ledger {
        Some(name) => Some(name.parse().map_err(|_| ()).map_err(unreadable)?),
        None => None,
    };
    match principal.reach(permission, ledger, Utc::now()) {
        Ok(Reach::All) => Ok(()),
        Ok(Reach::Own) | Err(_) => Err(Problem::new(
            catalogue::FORBIDDEN,
            "the second person needs the permission that the request takes",
        )
        .with_context(serde_json::json!({ "permission": approval.permission }))),
    }
}

fn status(approval: &Approval) -> ApprovalStatus {
    if approval.used_at.is_some() {
        return ApprovalStatus::Used;
    }
    match approval.decision.as_deref() {
        Some("refused") => ApprovalStatus::Refused,
        _ if approval.expires_at <= Utc::now() => ApprovalStatus::Expired,
        Some(_) => ApprovalStatus::Approved,
        None => ApprovalStatus::Waiting,
    }
}

fn view(approval: Approval) -> Result<ApprovalView, Problem> {
    Ok(ApprovalView {
        id: AnyId(approval.id).into(),
        status: status(&approval),
        requested_by: approval.requested_by,
        operation: approval.operation,
        permission: approval.permission,
        ledger: approval.ledger,
        method: approval.method,
        target: approval.target,
        body: approval.body,
        requested_at: time(approval.requested_at)?,
        expires_at: time(approval.expires_at)?,
        decided_by: approval.decided_by,
        decided_at: optional_time(approval.decided_at)?,
        comment: approval.comment,
        used_at: optional_time(approval.used_at)?,
    })
}
