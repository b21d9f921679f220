//! The public keys of an issuer (JWK Set, RFC 7517, section 5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::compact::CompactToken;
use super::strict_json::parse_object;
use super::{PublicKey, SignatureAlgorithm, TokenFault};

/// The most keys that a set may have, usable or not.
const MAX_KEYS: usize = 100;
/// The sizes of an RSA modulus: at least what RFC 7518, 3.3 asks for, at most what the backend takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// Members that only a private key has; a key that is published with them is everybody's.
const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a set of keys is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum KeySetFault {
    /// The bytes are no JSON object, or one with repeated members.
    #[error("the key set is no JSON object")]
    NotJson(#[source] serde_json::Error),
    /// There is no list of objects in `keys`.
    #[error("the key set has no list of keys")]
    NoKeys,
    /// There are too many keys.
    #[error("the key set has {count} keys, more than {MAX_KEYS}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// Two keys have the same `kid`, so a token does not say which one it means.
    #[error("the key set has two keys with the id {key_id:?}")]
    RepeatedKeyId {
        /// The id.
        key_id: String,
    },
}

/// Keys that signatures are checked with, each bound to one algorithm.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
}

#[derive(Debug, Clone)]
struct VerificationKey {
    key_id: Option<String>,
    algorithm: SignatureAlgorithm,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK Set. Keys that are of no use are left out, as RFC 7517, section 5, advises: unknown
    /// kinds, curves and algorithms, keys for encryption, RSA keys under 2048 or over 4096 bits, points
    /// not on their curve, private keys. An RSA key without `alg` is bound to RS256 (the default of
    /// OpenID Connect).
    ///
    /// # Errors
    /// [`KeySetFault`]. A set in which no key is of use is accepted: then no token is.
    pub fn try_from_json(bytes: &[u8]) -> Result<Self, KeySetFault> {
        let members = parse_object(bytes).map_err(KeySetFault::NotJson)?;
        let Some(Value::Array(items)) = members.get("keys") else {
            return Err(KeySetFault::NoKeys);
        };
        if items.len() > MAX_KEYS {
            return Err(KeySetFault::TooMany { count: items.len() });
        }
        let mut set = Self::default();
        for item in items {
            let members = item.as_object().ok_or(KeySetFault::NoKeys)?;
            if let Some(key) = VerificationKey::from_members(members) {
                set.add(key)?;
            }
        }
        Ok(set)
    }

    /// The set of our own keys.
    ///
    /// # Errors
    /// [`KeySetFault::RepeatedKeyId`] when a key is given twice.
    pub fn try_from_public_keys<'a>(
        keys: impl IntoIterator<Item = &'a PublicKey>,
    ) -> Result<Self, KeySetFault> {
        let mut set = Self::default();
        for key in keys {
            set.add(VerificationKey {
                key_id: Some(key.key_id().to_owned()),
                algorithm: SignatureAlgorithm::EdDsa,
                key: DecodingKey::from_ed_der(key.as_bytes()),
            })?;
        }
        Ok(set)
    }

    /// How many keys are of use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is of use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn add(&mut self, key: VerificationKey) -> Result<(), KeySetFault> {
        if let Some(key_id) = &key.key_id {
            let is_repeated = self
                .keys
                .iter()
                .any(|other| other.key_id.as_ref() == Some(key_id));
            if is_repeated {
                let key_id = key_id.clone();
                return Err(KeySetFault::RepeatedKeyId { key_id });
            }
        }
        self.keys.push(key);
        Ok(())
    }

    /// Whether a token's key may be here, so that fetching keys anew would not help.
    pub(crate) fn has_key_of(&self, token: &CompactToken<'_>) -> bool {
        let Some(algorithm) = SignatureAlgorithm::from_name(&token.header.algorithm) else {
            return true;
        };
        let found = self.find(token.header.key_id.as_deref(), algorithm);
        !matches!(found, Err(TokenFault::UnknownKey))
    }

    pub(crate) fn check_signature(
        &self,
        token: &CompactToken<'_>,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), TokenFault> {
        let key = self.find(token.header.key_id.as_deref(), algorithm)?;
        let signed = token.signed.as_bytes();
        match jsonwebtoken::crypto::verify(token.signature, signed, &key.key, algorithm.backend()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TokenFault::BadSignature),
        }
    }

    /// The key of a token; without `kid`, the only one of its algorithm.
    fn find(
        &self,
        key_id: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<&VerificationKey, TokenFault> {
        if let Some(key_id) = key_id {
            let is_meant = |key: &&VerificationKey| key.key_id.as_deref() == Some(key_id);
            let key = self.keys.iter().find(is_meant);
            return match key {
                Some(key) if key.algorithm == algorithm => Ok(key),
                Some(_) => Err(TokenFault::UnsupportedAlgorithm),
                None => Err(TokenFault::UnknownKey),
            };
        }
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(TokenFault::UnknownKey),
        }
    }
}

impl VerificationKey {
    fn from_members(members: &Map<String, Value>) -> Option<Self> {
        let is_private = PRIVATE_MEMBERS
            .iter()
            .any(|&member| members.contains_key(member));
        if is_private || !is_for_signatures(members) {
            return None;
        }
        let key_id = match members.get("kid") {
            None => None,
            Some(Value::String(key_id)) => Some(key_id.clone()),
            Some(_) => return None,
        };
        let named = match members.get("alg") {
            None => None,
            Some(Value::String(name)) => Some(SignatureAlgorithm::from_name(name)?),
            Some(_) => return None,
        };
        let (algorithm, key) = match text(members, "kty")? {
            "RSA" => rsa_key(members, named)?,
            "EC" => elliptic_key(members)?,
            "OKP" => edwards_key(members)?,
            _ => return None,
        };
        if named.is_some_and(|named| named != algorithm) {
            return None;
        }
        Some(Self {
            key_id,
            algorithm,
            key,
        })
    }
}

fn is_for_signatures(members: &Map<String, Value>) -> bool {
    let is_used = members.get("use").is_none_or(|usage| usage == "sig");
    let is_allowed = match members.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => false,
    };
    is_used && is_allowed
}

fn rsa_key(
    members: &Map<String, Value>,
    named: Option<SignatureAlgorithm>,
) -> Option<(SignatureAlgorithm, DecodingKey)> {
    let algorithm = named.unwrap_or(SignatureAlgorithm::Rs256);
    let (modulus, exponent) = (bytes(members, "n")?, bytes(members, "e")?);
    let is_good = algorithm.is_rsa()
        && RSA_BITS.contains(&bit_length(&modulus))
        && is_odd(&modulus)
        && (2..=33).contains(&bit_length(&exponent))
        && is_odd(&exponent);
    let key = || DecodingKey::from_rsa_raw_components(&modulus, &exponent);
    is_good.then(|| (algorithm, key()))
}

fn elliptic_key(members: &Map<String, Value>) -> Option<(SignatureAlgorithm, DecodingKey)> {
    let (algorithm, length) = match text(members, "crv")? {
        "P-256" => (SignatureAlgorithm::Es256, 32),
        "P-384" => (SignatureAlgorithm::Es384, 48),
        _ => return None,
    };
    if bytes(members, "x")?.len() != length || bytes(members, "y")?.len() != length {
        return None;
    }
    let (x, y) = (text(members, "x")?, text(members, "y")?);
    let key = DecodingKey::from_ec_components(x, y).ok()?;
    // The backend makes the key before it looks at a signature: an error means that the point is not
    // on the curve, a wrong signature is no error.
    jsonwebtoken::crypto::verify("", b"", &key, algorithm.backend()).ok()?;
    Some((algorithm, key))
}

fn edwards_key(members: &Map<String, Value>) -> Option<(SignatureAlgorithm, DecodingKey)> {
    if text(members, "crv")? != "Ed25519" {
        return None;
    }
    // The backend indexes into the bytes without looking at their number.
    let point: [u8; 32] = bytes(members, "x")?.try_into().ok()?;
    // Under a point of small order one signature is good for many messages.
    if VerifyingKey::from_bytes(&point).ok()?.is_weak() {
        return None;
    }
    let key = DecodingKey::from_ed_der(&point);
    Some((SignatureAlgorithm::EdDsa, key))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

fn bytes(members: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(members, name)?).ok()
}

/// The number of bits of a big-endian number, without leading zeros.
fn bit_length(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let Some(&first) = number.get(zeros) else {
        return 0;
    };
    let unused = usize::try_from(first.leading_zeros()).unwrap_or(0);
    (number.len() - zeros) * 8 - unused
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::bit_length;

    #[test]
    fn bits_are_counted_without_leading_zeros() {
        for (number, bits) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[1], 1),
            (&[3], 2),
            (&[0x7f], 7),
            (&[0x80], 8),
            (&[0, 1, 0], 9),
            (&[1, 0, 1], 17),
            (&[0xff, 0xff], 16),
        ] {
            assert_eq!(bit_length(number), bits, "{number:?}");
        }
    }
}
