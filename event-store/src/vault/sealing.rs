//! Sealing and opening what events say of a person: XChaCha20-Poly1305 under a random nonce, with the place
//! of the field as associated data, so that a sealed value copied to another event, field, person or ledger
//! does not open.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use ledger_core::book::NewEvent;
use ledger_core::event::RecordedEvent;
use ledger_core::personal::SealedText;
use ledger_core::{LedgerName, Sequence, Stream};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::DATA_KEY_BYTES;

const NONCE_BYTES: usize = 24;

/// The version of the places below.
const PLACE: &str = "daybook personal 1";

/// Separate keys for separate uses, made from one (NIST SP 800-108 with HMAC, one block).
const SEALING: &[u8] = b"daybook personal sealing 1";
const HASHING: &[u8] = b"daybook personal hashing 1";
const DOCUMENTS: &[u8] = b"daybook personal documents 1";

/// Why a value cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealingFault {
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    /// The cipher refuses, or its output is none that the log takes.
    #[error("the field {field} cannot be sealed")]
    Seal {
        /// Which.
        field: &'static str,
    },
    /// It was sealed under another key or for another place, or was changed.
    #[error("the field {field} cannot be opened: it is of another place or key, or was changed")]
    NotOurs {
        /// Which.
        field: &'static str,
    },
}

/// A person's key, as long as it is used.
pub struct DataKey {
    id: Uuid,
    sealing: XChaCha20Poly1305,
    hashing: Zeroizing<[u8; 32]>,
    documents: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DataKey({}, hidden)", self.id)
    }
}

/// Where a field stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    ledger: LedgerName,
    stream: Stream,
    sequence: Sequence,
    field: &'static str,
}

impl Place {
    /// No part holds a NUL, so no two places have the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let Self {
            ledger,
            stream,
            sequence,
            field,
        } = self;
        let kind = stream.aggregate_type();
        let id = stream.displayed_id();
        format!("{PLACE}\0{ledger}\0{kind}\0{id}\0{sequence}\0{field}").into_bytes()
    }
}

impl DataKey {
    /// The key with these bytes, which is known by this id.
    #[must_use]
    pub fn new(id: Uuid, bytes: &Zeroizing<[u8; DATA_KEY_BYTES]>) -> Self {
        let sealing = Zeroizing::new(hmac(bytes, SEALING));
        Self {
            id,
            sealing: XChaCha20Poly1305::new(&Key::from(*sealing)),
            hashing: Zeroizing::new(hmac(bytes, HASHING)),
            documents: Zeroizing::new(hmac(bytes, DOCUMENTS)),
        }
    }

    /// Its id, which what is sealed under it names.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The key under which documents of this person are sealed, which nothing else is.
    #[must_use]
    pub const fn documents(&self) -> &Zeroizing<[u8; 32]> {
        &self.documents
    }

    /// A hash of something about this person that may be kept for ever: it can be tried against guesses only
    /// as long as this key is there.
    #[must_use]
    pub fn keyed_hash(&self, text: &[u8]) -> [u8; 32] {
        hmac(&self.hashing, text)
    }

    fn seal(&self, place: Place, clear: &str) -> Result<SealedText, SealingFault> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(SealingFault::Randomness)?;
        let refused = || SealingFault::Seal { field: place.field };
        let payload = Payload {
            msg: clear.as_bytes(),
            aad: &place.associated_data(),
        };
        let sealed = self
            .sealing
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| refused())?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        SealedText::try_new(self.id, text).map_err(|_| refused())
    }

    fn open(&self, place: Place, sealed: &SealedText) -> Result<Zeroizing<String>, SealingFault> {
        let not_ours = || SealingFault::NotOurs { field: place.field };
        if sealed.key() != self.id {
            return Err(not_ours());
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(sealed.sealed())
            .map_err(|_| not_ours())?;
        let (nonce, ciphertext) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(not_ours)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place.associated_data(),
        };
        let clear = self
            .sealing
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| not_ours())?;
        String::from_utf8(clear)
            .map(Zeroizing::new)
            .map_err(|_| not_ours())
    }
}

/// Seals what a new event says of a person. One that says nothing is left as it is.
///
/// # Errors
/// [`SealingFault`].
pub(crate) fn seal_event(
    ledger: LedgerName,
    event: &mut NewEvent,
    key: &DataKey,
) -> Result<(), SealingFault> {
    let (stream, sequence) = (event.stream, event.sequence);
    for (field, personal) in event.event.personal_fields() {
        let place = Place {
            ledger,
            stream,
            sequence,
            field,
        };
        if let Some(clear) = personal.clear_text() {
            let sealed = key.seal(place, clear)?;
            personal.seal(sealed);
        }
    }
    Ok(())
}

/// Opens what an event says of a person; without a key it is erased.
///
/// # Errors
/// [`SealingFault::NotOurs`].
pub(super) fn open_event(
    ledger: LedgerName,
    event: &mut RecordedEvent,
    key: Option<&DataKey>,
) -> Result<(), SealingFault> {
    let (stream, sequence) = (event.stream, event.sequence);
    for (field, personal) in event.event.personal_fields() {
        let place = Place {
            ledger,
            stream,
            sequence,
            field,
        };
        let Some(sealed) = personal.sealed_text() else {
            continue;
        };
        match key {
            Some(key) => {
                let clear = key.open(place, sealed)?;
                personal
                    .open(&clear)
                    .map_err(|_| SealingFault::NotOurs { field })?;
            }
            None => personal.erase(),
        }
    }
    Ok(())
}

/// A new key of a person.
///
/// # Errors
/// [`SealingFault::Randomness`].
pub(super) fn new_key() -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, SealingFault> {
    let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
    getrandom::fill(key.as_mut_slice()).map_err(SealingFault::Randomness)?;
    Ok(key)
}

pub(super) fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length: the error cannot occur, and an empty key would open nothing.
    match <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(message);
            mac.finalize().into_bytes().into()
        }
        Err(_) => [0; 32],
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::OwnerKey;

    use super::*;

    fn key(id: u128) -> DataKey {
        DataKey::new(Uuid::from_u128(id), &new_key().unwrap())
    }

    fn place() -> Place {
        Place {
            ledger: "main".parse().unwrap(),
            stream: Stream::Profile(OwnerKey::new(Uuid::from_u128(7))),
            sequence: 3,
            field: "name",
        }
    }

    #[test]
    fn what_is_sealed_opens_only_at_its_place() {
        let key = key(1);
        let sealed = key.seal(place(), "Asha Rao").unwrap();
        assert_eq!(*key.open(place(), &sealed).unwrap(), "Asha Rao");
        let others = [
            Place {
                ledger: "other".parse().unwrap(),
                ..place()
            },
            Place {
                stream: Stream::Profile(OwnerKey::new(Uuid::from_u128(8))),
                ..place()
            },
            Place {
                stream: Stream::Owner(OwnerKey::new(Uuid::from_u128(7))),
                ..place()
            },
            Place {
                sequence: 4,
                ..place()
            },
            Place {
                field: "email",
                ..place()
            },
        ];
        for other in others {
            assert!(key.open(other, &sealed).is_err(), "{other:?}");
        }
    }

    #[test]
    fn what_was_changed_or_is_of_another_key_does_not_open() {
        let (one, other) = (key(1), key(2));
        let sealed = one.seal(place(), "Asha Rao").unwrap();
        assert!(other.open(place(), &sealed).is_err());
        // Also under its id.
        assert!(key(1).open(place(), &sealed).is_err());
        let bytes = URL_SAFE_NO_PAD.decode(sealed.sealed()).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            for bytes in [&changed[..], &bytes[..index]] {
                let Ok(text) = SealedText::try_new(sealed.key(), URL_SAFE_NO_PAD.encode(bytes))
                else {
                    continue;
                };
                assert!(one.open(place(), &text).is_err(), "{index}");
            }
        }
    }

    #[test]
    fn the_same_is_never_sealed_alike() {
        let key = key(1);
        let sealed = |text| key.seal(place(), text).unwrap();
        assert_ne!(sealed("Asha"), sealed("Asha"));
        assert!(!format!("{key:?}").contains("sealing"));
        assert_eq!(key.keyed_hash(b"a"), key.keyed_hash(b"a"));
        assert_ne!(key.keyed_hash(b"a"), self::key(1).keyed_hash(b"a"));
    }
}
