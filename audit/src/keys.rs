//! The keys that sign checkpoints: Ed25519, named and written as C2SP signed notes have them.
//!
//! A key signs for one ledger's log and has its name, the log's origin. Keys follow each other: a [`KeyRecord`] is a
//! note signed by the key before that says which key comes next, and from which size of the tree only that one counts.
//! Whoever trusts one key comes to all later ones by their records ([`KeyChain`]).

mod chain;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use signed_note::{
    Note, NoteError, Signer, StandardSigner, StandardVerifier, Verifier, is_key_name_valid,
    new_ed25519_verifier_key,
};
use zeroize::Zeroizing;

pub use chain::{KeyChain, KeyRecord, SignatureFault, SignedRecord};

/// Bytes of a private key.
pub const SEED_BYTES: usize = 32;

/// The byte that stands for Ed25519 in keys of notes.
const ED25519: u8 = 1;

/// Why a key cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A name that no key can have.
    #[error("{0:?} is no origin: it is not empty and has no spaces and no plus")]
    Name(String),
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    /// A text is no verifier key.
    #[error("{0:?} is no verifier key: <name>+<8 hexadecimal digits>+<base64>")]
    VerifierKey(String),
    /// A private key cannot be used.
    #[error("a private key cannot be used")]
    Private,
    /// Something cannot be signed.
    #[error("a note cannot be signed")]
    Note(#[from] NoteError),
}

/// A private key.
pub struct LogKey {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    signer: StandardSigner,
    verifier_key: String,
}

impl fmt::Debug for LogKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LogKey({}, hidden)", self.verifier_key)
    }
}

impl LogKey {
    /// A new key for the log of this origin.
    ///
    /// # Errors
    /// [`KeyError::Name`] and [`KeyError::Randomness`].
    pub fn generate(origin: &str) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        getrandom::fill(seed.as_mut_slice()).map_err(KeyError::Randomness)?;
        Self::from_seed(origin, seed)
    }

    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(origin: &str, seed: Zeroizing<[u8; SEED_BYTES]>) -> Result<Self, KeyError> {
        if !is_key_name_valid(origin) || origin.chars().any(char::is_control) {
            return Err(KeyError::Name(origin.to_owned()));
        }
        let public = SigningKey::from_bytes(&seed).verifying_key();
        let verifier_key = new_ed25519_verifier_key(origin, &public);
        // Neither name nor id has a plus; the key after them may.
        let id = verifier_key.split('+').nth(1).ok_or(KeyError::Private)?;
        let mut private = Zeroizing::new(vec![ED25519]);
        private.extend_from_slice(seed.as_slice());
        let private = Zeroizing::new(STANDARD.encode(&*private));
        let text = Zeroizing::new(format!("PRIVATE+KEY+{origin}+{id}+{}", *private));
        let signer = StandardSigner::new(&text).map_err(|_| KeyError::Private)?;
        Ok(Self {
            seed,
            signer,
            verifier_key,
        })
    }

    /// The bytes, to be sealed and kept.
    #[must_use]
    pub const fn seed(&self) -> &Zeroizing<[u8; SEED_BYTES]> {
        &self.seed
    }

    /// What others check signatures with: `<name>+<id>+<base64>`.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.signer.name()
    }

    /// Signs a text.
    ///
    /// # Errors
    /// [`KeyError::Note`] when it is not the text of a note.
    pub fn sign(&self, text: &[u8]) -> Result<String, KeyError> {
        let mut note = Note::new(text, &[])?;
        note.add_sigs(&[&self.signer])?;
        String::from_utf8(note.to_bytes()).map_err(|_| KeyError::Private)
    }
}

/// A public key.
#[derive(Clone)]
pub struct PublicKey {
    text: String,
    verifier: StandardVerifier,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::VerifierKey(text.to_owned());
        let verifier = StandardVerifier::new(text).map_err(|_| malformed())?;
        // One key is written in one way. The crate takes its id in either case.
        let id = text.split('+').nth(1).ok_or_else(malformed)?;
        if id.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return Err(malformed());
        }
        Ok(Self {
            text: text.to_owned(),
            verifier,
        })
    }
}

/// Whether a note is signed by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// It is.
    Yes,
    /// It has no signature of that name and id.
    Not,
    /// It has one, which is wrong.
    Wrongly,
}

impl PublicKey {
    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this key has signed a note.
    #[must_use]
    pub fn has_signed(&self, note: &ReadNote) -> Signed {
        let mut signed = Signed::Not;
        for (name, id, signature) in &note.signatures {
            if name != self.verifier.name() || *id != self.verifier.key_id() {
                continue;
            }
            if !self.verifier.verify(&note.text, signature) {
                return Signed::Wrongly;
            }
            signed = Signed::Yes;
        }
        signed
    }
}

/// A note as it was read; its signatures are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadNote {
    /// What is signed, with its last line feed.
    pub text: Vec<u8>,
    /// Name and id of a key, and its signature.
    pub signatures: Vec<(String, u32, Vec<u8>)>,
}

impl ReadNote {
    /// Reads a signed note.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn read(bytes: &[u8]) -> Result<Self, NoteError> {
        let note = Note::from_bytes(bytes)?;
        let whole = note.to_bytes();
        // The crate does not show a note's signatures; they are its last lines.
        let lines = whole
            .get(note.text().len() + 1..)
            .and_then(|lines| lines.strip_suffix(b"\n"))
            .ok_or(NoteError::MalformedNote)?;
        let signatures = lines
            .split(|byte| *byte == b'\n')
            .map(|line| {
                let signature = signed_note::Signature::from_bytes(line)?;
                let (name, id) = (signature.name().to_owned(), signature.id());
                Ok((name, id, signature.signature().to_vec()))
            })
            .collect::<Result<_, NoteError>>()?;
        Ok(Self {
            text: note.text().to_vec(),
            signatures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "daybook.example/main";

    fn key() -> LogKey {
        LogKey::generate(ORIGIN).unwrap()
    }

    fn public(key: &LogKey) -> PublicKey {
        key.verifier_key().parse().unwrap()
    }

    fn note(key: &LogKey, text: &str) -> ReadNote {
        ReadNote::read(key.sign(text.as_bytes()).unwrap().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_written_in_one_way() {
        let key = key();
        let [name, id, bytes] = *key.verifier_key().splitn(3, '+').collect::<Vec<_>>() else {
            panic!("{} has three parts", key.verifier_key());
        };
        let with = |id: &str| format!("{name}+{id}+{bytes}").parse::<PublicKey>();
        assert_eq!(with(id).unwrap(), public(&key));
        for other in [&format!("{id}0"), &format!("0{id}"), "", "0000000g"] {
            assert!(with(other).is_err(), "{other:?}");
        }
        let upper = id.to_ascii_uppercase();
        assert_eq!(with(&upper).is_err(), upper != id);
    }

    #[test]
    fn a_key_comes_back_from_its_bytes_and_shows_nothing() {
        let key = key();
        let again = LogKey::from_seed(ORIGIN, key.seed().clone()).unwrap();
        assert_eq!(again.verifier_key(), key.verifier_key());
        assert_eq!(
            format!("{key:?}"),
            format!("LogKey({}, hidden)", key.verifier_key())
        );
        for name in ["", "a b", "a+b", "a\u{7}b"] {
            assert!(LogKey::generate(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn only_what_was_signed_is_signed() {
        let (one, other) = (key(), key());
        let signed = note(&one, "a\nb\n");
        assert_eq!(public(&one).has_signed(&signed), Signed::Yes);
        assert_eq!(public(&other).has_signed(&signed), Signed::Not);
        let changed = ReadNote {
            text: b"a\nc\n".to_vec(),
            ..signed
        };
        assert_eq!(public(&one).has_signed(&changed), Signed::Wrongly);
    }
}
