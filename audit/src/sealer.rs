//! Sealing: adding new events to a ledger's tree, and signing its root.
//!
//! **One history.** A log's row says how far it is sealed. Whoever moves it on does so from where it was, with the
//! tiles in the same database transaction; of two nodes one succeeds, the other begins again from what is there.
//! What is signed is only ever a state of that row, so that two nodes cannot sign two histories.
//!
//! **Nothing is signed blindly.** Before it goes on, a sealer reads events that were sealed before and compares their
//! leaves: those in the unfinished tile each time, and some earlier tiles, so that all are looked at by and by. The
//! last checkpoint must be ours and of this tree, and what is looked at must lead to its root. Whatever does not fit,
//! or cannot be read as Daybook wrote it, ends in [`SealError::Tampered`], and that ledger is not sealed any more
//! until somebody has looked into it.
//!
//! Lock order: the log's row, then its keys.

mod advance;
mod check;
mod cosign;
mod fault;
mod sign;
mod turns;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_store::vault::MasterKeys;
use event_store::{EventPage, EventText, LogReader};
use ledger_core::{LedgerName, Position};
use sqlx::PgPool;

use crate::line::write_leaf;
use crate::store::{AuditStore, StoredCheckpoint};
use crate::tree::{HASH_BYTES, leaf_hash};
use crate::witness::Witness;
use turns::Turns;

pub use fault::SealError;

use fault::tampered;

/// How checkpoints are made.
#[derive(Debug, Clone)]
pub struct SealSettings {
    /// What the origins of logs that have no key yet begin with, before a slash and the ledger's name.
    pub deployment: String,
    /// How often each ledger is sealed, if it has grown.
    pub interval: Duration,
}

impl Default for SealSettings {
    fn default() -> Self {
        Self {
            deployment: "daybook.local".to_owned(),
            interval: Duration::from_secs(10),
        }
    }
}

/// Seals logs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Sealer {
    store: AuditStore,
    log: LogReader,
    master_keys: Option<Arc<dyn MasterKeys>>,
    settings: SealSettings,
    /// The next earlier tile to look at, by ledger.
    looked_at: Arc<Mutex<HashMap<LedgerName, u64>>>,
    turns: Turns,
    witnesses: Arc<[Witness]>,
}

impl Sealer {
    /// A sealer over a migrated database. Without master keys it seals nothing, and what was sealed can be read.
    #[must_use]
    pub fn new(
        pool: &PgPool,
        master_keys: Option<Arc<dyn MasterKeys>>,
        settings: SealSettings,
    ) -> Self {
        Self {
            store: AuditStore::new(pool.clone()),
            log: LogReader::new(pool.clone()),
            master_keys,
            settings,
            looked_at: Arc::default(),
            turns: Turns::default(),
            witnesses: Arc::default(),
        }
    }

    /// The same, who asks these to cosign what it seals.
    #[must_use]
    pub fn with_witnesses(self, witnesses: Vec<Witness>) -> Self {
        Self {
            witnesses: witnesses.into(),
            ..self
        }
    }

    /// What was sealed.
    #[must_use]
    pub const fn store(&self) -> &AuditStore {
        &self.store
    }

    /// Seals a ledger up to the end of its log. The checkpoint that there is, when nothing is new.
    ///
    /// Those who ask this sealer at once share one sealing that begins after the last of them asked.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal(&self, ledger: LedgerName) -> Result<StoredCheckpoint, SealError> {
        self.turns
            .share(ledger, || async {
                let sealed = self.seal_to_end(ledger).await;
                let sealed = sealed.map_err(|error| error.judged(ledger));
                tell(ledger, &sealed);
                sealed
            })
            .await
    }

    /// A checkpoint of exactly the first `position` events, by the key whose turn it was at that size.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal_at(
        &self,
        ledger: LedgerName,
        position: u64,
    ) -> Result<StoredCheckpoint, SealError> {
        let sealed = self.seal_first(ledger, position).await;
        sealed.map_err(|error| error.judged(ledger))
    }

    async fn seal_to_end(&self, ledger: LedgerName) -> Result<StoredCheckpoint, SealError> {
        let head = self.head(ledger).await?;
        let sealed = self.advance(ledger, head).await?;
        self.check_end(ledger, sealed, head).await?;
        self.sign(ledger, sealed).await
    }

    async fn seal_first(
        &self,
        ledger: LedgerName,
        position: u64,
    ) -> Result<StoredCheckpoint, SealError> {
        let head = self.head(ledger).await?;
        if position > head {
            let sealed = self.store.sealed(ledger).await?.tree.size();
            self.check_end(ledger, sealed, head).await?;
            return Err(SealError::Size { ledger, position });
        }
        self.advance(ledger, position).await?;
        self.sign(ledger, position).await
    }

    /// That a log does not end before what was sealed of it. Another node may know of more than was there a moment
    /// ago, but never of more than is there.
    async fn check_end(&self, ledger: LedgerName, sealed: u64, head: u64) -> Result<(), SealError> {
        if sealed > head && sealed > self.head(ledger).await? {
            let missing = i64::try_from(head).unwrap_or(i64::MAX) + 1;
            let what = "the log ends before what was sealed";
            return Err(tampered(ledger, Some(missing), what));
        }
        Ok(())
    }

    fn master_keys(&self) -> Result<&dyn MasterKeys, SealError> {
        self.master_keys.as_deref().ok_or(SealError::NoMasterKey)
    }

    /// The events after the first `size`, up to `end`, without gaps between them.
    async fn page(&self, ledger: LedgerName, size: u64, end: u64) -> Result<EventPage, SealError> {
        let after = position(size);
        let page = self.log.read_page(ledger, after, position(end)).await?;
        Ok(page.gap_free(ledger, after)?)
    }

    async fn head(&self, ledger: LedgerName) -> Result<u64, SealError> {
        let head = self.log.head(ledger).await?;
        let head = head.ok_or(SealError::LedgerNotFound(ledger))?;
        if head.is_sandbox {
            return Err(SealError::Sandbox(ledger));
        }
        Ok(u64::try_from(head.position.value()).unwrap_or_default())
    }
}

/// Says whether a ledger is sealed, to whoever watches the metrics.
fn tell(ledger: LedgerName, sealed: &Result<StoredCheckpoint, SealError>) {
    let refused = match sealed {
        Ok(_) => 0,
        Err(SealError::Tampered { .. }) => 1,
        Err(_) => return,
    };
    metrics::gauge!("daybook_sealing_refused", "ledger" => ledger.to_string()).set(refused);
}

/// The hash of an event's leaf; `leaf` is its text.
fn leaf_of(
    ledger: LedgerName,
    event: &EventText<'_>,
    leaf: &mut Vec<u8>,
) -> Result<[u8; HASH_BYTES], SealError> {
    leaf.clear();
    write_leaf(leaf, ledger, event)?;
    Ok(leaf_hash(leaf))
}

fn position(size: u64) -> Position {
    Position::START.plus(i64::try_from(size).unwrap_or(i64::MAX))
}
