//! What a transaction is, folded from its events.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::aggregate::IllegalEvent;
use crate::identifier::TransactionId;
use crate::limit::Usage;
use crate::posting::{Posting, RequestedPosting};
use crate::timestamp::Timestamp;

use super::event::{TransactionCause, TransactionEvent};

/// A transaction that took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedTransaction {
    /// What moved; shared, because the book keeps recent transactions.
    #[serde(serialize_with = "write_postings", deserialize_with = "read_postings")]
    pub postings: Arc<[Posting]>,
    /// When it counts.
    pub effective_at: Timestamp,
    /// Why it was posted.
    #[serde(default)]
    pub cause: TransactionCause,
    /// What of it counts towards its owners' limits.
    #[serde(default)]
    pub usage: Option<Box<Usage>>,
}

impl PostedTransaction {
    /// What a transaction that reverts this one asks for.
    #[must_use]
    pub fn reversed_postings(&self) -> Vec<RequestedPosting> {
        self.postings.iter().map(Posting::reversed).collect()
    }
}

/// A transaction's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Transaction {
    /// Not posted.
    #[default]
    Absent,
    /// Posted.
    Posted(PostedTransaction),
    /// Posted, and turned round by another.
    Reverted(PostedTransaction, TransactionId),
}

impl Transaction {
    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &TransactionEvent) -> Result<Self, IllegalEvent> {
        match (self, event) {
            (
                Self::Absent,
                TransactionEvent::TransactionPosted {
                    postings,
                    effective_at,
                    cause,
                    usage,
                    ..
                },
            ) => Ok(Self::Posted(PostedTransaction {
                postings: postings.as_slice().into(),
                effective_at: *effective_at,
                cause: *cause,
                usage: usage.clone(),
            })),
            (
                Self::Posted(posted),
                TransactionEvent::TransactionReverted {
                    reverting_transaction,
                },
            ) => Ok(Self::Reverted(posted.clone(), *reverting_transaction)),
            (Self::Absent, TransactionEvent::TransactionReverted { .. }) => Err(IllegalEvent {
                event: event.name(),
                state: "Absent",
            }),
            (Self::Posted(_), TransactionEvent::TransactionPosted { .. }) => Err(IllegalEvent {
                event: event.name(),
                state: "Posted",
            }),
            (
                Self::Reverted(..),
                TransactionEvent::TransactionPosted { .. }
                | TransactionEvent::TransactionReverted { .. },
            ) => Err(IllegalEvent {
                event: event.name(),
                state: "Reverted",
            }),
        }
    }
}

fn write_postings<S: Serializer>(
    postings: &Arc<[Posting]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(postings.iter())
}

fn read_postings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[Posting]>, D::Error> {
    Vec::<Posting>::deserialize(deserializer).map(Into::into)
}
