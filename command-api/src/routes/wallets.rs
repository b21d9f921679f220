//! Opening, freezing, unfreezing and closing wallets, and their overdrafts.

use event_store::executor::Atomicity;
use ledger_core::{AggregateType, Command, LedgerName, WalletId};
use poem_openapi::OpenApi;
use serde::Serialize;
use uuid::Uuid;

use crate::commands::Intent;
use crate::context::RequestContext;
use crate::idempotency::{Key, KeyText};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::CommandProblem;
use crate::reply::{Created, Done};
use crate::representation::wallet::{
    FreezeRequest, OpenWalletRequest, ReasonRequest, SetOverdraftRequest, WalletChanged,
    WalletOpened,
};
use crate::routes::Part;
use crate::routes::groups::{
    LedgerCommandParameters, WalletAssetCommandParameters, WalletCommandParameters,
};
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// Commands about wallets.
#[derive(Clone)]
pub struct WalletCommands(pub Services);

#[OpenApi]
impl WalletCommands {
    /// Open a wallet.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets",
        method = "post",
        operation_id = "open_wallet",
        tag = "Part::Wallets"
    )]
    async fn open(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<OpenWalletRequest>,
    ) -> Result<Created<WalletOpened>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let overdraft = request
            .requested_overdrafts()
            .map_err(Problem::invalid_request)?;
        let chosen = request.id.map(|id| id.0.as_uuid());
        let id = chosen.unwrap_or_else(Uuid::now_v7);
        let ledger = parameters.ledger;
        let intent = Intent {
            ledger,
            key: Key::from_header_or_id(parameters.key, AggregateType::Wallet, chosen),
            request: &request,
            commands: vec![Command::OpenWallet {
                wallet: WalletId::new(id),
                owner: request.owner.0.clone(),
                overdraft,
                reference: request.reference.clone().map(|reference| reference.0),
                metadata: request.metadata.0.clone(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let id = WalletId::new(carried.created.unwrap_or(id));
        let body = WalletOpened {
            id: id.into(),
            owner: request.owner.clone(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/wallets/{id}");
        Ok(Created::new(&carried, location, body))
    }

    /// Stop a wallet's money from leaving, arriving or both.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/freeze",
        method = "post",
        operation_id = "freeze_wallet",
        tag = "Part::Wallets"
    )]
    async fn freeze(
        &self,
        context: RequestContext,
        parameters: Parameters<WalletCommandParameters>,
        request: StrictJson<FreezeRequest>,
    ) -> Result<Done<WalletChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let command = Command::FreezeWallet {
            wallet: parameters.wallet,
            scope: request.scope.into(),
            reason: request.reason.clone().map(|reason| reason.0),
        };
        self.change(&context, parameters.into(), &request, command)
            .await
    }

    /// Let a frozen wallet's money move again.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/unfreeze",
        method = "post",
        operation_id = "unfreeze_wallet",
        tag = "Part::Wallets"
    )]
    async fn unfreeze(
        &self,
        context: RequestContext,
        parameters: Parameters<WalletCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<WalletChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let command = Command::UnfreezeWallet {
            wallet: parameters.wallet,
            reason: request.reason(),
        };
        self.change(&context, parameters.into(), &request, command)
            .await
    }

    /// Close a wallet for ever. Every account must be empty and no hold active.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/close",
        method = "post",
        operation_id = "close_wallet",
        tag = "Part::Wallets"
    )]
    async fn close(
        &self,
        context: RequestContext,
        parameters: Parameters<WalletCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<WalletChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let command = Command::CloseWallet {
            wallet: parameters.wallet,
            reason: request.reason(),
        };
        self.change(&context, parameters.into(), &request, command)
            .await
    }

    /// Change how far one account of a wallet may be overdrawn.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/overdraft/:asset",
        method = "put",
        operation_id = "set_wallet_overdraft",
        tag = "Part::Wallets"
    )]
    async fn set_overdraft(
        &self,
        context: RequestContext,
        parameters: Parameters<WalletAssetCommandParameters>,
        request: StrictJson<SetOverdraftRequest>,
    ) -> Result<Done<WalletChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let overdraft = request
            .requested_overdraft()
            .map_err(|error| Problem::invalid_request(vec![error]))?;
        let command = Command::SetWalletOverdraft {
            wallet: parameters.wallet,
            asset: parameters.asset,
            overdraft,
        };
        let addressed = Addressed {
            ledger: parameters.ledger,
            wallet: parameters.wallet,
            key: parameters.key,
        };
        self.change(&context, addressed, &request, command).await
    }
}

/// Which wallet a command changes.
struct Addressed {
    ledger: LedgerName,
    wallet: WalletId,
    key: Option<KeyText>,
}

impl From<WalletCommandParameters> for Addressed {
    fn from(parameters: WalletCommandParameters) -> Self {
        Self {
            ledger: parameters.ledger,
            wallet: parameters.wallet,
            key: parameters.key,
        }
    }
}

impl WalletCommands {
    async fn change<B: Serialize>(
        &self,
        context: &RequestContext,
        addressed: Addressed,
        request: &B,
        command: Command,
    ) -> Result<Done<WalletChanged>, CommandProblem> {
        let intent = Intent {
            ledger: addressed.ledger,
            key: Key::from_header(addressed.key),
            request,
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(context, intent).await?;
        let body = WalletChanged {
            id: addressed.wallet.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Done::new(&carried, body))
    }
}
