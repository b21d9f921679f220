//! How a document is sealed: in pieces, so that memory does not grow with it.
//!
//! It is the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, 2015) over XChaCha20-Poly1305: every
//! piece is sealed under its number and under whether it is the last, so that pieces that are left out, doubled,
//! swapped or added do not open. Each is bound to its place as associated data: to the ledger, the person, the
//! case, the document and the key. What was sealed for one document does not open as another.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`BEGINNING`], with the version of the form |
//! | 19 | the nonce: random, and new for every document |
//! | [`PIECE_BYTES`] + 16, any number of times | a piece, and its tag |
//! | at most [`PIECE_BYTES`] + 16 | the last piece, and its tag |

use std::fmt;

use aead_stream::{DecryptorBE32, EncryptorBE32};
use bytes::{Bytes, BytesMut};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305};
use event_store::vault::DataKey;
use ledger_core::{CaseId, LedgerName, OwnerKey};
use uuid::Uuid;

/// What a sealed document begins with.
const BEGINNING: [u8; 8] = *b"DBK-DOC1";

/// The bytes of a piece before it is sealed.
pub const PIECE_BYTES: usize = 64 * 1024;

/// What sealing adds to a piece, in bytes.
const TAG_BYTES: usize = 16;

const NONCE_BYTES: usize = 19;
const HEADER_BYTES: usize = BEGINNING.len() + NONCE_BYTES;

/// The version of the places below.
const PLACE: &str = "daybook document 1";

/// Why a document cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealingFault {
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    /// The cipher refuses.
    #[error("a document cannot be sealed")]
    Seal,
    /// It was sealed under another key or as another document, or it was changed.
    #[error("a document cannot be opened: it is of another place or key, or was changed")]
    NotOurs,
}

/// Which document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentPlace {
    /// The ledger.
    pub ledger: LedgerName,
    /// The person whose key seals it.
    pub person: OwnerKey,
    /// The case.
    pub case: CaseId,
    /// The document.
    pub document: Uuid,
}

impl DocumentPlace {
    /// No part holds a NUL, so no two places have the same bytes.
    fn associated_data(&self, key: &DataKey) -> Vec<u8> {
        let Self {
            ledger,
            person,
            case,
            document,
        } = self;
        let key = key.id();
        format!("{PLACE}\0{ledger}\0{person}\0{case}\0{document}\0{key}").into_bytes()
    }
}

fn cipher(key: &DataKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(**key.documents()))
}

/// Seals a document, piece by piece.
pub struct Sealer {
    stream: EncryptorBE32<XChaCha20Poly1305>,
    place: Vec<u8>,
    /// At most one piece: whether it is the last is known when another byte comes, or none.
    waiting: Vec<u8>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(hidden)")
    }
}

fn piece() -> Vec<u8> {
    Vec::with_capacity(PIECE_BYTES + TAG_BYTES)
}

impl Sealer {
    /// Begins a document; what comes first.
    ///
    /// # Errors
    /// [`SealingFault::Randomness`].
    pub fn begin(key: &DataKey, place: &DocumentPlace) -> Result<(Self, Bytes), SealingFault> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(SealingFault::Randomness)?;
        let this = Self {
            stream: EncryptorBE32::from_aead(cipher(key), &nonce.into()),
            place: place.associated_data(key),
            waiting: piece(),
        };
        Ok((this, [BEGINNING.as_slice(), &nonce].concat().into()))
    }

    /// Seals as much as is known not to be the last piece.
    ///
    /// # Errors
    /// [`SealingFault::Seal`].
    pub fn push(&mut self, mut clear: &[u8]) -> Result<Vec<Bytes>, SealingFault> {
        let mut sealed = Vec::new();
        while !clear.is_empty() {
            if self.waiting.len() == PIECE_BYTES {
                let mut full = std::mem::replace(&mut self.waiting, piece());
                self.stream
                    .encrypt_next_in_place(&self.place, &mut full)
                    .map_err(|_| SealingFault::Seal)?;
                sealed.push(full.into());
            }
            let taken = clear.len().min(PIECE_BYTES - self.waiting.len());
            let (now, later) = clear.split_at(taken);
            self.waiting.extend_from_slice(now);
            clear = later;
        }
        Ok(sealed)
    }

    /// Seals the last piece.
    ///
    /// # Errors
    /// [`SealingFault::Seal`].
    pub fn finish(mut self) -> Result<Bytes, SealingFault> {
        let mut last = std::mem::take(&mut self.waiting);
        self.stream
            .encrypt_last_in_place(&self.place, &mut last)
            .map_err(|_| SealingFault::Seal)?;
        Ok(last.into())
    }
}

/// Opens a sealed document, piece by piece. Every piece that it gives is the document's; that none is missing is
/// known when it is finished.
pub struct Opener {
    state: OpenerState,
    place: Vec<u8>,
    waiting: BytesMut,
}

enum OpenerState {
    /// The header has not come in full.
    Beginning(Box<XChaCha20Poly1305>),
    Pieces(DecryptorBE32<XChaCha20Poly1305>),
    Failed,
}

impl fmt::Debug for Opener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opener(hidden)")
    }
}

impl Opener {
    /// Opens what was sealed under this key at this place.
    #[must_use]
    pub fn new(key: &DataKey, place: &DocumentPlace) -> Self {
        Self {
            state: OpenerState::Beginning(Box::new(cipher(key))),
            place: place.associated_data(key),
            waiting: BytesMut::new(),
        }
    }

    /// Opens as much as is known not to be the last piece.
    ///
    /// # Errors
    /// [`SealingFault::NotOurs`].
    pub fn push(&mut self, sealed: &[u8]) -> Result<Vec<Bytes>, SealingFault> {
        self.waiting.extend_from_slice(sealed);
        self.begin()?;
        let mut opened = Vec::new();
        while self.waiting.len() > PIECE_BYTES + TAG_BYTES {
            let OpenerState::Pieces(stream) = &mut self.state else {
                break;
            };
            let mut next = self.waiting.split_to(PIECE_BYTES + TAG_BYTES).to_vec();
            stream
                .decrypt_next_in_place(&self.place, &mut next)
                .map_err(|_| SealingFault::NotOurs)?;
            opened.push(next.into());
        }
        Ok(opened)
    }

    /// Opens the last piece.
    ///
    /// # Errors
    /// [`SealingFault::NotOurs`], also when what came before was not all.
    pub fn finish(mut self) -> Result<Bytes, SealingFault> {
        let OpenerState::Pieces(stream) = self.state else {
            return Err(SealingFault::NotOurs);
        };
        let mut last = self.waiting.split().to_vec();
        stream
            .decrypt_last_in_place(&self.place, &mut last)
            .map_err(|_| SealingFault::NotOurs)?;
        Ok(last.into())
    }

    fn begin(&mut self) -> Result<(), SealingFault> {
        if !matches!(self.state, OpenerState::Beginning(_)) || self.waiting.len() < HEADER_BYTES {
            return Ok(());
        }
        let header = self.waiting.split_to(HEADER_BYTES);
        let nonce = header
            .strip_prefix(BEGINNING.as_slice())
            .and_then(|nonce| <[u8; NONCE_BYTES]>::try_from(nonce).ok());
        let state = std::mem::replace(&mut self.state, OpenerState::Failed);
        let (Some(nonce), OpenerState::Beginning(cipher)) = (nonce, state) else {
            return Err(SealingFault::NotOurs);
        };
        self.state = OpenerState::Pieces(DecryptorBE32::from_aead(*cipher, &nonce.into()));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
