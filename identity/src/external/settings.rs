//! What is configured of an issuer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::http_client::is_secure;
use crate::jwt::{
    ACCESS_TOKEN_CLAIMS, AcceptedType, Claims, DEFAULT_MAX_LENGTH_BYTES, Policy, SignatureAlgorithm,
};

/// The longest ID token; they carry more about a person than access tokens do.
const MAX_ID_TOKEN_BYTES: usize = 16 * 1024;
/// How far an issuer's clock may be from ours.
pub(super) const LEEWAY_SECONDS: u64 = 60;

/// A secret as text. `Debug` hides it, dropping wipes it.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(…)")
    }
}

/// An issuer whose tokens are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// The issuer's name, which is an address: HTTPS, or HTTP on this machine; no query, no fragment.
    pub issuer: String,
    /// Who we are in its access tokens; one of them must be in `aud`.
    pub audiences: Vec<String>,
    /// Which algorithms it signs with.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The `typ` of its access tokens. Issuers that do not follow RFC 9068 write `JWT`.
    #[serde(default = "usual_types")]
    pub access_token_types: Vec<String>,
    /// What its access tokens must claim besides `iss`, `sub`, `aud` and `exp`.
    #[serde(default = "usual_claims")]
    pub required_claims: Vec<String>,
    /// Which of its claims make which roles.
    pub roles: RoleMapping,
    /// How people sign in with it, if they may.
    pub sign_in: Option<SignInSettings>,
}

/// How we are registered at an issuer for signing in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInSettings {
    /// Our name there.
    pub client_id: String,
    /// Our secret there; a public client has none.
    pub client_secret: Option<SecretText>,
    /// What to ask for besides `openid`, such as `email`, or what makes the role claim be included.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// Which values of a claim make which roles. A value without a mapping makes none.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleMapping {
    /// The claim's name, or with a `/` before it a JSON pointer (RFC 6901) to a nested one, such as
    /// `/realm_access/roles`. Its value is a text or a list of texts.
    pub claim: String,
    /// From value to role.
    pub roles: BTreeMap<String, String>,
}

/// Why settings are refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    /// The issuer is no acceptable address.
    #[error("the issuer {issuer:?} must be an https address without query and fragment")]
    Issuer {
        /// As configured.
        issuer: String,
    },
    /// An issuer is configured twice.
    #[error("the issuer {issuer} is configured twice")]
    Repeated {
        /// Which.
        issuer: String,
    },
    /// A list or text must not be empty.
    #[error("{setting} of the issuer {issuer} must not be empty")]
    Empty {
        /// Which issuer.
        issuer: String,
        /// Which setting.
        setting: &'static str,
    },
    /// An ID token, made for the client, would be accepted as an access token.
    #[error(
        "the issuer {issuer} has the sign-in's client_id among the audiences: with another type than \
         at+jwt its ID tokens would be taken for access tokens"
    )]
    Confusable {
        /// Which issuer.
        issuer: String,
    },
}

fn usual_algorithms() -> Vec<SignatureAlgorithm> {
    vec![
        SignatureAlgorithm::Rs256,
        SignatureAlgorithm::Ps256,
        SignatureAlgorithm::Es256,
        SignatureAlgorithm::EdDsa,
    ]
}

fn usual_types() -> Vec<String> {
    vec!["at+jwt".to_owned()]
}

fn usual_claims() -> Vec<String> {
    ACCESS_TOKEN_CLAIMS
        .iter()
        .map(|&claim| claim.to_owned())
        .collect()
}

impl IssuerSettings {
    /// Settings with the usual algorithms and the rules of RFC 9068, without sign-in.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audiences: Vec<String>, roles: RoleMapping) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            algorithms: usual_algorithms(),
            access_token_types: usual_types(),
            required_claims: usual_claims(),
            roles,
            sign_in: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsFault> {
        let issuer = || self.issuer.clone();
        let is_address = Url::parse(&self.issuer).is_ok_and(|url| {
            is_secure(&url)
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if !is_address {
            return Err(SettingsFault::Issuer { issuer: issuer() });
        }
        let is_empty = |texts: &[String]| texts.is_empty() || texts.iter().any(String::is_empty);
        let client_id = self.sign_in.as_ref().map(|sign_in| &sign_in.client_id);
        for (setting, is_empty) in [
            ("audiences", is_empty(&self.audiences)),
            ("algorithms", self.algorithms.is_empty()),
            ("access_token_types", is_empty(&self.access_token_types)),
            ("roles.claim", self.roles.claim.is_empty()),
            ("sign_in.client_id", client_id.is_some_and(String::is_empty)),
        ] {
            if is_empty {
                let issuer = issuer();
                return Err(SettingsFault::Empty { issuer, setting });
            }
        }
        let is_audience = client_id.is_some_and(|client| self.audiences.contains(client));
        if is_audience && self.access_token_types != usual_types() {
            return Err(SettingsFault::Confusable { issuer: issuer() });
        }
        Ok(())
    }

    pub(super) fn access_token_policy(&self) -> Policy {
        let types = self.access_token_types.iter().cloned();
        Policy {
            issuer: self.issuer.clone(),
            audiences: self.audiences.clone(),
            types: types.map(AcceptedType::Named).collect(),
            algorithms: self.algorithms.clone(),
            leeway_seconds: LEEWAY_SECONDS,
            required_claims: self.required_claims.clone(),
            max_length_bytes: DEFAULT_MAX_LENGTH_BYTES,
        }
    }

    /// OpenID Connect Core 1.0, section 2: `typ` is usually left out.
    pub(super) fn id_token_policy(&self, client_id: &str) -> Policy {
        Policy {
            audiences: vec![client_id.to_owned()],
            types: vec![AcceptedType::Absent, AcceptedType::Named("JWT".to_owned())],
            required_claims: vec!["iat".to_owned(), "nonce".to_owned()],
            max_length_bytes: MAX_ID_TOKEN_BYTES,
            ..self.access_token_policy()
        }
    }
}

impl RoleMapping {
    pub(super) fn roles_of(&self, claims: &Claims) -> BTreeSet<String> {
        let claims = Value::Object(claims.to_object());
        let claim = if self.claim.starts_with('/') {
            claims.pointer(&self.claim)
        } else {
            claims.get(&self.claim)
        };
        let values = match claim {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        values
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|value| self.roles.get(value).cloned())
            .collect()
    }
}
