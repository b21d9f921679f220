//! The tiles of an export: the hashes that were sealed, by which a changed event is located.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Code, Finding, VerifyError, read_if_there};
use crate::checkpoint::Head;
use crate::tree::{FullTile, HASH_BYTES, TILE_WIDTH, TilePlace, Tree, tile_path, tiles_of};

/// Leaf hashes as the tiles of an export have them.
pub(super) struct SealedHashes {
    folder: PathBuf,
    size: u64,
    /// The tile that was read last.
    tile: Option<(u64, Vec<u8>)>,
}

/// Reads all tiles once and compares them with the checkpoint and each other; what is wrong if they are not its own.
pub(super) fn check_tiles(folder: &Path, head: &Head) -> Result<Option<Finding>, VerifyError> {
    let (mut tree, mut above) = (Tree::default(), HashMap::new());
    for (place, width) in tiles_of(head.size) {
        let path = tile_path(place, width);
        let bytes = read_if_there(&folder.join(&path))?;
        let is_right = bytes.is_some_and(|bytes| {
            bytes.len() == width * HASH_BYTES
                && if place.level == 0 {
                    add(&mut tree, &bytes, &mut above);
                    true
                } else {
                    expected(&tree, &mut above, place, width) == bytes
                }
        });
        if !is_right {
            let detail = format!("{path} is missing, or is not what the tiles below make it");
            return Ok(Some(Finding::new(Code::TilesDiffer, None, detail)));
        }
    }
    let is_root = tree.root().is_ok_and(|root| root == head.root);
    let detail = "the tiles have another root than the checkpoint";
    Ok((!is_root).then(|| Finding::new(Code::TilesDiffer, None, detail)))
}

impl SealedHashes {
    /// Those of the tree of a checkpoint, if its tiles are right.
    pub(super) fn new(folder: &Path, head: &Head) -> Self {
        Self {
            folder: folder.to_owned(),
            size: head.size,
            tile: None,
        }
    }

    /// The sealed hash of a leaf.
    pub(super) fn leaf(&mut self, index: u64) -> Result<Option<[u8; HASH_BYTES]>, VerifyError> {
        let number = index / 256;
        if self.tile.as_ref().is_none_or(|(read, _)| *read != number) {
            let place = TilePlace { level: 0, number };
            let rest = self.size.saturating_sub(number * 256);
            let width = usize::try_from(rest).unwrap_or(TILE_WIDTH).min(TILE_WIDTH);
            let bytes = read_if_there(&self.folder.join(tile_path(place, width)))?;
            self.tile = Some((number, bytes.unwrap_or_default()));
        }
        let tile = self.tile.as_ref().map(|(_, bytes)| bytes.as_slice());
        let place = usize::try_from(index % 256).unwrap_or_default() * HASH_BYTES;
        let hash = tile.and_then(|bytes| bytes.get(place..place + HASH_BYTES));
        Ok(hash.and_then(|hash| hash.try_into().ok()))
    }
}

/// Adds the leaves of a tile; tiles above level 0 that become full are kept until they are compared.
fn add(tree: &mut Tree, bytes: &[u8], above: &mut HashMap<TilePlace, Vec<u8>>) {
    for hash in bytes.chunks_exact(HASH_BYTES) {
        if let Ok(hash) = hash.try_into() {
            tree.push(hash, &mut |FullTile { place, hashes }| {
                if place.level > 0 {
                    above.insert(place, hashes);
                }
            });
        }
    }
}

/// What a tile above level 0 has to be.
fn expected(
    tree: &Tree,
    above: &mut HashMap<TilePlace, Vec<u8>>,
    place: TilePlace,
    width: usize,
) -> Vec<u8> {
    if width == TILE_WIDTH {
        return above.remove(&place).unwrap_or_default();
    }
    tree.partial_tile(place.level).to_vec()
}
