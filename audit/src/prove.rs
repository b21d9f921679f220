//! Proofs from what is sealed.

use ledger_core::{LedgerName, Position};

use crate::proof::{Path, ProofFile, consistency, inclusion};
use crate::sealer::{SealError, Sealer};
use crate::store::{StoreError, StoredCheckpoint, width_in};
use crate::tree::{HASH_BYTES, Hashes, TilePlace, Tree, needed_tiles};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// That much is not sealed yet.
    #[error("position {position} of {ledger} is not sealed, {size} is the last that is")]
    NotSealed {
        /// The ledger.
        ledger: LedgerName,
        /// The position asked for.
        position: u64,
        /// The last position that is sealed.
        size: u64,
    },
    /// What is sealed cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A hash is missing in the tiles.
    #[error("the sealed tree is damaged")]
    Tree(#[from] tlog_tiles::Error),
}

/// That one checkpoint's log begins with another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The smaller tree's size and root.
    pub from: (u64, [u8; HASH_BYTES]),
    /// The larger tree's.
    pub to: (u64, [u8; HASH_BYTES]),
    /// The path.
    pub path: Path,
}

impl Sealer {
    /// That an event is in the log, to the last checkpoint.
    ///
    /// # Errors
    /// [`ProveError`].
    pub async fn prove_event(
        &self,
        ledger: LedgerName,
        position: Position,
    ) -> Result<(ProofFile, StoredCheckpoint), ProveError> {
        let position = u64::try_from(position.value()).unwrap_or_default();
        let not_sealed = |size| ProveError::NotSealed {
            ledger,
            position,
            size,
        };
        let latest = self.store().latest(ledger).await?;
        let latest = latest.ok_or_else(|| not_sealed(0))?;
        let size = latest.checkpoint.head.size;
        let index = match position.checked_sub(1) {
            Some(index) if index < size => index,
            Some(_) | None => return Err(not_sealed(size)),
        };
        let path = |hashes: &dyn Hashes| inclusion(size, index, hashes);
        let tiles = self.store().tiles(ledger, &needed_tiles(&path)?).await?;
        let file = ProofFile {
            index,
            path: path(&tiles)?,
            checkpoint: latest.checkpoint.clone(),
        };
        Ok((file, latest))
    }

    /// That the log of `to` events begins with that of `from`.
    ///
    /// # Errors
    /// [`ProveError`]; `from` is not above `to`.
    pub async fn prove_consistency(
        &self,
        ledger: LedgerName,
        from: u64,
        to: u64,
    ) -> Result<ConsistencyProof, ProveError> {
        let size = self.store().sealed(ledger).await?.tree.size();
        if to > size || from > to {
            return Err(ProveError::NotSealed {
                ledger,
                position: to.max(from),
                size,
            });
        }
        let all = |hashes: &dyn Hashes| {
            let root = |size| match size {
                0 => Tree::default().root(),
                size => {
                    tlog_tiles::tree_hash(size, &crate::tree::Reader(hashes)).map(|root| root.0)
                }
            };
            Ok(ConsistencyProof {
                from: (from, root(from)?),
                to: (to, root(to)?),
                path: consistency(from, to, hashes)?,
            })
        };
        let tiles = self.store().tiles(ledger, &needed_tiles(&all)?).await?;
        Ok(all(&tiles)?)
    }

    /// A tile of exactly this width, if that much is sealed.
    ///
    /// # Errors
    /// [`SealError::Store`].
    pub async fn tile(
        &self,
        ledger: LedgerName,
        place: TilePlace,
        width: usize,
    ) -> Result<Option<Vec<u8>>, SealError> {
        let size = self.store().sealed(ledger).await?.tree.size();
        if width_in(place, size) < width {
            return Ok(None);
        }
        let mut tiles = self.store().tiles(ledger, &[place]).await?;
        let bytes = tiles.0.remove(&place);
        Ok(bytes.and_then(|bytes| bytes.get(..width * HASH_BYTES).map(<[u8]>::to_vec)))
    }
}
