//! The Merkle tree of a log: RFC 6962, kept in tiles of 256 hashes (C2SP tlog-tiles), by the crate `tlog_tiles`.
//!
//! A [`Tree`] knows only its right edge: the tiles that are not full. That suffices to add leaves and to say the root;
//! a full tile never changes and goes to wherever tiles are kept. Proofs need earlier tiles: [`needed_tiles`] says
//! which, [`Tiles`] answers from them.

mod paths;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use tlog_tiles::{
    EMPTY_HASH, Error as TlogError, HASH_SIZE, Hash, HashReader, Tile, record_hash,
    split_stored_hash_index, tree_hash,
};

pub use paths::{tile_of_path, tile_path, tiles_of};

/// The height of tiles that C2SP tlog-tiles fixes.
pub const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// Bytes of a hash.
pub const HASH_BYTES: usize = HASH_SIZE;
/// Bytes of a full tile.
const TILE_BYTES: usize = TILE_WIDTH * HASH_BYTES;

/// A place for 256 hashes: those of nodes `256 * number ..` at the height `8 * level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePlace {
    /// 0 for leaf hashes; each level above has the roots of the tiles below.
    pub level: u8,
    /// Its number in the level, from 0.
    pub number: u64,
}

/// A tile that is full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    /// Where.
    pub place: TilePlace,
    /// Its hashes: 8,192 bytes.
    pub hashes: Vec<u8>,
}

/// Why bytes are no right edge of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the edge of a tree of {size} leaves has {expected} bytes, not {found}")]
pub struct EdgeError {
    size: u64,
    expected: usize,
    found: usize,
}

/// The hash of a leaf: SHA-256 of a zero byte and the leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> [u8; HASH_BYTES] {
    record_hash(leaf).0
}

/// The right edge of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// By level, the hashes of the tile that is not full.
    edge: Vec<Vec<u8>>,
}

impl Tree {
    /// Takes a tree of `size` leaves back from [`Tree::edge`].
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn from_edge(size: u64, bytes: &[u8]) -> Result<Self, EdgeError> {
        let widths = edge_widths(size);
        let expected = widths.iter().sum::<usize>() * HASH_BYTES;
        if expected != bytes.len() {
            return Err(EdgeError {
                size,
                expected,
                found: bytes.len(),
            });
        }
        let mut rest = bytes;
        let mut edge = Vec::with_capacity(widths.len());
        for width in widths {
            let (level, after) = rest.split_at(width * HASH_BYTES);
            edge.push(level.to_vec());
            rest = after;
        }
        Ok(Self { size, edge })
    }

    /// Leaves in it.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of all tiles that are not full, from level 0 up.
    #[must_use]
    pub fn edge(&self) -> Vec<u8> {
        self.edge.concat()
    }

    /// The hashes of the tile of a level that is not full; empty when there is none.
    #[must_use]
    pub fn partial_tile(&self, level: u8) -> &[u8] {
        self.edge.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Adds the hash of a leaf; full tiles go to `full`.
    pub fn push(&mut self, hash: [u8; HASH_BYTES], full: &mut impl FnMut(FullTile)) {
        let mut hash = hash;
        let mut number = self.size;
        self.size += 1;
        for level in 0_u8..8 {
            if self.edge.len() <= usize::from(level) {
                self.edge.push(Vec::with_capacity(HASH_BYTES));
            }
            let tile = &mut self.edge[usize::from(level)];
            tile.extend_from_slice(&hash);
            if tile.len() < TILE_BYTES {
                break;
            }
            let hashes = std::mem::take(tile);
            number >>= TILE_HEIGHT;
            hash = Tile::subtree_hash(&hashes).0;
            full(FullTile {
                place: TilePlace { level, number },
                hashes,
            });
        }
    }

    /// The root of the tree.
    ///
    /// # Errors
    /// None: every hash that the root is made of is in the edge.
    pub fn root(&self) -> Result<[u8; HASH_BYTES], TlogError> {
        if self.size == 0 {
            return Ok(EMPTY_HASH.0);
        }
        tree_hash(self.size, self).map(|hash| hash.0)
    }
}

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        indexes
            .iter()
            .map(|index| {
                let tile = Tile::from_index(TILE_HEIGHT, *index);
                let known = self.edge.get(usize::from(tile.level()));
                let above = u32::from(TILE_HEIGHT) * (u32::from(tile.level()) + 1);
                let is_edge = tile.level_index() == self.size.checked_shr(above).unwrap_or(0);
                match known {
                    Some(hashes) if is_edge => tile_hash(tile, hashes, *index),
                    Some(_) | None => Err(TlogError::IndexesNotInTree),
                }
            })
            .collect()
    }
}

/// How many hashes the unfinished tile of each level has.
fn edge_widths(size: u64) -> Vec<usize> {
    let mut widths = Vec::new();
    let mut nodes = size;
    while nodes > 0 {
        widths.push(usize::from(u8::try_from(nodes % 256).unwrap_or_default()));
        nodes >>= TILE_HEIGHT;
    }
    widths
}

/// A stored hash of a tile, which may be wider than `tile`.
fn tile_hash(tile: Tile, hashes: &[u8], index: u64) -> Result<Hash, TlogError> {
    tile.hash_at_index(hashes, index)
}

/// Notes what is asked for, and answers with nothing.
#[derive(Default)]
struct Noted(RefCell<BTreeSet<u64>>);

impl HashReader for Noted {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        self.0.borrow_mut().extend(indexes);
        Ok(vec![EMPTY_HASH; indexes.len()])
    }
}

/// A computation over the stored hashes of a tree.
pub type Computation<'c, T> = &'c dyn Fn(&dyn Hashes) -> Result<T, TlogError>;

/// As [`HashReader`], for whoever does not care which.
pub trait Hashes {
    /// The hashes with these stored indexes.
    ///
    /// # Errors
    /// [`TlogError::IndexesNotInTree`].
    fn hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError>;
}

impl<R: HashReader> Hashes for R {
    fn hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        self.read_hashes(indexes)
    }
}

/// A [`Hashes`] as the reader that `tlog_tiles` wants.
pub struct Reader<'r>(pub &'r dyn Hashes);

impl HashReader for Reader<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        self.0.hashes(indexes)
    }
}

/// Which tiles a computation reads.
///
/// # Errors
/// Those of the computation.
pub fn needed_tiles<T>(compute: Computation<'_, T>) -> Result<Vec<TilePlace>, TlogError> {
    let noted = Noted::default();
    compute(&noted)?;
    let places: BTreeSet<TilePlace> = noted
        .0
        .into_inner()
        .into_iter()
        .map(|index| {
            let tile = Tile::from_index(TILE_HEIGHT, index);
            TilePlace {
                level: tile.level(),
                number: tile.level_index(),
            }
        })
        .collect();
    Ok(places.into_iter().collect())
}

/// Tiles, full or not, that were fetched for a computation.
#[derive(Debug, Default)]
pub struct Tiles(pub HashMap<TilePlace, Vec<u8>>);

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        indexes
            .iter()
            .map(|index| {
                let tile = Tile::from_index(TILE_HEIGHT, *index);
                let place = TilePlace {
                    level: tile.level(),
                    number: tile.level_index(),
                };
                let hashes = self.0.get(&place).ok_or(TlogError::IndexesNotInTree)?;
                tile_hash(tile, hashes, *index)
            })
            .collect()
    }
}

/// The level of the node that a stored index stands for; for tests of what is read.
#[must_use]
pub fn level_of_index(index: u64) -> u8 {
    split_stored_hash_index(index).0
}

#[cfg(test)]
mod tests {
    use tlog_tiles::node_hash;

    use super::*;

    fn leaf(number: u64) -> [u8; HASH_BYTES] {
        leaf_hash(&number.to_be_bytes())
    }

    /// RFC 6962, 2.1, word by word.
    fn defined(leaves: &[[u8; HASH_BYTES]]) -> [u8; HASH_BYTES] {
        match leaves {
            [] => EMPTY_HASH.0,
            [only] => *only,
            several => {
                let split = several.len().next_power_of_two() / 2;
                let (left, right) = several.split_at(split);
                node_hash(Hash(defined(left)), Hash(defined(right))).0
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition_at_every_size() {
        let mut tree = Tree::default();
        let mut leaves = Vec::new();
        let mut tiles = Vec::new();
        for number in 0..1_100 {
            if number < 20 || (number + 3) % 256 < 6 || number > 1_090 {
                assert_eq!(tree.root().unwrap(), defined(&leaves), "{number}");
                let again = Tree::from_edge(tree.size(), &tree.edge()).unwrap();
                assert_eq!(again.root().unwrap(), tree.root().unwrap());
            }
            tree.push(leaf(number), &mut |tile| tiles.push(tile));
            leaves.push(leaf(number));
        }
        assert_eq!(tiles.len(), 4);
        assert_eq!(tree.partial_tile(1).len(), 4 * HASH_BYTES);
    }

    #[test]
    fn large_trees_go_on_from_their_edge() {
        let mut tree = Tree::default();
        let mut full = Vec::new();
        for number in 0..66_000 {
            tree.push(leaf(number), &mut |tile| full.push(tile.place));
        }
        assert_eq!(full.iter().filter(|place| place.level == 1).count(), 1);
        let again = Tree::from_edge(66_000, &tree.edge()).unwrap();
        assert_eq!(again.root().unwrap(), tree.root().unwrap());
        assert!(Tree::from_edge(66_001, &tree.edge()).is_err());
    }
}
