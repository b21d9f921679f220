//! The bytes of a document as they come: counted, timed, hashed, and looked at before anything is stored.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use ledger_core::verification::ContentHash;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::content::{Claims, FIRST_LOOK, LAST_LOOK, Look, MediaType, Seen, look};
use crate::fault::{BodyFault, DocumentFault};
use crate::settings::DocumentSettings;

/// How much is looked at in turn, in bytes.
const LOOKS: [usize; 3] = [FIRST_LOOK, 16 * FIRST_LOOK, LAST_LOOK];

/// A document on its way in.
pub(super) struct Incoming<S> {
    body: S,
    most_bytes: u64,
    idle: Duration,
    deadline: Instant,
    /// What was looked at and not given out yet.
    head: BytesMut,
    has_ended: bool,
    count: u64,
    hash: Sha256,
}

impl<S> Incoming<S>
where
    S: Stream<Item = Result<Bytes, BodyFault>> + Send + Unpin,
{
    pub(super) fn new(body: S, most_bytes: u64, settings: &DocumentSettings) -> Self {
        Self {
            body,
            most_bytes,
            idle: settings.idle,
            deadline: Instant::now() + settings.patience,
            head: BytesMut::new(),
            has_ended: false,
            count: 0,
            hash: Sha256::new(),
        }
    }

    /// What kind of file it is; as little of it as tells is kept in memory meanwhile.
    pub(super) async fn look(
        &mut self,
        allowed: &BTreeSet<MediaType>,
        claims: &Claims,
    ) -> Result<MediaType, DocumentFault> {
        for most in LOOKS {
            while self.head.len() < most && !self.has_ended {
                match self.receive().await? {
                    Some(bytes) => self.head.extend_from_slice(&bytes),
                    None => self.has_ended = true,
                }
            }
            let seen = if self.has_ended || most == LAST_LOOK {
                Seen::All
            } else {
                Seen::Beginning
            };
            match look(&self.head, seen, allowed, claims)? {
                Look::Taken(media_type) => return Ok(media_type),
                Look::More => {}
            }
        }
        // With all of it seen there is always an answer.
        Err(BodyFault::BrokenOff.into())
    }

    /// The next bytes; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, DocumentFault> {
        if !self.head.is_empty() {
            return Ok(Some(self.head.split().freeze()));
        }
        if self.has_ended {
            return Ok(None);
        }
        Ok(self.receive().await?)
    }

    /// How many bytes there were, and their hash.
    pub(super) fn end(self) -> Result<(u64, ContentHash), DocumentFault> {
        let digest = self.hash.finalize();
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = text.parse().map_err(|_| DocumentFault::Row("hash"))?;
        Ok((self.count, hash))
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, BodyFault> {
        let patience = self.deadline.min(Instant::now() + self.idle);
        let received = tokio::time::timeout_at(patience, self.body.next()).await;
        let Some(bytes) = received.map_err(|_| BodyFault::TooSlow)?.transpose()? else {
            return Ok(None);
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(length);
        if self.count > self.most_bytes {
            let limit = self.most_bytes;
            return Err(BodyFault::TooLarge { limit });
        }
        self.hash.update(&bytes);
        Ok(Some(bytes))
    }
}
