//! Sealing: adding new events to a ledger's tree, and signing its root.
//!
//! **One history.** A log's row says how far it is sealed. Whoever moves it on does so from where it was, with the
//! tiles in the same database transaction; of two nodes one succeeds, the other begins again from what is there.
//! What is signed is only ever a state of that row, so that two nodes cannot sign two histories.
//!
//! **Nothing is signed blindly.** Before it goes on, a sealer reads events that were sealed before and compares their
//! leaves: those in the unfinished tile each time, and some earlier tiles, so that all are looked at by and by. The
//! last checkpoint must be ours and of this tree. Whatever does not fit ends in [`SealError::Tampered`], and that ledger
//! is not sealed any more until somebody has looked into it.
//!
//! Lock order: the log's row, then its keys.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_store::vault::MasterKeys;
use event_store::{ErrorChain, LogError, LogReader, LogSignal, StoredEvent};
use ledger_core::{LedgerName, Position, Timestamp};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{Head, origin_of};
use crate::keys::{KeyChain, KeyError, KeyRecord, LogKey, PublicKey};
use crate::line::{EventLineError, write_leaf};
use crate::sinks::CheckpointSink;
use crate::store::{
    AuditStore, SealedTree, StoreError, StoredCheckpoint, StoredKey, begin, keys_in, place,
    records_of, sealed_in,
};
use crate::tree::{FullTile, HASH_BYTES, Reader, TilePlace, Tiles, Tree, leaf_hash, needed_tiles};

/// Events read at a time.
const PAGE: i64 = 5_000;
/// Events added to a tree before that is committed.
const STRETCH: u64 = 100_000;
/// Earlier tiles that are looked at again by each seal.
const LOOKED_AT: u64 = 4;
/// A ledger that has not grown is looked at only every so many intervals.
const LOOK_AGAIN: u64 = 30;
/// How often a seal begins again because another node was faster.
const ATTEMPTS: u32 = 20;

/// Why a log was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no such ledger.
    #[error("the ledger {0} does not exist")]
    LedgerNotFound(LedgerName),
    /// A fork of a ledger is nobody's books.
    #[error("the ledger {0} is a sandbox, which is not sealed")]
    Sandbox(LedgerName),
    /// No master key is kept, so that no key could be.
    #[error("there is no master key under which checkpoint keys could be kept")]
    NoMasterKey,
    /// What is there now is not what was sealed.
    #[error("the log of {ledger} is not what was sealed: {what}")]
    Tampered {
        /// The ledger.
        ledger: LedgerName,
        /// The first event that differs, where that is known.
        position: Option<i64>,
        /// What differs.
        what: String,
    },
    /// Other nodes were faster again and again.
    #[error("the log of {0} is being sealed by other nodes")]
    Contended(LedgerName),
    /// The position is not in the log, or not any more what the current key may sign.
    #[error("there is no checkpoint of position {position} in {ledger} to be had")]
    Size {
        /// The ledger.
        ledger: LedgerName,
        /// The position.
        position: u64,
    },
    /// Another key than the current one was to be replaced.
    #[error("the current key of {ledger} is number {current}")]
    NotCurrent {
        /// The ledger.
        ledger: LedgerName,
        /// The number of its current key.
        current: i32,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event is not one of Daybook's.
    #[error(transparent)]
    Line(#[from] EventLineError),
    /// What is sealed cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A hash is missing in the tiles.
    #[error("the sealed tree is damaged")]
    Tree(#[from] tlog_tiles::Error),
}

impl From<sqlx::Error> for SealError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::Database(error))
    }
}

impl From<KeyError> for SealError {
    fn from(error: KeyError) -> Self {
        Self::Store(StoreError::Key(error))
    }
}

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
        }
    }

    /// What was sealed.
    #[must_use]
    pub const fn store(&self) -> &AuditStore {
        &self.store
    }

    /// Seals a ledger up to the end of its log. The checkpoint that there is, when nothing is new.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal(&self, ledger: LedgerName) -> Result<StoredCheckpoint, SealError> {
        let head = self.head(ledger).await?;
        let sealed = self.advance(ledger, head).await?;
        // Another node may know of more than was there a moment ago, but never of more than is there.
        if sealed > head && sealed > self.head(ledger).await? {
            let missing = i64::try_from(head).unwrap_or(i64::MAX) + 1;
            return Err(tampered(
                ledger,
                Some(missing),
                "the log ends before what was sealed",
            ));
        }
        self.sign(ledger, sealed).await
    }

    /// A checkpoint of exactly the first `position` events.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal_at(
        &self,
        ledger: LedgerName,
        position: u64,
    ) -> Result<StoredCheckpoint, SealError> {
        let head = self.head(ledger).await?;
        if position > head {
            return Err(SealError::Size { ledger, position });
        }
        self.advance(ledger, position).await?;
        self.sign(ledger, position).await
    }

    /// Has a new key follow the key of this number, from the size that is sealed now; the one that follows it
    /// already, when there is one.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn rotate(&self, ledger: LedgerName, replaced: i32) -> Result<StoredKey, SealError> {
        let master_keys = self.master_keys()?;
        self.seal(ledger).await?;
        let mut tx = self.store.pool().begin().await?;
        let sealed = sealed_in(&mut tx, ledger, "FOR UPDATE").await?;
        let mut keys = keys_in(&mut *tx, ledger).await?;
        let current = keys.last().map_or(0, |key| key.number);
        if (1..current).contains(&replaced)
            && let Some(known) = keys.iter().position(|key| key.number == replaced + 1)
        {
            return Ok(keys.swap_remove(known));
        }
        let old = match keys.pop() {
            Some(old) if old.number == replaced => old,
            _ => return Err(SealError::NotCurrent { ledger, current }),
        };
        let signer = old.open(ledger, master_keys).await?;
        let new = LogKey::generate(signer.origin())?;
        let record = KeyRecord {
            after: sealed.tree.size(),
            key: new.verifier_key().parse::<PublicKey>()?,
        };
        let note = signer.sign(record.text().as_bytes())?;
        let number = old.number + 1;
        let wrapped = master_keys
            .wrap(&place(ledger, number), new.seed())
            .await
            .map_err(StoreError::from)?;
        sqlx::query(
            "INSERT INTO audit.key (ledger, number, verifier_key, after_size, record, master_key, wrapped) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(ledger.as_str())
        .bind(number)
        .bind(new.verifier_key())
        .bind(i64::try_from(record.after).unwrap_or(i64::MAX))
        .bind(&note)
        .bind(&wrapped.master_key)
        .bind(&wrapped.bytes)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        tracing::warn!(%ledger, key.number = number, "checkpoints are signed by a new key");
        self.sign(ledger, record.after).await?;
        let keys = self.store.keys(ledger).await?;
        let made = keys.into_iter().find(|key| key.number == number);
        made.ok_or(SealError::Contended(ledger))
    }

    /// Runs until `shutdown` is cancelled: seals what has grown, and gives new checkpoints to `sinks`.
    pub async fn run(
        self,
        signal: LogSignal,
        sinks: Vec<Arc<dyn CheckpointSink>>,
        shutdown: CancellationToken,
    ) {
        if self.master_keys.is_none() {
            tracing::info!("checkpoints are not signed: there is no master key");
            return;
        }
        let ledgers = signal.ledgers();
        let mut interval = tokio::time::interval(self.settings.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut kept: HashMap<(usize, LedgerName), (u64, i32)> = HashMap::new();
        // Sealed up to here, and everybody has the checkpoint.
        let mut done: HashMap<LedgerName, u64> = HashMap::new();
        let mut ticks = 0_u64;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = interval.tick() => {}
            }
            let known: Vec<LedgerName> = ledgers.borrow().clone();
            ticks = ticks.wrapping_add(1);
            // What fails once is not waited for with each ledger.
            let mut failed = HashSet::new();
            for ledger in known {
                let head = signal.head(ledger).borrow().value();
                let has_grown = done
                    .get(&ledger)
                    .is_none_or(|size| i64::try_from(*size).is_ok_and(|size| size < head));
                if !has_grown && !ticks.is_multiple_of(LOOK_AGAIN) {
                    continue;
                }
                done.remove(&ledger);
                let sealed = tokio::select! {
                    () = shutdown.cancelled() => return,
                    sealed = self.seal(ledger) => sealed,
                };
                match sealed {
                    Ok(checkpoint) => {
                        metrics::gauge!("daybook_sealing_refused", "ledger" => ledger.to_string())
                            .set(0);
                        if hand_out(&sinks, &mut kept, &mut failed, ledger, &checkpoint).await {
                            done.insert(ledger, checkpoint.checkpoint.head.size);
                        }
                    }
                    Err(SealError::Contended(_)) => {}
                    Err(error @ SealError::Tampered { .. }) => {
                        metrics::gauge!("daybook_sealing_refused", "ledger" => ledger.to_string())
                            .set(1);
                        tracing::error!(%ledger, error = %ErrorChain(&error), "the ledger is not sealed any more");
                    }
                    Err(error) => {
                        tracing::warn!(%ledger, error = %ErrorChain(&error), "the ledger could not be sealed");
                    }
                }
            }
        }
    }

    fn master_keys(&self) -> Result<&dyn MasterKeys, SealError> {
        self.master_keys.as_deref().ok_or(SealError::NoMasterKey)
    }

    async fn head(&self, ledger: LedgerName) -> Result<u64, SealError> {
        let head = self.log.head(ledger).await?;
        let head = head.ok_or(SealError::LedgerNotFound(ledger))?;
        if head.is_sandbox {
            return Err(SealError::Sandbox(ledger));
        }
        Ok(u64::try_from(head.position.value()).unwrap_or_default())
    }

    /// Moves the seal to `target`, or finds it beyond; how far it is.
    async fn advance(&self, ledger: LedgerName, target: u64) -> Result<u64, SealError> {
        self.master_keys()?;
        begin(self.store.pool(), ledger).await?;
        for _ in 0..ATTEMPTS {
            // In this order: what is signed is sealed before, so that of another node's new checkpoint the tree
            // is known as well.
            let latest = self.store.latest(ledger).await?;
            let mut sealed = self.store.sealed(ledger).await?;
            self.check_sealed(ledger, &sealed, latest).await?;
            loop {
                if sealed.tree.size() >= target {
                    return Ok(sealed.tree.size());
                }
                let until = target.min(sealed.tree.size() + STRETCH);
                let (next, tiles) = self.grown(ledger, &sealed, until).await?;
                if !self.store.advance(ledger, &sealed, &next, &tiles).await? {
                    break;
                }
                sealed = next;
            }
        }
        Err(SealError::Contended(ledger))
    }

    /// The tree with the events up to and with `until`.
    async fn grown(
        &self,
        ledger: LedgerName,
        sealed: &SealedTree,
        until: u64,
    ) -> Result<(SealedTree, Vec<FullTile>), SealError> {
        let (mut tree, mut tiles) = (sealed.tree.clone(), Vec::new());
        let mut leaf = Vec::new();
        while tree.size() < until {
            let wanted = i64::try_from(until - tree.size()).unwrap_or(PAGE).min(PAGE);
            let events = self.log.read(ledger, position(tree.size()), wanted).await;
            let events = match events {
                Err(LogError::Gap { expected, .. }) => {
                    let missing = Some(expected.value());
                    return Err(tampered(ledger, missing, "an event is missing"));
                }
                events => events?,
            };
            if events.is_empty() {
                let missing = i64::try_from(tree.size()).unwrap_or(i64::MAX) + 1;
                return Err(tampered(
                    ledger,
                    Some(missing),
                    "the head is beyond the last event",
                ));
            }
            for event in &events {
                tree.push(leaf_of(ledger, event, &mut leaf)?, &mut |tile| {
                    tiles.push(tile)
                });
            }
        }
        let root = tree.root()?;
        Ok((SealedTree { tree, root }, tiles))
    }

    /// Compares what was sealed with the checkpoint that was signed last, and with events as they are now.
    async fn check_sealed(
        &self,
        ledger: LedgerName,
        sealed: &SealedTree,
        latest: Option<StoredCheckpoint>,
    ) -> Result<(), SealError> {
        let size = sealed.tree.size();
        if sealed.tree.root()? != sealed.root {
            return Err(tampered(ledger, None, "the sealed tree has another root"));
        }
        if let Some(latest) = latest {
            let head = &latest.checkpoint.head;
            if head.size > size {
                return Err(tampered(
                    ledger,
                    None,
                    "a checkpoint is beyond what is sealed",
                ));
            }
            if self.root_at(ledger, sealed, head.size).await? != head.root {
                return Err(tampered(
                    ledger,
                    None,
                    "the last checkpoint is of another tree",
                ));
            }
            let keys = self.store.keys(ledger).await?;
            let first = keys.first().map(|key| key.key.clone());
            let chain = KeyChain::new(first.into_iter().collect(), &records_of(&keys));
            if chain.check(&latest.checkpoint.note, head.size).is_err() {
                return Err(tampered(
                    ledger,
                    None,
                    "the last checkpoint is not signed by us",
                ));
            }
        }
        let edge = TilePlace {
            level: 0,
            number: size / 256,
        };
        let mut places = vec![edge];
        places.extend(self.next_looks(ledger, size / 256));
        let tiles = self.store.tiles(ledger, &places).await?;
        for place in places {
            let hashes = match tiles.0.get(&place) {
                // It may have been filled since.
                Some(hashes) if place == edge => hashes
                    .get(..sealed.tree.partial_tile(0).len())
                    .unwrap_or(hashes),
                Some(hashes) => hashes,
                None => return Err(tampered(ledger, None, "a tile is missing")),
            };
            self.check_tile(ledger, place.number, hashes).await?;
        }
        Ok(())
    }

    /// Compares the leaves of a tile with the events as they are now.
    async fn check_tile(
        &self,
        ledger: LedgerName,
        number: u64,
        hashes: &[u8],
    ) -> Result<(), SealError> {
        let first = number * 256;
        let count = i64::try_from(hashes.len() / HASH_BYTES).unwrap_or_default();
        let events = self.log.read(ledger, position(first), count).await;
        let events = match events {
            Err(LogError::Gap { expected, .. }) => {
                let missing = Some(expected.value());
                return Err(tampered(
                    ledger,
                    missing,
                    "an event that was sealed is missing",
                ));
            }
            events => events?,
        };
        let mut leaf = Vec::new();
        let mut sealed = hashes.chunks_exact(HASH_BYTES);
        for event in &events {
            let found = leaf_of(ledger, event, &mut leaf)?;
            if sealed.next() != Some(found.as_slice()) {
                let changed = Some(event.position);
                return Err(tampered(
                    ledger,
                    changed,
                    "an event that was sealed is changed",
                ));
            }
        }
        if sealed.next().is_some() {
            let last = i64::try_from(first).unwrap_or(i64::MAX);
            let missing = last + i64::try_from(events.len()).unwrap_or_default() + 1;
            return Err(tampered(
                ledger,
                Some(missing),
                "an event that was sealed is missing",
            ));
        }
        Ok(())
    }

    /// The earlier tiles whose turn it is.
    fn next_looks(&self, ledger: LedgerName, full: u64) -> Vec<TilePlace> {
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let next = looked_at.entry(ledger).or_insert(0);
        let mut places = Vec::new();
        for _ in 0..LOOKED_AT.min(full) {
            if *next >= full {
                *next = 0;
            }
            places.push(TilePlace {
                level: 0,
                number: *next,
            });
            *next += 1;
        }
        places
    }

    /// The root of the first `size` leaves of what is sealed.
    async fn root_at(
        &self,
        ledger: LedgerName,
        sealed: &SealedTree,
        size: u64,
    ) -> Result<[u8; HASH_BYTES], SealError> {
        if size == sealed.tree.size() {
            return Ok(sealed.root);
        }
        if size == 0 {
            return Ok(Tree::default().root()?);
        }
        let root = |hashes: &dyn crate::tree::Hashes| tlog_tiles::tree_hash(size, &Reader(hashes));
        let tiles: Tiles = self.store.tiles(ledger, &needed_tiles(&root)?).await?;
        Ok(root(&tiles)?.0)
    }

    /// Signs the tree of the first `size` events, all of which are sealed, with the current key.
    async fn sign(&self, ledger: LedgerName, size: u64) -> Result<StoredCheckpoint, SealError> {
        let keys = self.keys_to_sign(ledger).await?;
        let current = keys.last().ok_or(SealError::NoMasterKey)?;
        if let Some(known) = self.store.checkpoint_of_size(ledger, size).await?
            && known.key_number == current.number
        {
            return Ok(known);
        }
        let sealed = self.store.sealed(ledger).await?;
        let root = self.root_at(ledger, &sealed, size).await?;
        let recorded_at = self.recorded_at(ledger, size).await?;
        let mut tx = self.store.pool().begin().await?;
        // No key is replaced while this one signs.
        sealed_in(&mut tx, ledger, "FOR SHARE").await?;
        let keys = keys_in(&mut *tx, ledger).await?;
        let current = keys.last().ok_or(SealError::NoMasterKey)?;
        if current.after > size {
            return Err(SealError::Size {
                ledger,
                position: size,
            });
        }
        let key = current.open(ledger, self.master_keys()?).await?;
        let head = Head {
            origin: key.origin().to_owned(),
            size,
            root,
            recorded_at,
        };
        let note = head.sign(&key)?;
        sqlx::query(
            "INSERT INTO audit.checkpoint (ledger, size, key_number, note) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(i64::try_from(size).unwrap_or(i64::MAX))
        .bind(current.number)
        .bind(&note)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        let signed = self.store.checkpoint_of_size(ledger, size).await?;
        signed.ok_or(SealError::Contended(ledger))
    }

    async fn keys_to_sign(&self, ledger: LedgerName) -> Result<Vec<StoredKey>, SealError> {
        let keys = self.store.keys(ledger).await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let key = LogKey::generate(&origin_of(&self.settings.deployment, ledger))?;
        let master_keys = self.master_keys()?;
        self.store.add_first_key(ledger, &key, master_keys).await?;
        Ok(self.store.keys(ledger).await?)
    }

    async fn recorded_at(
        &self,
        ledger: LedgerName,
        size: u64,
    ) -> Result<Option<Timestamp>, SealError> {
        let Some(before) = size.checked_sub(1) else {
            return Ok(None);
        };
        let last = self.log.read(ledger, position(before), 1).await?;
        let last = last.into_iter().next();
        let last = last.and_then(|event| Timestamp::try_new(event.recorded_at).ok());
        Ok(last)
    }
}

/// Gives a checkpoint to whoever does not have it yet; whether everybody has it now.
async fn hand_out(
    sinks: &[Arc<dyn CheckpointSink>],
    kept: &mut HashMap<(usize, LedgerName), (u64, i32)>,
    failed: &mut HashSet<usize>,
    ledger: LedgerName,
    checkpoint: &StoredCheckpoint,
) -> bool {
    let mut have_all = true;
    let this = (checkpoint.checkpoint.head.size, checkpoint.key_number);
    for (number, sink) in sinks.iter().enumerate() {
        if kept.get(&(number, ledger)) == Some(&this) {
            continue;
        }
        if failed.contains(&number) {
            have_all = false;
            continue;
        }
        match sink.keep(ledger, checkpoint).await {
            Ok(()) => {
                kept.insert((number, ledger), this);
            }
            Err(error) => {
                let sink = sink.name();
                tracing::warn!(%ledger, sink, %error, "a checkpoint could not be kept elsewhere");
                have_all = false;
                failed.insert(number);
            }
        }
    }
    have_all
}

fn leaf_of(
    ledger: LedgerName,
    event: &StoredEvent,
    leaf: &mut Vec<u8>,
) -> Result<[u8; HASH_BYTES], SealError> {
    leaf.clear();
    write_leaf(leaf, ledger, event)?;
    Ok(leaf_hash(leaf))
}

fn position(size: u64) -> Position {
    Position::START.plus(i64::try_from(size).unwrap_or(i64::MAX))
}

fn tampered(ledger: LedgerName, position: Option<i64>, what: &str) -> SealError {
    let at = position.map_or_else(String::new, |position| format!(" at position {position}"));
    SealError::Tampered {
        ledger,
        position,
        what: format!("{what}{at}"),
    }
}
