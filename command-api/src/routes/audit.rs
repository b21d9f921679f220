//! Signed checkpoints of logs, their keys, and proofs of what is in a log.
//!
//! The checkpoint and the tiles are also files, see [`files`].

mod files;
mod parameters;

use audit::prove::ProveError;
use audit::sealer::SealError;
use audit::store::{StoreError, StoredCheckpoint, StoredKey};
use audit::tree::HASH_BYTES;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_core::Position;
use poem_openapi::OpenApi;

use super::identity::time;
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{Problem, catalogue};
use crate::reply::Answer;
use crate::representation::checkpoint::{
    CheckpointKeyList, CheckpointKeyView, CheckpointList, CheckpointView, ConsistencyProofView,
    EventProofView, ReplaceCheckpointKeyRequest,
};
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::services::Services;
use crate::strict_json::StrictJson;
use crate::text::Text;

pub use files::log_routes;
pub use parameters::{CheckpointsQuery, ConsistencyQuery, EventProofQuery, LogParameter};

/// What changes what is signed.
#[derive(Clone)]
pub struct AuditCommands(pub Services);

#[OpenApi]
impl AuditCommands {
    /// Have the log sealed now. The reply is the checkpoint that there is, when nothing is new.
    #[oai(
        path = "/v1/ledgers/:ledger/checkpoints",
        method = "post",
        operation_id = "seal_ledger",
        tag = "Part::Checkpoints"
    )]
    async fn seal(
        &self,
        parameters: Parameters<LogParameter>,
    ) -> Result<Answer<CheckpointView>, CommandProblem> {
        let Parameters(LogParameter { ledger }) = parameters;
        let sealed = self.0.sealer.seal(ledger).await.map_err(problem)?;
        Ok(Answer(checkpoint(&sealed)?))
    }

    /// Have a new key sign from now on. The key before says so in a signed record, after which verifiers refuse
    /// its signature on anything larger.
    #[oai(
        path = "/v1/ledgers/:ledger/checkpoint-keys",
        method = "post",
        operation_id = "replace_checkpoint_key",
        tag = "Part::Checkpoints"
    )]
    async fn replace_key(
        &self,
        context: RequestContext,
        parameters: Parameters<LogParameter>,
        request: StrictJson<ReplaceCheckpointKeyRequest>,
    ) -> Result<Answer<CheckpointKeyView>, CommandProblem> {
        let (Parameters(LogParameter { ledger }), StrictJson(request)) = (parameters, request);
        let key = self.0.sealer.rotate(ledger, request.replaces).await;
        let key = key.map_err(problem)?;
        tracing::warn!(%ledger, key.number = key.number, by = %context.caller.scope(), "a checkpoint key was asked for");
        Ok(Answer(key_view(key)?))
    }
}

/// What was signed, and what follows from it.
#[derive(Clone)]
pub struct AuditQueries(pub Services);

#[OpenApi]
impl AuditQueries {
    /// List signed checkpoints, those of most events first.
    #[oai(
        path = "/v1/ledgers/:ledger/checkpoints",
        method = "get",
        operation_id = "list_checkpoints",
        tag = "Part::Checkpoints"
    )]
    async fn list(
        &self,
        parameters: Parameters<CheckpointsQuery>,
    ) -> Result<Answer<CheckpointList>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0.existing_head(query.ledger).await?;
        let below = query.below.map(Position::value);
        let store = self.0.sealer.store();
        let found = store.checkpoints(query.ledger, below, query.limit).await;
        let found = found.map_err(|error| problem(error.into()))?;
        let items = found.iter().map(checkpoint).collect::<Result<_, _>>()?;
        Ok(Answer(CheckpointList { items }))
    }

    /// List the keys that sign checkpoints, and those that did.
    #[oai(
        path = "/v1/ledgers/:ledger/checkpoint-keys",
        method = "get",
        operation_id = "list_checkpoint_keys",
        tag = "Part::Checkpoints"
    )]
    async fn keys(
        &self,
        parameters: Parameters<LogParameter>,
    ) -> Result<Answer<CheckpointKeyList>, QueryProblem> {
        let Parameters(LogParameter { ledger }) = parameters;
        self.0.existing_head(ledger).await?;
        let keys = self.0.sealer.store().keys(ledger).await;
        let keys = keys.map_err(|error| problem(error.into()))?;
        let items = keys.into_iter().map(key_view).collect::<Result<_, _>>()?;
        Ok(Answer(CheckpointKeyList { items }))
    }

    /// Prove that an event is in the log of the last checkpoint.
    #[oai(
        path = "/v1/ledgers/:ledger/events/:position/proof",
        method = "get",
        operation_id = "get_event_proof",
        tag = "Part::Checkpoints"
    )]
    async fn proof(
        &self,
        parameters: Parameters<EventProofQuery>,
    ) -> Result<Answer<EventProofView>, QueryProblem> {
        let Parameters(EventProofQuery { ledger, position }) = parameters;
        self.0.existing_head(ledger).await?;
        let proof = self.0.sealer.prove_event(ledger, position).await;
        let (file, latest) = proof.map_err(unproved)?;
        Ok(Answer(EventProofView {
            position: position.into(),
            leaf_index: position.value() - 1,
            path: texts(&file.path),
            checkpoint: checkpoint(&latest)?,
            file: file.to_text(),
        }))
    }

    /// Prove that the log of a later checkpoint begins with that of an earlier one.
    #[oai(
        path = "/v1/ledgers/:ledger/consistency-proof",
        method = "get",
        operation_id = "get_consistency_proof",
        tag = "Part::Checkpoints"
    )]
    async fn consistency(
        &self,
        parameters: Parameters<ConsistencyQuery>,
    ) -> Result<Answer<ConsistencyProofView>, QueryProblem> {
        let Parameters(query) = parameters;
        let ledger = query.ledger;
        self.0.existing_head(ledger).await?;
        let to = match query.to {
            Some(to) => size(to),
            None => {
                let latest = self.0.sealer.store().latest(ledger).await;
                let latest = latest.map_err(|error| problem(error.into()))?;
                latest.map_or(0, |latest| latest.checkpoint.head.size)
            }
        };
        let from = query.from.map_or(0, size);
        let proof = self.0.sealer.prove_consistency(ledger, from, to).await;
        let proof = proof.map_err(unproved)?;
        Ok(Answer(ConsistencyProofView {
            from: number(proof.from.0),
            from_root: STANDARD.encode(proof.from.1),
            to: number(proof.to.0),
            to_root: STANDARD.encode(proof.to.1),
            path: texts(&proof.path),
        }))
    }
}

fn not_sealed(detail: &str) -> Problem {
    Problem::new(catalogue::NOT_SEALED, detail)
}

fn problem(error: SealError) -> Problem {
    let detail = error.to_string();
    match error {
        SealError::LedgerNotFound(ledger) => {
            event_store::executor::SubmitError::LedgerNotFound { ledger }.into()
        }
        SealError::Sandbox(ledger) => {
            event_store::executor::SubmitError::LedgerIsSandbox { ledger }.into()
        }
        SealError::NoMasterKey => Problem::new(catalogue::SEALING_UNAVAILABLE, detail),
        SealError::Tampered { .. } => {
            tracing::error!(error = detail, "a ledger is not sealed");
            Problem::new(catalogue::LOG_TAMPERED, detail)
        }
        SealError::Contended(_) => Problem::new(catalogue::LOG_UNAVAILABLE, detail),
        SealError::Size { .. } => Problem::new(catalogue::NOT_SEALED, detail),
        SealError::NotCurrent { current, .. } => {
            Problem::new(catalogue::CHECKPOINT_KEY_NOT_CURRENT, detail)
                .with_context(serde_json::json!({ "current": current }))
        }
        SealError::Log(error) => error.into(),
        SealError::Store(StoreError::Database(error)) => Problem::from_database(&error),
        error @ (SealError::Line(_)
        | SealError::Store(_)
        | SealError::Tree(_)
        | SealError::Root(_)) => Problem::internal(&error),
    }
}

fn unproved(error: ProveError) -> Problem {
    match error {
        ProveError::NotSealed { size, .. } => {
            not_sealed(&error.to_string()).with_context(serde_json::json!({ "sealed": size }))
        }
        ProveError::Store(error) => problem(error.into()),
        error @ ProveError::Tree(_) => Problem::internal(&error),
    }
}

fn checkpoint(stored: &StoredCheckpoint) -> Result<CheckpointView, Problem> {
    let head = &stored.checkpoint.head;
    Ok(CheckpointView {
        origin: head.origin.clone(),
        size: number(head.size),
        root: head.root_text(),
        recorded_at: head.recorded_at.map(Text),
        sealed_at: time(stored.sealed_at)?,
        key_number: stored.key_number,
        note: stored.checkpoint.text.clone(),
    })
}

fn key_view(key: StoredKey) -> Result<CheckpointKeyView, Problem> {
    Ok(CheckpointKeyView {
        number: key.number,
        verifier_key: key.key.to_string(),
        after: number(key.after),
        record: key.record,
        made_at: time(key.made_at)?,
    })
}

fn texts(path: &[[u8; HASH_BYTES]]) -> Vec<String> {
    path.iter().map(|hash| STANDARD.encode(hash)).collect()
}

fn number(size: u64) -> PositionNumber {
    let position = i64::try_from(size).ok().and_then(Position::try_new);
    PositionNumber(position.unwrap_or_default())
}

fn size(position: Position) -> u64 {
    u64::try_from(position.value()).unwrap_or_default()
}
