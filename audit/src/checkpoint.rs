//! Checkpoints: the size and root of a ledger's tree, signed (C2SP tlog-checkpoint in a signed note).

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_core::{LedgerName, Timestamp};
use tlog_tiles::{Checkpoint as Body, Hash};

use crate::keys::{KeyError, LogKey, ReadNote};
use crate::tree::HASH_BYTES;

/// The extension line that says when the last event of the tree was recorded.
const RECORDED_AT: &str = "recorded_at ";

/// Why bytes are no checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("it is no signed checkpoint")]
pub struct CheckpointError;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log: `<deployment>/<ledger>`.
    pub origin: String,
    /// Leaves in the tree; the position of its last event.
    pub size: u64,
    /// The root of the tree.
    pub root: [u8; HASH_BYTES],
    /// When the last event in it was recorded; absent for a tree of none.
    pub recorded_at: Option<Timestamp>,
}

/// A checkpoint with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it says.
    pub head: Head,
    /// The note.
    pub note: ReadNote,
    /// The note, byte for byte.
    pub text: String,
}

/// The origin of a ledger's log.
#[must_use]
pub fn origin_of(deployment: &str, ledger: LedgerName) -> String {
    format!("{deployment}/{ledger}")
}

impl Head {
    /// Signs it.
    ///
    /// # Errors
    /// [`KeyError`], also when the key is of another log.
    pub fn sign(&self, key: &LogKey) -> Result<String, KeyError> {
        if key.origin() != self.origin {
            return Err(KeyError::Name(self.origin.clone()));
        }
        let extension = match self.recorded_at {
            Some(recorded_at) => format!("{RECORDED_AT}{recorded_at}\n"),
            None => String::new(),
        };
        let body = Body::new(&self.origin, self.size, Hash(self.root), &extension)
            .map_err(|_| KeyError::Name(self.origin.clone()))?;
        key.sign(&body.to_bytes())
    }

    /// The root as checkpoints write it.
    #[must_use]
    pub fn root_text(&self) -> String {
        STANDARD.encode(self.root)
    }
}

impl Checkpoint {
    /// Reads a signed checkpoint; whose signatures it has is not checked.
    ///
    /// Extension lines other than `recorded_at` are allowed, as C2SP has it, and mean nothing here.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let text = std::str::from_utf8(bytes).map_err(|_| CheckpointError)?;
        let note = ReadNote::read(bytes).map_err(|_| CheckpointError)?;
        let body = Body::from_bytes(&note.text).map_err(|_| CheckpointError)?;
        let recorded_at = body
            .extension()
            .lines()
            .find_map(|line| line.strip_prefix(RECORDED_AT))
            .map(str::parse)
            .transpose()
            .map_err(|_| CheckpointError)?;
        Ok(Self {
            head: Head {
                origin: body.origin().to_owned(),
                size: body.size(),
                root: body.hash().0,
                recorded_at,
            },
            note,
            text: text.to_owned(),
        })
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        Self::read(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            origin: "daybook.example/main".to_owned(),
            size: 3,
            root: [7; HASH_BYTES],
            recorded_at: Some("2026-01-31T12:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn a_checkpoint_is_read_back() {
        let key = LogKey::generate("daybook.example/main").unwrap();
        let text = head().sign(&key).unwrap();
        let read = Checkpoint::read(text.as_bytes()).unwrap();
        assert_eq!(read.head, head());
        assert_eq!(read.text, text);
        assert!(text.starts_with(&format!(
            "daybook.example/main\n3\n{}\nrecorded_at 2026-01-31T12:00:00.000000Z\n\n\u{2014} daybook.example/main ",
            head().root_text()
        )));
    }

    #[test]
    fn a_key_signs_for_its_own_log() {
        let key = LogKey::generate("daybook.example/other").unwrap();
        assert!(head().sign(&key).is_err());
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let key = LogKey::generate("a/b").unwrap();
        for text in ["a/b\n", "a/b\n1\n", "a/b\n01\nAAAA\n", "a/b\nx\nAAAA\n"] {
            let signed = key.sign(text.as_bytes()).unwrap();
            assert!(Checkpoint::read(signed.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Checkpoint::read(b"").is_err());
        assert!(Checkpoint::read(&[0xff]).is_err());
    }
}
