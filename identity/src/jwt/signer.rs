//! Our own keys: Ed25519 (RFC 8037), named by their thumbprint (RFC 7638).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{self, DecodePrivateKey, EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::claims::TYPED;
use super::policy::is_claimed;
use super::{ACCESS_TOKEN_CLAIMS, Claims};
use crate::randomness::{NoRandomness, random_bytes};

/// Why there is no signing key, or no token.
#[derive(Debug, thiserror::Error)]
pub enum SignerFault {
    /// No key can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The bytes are no Ed25519 private key in PKCS#8, or the key could not be written as such.
    #[error("this is no Ed25519 private key in PKCS#8")]
    InvalidKey(#[source] pkcs8::Error),
    /// A claim that every access token has is missing.
    #[error("an access token needs the claim {claim}")]
    MissingClaim {
        /// Its name.
        claim: &'static str,
    },
    /// A claim is given as a field and once more among the others.
    #[error("the claim {claim} has a field of its own")]
    RepeatedClaim {
        /// Its name.
        claim: &'static str,
    },
    /// The token could not be written.
    #[error("the token could not be signed")]
    Failed(#[source] jsonwebtoken::errors::Error),
}

/// The public half of a signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key_id: String,
    bytes: [u8; 32],
}

/// A private key that signs access tokens. `Debug` hides it, dropping wipes it.
#[derive(Debug, Clone)]
pub struct Signer {
    key: EncodingKey,
    public: PublicKey,
}

impl PublicKey {
    /// A key that was stored as [`PublicKey::as_bytes`] gives it.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let key_id = thumbprint(&bytes);
        Self { key_id, bytes }
    }

    /// The bytes of the key (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The `kid`: the key's thumbprint.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The key as a JWK.
    #[must_use]
    pub fn to_jwk(&self) -> Value {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": URL_SAFE_NO_PAD.encode(self.bytes),
            "kid": self.key_id,
            "use": "sig",
            "alg": "EdDSA",
        })
    }
}

impl Signer {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`SignerFault::NoRandomness`].
    pub fn generate() -> Result<Self, SignerFault> {
        let seed = Zeroizing::new(random_bytes::<32>()?);
        Self::try_from_key(&SigningKey::from_bytes(&seed))
    }

    /// A key that was stored as [`Signer::to_pkcs8_der`] gives it.
    ///
    /// # Errors
    /// [`SignerFault::InvalidKey`], also when the public half in it is of another key.
    pub fn try_from_pkcs8_der(bytes: &[u8]) -> Result<Self, SignerFault> {
        let key = SigningKey::from_pkcs8_der(bytes).map_err(SignerFault::InvalidKey)?;
        Self::try_from_key(&key)
    }

    fn try_from_key(key: &SigningKey) -> Result<Self, SignerFault> {
        let document = key.to_pkcs8_der().map_err(SignerFault::InvalidKey)?;
        Ok(Self {
            key: EncodingKey::from_ed_der(document.as_bytes()),
            public: PublicKey::from_bytes(key.verifying_key().to_bytes()),
        })
    }

    /// The private key in PKCS#8 (RFC 8410), to be stored encrypted.
    #[must_use]
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.as_bytes().to_vec())
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs an access token (RFC 9068): `typ` is `at+jwt`, `alg` EdDSA.
    ///
    /// # Errors
    /// [`SignerFault::MissingClaim`], [`SignerFault::RepeatedClaim`], [`SignerFault::Failed`].
    pub fn sign(&self, claims: &Claims) -> Result<String, SignerFault> {
        check(claims)?;
        let header = Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some(self.public.key_id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(SignerFault::Failed)
    }
}

/// What [`super::verify`] would refuse is not signed.
fn check(claims: &Claims) -> Result<(), SignerFault> {
    for &claim in TYPED {
        if claims.other.contains_key(claim) {
            return Err(SignerFault::RepeatedClaim { claim });
        }
    }
    let members = claims.to_object();
    for &claim in ACCESS_TOKEN_CLAIMS {
        if !is_claimed(&members, claim) {
            return Err(SignerFault::MissingClaim { claim });
        }
    }
    Ok(())
}

/// The JWK Set to publish: the key that signs, those that will, and those whose tokens are not all
/// expired yet.
#[must_use]
pub fn jwks(keys: &[PublicKey]) -> Value {
    let keys: Vec<Value> = keys.iter().map(PublicKey::to_jwk).collect();
    json!({ "keys": keys })
}

/// RFC 7638, section 3, with the members of RFC 8037, section 2, in the order of their names.
fn thumbprint(bytes: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(bytes);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::PublicKey;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_key_id_is_the_thumbprint_of_the_standard() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let bytes = URL_SAFE_NO_PAD.decode(x).unwrap().try_into().unwrap();
        let key = PublicKey::from_bytes(bytes);
        assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.to_jwk()["x"], x);
    }
}
