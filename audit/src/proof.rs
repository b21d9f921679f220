//! Proofs: that an event is in the log, and that one checkpoint's log begins with another's (RFC 6962, 2.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tlog_tiles::{Error as TlogError, Hash, check_record, check_tree, prove_record, prove_tree};

use crate::checkpoint::{Checkpoint, Head};
use crate::tree::{HASH_BYTES, Hashes, Reader};

/// The first line of a proof's file.
const FILE: &str = "c2sp.org/tlog-proof@v1";

/// Hashes from the leaf, or the old root, up.
pub type Path = Vec<[u8; HASH_BYTES]>;

/// Why a proof does not hold or is none.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It does not lead to the root.
    #[error("the proof does not lead to the root")]
    Wrong(#[source] TlogError),
    /// The bytes are no proof.
    #[error("it is no {FILE}")]
    Malformed,
}

/// The path from the leaf at `index` to the root of the tree of `size` leaves.
///
/// # Errors
/// When `index` is not below `size`, and those of `hashes`.
pub fn inclusion(size: u64, index: u64, hashes: &dyn Hashes) -> Result<Path, TlogError> {
    prove_record(size, index, &Reader(hashes)).map(bytes)
}

/// The path that shows that the tree of `to` leaves begins with that of `from`; empty from nothing.
///
/// # Errors
/// When `from` is above `to`, and those of `hashes`.
pub fn consistency(from: u64, to: u64, hashes: &dyn Hashes) -> Result<Path, TlogError> {
    if from == 0 {
        return Ok(Path::new());
    }
    prove_tree(to, from, &Reader(hashes)).map(bytes)
}

/// Checks that a leaf hash is in the tree of a checkpoint.
///
/// # Errors
/// [`ProofError::Wrong`].
pub fn check_inclusion(
    head: &Head,
    index: u64,
    leaf: [u8; HASH_BYTES],
    path: &[[u8; HASH_BYTES]],
) -> Result<(), ProofError> {
    check_path((head.size, head.root), index, leaf, path)
}

/// Checks that a leaf hash is in the tree of this size and root.
pub(crate) fn check_path(
    (size, root): (u64, [u8; HASH_BYTES]),
    index: u64,
    leaf: [u8; HASH_BYTES],
    path: &[[u8; HASH_BYTES]],
) -> Result<(), ProofError> {
    let path = path.iter().copied().map(Hash).collect();
    check_record(&path, size, Hash(root), index, Hash(leaf)).map_err(ProofError::Wrong)
}

/// Checks that the tree of one checkpoint begins with that of another.
///
/// # Errors
/// [`ProofError::Wrong`].
pub fn check_consistency(
    old: &Head,
    new: &Head,
    path: &[[u8; HASH_BYTES]],
) -> Result<(), ProofError> {
    if old.size == 0 && path.is_empty() {
        return Ok(());
    }
    let path = path.iter().copied().map(Hash).collect();
    check_tree(&path, new.size, Hash(new.root), old.size, Hash(old.root)).map_err(ProofError::Wrong)
}

fn bytes(path: Vec<Hash>) -> Path {
    path.into_iter().map(|hash| hash.0).collect()
}

/// A proof of inclusion with its checkpoint, as it is kept in a file (C2SP tlog-proof).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// The leaf's index; the event's position less one.
    pub index: u64,
    /// The path.
    pub path: Path,
    /// The signed checkpoint.
    pub checkpoint: Checkpoint,
}

impl ProofFile {
    /// As it is written; by its usual name it ends with `.tlog-proof`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let hashes: String = self
            .path
            .iter()
            .map(|hash| STANDARD.encode(hash) + "\n")
            .collect();
        format!(
            "{FILE}\nindex {}\n{hashes}\n{}",
            self.index, self.checkpoint.text
        )
    }

    /// Reads one; nothing of it is checked. An `extra` line is allowed and means nothing here.
    ///
    /// # Errors
    /// [`ProofError::Malformed`].
    pub fn read(text: &str) -> Result<Self, ProofError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Malformed)?;
        let mut lines = proof.lines().peekable();
        if lines.next() != Some(FILE) {
            return Err(ProofError::Malformed);
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(ProofError::Malformed)?;
        let number: u64 = index.parse().map_err(|_| ProofError::Malformed)?;
        if number.to_string() != index {
            return Err(ProofError::Malformed);
        }
        let path = lines
            .map(|line| {
                let hash = STANDARD.decode(line).map_err(|_| ProofError::Malformed)?;
                <[u8; HASH_BYTES]>::try_from(hash).map_err(|_| ProofError::Malformed)
            })
            .collect::<Result<_, _>>()?;
        let checkpoint = checkpoint.parse().map_err(|_| ProofError::Malformed)?;
        Ok(Self {
            index: number,
            path,
            checkpoint,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::keys::LogKey;
    use crate::tree::{Tiles, Tree, leaf_hash, needed_tiles, tiles_of};

    fn leaf(number: u64) -> [u8; HASH_BYTES] {
        leaf_hash(&number.to_be_bytes())
    }

    /// A tree's tiles, and its root at every size.
    fn grown(size: u64) -> (Tiles, Vec<[u8; HASH_BYTES]>) {
        let (mut tree, mut tiles) = (Tree::default(), HashMap::new());
        let mut roots = vec![tree.root().unwrap()];
        for number in 0..size {
            tree.push(leaf(number), &mut |tile| {
                tiles.insert(tile.place, tile.hashes);
            });
            roots.push(tree.root().unwrap());
        }
        for (place, width) in tiles_of(size) {
            tiles
                .entry(place)
                .or_insert_with(|| tree.partial_tile(place.level).to_vec());
            assert_eq!(tiles[&place].len(), width * HASH_BYTES);
        }
        (Tiles(tiles), roots)
    }

    fn head(size: u64, roots: &[[u8; HASH_BYTES]]) -> Head {
        Head {
            origin: "a/b".to_owned(),
            size,
            root: roots[usize::try_from(size).unwrap()],
            recorded_at: None,
        }
    }

    #[test]
    fn proofs_hold_and_no_others_do() {
        let (tiles, roots) = grown(700);
        for size in [1, 2, 7, 255, 256, 257, 511, 512, 700] {
            let new = head(size, &roots);
            for index in [0, 1, 254, 255, 256, 400, 511, 699] {
                let Ok(path) = inclusion(size, index, &tiles) else {
                    assert!(index >= size);
                    continue;
                };
                check_inclusion(&new, index, leaf(index), &path).unwrap();
                assert!(check_inclusion(&new, index, leaf(index + 1), &path).is_err());
                for change in 0..path.len() {
                    let mut changed = path.clone();
                    changed[change][3] ^= 1;
                    assert!(check_inclusion(&new, index, leaf(index), &changed).is_err());
                }
            }
            for from in [0, 1, 2, 3, 128, 255, 256, 257, 600] {
                let Ok(path) = consistency(from, size, &tiles) else {
                    assert!(from > size);
                    continue;
                };
                let old = head(from, &roots);
                if from > size {
                    panic!("{from} {size}");
                }
                check_consistency(&old, &new, &path).unwrap();
                let mut other = old.clone();
                other.root[0] ^= 1;
                assert!(from == 0 || check_consistency(&other, &new, &path).is_err());
            }
        }
    }

    #[test]
    fn a_proof_needs_few_tiles() {
        let (tiles, _) = grown(700);
        let needed = needed_tiles(&|hashes| inclusion(700, 3, hashes)).unwrap();
        assert!(needed.len() <= 3, "{needed:?}");
        let few = needed
            .into_iter()
            .map(|place| (place, tiles.0[&place].clone()));
        let few = Tiles(few.collect());
        let all = inclusion(700, 3, &tiles).unwrap();
        assert_eq!(inclusion(700, 3, &few).unwrap(), all);
    }

    #[test]
    fn a_file_is_read_back() {
        let (tiles, roots) = grown(5);
        let key = LogKey::generate("a/b").unwrap();
        let signed = head(5, &roots).sign(&key).unwrap();
        let file = ProofFile {
            index: 2,
            path: inclusion(5, 2, &tiles).unwrap(),
            checkpoint: signed.parse().unwrap(),
        };
        let text = file.to_text();
        assert_eq!(ProofFile::read(&text).unwrap(), file);
        let with_extra = text.replacen("\nindex", "\nextra AAAA\nindex", 1);
        assert_eq!(ProofFile::read(&with_extra).unwrap(), file);
        for broken in [
            text.replacen("@v1", "@v2", 1),
            text.replacen("index 2", "index 02", 1),
            text.replacen("index 2\n", "index 2\nAAAA\n", 1),
            text.replacen("\n\n", "\n", 1),
        ] {
            assert!(ProofFile::read(&broken).is_err(), "{broken}");
        }
    }
}
