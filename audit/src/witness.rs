//! Witnesses: others who cosign checkpoints when they go on from the last one that they saw (C2SP tlog-witness).
//!
//! Here is what is said to them and what they may answer; a [`WitnessDoor`] carries it.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

use crate::cosignature::WitnessKey;
use crate::proof::Path;
use crate::sinks::SinkFault;

/// The content type of a conflict's answer.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// What a witness has answered.
#[derive(Debug, Clone)]
pub struct WitnessAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// The content type; empty when there is none.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The way to a witness.
#[async_trait]
pub trait WitnessDoor: Send + Sync + std::fmt::Debug {
    /// Sends a request to `add-checkpoint`.
    ///
    /// # Errors
    /// When there is no answer.
    async fn add_checkpoint(&self, body: String) -> Result<WitnessAnswer, SinkFault>;
}

/// A witness that is asked.
#[derive(Debug, Clone)]
pub struct Witness {
    /// What it is called in logs.
    pub name: String,
    /// By what its cosignatures are known.
    pub key: WitnessKey,
    /// How to reach it.
    pub door: Arc<dyn WitnessDoor>,
}

/// Why a witness has not cosigned a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum WitnessFault {
    /// There was no answer.
    #[error("the witness does not answer")]
    Silent(#[source] SinkFault),
    /// It does not know the log, or trusts another key of it.
    #[error("the witness answers {0}: it has to be told of the log and its current key")]
    Stranger(u16),
    /// It has cosigned a tree of this size with another root, or the proof did not hold for it: it was shown
    /// another history.
    #[error("the witness has seen another history of the log, of {0} events")]
    OtherHistory(u64),
    /// It has cosigned a larger tree than there is: the log was set back.
    #[error("the witness has cosigned {there} events, and {here} are sealed: the log was set back")]
    SetBack {
        /// The size that the witness has cosigned.
        there: u64,
        /// The size that is sealed here.
        here: u64,
    },
    /// It answered with something else.
    #[error("the answer of the witness, {0}, is none")]
    Answer(u16),
    /// The proof or what is kept cannot be had.
    #[error(transparent)]
    Prove(#[from] crate::prove::ProveError),
}

impl WitnessFault {
    /// Whether somebody has to look into it: trying again changes nothing, and the log may not be what it was.
    #[must_use]
    pub const fn is_alarming(&self) -> bool {
        matches!(self, Self::OtherHistory(_) | Self::SetBack { .. })
    }
}

/// The request that a witness cosign a checkpoint, with the proof that it goes on from `old` events.
#[must_use]
pub fn request(old: u64, path: &Path, checkpoint: &str) -> String {
    let hashes = path.iter().map(|hash| STANDARD.encode(hash) + "\n");
    format!("old {old}\n{}\n{checkpoint}", hashes.collect::<String>())
}

impl WitnessAnswer {
    /// The size that the witness has cosigned last, if the answer is a conflict that says so.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        if self.status != 409 || self.content_type != SIZE_TYPE {
            return None;
        }
        let text = std::str::from_utf8(&self.body).ok()?.strip_suffix('\n')?;
        let size: u64 = text.parse().ok()?;
        (size.to_string() == text).then_some(size)
    }
}
