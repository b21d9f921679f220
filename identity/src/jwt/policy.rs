//! What a token must say to be accepted from one issuer.

use serde_json::{Map, Value};

use super::compact::Header;
use super::{Claims, SignatureAlgorithm, TokenFault};

/// How long a token may be unless a policy says otherwise.
pub const DEFAULT_MAX_LENGTH_BYTES: usize = 8 * 1024;
/// What every token must claim, whatever a policy adds.
const ALWAYS_REQUIRED: &[&str] = &["iss", "sub", "aud", "exp"];
/// What an access token must claim (RFC 9068, section 2.2).
pub const ACCESS_TOKEN_CLAIMS: &[&str] = &["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];
/// How far clocks may be apart.
const DEFAULT_LEEWAY_SECONDS: u64 = 60;

/// A `typ` that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedType {
    /// This media type, with or without `application/` before it, in any case (RFC 7515, 4.1.9).
    Named(String),
    /// No `typ` at all, as in the ID tokens of many issuers.
    Absent,
}

impl AcceptedType {
    /// `at+jwt` (RFC 9068, section 2.1).
    #[must_use]
    pub fn access_token() -> Self {
        Self::Named("at+jwt".to_owned())
    }

    fn accepts(&self, token_type: Option<&str>) -> bool {
        match (self, token_type) {
            (Self::Absent, token_type) => token_type.is_none(),
            (Self::Named(_), None) => false,
            (Self::Named(accepted), Some(token_type)) => {
                media_type(accepted).eq_ignore_ascii_case(media_type(token_type))
            }
        }
    }
}

/// A type without the `application/` that may be left out when nothing else has a slash.
fn media_type(name: &str) -> &str {
    const PREFIX: &str = "application/";
    match name.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => &name[PREFIX.len()..],
        _ => name,
    }
}

/// The rules for the tokens of one issuer.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The one accepted `iss`, compared byte by byte.
    pub issuer: String,
    /// Who we are: one of them must be in `aud`. Without any, no token is accepted.
    pub audiences: Vec<String>,
    /// The accepted `typ`.
    pub types: Vec<AcceptedType>,
    /// The accepted algorithms; the key must be bound to the token's, too.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// How far the issuer's clock may be from ours, in seconds.
    pub leeway_seconds: u64,
    /// What must be claimed besides `iss`, `sub`, `aud` and `exp`.
    pub required_claims: Vec<String>,
    /// The longest token that is looked at.
    pub max_length_bytes: usize,
}

impl Policy {
    /// The rules of RFC 9068, section 4, with EdDSA and a leeway of a minute.
    #[must_use]
    pub fn access_token(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            types: vec![AcceptedType::access_token()],
            algorithms: vec![SignatureAlgorithm::EdDsa],
            leeway_seconds: DEFAULT_LEEWAY_SECONDS,
            required_claims: names(ACCESS_TOKEN_CLAIMS),
            max_length_bytes: DEFAULT_MAX_LENGTH_BYTES,
        }
    }

    pub(crate) fn check_header(&self, header: &Header) -> Result<SignatureAlgorithm, TokenFault> {
        let algorithm = SignatureAlgorithm::from_name(&header.algorithm)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(TokenFault::UnsupportedAlgorithm)?;
        let token_type = header.token_type.as_deref();
        if self
            .types
            .iter()
            .any(|accepted| accepted.accepts(token_type))
        {
            Ok(algorithm)
        } else {
            Err(TokenFault::WrongType)
        }
    }

    pub(crate) fn check_claims(
        &self,
        members: Map<String, Value>,
        now: u64,
    ) -> Result<Claims, TokenFault> {
        let required = self.required_claims.iter().map(String::as_str);
        for claim in ALWAYS_REQUIRED.iter().copied().chain(required) {
            if !is_claimed(&members, claim) {
                let claim = claim.to_owned();
                return Err(TokenFault::MissingClaim { claim });
            }
        }
        let claims = Claims::try_from_object(members)?;
        if claims.issuer != self.issuer {
            return Err(TokenFault::WrongIssuer);
        }
        if !claims
            .audiences
            .iter()
            .any(|audience| self.audiences.contains(audience))
        {
            return Err(TokenFault::WrongAudience);
        }
        self.check_times(&claims, now)?;
        Ok(claims)
    }

    /// `exp` is the first second at which a token is no longer good (RFC 7519, 4.1.4).
    fn check_times(&self, claims: &Claims, now: u64) -> Result<(), TokenFault> {
        let latest = now.saturating_add(self.leeway_seconds);
        if now >= claims.expires_at.saturating_add(self.leeway_seconds) {
            return Err(TokenFault::Expired);
        }
        if claims.not_before.is_some_and(|time| time > latest) {
            return Err(TokenFault::NotYetValid);
        }
        if claims.issued_at.is_some_and(|time| time > latest) {
            return Err(TokenFault::IssuedInTheFuture);
        }
        Ok(())
    }
}

/// Whether a claim is there and says something: `null`, an empty text and an empty list do not.
pub(super) fn is_claimed(members: &Map<String, Value>, claim: &str) -> bool {
    match members.get(claim) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => true,
    }
}

pub(crate) fn names(claims: &[&str]) -> Vec<String> {
    claims.iter().map(|&claim| claim.to_owned()).collect()
}
