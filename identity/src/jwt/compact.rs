//! The compact form of a signed token: `header.claims.signature` (RFC 7515, section 3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::TokenFault;
use super::strict_json::parse_object;

/// A token taken apart; nothing of it is verified.
#[derive(Debug)]
pub(crate) struct CompactToken<'a> {
    pub header: Header,
    pub claims: Map<String, Value>,
    /// What is signed: header and claims as they came, with the dot between them.
    pub signed: &'a str,
    /// Base64url, known to be well formed.
    pub signature: &'a str,
}

/// What is read of a header. Keys and places of keys that a header brings along are not
/// (RFC 8725, section 3.10).
#[derive(Debug)]
pub(crate) struct Header {
    pub algorithm: String,
    pub key_id: Option<String>,
    pub token_type: Option<String>,
}

impl<'a> CompactToken<'a> {
    pub(crate) fn parse(token: &'a str, limit_bytes: usize) -> Result<Self, TokenFault> {
        if token.len() > limit_bytes {
            return Err(TokenFault::TooLong {
                length_bytes: token.len(),
                limit_bytes,
            });
        }
        let not_three = TokenFault::Malformed("not three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or(not_three.clone())?;
        let (header, claims) = signed.split_once('.').ok_or(not_three.clone())?;
        if claims.contains('.') {
            return Err(not_three);
        }
        let header = Header::try_from_object(object(header, "header")?)?;
        let claims = object(claims, "claims")?;
        // An empty signature is well formed; that no key makes one is found when it is checked.
        decode(signature, "signature")?;
        Ok(Self {
            header,
            claims,
            signed,
            signature,
        })
    }

    /// Who says to have issued the token.
    pub(crate) fn unverified_issuer(&self) -> Result<&str, TokenFault> {
        match self.claims.get("iss") {
            Some(Value::String(issuer)) if !issuer.is_empty() => Ok(issuer),
            _ => Err(TokenFault::MissingClaim {
                claim: "iss".to_owned(),
            }),
        }
    }
}

impl Header {
    fn try_from_object(mut members: Map<String, Value>) -> Result<Self, TokenFault> {
        if members.contains_key("crit") {
            return Err(TokenFault::CriticalHeader);
        }
        // A content type says that the claims are no claims but, for instance, a nested token.
        if members.contains_key("cty") {
            return Err(TokenFault::WrongType);
        }
        let mut text = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenFault::Malformed("a header member is not text")),
        };
        let (algorithm, key_id, token_type) = (text("alg")?, text("kid")?, text("typ")?);
        Ok(Self {
            algorithm: algorithm.ok_or(TokenFault::Malformed("no algorithm"))?,
            key_id,
            token_type,
        })
    }
}

fn object(part: &str, name: &'static str) -> Result<Map<String, Value>, TokenFault> {
    parse_object(&decode(part, name)?).map_err(|_| TokenFault::Malformed(name))
}

/// Base64url without padding; bits of the last character that belong to no byte must be zero, so a
/// token has one spelling.
fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFault::Malformed(name))
}
