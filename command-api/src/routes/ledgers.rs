//! Opening ledgers.

use event_store::executor::Atomicity;
use ledger_core::Command;
use ledger_core::ledger::standard_system_accounts;
use poem_openapi::OpenApi;

use crate::commands::Intent;
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::reply::Created;
use crate::representation::ledger::{LedgerOpened, OpenLedgerRequest};
use crate::routes::Part;
use crate::routes::groups::CommandParameters;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Commands about ledgers.
#[derive(Clone)]
pub struct LedgerCommands(pub Services);

#[OpenApi]
impl LedgerCommands {
    /// Open a ledger.
    #[oai(
        path = "/v1/ledgers",
        method = "post",
        operation_id = "open_ledger",
        tag = "Part::Ledgers"
    )]
    async fn open(
        &self,
        context: RequestContext,
        parameters: Parameters<CommandParameters>,
        request: StrictJson<OpenLedgerRequest>,
    ) -> Result<Created<LedgerOpened>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let name = request.name.0;
        let intent = Intent {
            ledger: name,
            key: Key::from_header(parameters.key),
            request: &request,
            commands: vec![Command::OpenLedger {
                name,
                system_accounts: standard_system_accounts(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let body = LedgerOpened {
            name: name.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Created::new(&carried, format!("/v1/ledgers/{name}"), body))
    }
}
