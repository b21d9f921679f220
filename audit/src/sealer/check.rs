//! Comparing what was sealed before with what is there now.

use std::sync::PoisonError;

use ledger_core::LedgerName;

use super::fault::tampered;
use super::{SealError, Sealer, leaf_of};
use crate::keys::KeyChain;
use crate::proof::{Path, check_path, inclusion};
use crate::store::{SealedTree, StoredCheckpoint, records_of};
use crate::tree::{HASH_BYTES, Hashes, Reader, TilePlace, Tiles, Tree, needed_tiles};

/// Earlier tiles that are looked at again by each seal.
const LOOKED_AT: u64 = 4;

impl Sealer {
    /// Compares what was sealed with the checkpoint that was signed last, and with events as they are now.
    pub(super) async fn check_sealed(
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
        // The unfinished tile is in the edge, which has the root.
        self.check_tile(ledger, size / 256, sealed.tree.partial_tile(0))
            .await?;
        self.look_again(ledger, sealed).await
    }

    /// Looks at some full tiles: that they are those of the root, and that their events are still what they were.
    async fn look_again(&self, ledger: LedgerName, sealed: &SealedTree) -> Result<(), SealError> {
        let size = sealed.tree.size();
        let numbers = self.next_looks(ledger, size / 256);
        // The path of a tile's first leaf is made of all that is in the tile.
        let paths = |hashes: &dyn Hashes| -> Result<Vec<Path>, tlog_tiles::Error> {
            let first = numbers.iter().map(|number| number * 256);
            first.map(|index| inclusion(size, index, hashes)).collect()
        };
        let tiles = self.store.tiles(ledger, &needed_tiles(&paths)?).await?;
        for (number, path) in numbers.iter().zip(paths(&tiles)?) {
            let place = TilePlace {
                level: 0,
                number: *number,
            };
            let hashes = tiles.0.get(&place).map_or(&[][..], Vec::as_slice);
            let first = hashes.first_chunk().copied().unwrap_or_default();
            check_path((size, sealed.root), number * 256, first, &path)?;
            self.check_tile(ledger, *number, hashes).await?;
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
        if hashes.is_empty() {
            return Ok(());
        }
        let first = number * 256;
        let end = first + u64::try_from(hashes.len() / HASH_BYTES).unwrap_or_default();
        let page = self.page(ledger, first, end).await?;
        let mut leaf = Vec::new();
        let mut sealed = hashes.chunks_exact(HASH_BYTES);
        for event in page.events() {
            let event = event?;
            let found = leaf_of(ledger, &event, &mut leaf)?;
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
            let read = u64::try_from(page.count()?).unwrap_or(u64::MAX);
            let missing = first.saturating_add(read).saturating_add(1);
            let missing = i64::try_from(missing).unwrap_or(i64::MAX);
            return Err(tampered(
                ledger,
                Some(missing),
                "an event that was sealed is missing",
            ));
        }
        Ok(())
    }

    /// The earlier tiles whose turn it is.
    fn next_looks(&self, ledger: LedgerName, full: u64) -> Vec<u64> {
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let next = looked_at.entry(ledger).or_insert(0);
        let mut numbers = Vec::new();
        for _ in 0..LOOKED_AT.min(full) {
            if *next >= full {
                *next = 0;
            }
            numbers.push(*next);
            *next += 1;
        }
        numbers
    }

    /// The root of the first `size` leaves of what is sealed.
    pub(super) async fn root_at(
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
        let root = |hashes: &dyn Hashes| tlog_tiles::tree_hash(size, &Reader(hashes));
        let tiles: Tiles = self.store.tiles(ledger, &needed_tiles(&root)?).await?;
        Ok(root(&tiles)?.0)
    }
}
