//! The bytes of a document as they are given out: opened piece by piece, and the last only when all of them are
//! what was stored.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use event_store::vault::DataKey;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Promise;
use crate::fault::DocumentFault;
use crate::sealing::{DocumentPlace, Opener};
use crate::storage::StorageFault;

/// A document in the clear, piece by piece.
pub type Content = BoxStream<'static, Result<Bytes, DocumentFault>>;

struct Outgoing {
    document: Uuid,
    sealed: BoxStream<'static, Result<Bytes, StorageFault>>,
    idle: Duration,
    /// None after the last piece.
    opener: Option<Opener>,
    ready: VecDeque<Bytes>,
    wanted: Promise,
    count: u64,
    hash: Sha256,
}

/// What a fault of the storage means to whoever reads.
pub(super) fn of_reading(document: Uuid, fault: StorageFault) -> DocumentFault {
    match fault {
        StorageFault::Missing => DocumentFault::Damaged {
            document,
            reason: "it is not there",
        },
        StorageFault::Unavailable(_) => DocumentFault::Storage(fault),
    }
}

/// Opens what is read.
pub(super) fn content(
    document: Uuid,
    key: &DataKey,
    place: &DocumentPlace,
    wanted: Promise,
    sealed: BoxStream<'static, Result<Bytes, StorageFault>>,
    idle: Duration,
) -> Content {
    let outgoing = Outgoing {
        document,
        sealed,
        idle,
        opener: Some(Opener::new(key, place)),
        ready: VecDeque::new(),
        wanted,
        count: 0,
        hash: Sha256::new(),
    };
    stream::try_unfold(outgoing, |mut outgoing| async move {
        let next = outgoing.next().await?;
        Ok(next.map(|bytes| (bytes, outgoing)))
    })
    .boxed()
}

impl Outgoing {
    fn damaged(&self, reason: &'static str) -> DocumentFault {
        DocumentFault::Damaged {
            document: self.document,
            reason,
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, DocumentFault> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            let Some(opener) = &mut self.opener else {
                return Ok(None);
            };
            let read = tokio::time::timeout(self.idle, self.sealed.next()).await;
            let read = read
                .map_err(|elapsed| StorageFault::Unavailable(Box::new(elapsed)))?
                .transpose()
                .map_err(|fault| of_reading(self.document, fault))?;
            match read {
                Some(sealed) => {
                    let opened = opener.push(&sealed);
                    let opened = opened.map_err(|_| self.damaged("it does not open"))?;
                    for piece in opened {
                        self.count(&piece);
                        self.ready.push_back(piece);
                    }
                }
                None => self.end()?,
            }
        }
    }

    fn count(&mut self, piece: &Bytes) {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(length);
        self.hash.update(piece);
    }

    fn end(&mut self) -> Result<(), DocumentFault> {
        let Some(opener) = self.opener.take() else {
            return Ok(());
        };
        let last = opener
            .finish()
            .map_err(|_| self.damaged("it does not open"))?;
        self.count(&last);
        let digest = self.hash.finalize_reset();
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.count != self.wanted.size || text != self.wanted.sha256.as_str() {
            return Err(self.damaged("it is another than was recorded"));
        }
        self.ready.push_back(last);
        Ok(())
    }
}
