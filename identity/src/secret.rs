//! The master key and what is made with it: sealed secrets, keyed hashes, random tokens.
//!
//! What must be read again (the secret of an authenticator, a private key) is sealed with
//! XChaCha20-Poly1305 under a random nonce, with its place as associated data, so that a sealed value
//! copied to another row does not open. Short codes are kept as HMAC-SHA-256, so that a copy of the
//! database does not tell them. Tokens of 256 random bits are kept as SHA-256.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::randomness::{NoRandomness, random_bytes};

/// The bytes of a master key.
pub const MASTER_KEY_BYTES: usize = 32;

/// Different bytes in a key, at least: what was made up by hand to fill an example has fewer, and one in
/// 2^90 random keys has.
const LEAST_DISTINCT: usize = 16;

const NONCE_BYTES: usize = 24;
/// The random bytes of a token: more than can be guessed, so that a plain hash keeps it.
const TOKEN_BYTES: usize = 32;

/// Separate keys for separate uses, made from one (NIST SP 800-108 with HMAC, one block).
const SEALING: &[u8] = b"daybook sealing 1";
const HASHING: &[u8] = b"daybook hashing 1";
const NAMING: &[u8] = b"daybook naming 1";

/// Bytes of a master key's id.
const ID_BYTES: usize = 8;

/// Why a secret cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// A sealed value was made under another key or for another place, or was changed.
    #[error("a sealed value cannot be opened: wrong master key, or it was changed")]
    NotOurs,
    /// A master key that is none.
    #[error("a master key is 32 random bytes in base64 (without padding, URL alphabet)")]
    MasterKey,
}

/// The key that everything secret hangs on; never stored in the database.
pub struct MasterKey {
    sealing: XChaCha20Poly1305,
    hashing: Zeroizing<[u8; 32]>,
    id: String,
    /// Of master keys that were in use before, newest first.
    previous: Vec<XChaCha20Poly1305>,
}

impl MasterKey {
    /// Derives the keys in use from the bytes.
    #[must_use]
    pub fn new(bytes: &Zeroizing<[u8; MASTER_KEY_BYTES]>) -> Self {
        let sealing = Zeroizing::new(derived(bytes, SEALING));
        Self {
            sealing: XChaCha20Poly1305::new(&Key::from(*sealing)),
            hashing: Zeroizing::new(derived(bytes, HASHING)),
            id: id_of(&derived(bytes, NAMING)),
            previous: Vec::new(),
        }
    }

    /// Opens also what was sealed under these, which were in use before, newest first. Hashes stay those of
    /// the oldest, so that what was hashed is found.
    #[must_use]
    pub fn with_previous(mut self, previous: &[Arc<Self>]) -> Self {
        if let Some(oldest) = previous.last() {
            self.hashing.clone_from(&oldest.hashing);
        }
        self.previous = previous.iter().map(|key| key.sealing.clone()).collect();
        self
    }

    /// What the key is known by where it is said which one sealed something: it follows from the key and
    /// tells nothing of it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the key from its text, as [`new_master_key`] writes it.
    ///
    /// # Errors
    /// [`SecretError::MasterKey`].
    pub fn from_text(text: &str) -> Result<Self, SecretError> {
        let bytes = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(text.trim())
                .map_err(|_| SecretError::MasterKey)?,
        );
        let bytes = <[u8; MASTER_KEY_BYTES]>::try_from(bytes.as_slice())
            .map_err(|_| SecretError::MasterKey)?;
        let distinct: HashSet<u8> = bytes.iter().copied().collect();
        if distinct.len() < LEAST_DISTINCT {
            return Err(SecretError::MasterKey);
        }
        Ok(Self::new(&Zeroizing::new(bytes)))
    }

    /// Seals a secret for a place, such as `authenticator/<person>`.
    ///
    /// # Errors
    /// [`SecretError::Randomness`].
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, SecretError> {
        let nonce = random_bytes::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: secret,
            aad: place.as_bytes(),
        };
        let sealed = self
            .sealing
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SecretError::NotOurs)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SecretError::NotOurs`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SecretError::NotOurs)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        std::iter::once(&self.sealing)
            .chain(&self.previous)
            .find_map(|key| {
                let (msg, aad) = (payload.msg, payload.aad);
                key.decrypt(&XNonce::from(*nonce), Payload { msg, aad })
                    .ok()
            })
            .map(Zeroizing::new)
            .ok_or(SecretError::NotOurs)
    }

    /// The keyed hash of a short code at its place.
    #[must_use]
    pub fn hash(&self, place: &str, code: &str) -> [u8; 32] {
        let mut message = Vec::with_capacity(place.len() + code.len() + 1);
        message.extend_from_slice(place.as_bytes());
        message.push(0);
        message.extend_from_slice(code.as_bytes());
        derived(&self.hashing, &message)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(hidden)")
    }
}

/// A new master key as text.
///
/// # Errors
/// [`SecretError::Randomness`].
pub fn new_master_key() -> Result<Zeroizing<String>, SecretError> {
    let bytes = Zeroizing::new(random_bytes::<MASTER_KEY_BYTES>()?);
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// A new token of 256 random bits as text.
///
/// # Errors
/// [`SecretError::Randomness`].
pub fn new_token() -> Result<Zeroizing<String>, SecretError> {
    let bytes = Zeroizing::new(random_bytes::<TOKEN_BYTES>()?);
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// What is kept of a token.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Compares hashes without telling by its time where they differ.
#[must_use]
pub fn is_equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Decimal digits, each as likely as any other.
///
/// # Errors
/// [`SecretError::Randomness`].
pub fn digits(count: usize) -> Result<String, SecretError> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let [byte] = random_bytes::<1>()?;
        // Above are the six values that would make small digits more likely.
        if byte < 250 {
            text.push(char::from(b'0' + byte % 10));
        }
    }
    Ok(text)
}

fn id_of(hash: &[u8; 32]) -> String {
    let shown = hash.iter().take(ID_BYTES);
    shown.map(|byte| format!("{byte:02x}")).collect()
}

fn derived(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
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
    use super::{MasterKey, SecretError, digits, new_master_key, new_token};

    fn key() -> MasterKey {
        MasterKey::from_text(&new_master_key().unwrap()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_at_its_place_and_unchanged() {
        let key = key();
        let sealed = key.seal("authenticator/1", b"secret").unwrap();
        assert_eq!(**key.open("authenticator/1", &sealed).unwrap(), *b"secret");
        let opened = |place, sealed: &[u8]| key.open(place, sealed).map(drop);
        assert!(matches!(
            opened("authenticator/2", &sealed),
            Err(SecretError::NotOurs)
        ));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(opened("authenticator/1", &changed).is_err(), "{index}");
            assert!(opened("authenticator/1", &sealed[..index]).is_err());
        }
        assert!(self::key().open("authenticator/1", &sealed).is_err());
    }

    #[test]
    fn a_new_master_key_opens_what_earlier_ones_have_sealed() {
        let [first, second] = [key(), key()].map(std::sync::Arc::new);
        let sealed = [&first, &second].map(|key| key.seal("a", b"b").unwrap());
        let new = key().with_previous(&[second, first.clone()]);
        for sealed in sealed {
            assert_eq!(**new.open("a", &sealed).unwrap(), *b"b");
            assert!(new.open("b", &sealed).is_err());
        }
        assert!(first.open("a", &new.seal("a", b"b").unwrap()).is_err());
        assert_eq!(new.hash("a", "b"), first.hash("a", "b"));
    }

    #[test]
    fn the_same_secret_is_never_sealed_alike() {
        let key = key();
        assert_ne!(key.seal("a", b"b").unwrap(), key.seal("a", b"b").unwrap());
        assert_eq!(key.hash("a", "b"), key.hash("a", "b"));
        assert_ne!(key.hash("a", "b"), self::key().hash("a", "b"));
        assert_ne!(key.hash("a", "1b"), key.hash("a1", "b"));
    }

    #[test]
    fn a_master_key_is_thirty_two_bytes() {
        for bad in [
            "",
            "daybook",
            "AAAA",
            &"A".repeat(43),
            &"A".repeat(44),
            "not base64!",
        ] {
            assert!(MasterKey::from_text(bad).is_err(), "{bad}");
        }
        assert!(MasterKey::from_text(&format!("{}\n", *new_master_key().unwrap())).is_ok());
    }

    /// Ids are in the database: another function would not find the key of what was wrapped before.
    #[test]
    fn a_master_keys_id_never_changes() {
        let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        // HMAC-SHA-256 of `daybook naming 1` under the bytes 0 to 31, the first 8 bytes.
        assert_eq!(MasterKey::from_text(text).unwrap().id(), "958dae3e612e8072");
        assert_ne!(key().id(), key().id());
    }

    #[test]
    fn codes_and_tokens_are_of_their_length() {
        let code = digits(6).unwrap();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(new_token().unwrap().len(), 43);
        assert_ne!(*new_token().unwrap(), *new_token().unwrap());
    }

    #[test]
    fn every_digit_comes_about_as_often() {
        let text = digits(20_000).unwrap();
        for digit in '0'..='9' {
            let count = text.chars().filter(|found| *found == digit).count();
            // Nine standard deviations of 42 around 2,000.
            assert!((1_620..=2_380).contains(&count), "{digit}: {count}");
        }
    }
}
