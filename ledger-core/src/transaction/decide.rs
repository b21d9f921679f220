//! The rules of transactions.

use crate::limit::Usage;
use crate::posting::{Standings, decide_postings};
use crate::timestamp::Timestamp;

use super::command::{MovementBounds, TransactionCommand, TransactionRequest};
use super::event::{TransactionCause, TransactionEvent};
use super::rejection::TransactionRejection;
use super::state::Transaction;

impl Transaction {
    /// What happens when `command` is carried out.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(
        &self,
        command: &TransactionCommand,
    ) -> Result<TransactionEvent, TransactionRejection> {
        match self {
            Self::Absent => match command {
                TransactionCommand::Post {
                    request,
                    cause,
                    recorded_at,
                    standings,
                    bounds,
                    ..
                } => post(request, *cause, *recorded_at, standings, bounds),
                TransactionCommand::MarkReverted { transaction, .. } => {
                    Err(TransactionRejection::NotFound {
                        transaction: *transaction,
                    })
                }
            },
            Self::Posted(posted) => match command {
                TransactionCommand::Post { transaction, .. } => Err(TransactionRejection::Exists {
                    transaction: *transaction,
                }),
                TransactionCommand::MarkReverted { transaction, .. }
                    if posted.cause.is_managed() =>
                {
                    Err(TransactionRejection::Managed {
                        transaction: *transaction,
                        cause: posted.cause,
                    })
                }
                TransactionCommand::MarkReverted {
                    reverting_transaction,
                    ..
                } => Ok(TransactionEvent::TransactionReverted {
                    reverting_transaction: *reverting_transaction,
                }),
            },
            Self::Reverted(_, reverting_transaction) => match command {
                TransactionCommand::Post { transaction, .. } => Err(TransactionRejection::Exists {
                    transaction: *transaction,
                }),
                TransactionCommand::MarkReverted { transaction, .. } => {
                    Err(TransactionRejection::AlreadyReverted {
                        transaction: *transaction,
                        reverting_transaction: *reverting_transaction,
                    })
                }
            },
        }
    }
}

fn post(
    request: &TransactionRequest,
    cause: TransactionCause,
    recorded_at: Timestamp,
    standings: &Standings,
    bounds: &MovementBounds,
) -> Result<TransactionEvent, TransactionRejection> {
    let postings = decide_postings(&request.postings, standings)?;
    let usage = match bounds {
        MovementBounds::Tiers(limits, judged) => limits.judge(&postings, *judged)?,
        MovementBounds::Reverts(usage) => {
            let counted = usage.as_ref().map(|usage| usage.counted.clone());
            Usage::given_back(counted.unwrap_or_default())
        }
    };
    Ok(TransactionEvent::TransactionPosted {
        postings,
        effective_at: request.effective_at.unwrap_or(recorded_at),
        cause,
        reference: request.reference.clone(),
        metadata: request.metadata.clone(),
        usage,
    })
}
