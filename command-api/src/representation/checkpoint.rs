//! Checkpoints of logs, their keys, and proofs.

use ledger_core::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::position::PositionNumber;
use crate::text::Text;

/// A signed checkpoint: how long the log is, and its root.
#[derive(Debug, Serialize, Object)]
pub struct CheckpointView {
    /// Which log it is of: `<deployment>/<ledger>`.
    pub origin: String,
    /// Events in the tree; the position of the last of them.
    pub size: PositionNumber,
    /// The root of the tree (RFC 6962, SHA-256), in base64.
    pub root: String,
    /// When the last of its events was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Text<Timestamp>>,
    /// When it was signed.
    pub sealed_at: Text<Timestamp>,
    /// The number of the key that signed it.
    pub key_number: i32,
    /// The signed note (C2SP tlog-checkpoint), to be kept byte for byte.
    pub note: String,
}

/// Checkpoints, the largest first.
#[derive(Debug, Serialize, Object)]
pub struct CheckpointList {
    /// The checkpoints.
    pub items: Vec<CheckpointView>,
}

/// A key that signs checkpoints, or did.
#[derive(Debug, Serialize, Object)]
pub struct CheckpointKeyView {
    /// 1, 2, 3 …; the last one signs.
    pub number: i32,
    /// The public key, as verifiers of signed notes take it: `<name>+<id>+<base64>`.
    pub verifier_key: String,
    /// The size from which only this key signs.
    pub after: PositionNumber,
    /// The note by which the key before introduced it; the first has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// When it was made.
    pub made_at: Text<Timestamp>,
}

/// Keys, the first one first.
#[derive(Debug, Serialize, Object)]
pub struct CheckpointKeyList {
    /// The keys.
    pub items: Vec<CheckpointKeyView>,
}

/// Which key is to be replaced by a new one.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ReplaceCheckpointKeyRequest {
    /// The number of the key that signs now. If it was replaced already, the reply is the key that followed it.
    #[oai(validator(minimum(value = "1")))]
    pub replaces: i32,
}

/// That an event is in the log.
#[derive(Debug, Serialize, Object)]
pub struct EventProofView {
    /// The event.
    pub position: PositionNumber,
    /// Its index in the tree: the position less one.
    pub leaf_index: i64,
    /// The hashes from the leaf to the root, in base64.
    pub path: Vec<String>,
    /// The checkpoint that has the root.
    pub checkpoint: CheckpointView,
    /// All of it as a file (C2SP tlog-proof).
    pub file: String,
}

/// That a later log begins with an earlier one.
#[derive(Debug, Serialize, Object)]
pub struct ConsistencyProofView {
    /// Events of the earlier one.
    pub from: PositionNumber,
    /// Its root, in base64.
    pub from_root: String,
    /// Events of the later one.
    pub to: PositionNumber,
    /// Its root, in base64.
    pub to_root: String,
    /// The hashes (RFC 6962, 2.1.2), in base64.
    pub path: Vec<String>,
}
