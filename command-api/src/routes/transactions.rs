//! Posting and reverting transactions.

use event_store::executor::Atomicity;
use ledger_core::transaction::TransactionRejection;
use ledger_core::{AggregateType, Command, LedgerName, Rejection, TransactionId};
use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::batch;
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::{Key, KeyText};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::CommandProblem;
use crate::reply::{Created, CreatedOrTried, Done};
use crate::representation::transaction::{
    BatchOutcome, BatchRequest, PostTransactionRequest, RevertRequest, TransactionPosted,
    TransactionReverted, Unpostable,
};
use crate::routes::Part;
use crate::routes::groups::{
    LedgerCommandParameters, TransactionCommandParameters, idempotency_key, ledger,
};
use crate::services::Services;
use crate::strict_json::{BATCH_BODY_LIMIT, OptionalJson, StrictJson, TRANSACTION_BODY_LIMIT};

/// Where and how a transaction is posted.
#[derive(Debug)]
pub struct PostParameters {
    ledger: LedgerName,
    dry_run: Option<bool>,
    key: Option<KeyText>,
}

impl ParameterGroup for PostParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let dry_run = from.query(
            "dry_run",
            "`true` to be told what would happen and write nothing; the idempotency key is not used then.",
        );
        let key = idempotency_key(from);
        Ok(Self {
            ledger: ledger?,
            dry_run: dry_run?,
            key: key?,
        })
    }
}

/// Commands about transactions.
#[derive(Clone)]
pub struct TransactionCommands(pub Services);

#[OpenApi]
impl TransactionCommands {
    /// Post a transaction: all of its postings take place or none does.
    #[oai(
        path = "/v1/ledgers/:ledger/transactions",
        method = "post",
        operation_id = "post_transaction",
        tag = "Part::Transactions"
    )]
    async fn post(
        &self,
        context: RequestContext,
        parameters: Parameters<PostParameters>,
        request: StrictJson<PostTransactionRequest, TRANSACTION_BODY_LIMIT>,
    ) -> Result<CreatedOrTried<TransactionPosted>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let requested = request.requested("").map_err(unpostable)?;
        let chosen = request.id.map(|id| id.0.as_uuid());
        let id = chosen.unwrap_or_else(Uuid::now_v7);
        let (ledger, dry_run) = (parameters.ledger, parameters.dry_run.unwrap_or_default());
        let intent = Intent {
            ledger,
            key: Key::from_header_or_id(parameters.key, AggregateType::Transaction, chosen),
            request: &request,
            commands: vec![Command::PostTransaction {
                transaction: TransactionId::new(id),
                request: requested,
            }],
            atomicity: if dry_run {
                Atomicity::DryRun
            } else {
                Atomicity::AllOrNothing
            },
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let id = TransactionId::new(carried.created.unwrap_or(id));
        let body = TransactionPosted {
            id: id.into(),
            effective_at: request
                .effective_at
                .unwrap_or_else(|| carried.recorded_at.into()),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
            dry_run,
        };
        Ok(if dry_run {
            CreatedOrTried::Tried(Done::new(&carried, body))
        } else {
            CreatedOrTried::Created(Created::new(&carried, location(ledger, id), body))
        })
    }

    /// Post up to 1,000 transactions.
    ///
    /// `independent`: each is decided for itself and `results` says what became of it.
    /// `all_or_nothing`: the first refusal refuses all, and is answered as a problem whose
    /// `errors` point to it. A request that cannot be read is refused as a whole in both cases.
    #[oai(
        path = "/v1/ledgers/:ledger/transactions/batch",
        method = "post",
        operation_id = "post_transactions",
        tag = "Part::Transactions"
    )]
    async fn post_batch(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<BatchRequest, BATCH_BODY_LIMIT>,
    ) -> Result<Done<BatchOutcome>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let done = batch::post(&self.0, &context, parameters, &request).await?;
        Ok(done)
    }

    /// Turn a transaction round by a new one; a transaction is reverted once.
    #[oai(
        path = "/v1/ledgers/:ledger/transactions/:transaction_id/revert",
        method = "post",
        operation_id = "revert_transaction",
        tag = "Part::Transactions"
    )]
    async fn revert(
        &self,
        context: RequestContext,
        parameters: Parameters<TransactionCommandParameters>,
        request: OptionalJson<RevertRequest>,
    ) -> Result<Created<TransactionReverted>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let (ledger, transaction) = (parameters.ledger, parameters.transaction);
        let chosen = request.id.map(|id| id.0.as_uuid());
        let id = chosen.unwrap_or_else(Uuid::now_v7);
        let intent = Intent {
            ledger,
            key: Key::from_header_or_id(parameters.key, AggregateType::Transaction, chosen),
            request: &request,
            commands: vec![Command::RevertTransaction {
                transaction,
                reverting_transaction: TransactionId::new(id),
                effective_at: request.effective_at.map(|time| time.0),
                reference: request.reference.clone().map(|reference| reference.0),
                metadata: request.metadata.0.clone(),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let id = TransactionId::new(carried.created.unwrap_or(id));
        let body = TransactionReverted {
            id: id.into(),
            reverts: transaction.into(),
            effective_at: effective_at(&request, &carried),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Created::new(&carried, location(ledger, id), body))
    }
}

fn effective_at(
    request: &RevertRequest,
    carried: &Carried,
) -> crate::text::Text<ledger_core::Timestamp> {
    request
        .effective_at
        .unwrap_or_else(|| carried.recorded_at.into())
}

fn location(ledger: LedgerName, transaction: TransactionId) -> String {
    format!("/v1/ledgers/{ledger}/transactions/{transaction}")
}

fn unpostable(unpostable: Unpostable) -> Problem {
    match unpostable {
        Unpostable::Fields(error) => Problem::invalid_request(vec![error]),
        Unpostable::Rule(rejection) => {
            Rejection::from(TransactionRejection::from(rejection)).into()
        }
    }
}
