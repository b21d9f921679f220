//! What a token says (RFC 7519, 4.1; RFC 9068, 2.2; OpenID Connect Core, 2).

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TokenFault;

/// The claims of a token. Times are whole seconds since 1970; a fraction is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// `iss`: who issued the token.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// `sub`: whom it speaks of, unique at the issuer.
    #[serde(rename = "sub")]
    pub subject: String,
    /// `aud`: who may accept it.
    #[serde(
        rename = "aud",
        serialize_with = "one_or_many",
        deserialize_with = "from_one_or_many"
    )]
    pub audiences: Vec<String>,
    /// `exp`: the first second at which it is no longer good.
    #[serde(rename = "exp")]
    pub expires_at: u64,
    /// `nbf`: the first second at which it is good.
    #[serde(rename = "nbf", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// `iat`: when it was issued.
    #[serde(rename = "iat", default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
    /// `jti`: the token's own id.
    #[serde(rename = "jti", default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// `client_id`: the program that got the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `scope`: what it is good for, words with a space between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `acr`: how strongly the person was authenticated.
    #[serde(rename = "acr", default, skip_serializing_if = "Option::is_none")]
    pub authentication_class: Option<String>,
    /// `amr`: the means by which the person was authenticated (RFC 8176).
    #[serde(
        rename = "amr",
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "from_null_or_list"
    )]
    pub authentication_methods: Vec<String>,
    /// `auth_time`: when the person was authenticated.
    #[serde(rename = "auth_time", default, skip_serializing_if = "Option::is_none")]
    pub authenticated_at: Option<u64>,
    /// `sid`: the session it belongs to.
    #[serde(rename = "sid", default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Every other claim.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The names that have a field, which `other` may not use again.
pub(super) const TYPED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "acr",
    "amr",
    "auth_time",
    "sid",
];

impl Claims {
    /// The words of `scope`.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope
            .as_deref()
            .unwrap_or_default()
            .split_ascii_whitespace()
    }

    /// Any claim by its name in the token, also those with a field of their own.
    #[must_use]
    pub fn to_object(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // A struct with text for keys serializes to an object.
            _ => Map::new(),
        }
    }

    pub(super) fn try_from_object(members: Map<String, Value>) -> Result<Self, TokenFault> {
        serde_json::from_value(Value::Object(members))
            .map_err(|_| TokenFault::Malformed("a claim is not of its type"))
    }
}

fn one_or_many<S: Serializer>(audiences: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match audiences {
        [audience] => serializer.serialize_str(audience),
        _ => serializer.collect_seq(audiences),
    }
}

fn from_one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(audience) => vec![audience],
        OneOrMany::Many(audiences) if audiences.is_empty() => {
            return Err(de::Error::custom("no audience"));
        }
        OneOrMany::Many(audiences) => audiences,
    })
}

fn from_null_or_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
