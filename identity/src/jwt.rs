//! JSON Web Tokens: checking those of any issuer, and signing our own access tokens.
//!
//! [`verify`] follows RFC 7515, 7519 and 8725 (sections of the latter in brackets), and RFC 9068 for
//! access tokens:
//!
//! * The key decides the algorithm, the token never does: a [`KeySet`] binds each key to one
//!   algorithm, and a token whose header names another is refused \[3.1, 3.2\]. There is no `none` and
//!   no HMAC: neither has a name in [`SignatureAlgorithm`].
//! * `jwk`, `jku`, `x5u`, `x5c` of a header are never read \[3.10\]; `kid` is only looked up in the set.
//! * A critical extension is refused, as none is known (RFC 7515, 4.1.11).
//! * `typ` must be one that the [`Policy`] accepts \[3.11, 3.12\]; `iss` and `aud` must be the policy's
//!   \[3.8, 3.9\]; `exp` must lie ahead, `nbf` and `iat` must not, within the policy's leeway.
//! * JSON with a repeated member, base64 with padding or loose bits, and tokens longer than the policy
//!   allows are refused before anything is computed.
//!
//! Signatures are checked by the crate `jsonwebtoken`; the rules are here, because they must see the
//! raw header and take the time as a parameter.
//!
//! Architecture Invariant: nothing here reads a clock, a file or the network.

mod algorithm;
mod claims;
mod compact;
mod keys;
mod policy;
mod signer;
mod strict_json;

pub use algorithm::SignatureAlgorithm;
pub use claims::Claims;
pub use keys::{KeySet, KeySetFault};
pub use policy::{ACCESS_TOKEN_CLAIMS, AcceptedType, DEFAULT_MAX_LENGTH_BYTES, Policy};
pub use signer::{PublicKey, Signer, SignerFault, jwks};

pub(crate) use compact::CompactToken;

/// Why a token is refused. Which rule it broke is for logs and tests; a client is only told that the
/// token is invalid (RFC 6750, 3.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The token is longer than any good one.
    #[error("the token has {length_bytes} bytes, more than {limit_bytes}")]
    TooLong {
        /// How long it is.
        length_bytes: usize,
        /// How long it may be.
        limit_bytes: usize,
    },
    /// The token is no compact JWS with JSON objects in it.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The header asks for an extension that must be understood.
    #[error("the token's header has critical extensions")]
    CriticalHeader,
    /// The header's algorithm is not accepted, or is not the key's.
    #[error("the token's algorithm is not accepted")]
    UnsupportedAlgorithm,
    /// The header's type is not accepted.
    #[error("the token's type is not accepted")]
    WrongType,
    /// No key of the set is meant.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A required claim is missing or empty.
    #[error("the token lacks the claim {claim}")]
    MissingClaim {
        /// Its name.
        claim: String,
    },
    /// The token is of another issuer.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// The token is for someone else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// The token is no longer good.
    #[error("the token has expired")]
    Expired,
    /// The token is not good yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token claims to be issued later than now.
    #[error("the token was issued in the future")]
    IssuedInTheFuture,
}

impl TokenFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Malformed(_) => "malformed",
            Self::CriticalHeader => "critical_header",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::WrongType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::MissingClaim { .. } => "missing_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInTheFuture => "issued_in_the_future",
        }
    }
}

/// Checks a token against the keys and the policy of one issuer, at a time in seconds since 1970.
///
/// # Errors
/// The first rule that the token breaks, in the order of [`TokenFault`].
pub fn verify(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: u64,
) -> Result<Claims, TokenFault> {
    let token = CompactToken::parse(token, policy.max_length_bytes)?;
    verify_parsed(token, keys, policy, now_unix_seconds)
}

pub(crate) fn verify_parsed(
    token: CompactToken<'_>,
    keys: &KeySet,
    policy: &Policy,
    now_unix_seconds: u64,
) -> Result<Claims, TokenFault> {
    let algorithm = policy.check_header(&token.header)?;
    keys.check_signature(&token, algorithm)?;
    policy.check_claims(token.claims, now_unix_seconds)
}

/// The issuer that a token names, to choose whose keys and policy it is to be checked with. Nothing
/// of the token is verified.
///
/// # Errors
/// [`TokenFault::TooLong`], [`TokenFault::Malformed`], [`TokenFault::CriticalHeader`], or
/// [`TokenFault::MissingClaim`] without an issuer.
pub fn unverified_issuer(token: &str) -> Result<String, TokenFault> {
    let token = CompactToken::parse(token, DEFAULT_MAX_LENGTH_BYTES)?;
    token.unverified_issuer().map(str::to_owned)
}
