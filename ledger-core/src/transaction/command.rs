//! What can be asked of a transaction.

use crate::annotation::{Metadata, Reference};
use crate::identifier::TransactionId;
use crate::limit::{Judged, Limits, Usage};
use crate::posting::{RequestedPosting, Standings};
use crate::timestamp::Timestamp;

use super::event::TransactionCause;

/// A transaction as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRequest {
    /// What is to move.
    pub postings: Vec<RequestedPosting>,
    /// When it counts; the time of recording when absent. May lie in the past or the future.
    pub effective_at: Option<Timestamp>,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
}

/// What bounds the owners whose money a transaction moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MovementBounds {
    /// Their tiers do, as far as the movement is judged.
    Tiers(Limits, Judged),
    /// Nothing does: it turns round a transaction that counted this.
    Reverts(Option<Box<Usage>>),
}

impl Default for MovementBounds {
    fn default() -> Self {
        Self::Tiers(Limits::default(), Judged::Whole)
    }
}

/// What can be asked of a transaction. `transaction` is its own id, for the rejection to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionCommand {
    /// Post it.
    Post {
        /// Its id.
        transaction: TransactionId,
        /// What is to move, and how it is described.
        request: TransactionRequest,
        /// Why it is posted.
        cause: TransactionCause,
        /// The time of recording.
        recorded_at: Timestamp,
        /// The assets and accounts concerned.
        standings: Standings,
        /// What its owners may move.
        bounds: MovementBounds,
    },
    /// Note that another transaction has reverted it.
    MarkReverted {
        /// Its id.
        transaction: TransactionId,
        /// The transaction that turns its postings round.
        reverting_transaction: TransactionId,
    },
}
