//! Who has which role.

use identity::permission::Role;
use identity::principal::{Grant, Ledgers};
use identity::subject::Subject;
use ledger_core::LedgerName;
use poem_openapi::OpenApi;

use super::actor;
use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Nothing};
use crate::representation::identity::RoleList;
use crate::routes::Part;
use crate::services::Services;

/// Somebody's roles.
#[derive(Debug)]
pub struct SubjectParameter {
    subject: Subject,
}

impl ParameterGroup for SubjectParameter {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        Ok(Self {
            subject: from.path("subject", "Whose roles.")?,
        })
    }
}

/// One role of somebody.
#[derive(Debug)]
pub struct RoleParameters {
    subject: Subject,
    role: Role,
    ledger: Option<LedgerName>,
}

impl ParameterGroup for RoleParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let subject = from.path("subject", "Whose role.");
        let role = from.path("role", "Which role.");
        let ledger = from.query("ledger", "The ledger; everywhere when absent.");
        Ok(Self {
            subject: subject?,
            role: role?,
            ledger: ledger?,
        })
    }
}

impl RoleParameters {
    fn grant(&self) -> Grant {
        Grant {
            role: self.role,
            ledgers: self.ledger.map_or(Ledgers::All, Ledgers::One),
        }
    }
}

/// Operations about roles.
#[derive(Clone)]
pub struct RoleOperations(pub Services);

#[OpenApi]
impl RoleOperations {
    /// List somebody's roles.
    #[oai(
        path = "/v1/subjects/:subject/roles",
        method = "get",
        operation_id = "list_roles",
        tag = "Part::Access"
    )]
    async fn list(
        &self,
        parameters: Parameters<SubjectParameter>,
    ) -> Result<Answer<RoleList>, QueryProblem> {
        let Parameters(SubjectParameter { subject }) = parameters;
        let grants = self.0.identities().grants(subject).await?;
        let items = grants.into_iter().map(Into::into).collect();
        Ok(Answer(RoleList { items }))
    }

    /// Give somebody a role; to give it again changes nothing.
    #[oai(
        path = "/v1/subjects/:subject/roles/:role",
        method = "put",
        operation_id = "give_role",
        tag = "Part::Access"
    )]
    async fn give(
        &self,
        context: RequestContext,
        parameters: Parameters<RoleParameters>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(role) = parameters;
        self.0
            .identities()
            .give_role(role.subject, role.grant(), actor(&context))
            .await?;
        Ok(Nothing)
    }

    /// Take a role from somebody; it counts no more from then on, on every node.
    #[oai(
        path = "/v1/subjects/:subject/roles/:role",
        method = "delete",
        operation_id = "take_role",
        tag = "Part::Access"
    )]
    async fn take(
        &self,
        context: RequestContext,
        parameters: Parameters<RoleParameters>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(role) = parameters;
        self.0
            .identities()
            .take_role(role.subject, role.grant(), actor(&context))
            .await?;
        Ok(Nothing)
    }
}
