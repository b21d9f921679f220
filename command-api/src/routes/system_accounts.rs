//! Opening system accounts.

use event_store::executor::Atomicity;
use ledger_core::Command;
use poem_openapi::OpenApi;

use crate::commands::Intent;
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::reply::Created;
use crate::representation::ledger::{OpenSystemAccountRequest, SystemAccountOpened};
use crate::routes::Part;
use crate::routes::groups::LedgerCommandParameters;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Commands about system accounts.
#[derive(Clone)]
pub struct SystemAccountCommands(pub Services);

#[OpenApi]
impl SystemAccountCommands {
    /// Open a system account.
    #[oai(
        path = "/v1/ledgers/:ledger/system-accounts",
        method = "post",
        operation_id = "open_system_account",
        tag = "Part::SystemAccounts"
    )]
    async fn open(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<OpenSystemAccountRequest>,
    ) -> Result<Created<SystemAccountOpened>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, name) = (parameters.ledger, request.name.0);
        let intent = Intent {
            ledger,
            key: Key::from_header(parameters.key),
            request: &request,
            commands: vec![Command::OpenSystemAccount {
                name,
                normal_side: request.normal_side.into(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let body = SystemAccountOpened {
            name: name.into(),
            normal_side: request.normal_side,
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/system-accounts");
        Ok(Created::new(&carried, location, body))
    }
}
