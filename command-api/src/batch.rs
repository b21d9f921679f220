//! Posting several transactions by one request.

use event_store::executor::{Applied, Atomicity, CommandOutcome, Outcome, Refusal};
use ledger_core::transaction::TransactionRejection;
use ledger_core::{Command, Rejection, TransactionId};
use uuid::Uuid;

use crate::commands::Intent;
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::problem::{FieldCode, FieldError, FieldFault, Problem, catalogue};
use crate::reply::Done;
use crate::representation::choices::AtomicityName;
use crate::representation::transaction::{
    BatchOutcome, BatchRequest, BatchResult, BatchStatus, MAX_BATCH, Unpostable,
};
use crate::routes::groups::LedgerCommandParameters;
use crate::services::Services;

/// A transaction of the batch before the ledger has seen it.
enum Prepared {
    /// To be decided by the ledger.
    Command(Box<Command>),
    /// Its entries do not balance; known without the ledger.
    Refused(Refusal),
}

/// Posts a batch.
///
/// # Errors
/// The problem when the batch cannot be read, or when one refusal refuses all.
pub async fn post(
    services: &Services,
    context: &RequestContext,
    parameters: LedgerCommandParameters,
    request: &BatchRequest,
) -> Result<Done<BatchOutcome>, Problem> {
    let prepared = prepare(request)?;
    let mut refusals = Vec::with_capacity(prepared.len());
    let mut commands = Vec::with_capacity(prepared.len());
    for transaction in prepared {
        match transaction {
            Prepared::Command(command) => {
                refusals.push(None);
                commands.push(*command);
            }
            Prepared::Refused(refusal) => refusals.push(Some(refusal)),
        }
    }
    let all_or_nothing = request.atomicity == AtomicityName::AllOrNothing;
    if all_or_nothing && let Some(problem) = first_problem(&refusals) {
        return Err(problem);
    }
    if commands.is_empty() {
        return nothing_to_decide(services, &parameters, refusals).await;
    }
    let intent = Intent {
        ledger: parameters.ledger,
        key: Key::from_header(parameters.key),
        request,
        commands,
        atomicity: match request.atomicity {
            AtomicityName::Independent => Atomicity::Independent,
            AtomicityName::AllOrNothing => Atomicity::AllOrNothing,
        },
    };
    let outcome = services.commands.submit(context, intent).await?;
    let results = merge(refusals, &outcome)?;
    if all_or_nothing && let Some(problem) = first_problem(&decided_refusals(&outcome)) {
        return Err(problem);
    }
    let body = BatchOutcome {
        position: outcome.position.into(),
        recorded_at: outcome.recorded_at.into(),
        results,
    };
    Ok(Done::batch(outcome.replayed, body))
}

fn prepare(request: &BatchRequest) -> Result<Vec<Prepared>, Problem> {
    let found = request.transactions.len();
    if !(1..=MAX_BATCH).contains(&found) {
        let code = if found == 0 {
            FieldCode::TooFewItems
        } else {
            FieldCode::TooManyItems
        };
        let detail = format!("must have 1 to {MAX_BATCH} transactions, not {found}");
        let error = FieldFault::new(code, detail).at_pointer("/transactions");
        return Err(Problem::invalid_request(vec![error]));
    }
    let mut prepared = Vec::with_capacity(found);
    let mut errors: Vec<FieldError> = Vec::new();
    for (index, transaction) in request.transactions.iter().enumerate() {
        match transaction.requested(&pointer(index)) {
            Ok(requested) => {
                let id = transaction.id.map(|id| id.0);
                prepared.push(Prepared::Command(Box::new(Command::PostTransaction {
                    transaction: id.unwrap_or_else(|| TransactionId::new(Uuid::now_v7())),
                    request: requested,
                })));
            }
            Err(Unpostable::Fields(error)) => errors.push(error),
            Err(Unpostable::Rule(rejection)) => {
                let rejection = Rejection::from(TransactionRejection::from(rejection));
                prepared.push(Prepared::Refused(Refusal::from(&rejection)));
            }
        }
    }
    if errors.is_empty() {
        Ok(prepared)
    } else {
        Err(Problem::invalid_request(errors))
    }
}

fn pointer(index: usize) -> String {
    format!("/transactions/{index}")
}

fn decided_refusals(outcome: &Outcome) -> Vec<Option<Refusal>> {
    outcome
        .commands
        .iter()
        .map(|command| match command {
            CommandOutcome::Refused(refusal) => Some(refusal.clone()),
            CommandOutcome::Applied(_) | CommandOutcome::NotApplied => None,
        })
        .collect()
}

/// The first refusal as the problem of the whole batch, with its place.
fn first_problem(refusals: &[Option<Refusal>]) -> Option<Problem> {
    let (index, refusal) = refusals
        .iter()
        .enumerate()
        .find_map(|(index, refusal)| Some((index, refusal.as_ref()?)))?;
    let error = FieldError {
        pointer: Some(pointer(index)),
        parameter: None,
        code: refusal.code.clone(),
        detail: refusal.detail.clone(),
    };
    Some(Problem::from(refusal).with_errors(vec![error]))
}

/// Puts what the ledger decided back between what was refused before it.
fn merge(refusals: Vec<Option<Refusal>>, outcome: &Outcome) -> Result<Vec<BatchResult>, Problem> {
    let mut decided = outcome.commands.iter();
    refusals
        .into_iter()
        .map(|refusal| match refusal {
            Some(refusal) => Ok(refused(refusal)),
            None => match decided.next() {
                Some(CommandOutcome::Applied(applied)) => Ok(posted(applied)),
                Some(CommandOutcome::Refused(refusal)) => Ok(refused(refusal.clone())),
                // Only all-or-nothing leaves commands unapplied, and it is answered as a problem.
                Some(CommandOutcome::NotApplied) => Ok(not_applied()),
                None => Err(Problem::new(
                    catalogue::INTERNAL_FAULT,
                    "a transaction of the batch has no outcome",
                )),
            },
        })
        .collect()
}

const NO_RESULT: BatchResult = BatchResult {
    status: BatchStatus::Refused,
    id: None,
    position: None,
    code: None,
    detail: None,
    retryable: None,
    context: None,
};

fn posted(applied: &Applied) -> BatchResult {
    BatchResult {
        status: BatchStatus::Posted,
        id: applied.created.map(|id| TransactionId::new(id).into()),
        position: Some(applied.position.into()),
        ..NO_RESULT
    }
}

fn refused(refusal: Refusal) -> BatchResult {
    BatchResult {
        code: Some(refusal.code),
        detail: Some(refusal.detail),
        retryable: Some(refusal.transient),
        context: Some(refusal.context),
        ..NO_RESULT
    }
}

fn not_applied() -> BatchResult {
    NO_RESULT
}

/// Every transaction was refused before the ledger saw it; the ledger must still exist.
async fn nothing_to_decide(
    services: &Services,
    parameters: &LedgerCommandParameters,
    refusals: Vec<Option<Refusal>>,
) -> Result<Done<BatchOutcome>, Problem> {
    let head = services.existing_head(parameters.ledger).await?;
    let recorded_at = head.recorded_at.ok_or_else(|| {
        Problem::new(catalogue::INTERNAL_FAULT, "the ledger has no recorded time")
    })?;
    let body = BatchOutcome {
        position: head.position.into(),
        recorded_at: recorded_at.into(),
        results: refusals.into_iter().flatten().map(refused).collect(),
    };
    Ok(Done::batch(false, body))
}
