//! Sumsub's signatures.

use super::settings::SumsubDigest;
use crate::providers::signature::{hmac_sha1, hmac_sha256, hmac_sha512};

/// The signature of a request: HMAC-SHA256 over the time in seconds, the method in capitals, path and query,
/// and the body, one after the other.
#[must_use]
pub fn request_signature(
    secret_key: &str,
    timestamp: &str,
    method: &str,
    path_and_query: &str,
    body: &[u8],
) -> String {
    let parts: [&[u8]; 4] = [
        timestamp.as_bytes(),
        method.as_bytes(),
        path_and_query.as_bytes(),
        body,
    ];
    hmac_sha256(secret_key, &parts)
}

impl SumsubDigest {
    /// Sumsub's name for it, in the header `x-payload-digest-alg`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "HMAC_SHA1_HEX",
            Self::Sha256 => "HMAC_SHA256_HEX",
            Self::Sha512 => "HMAC_SHA512_HEX",
        }
    }

    /// How long it is, in hexadecimal digits.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// The signature of a webhook's body.
    pub(crate) fn of(self, secret: &str, body: &[u8]) -> String {
        match self {
            Self::Sha1 => hmac_sha1(secret, &[body]),
            Self::Sha256 => hmac_sha256(secret, &[body]),
            Self::Sha512 => hmac_sha512(secret, &[body]),
        }
    }
}
