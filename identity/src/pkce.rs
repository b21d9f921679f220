//! Proof Key for Code Exchange (RFC 7636), with S256 only.
//!
//! The client keeps a random *verifier* and sends its hash, the *challenge*, with the authorization
//! request; the code is worth nothing without the verifier (sections 4.1 to 4.6). The method
//! `plain` is refused: it protects nothing once the request is seen (section 7.2, RFC 9700, 2.1.1).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::randomness::{NoRandomness, random_text};

/// The one accepted `code_challenge_method`.
pub const METHOD: &str = "S256";
/// How long a verifier may be, in characters (RFC 7636, 4.1).
const VERIFIER_LENGTH: std::ops::RangeInclusive<usize> = 43..=128;
/// How long a challenge is: 256 bits in base64url without padding.
const CHALLENGE_LENGTH: usize = 43;

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceFault {
    /// The method is not S256.
    #[error("the code challenge method must be S256")]
    UnsupportedMethod,
    /// The verifier is too short, too long, or has a character that is not allowed.
    #[error("a code verifier has 43 to 128 of the characters A-Z a-z 0-9 - . _ ~")]
    InvalidVerifier,
    /// The challenge is no hash in base64url without padding.
    #[error("a code challenge has 43 characters of base64url, without padding")]
    InvalidChallenge,
    /// The verifier is not the one the challenge was made of.
    #[error("the code verifier does not belong to the code challenge")]
    Mismatch,
}

impl PkceFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnsupportedMethod => "pkce_method_unsupported",
            Self::InvalidVerifier => "pkce_verifier_invalid",
            Self::InvalidChallenge => "pkce_challenge_invalid",
            Self::Mismatch => "pkce_mismatch",
        }
    }
}

/// A verifier and its challenge. The verifier is a secret: `Debug` hides it, dropping wipes it.
#[derive(Clone)]
pub struct ProofKey {
    verifier: Zeroizing<String>,
    challenge: String,
}

impl ProofKey {
    /// What the client keeps and sends with the code.
    #[must_use]
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// What the client sends with the authorization request.
    #[must_use]
    pub fn challenge(&self) -> &str {
        &self.challenge
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProofKey")
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}

/// Makes a verifier of 256 random bits and its challenge.
///
/// # Errors
/// [`NoRandomness`].
pub fn generate() -> Result<ProofKey, NoRandomness> {
    let verifier = Zeroizing::new(random_text()?);
    let challenge = hash(&verifier);
    Ok(ProofKey {
        verifier,
        challenge,
    })
}

/// Checks what an authorization request asks for, before a code is issued for it.
///
/// # Errors
/// [`PkceFault::UnsupportedMethod`], [`PkceFault::InvalidChallenge`].
pub fn check_request(method: &str, challenge: &str) -> Result<(), PkceFault> {
    if method != METHOD {
        return Err(PkceFault::UnsupportedMethod);
    }
    check_challenge(challenge)
}

/// The S256 challenge of a verifier.
///
/// # Errors
/// [`PkceFault::InvalidVerifier`].
pub fn challenge_of(verifier: &str) -> Result<String, PkceFault> {
    check_verifier(verifier)?;
    Ok(hash(verifier))
}

/// Whether a verifier belongs to a challenge (RFC 7636, 4.6). Takes the same time wherever the two
/// differ.
///
/// # Errors
/// [`PkceFault`]; a malformed verifier or challenge is named before they are compared.
pub fn verify(verifier: &str, challenge: &str) -> Result<(), PkceFault> {
    check_verifier(verifier)?;
    check_challenge(challenge)?;
    let is_same = hash(verifier).as_bytes().ct_eq(challenge.as_bytes());
    if bool::from(is_same) {
        Ok(())
    } else {
        Err(PkceFault::Mismatch)
    }
}

fn hash(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

fn check_verifier(verifier: &str) -> Result<(), PkceFault> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if VERIFIER_LENGTH.contains(&verifier.len()) && verifier.bytes().all(is_allowed) {
        Ok(())
    } else {
        Err(PkceFault::InvalidVerifier)
    }
}

fn check_challenge(challenge: &str) -> Result<(), PkceFault> {
    let is_hash = challenge.len() == CHALLENGE_LENGTH
        && URL_SAFE_NO_PAD
            .decode(challenge)
            .is_ok_and(|bytes| bytes.len() == 32);
    if is_hash {
        Ok(())
    } else {
        Err(PkceFault::InvalidChallenge)
    }
}

#[cfg(test)]
mod tests {
    use super::{METHOD, PkceFault, challenge_of, check_request, generate, verify};

    #[test]
    fn a_generated_key_proves_itself_and_nothing_else() {
        let (key, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!(key.verifier().len(), 43);
        assert_eq!(verify(key.verifier(), key.challenge()), Ok(()));
        assert_eq!(
            verify(key.verifier(), other.challenge()),
            Err(PkceFault::Mismatch)
        );
        assert_eq!(check_request(METHOD, key.challenge()), Ok(()));
        assert!(!format!("{key:?}").contains(key.verifier()));
    }

    #[test]
    fn plain_is_refused() {
        let key = generate().unwrap();
        for method in ["plain", "s256", "", "S512"] {
            let fault = check_request(method, key.challenge()).unwrap_err();
            assert_eq!(fault, PkceFault::UnsupportedMethod, "{method}");
        }
        // A verifier that would be its own challenge under `plain`.
        assert!(verify(key.verifier(), key.verifier()).is_err());
    }

    #[test]
    fn verifiers_have_43_to_128_unreserved_characters() {
        for length in [43, 44, 127, 128] {
            let verifier = "~".repeat(length);
            let challenge = challenge_of(&verifier).unwrap();
            assert_eq!(verify(&verifier, &challenge), Ok(()), "{length}");
        }
        let fits = "a".repeat(42);
        for bad in [
            String::new(),
            fits.clone(),
            "a".repeat(129),
            format!("{fits} "),
            format!("{fits}+"),
            format!("{fits}/"),
            format!("{fits}="),
            format!("{fits}é"),
            format!("{fits}\0"),
        ] {
            assert_eq!(challenge_of(&bad), Err(PkceFault::InvalidVerifier), "{bad}");
        }
    }

    #[test]
    fn challenges_are_hashes() {
        let verifier = "a".repeat(43);
        let challenge = challenge_of(&verifier).unwrap();
        for bad in [
            String::new(),
            challenge[1..].to_owned(),
            format!("{challenge}="),
            format!("{challenge}A"),
            challenge.replace(&challenge[..1], "+"),
            // The last character carries two bits that no hash has.
            format!("{}_", &challenge[..42]),
        ] {
            let fault = verify(&verifier, &bad).unwrap_err();
            assert_eq!(fault, PkceFault::InvalidChallenge, "{bad}");
        }
    }
}
