//! Machines: clients and keys.

use identity::machines::{Machine, MachineKind, NewMachine};
use poem_openapi::OpenApi;

use super::{BeforeQuery, IdParameter, actor, optional_time, time};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Nothing, Started};
use crate::representation::identity::{
    MachineKindName, MachineList, MachineMade, MachineView, MakeMachineRequest,
};
use crate::routes::Part;
use crate::services::Services;
use crate::strict_json::StrictJson;
use crate::text_formats::AnyId;

/// Operations about machines.
#[derive(Clone)]
pub struct MachineOperations(pub Services);

#[OpenApi]
impl MachineOperations {
    /// Make a client or a key; its secret is shown this once.
    #[oai(
        path = "/v1/machines",
        method = "post",
        operation_id = "make_machine",
        tag = "Part::Access"
    )]
    async fn make(
        &self,
        context: RequestContext,
        request: StrictJson<MakeMachineRequest>,
    ) -> Result<Started<MachineMade>, CommandProblem> {
        let StrictJson(request) = request;
        request.check()?;
        let new = NewMachine {
            kind: match request.kind {
                MachineKindName::Client => MachineKind::Client,
                MachineKindName::ApiKey => MachineKind::ApiKey,
            },
            name: request.name.0.to_string(),
            scopes: request
                .scopes
                .into_iter()
                .flatten()
                .map(|scope| scope.0)
                .collect(),
            grants: request.roles.iter().map(Into::into).collect(),
            expires_at: request.expires_at.map(|time| time.0.as_datetime()),
        };
        let made = self
            .0
            .identities()
            .make_machine(new, actor(&context))
            .await?;
        Ok(Started(MachineMade {
            id: AnyId(made.id).into(),
            secret: made.secret.to_string(),
        }))
    }

    /// List machines, newest first.
    #[oai(
        path = "/v1/machines",
        method = "get",
        operation_id = "list_machines",
        tag = "Part::Access"
    )]
    async fn list(
        &self,
        parameters: Parameters<BeforeQuery>,
    ) -> Result<Answer<MachineList>, QueryProblem> {
        let Parameters(query) = parameters;
        let machines = self
            .0
            .identities()
            .machines(query.before, query.limit)
            .await?;
        let items = machines
            .into_iter()
            .map(view)
            .collect::<Result<_, Problem>>()?;
        Ok(Answer(MachineList { items }))
    }

    /// Revoke a machine: its key or secret, and every token it has got, on every node.
    #[oai(
        path = "/v1/machines/:id/revoke",
        method = "post",
        operation_id = "revoke_machine",
        tag = "Part::Access"
    )]
    async fn revoke(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(IdParameter { id }) = parameters;
        self.0
            .identities()
            .revoke_machine(id, actor(&context))
            .await?;
        Ok(Nothing)
    }
}

fn view(machine: Machine) -> Result<MachineView, Problem> {
    Ok(MachineView {
        id: AnyId(machine.id).into(),
        kind: machine.kind,
        name: machine.name,
        prefix: machine.prefix,
        scopes: machine.scopes,
        made_by: machine.made_by,
        made_at: time(machine.made_at)?,
        expires_at: optional_time(machine.expires_at)?,
        used_at: optional_time(machine.used_at)?,
        revoked_at: optional_time(machine.revoked_at)?,
    })
}
