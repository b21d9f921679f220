//! Registering assets.

use event_store::executor::Atomicity;
use ledger_core::Command;
use poem_openapi::OpenApi;

use crate::commands::Intent;
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::responses::CommandProblem;
use crate::reply::Created;
use crate::representation::ledger::{AssetRegistered, RegisterAssetRequest};
use crate::routes::Part;
use crate::routes::groups::LedgerCommandParameters;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Commands about assets.
#[derive(Clone)]
pub struct AssetCommands(pub Services);

#[OpenApi]
impl AssetCommands {
    /// Register an asset of the ledger's own.
    ///
    /// Currencies of ISO 4217 and well-known crypto assets are there from the beginning.
    #[oai(
        path = "/v1/ledgers/:ledger/assets",
        method = "post",
        operation_id = "register_asset",
        tag = "Part::Assets"
    )]
    async fn register(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<RegisterAssetRequest>,
    ) -> Result<Created<AssetRegistered>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, code) = (parameters.ledger, request.code.0);
        let intent = Intent {
            ledger,
            key: Key::from_header(parameters.key),
            request: &request,
            commands: vec![Command::RegisterAsset {
                code,
                scale: request.scale,
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let body = AssetRegistered {
            code: code.into(),
            scale: request.scale,
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/assets/{code}");
        Ok(Created::new(&carried, location, body))
    }
}
