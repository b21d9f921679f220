//! What an issuer publishes: its metadata (OpenID Connect Discovery 1.0, section 4) and its keys.

use http::header::{ACCEPT, CACHE_CONTROL};
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::freshness::lifetime_seconds;
use super::http_client::{HttpClient, HttpFault, is_secure};
use crate::jwt::{KeySet, KeySetFault};

/// Why an issuer's metadata or keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// There is no answer.
    #[error("{url} cannot be fetched")]
    Http {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: HttpFault,
    },
    /// The answer is not 200; a redirect is not followed.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// The metadata is not what the standard describes.
    #[error("the metadata at {url} cannot be read")]
    Metadata {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The metadata is of another issuer.
    #[error("the metadata says that its issuer is {found:?}")]
    OtherIssuer {
        /// What it says.
        found: String,
    },
    /// An address in the metadata is malformed, or neither HTTPS nor on this machine.
    #[error("the metadata's {member} is no acceptable address: {url:?}")]
    Address {
        /// Which member.
        member: &'static str,
        /// The address.
        url: String,
    },
    /// The keys cannot be read.
    #[error("the keys at {url} cannot be read")]
    Keys {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: KeySetFault,
    },
    /// The fetch was cut off, as the program is stopping.
    #[error("the fetch was cut off")]
    CutOff,
}

/// What is read of the metadata document; members of other uses are not looked at.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

/// How an issuer is used; its addresses are HTTPS or on this machine.
#[derive(Debug)]
pub(super) struct Metadata {
    pub keys_url: Url,
    pub authorization_url: Option<Url>,
    pub token_url: Option<Url>,
    /// How a client shows its secret; `client_secret_basic` when not said.
    pub client_methods: Option<Vec<String>>,
    /// Methods of PKCE; not said by issuers that nonetheless support it.
    pub challenge_methods: Option<Vec<String>>,
    /// Whether the answer to an authorization request always has `iss` (RFC 9207, section 3).
    pub answers_with_issuer: bool,
}

/// Keys as they came, for the sign-in's own check, and as they are used.
#[derive(Debug)]
pub(super) struct FetchedKeys {
    pub keys: KeySet,
    pub document: Vec<u8>,
    pub lifetime_seconds: u64,
}

pub(super) async fn fetch_metadata(
    http: &HttpClient,
    issuer: &str,
) -> Result<Metadata, FetchFault> {
    let base = issuer.trim_end_matches('/');
    let url = format!("{base}/.well-known/openid-configuration");
    let answer = get(http, &url).await?;
    let document: Document = serde_json::from_slice(answer.body())
        .map_err(|source| FetchFault::Metadata { url, source })?;
    if document.issuer != issuer {
        let found = document.issuer;
        return Err(FetchFault::OtherIssuer { found });
    }
    document.try_into_metadata()
}

pub(super) async fn fetch_keys(http: &HttpClient, url: &Url) -> Result<FetchedKeys, FetchFault> {
    let answer = get(http, url.as_str()).await?;
    let keys = KeySet::try_from_json(answer.body()).map_err(|source| FetchFault::Keys {
        url: url.to_string(),
        source,
    })?;
    let cache_control = answer.headers().get(CACHE_CONTROL);
    let lifetime_seconds = lifetime_seconds(cache_control.and_then(|value| value.to_str().ok()));
    Ok(FetchedKeys {
        keys,
        document: answer.into_body(),
        lifetime_seconds,
    })
}

impl Document {
    fn try_into_metadata(self) -> Result<Metadata, FetchFault> {
        let optional =
            |member, url: Option<String>| url.map(|url| address(member, url)).transpose();
        Ok(Metadata {
            keys_url: address("jwks_uri", self.jwks_uri)?,
            authorization_url: optional("authorization_endpoint", self.authorization_endpoint)?,
            token_url: optional("token_endpoint", self.token_endpoint)?,
            client_methods: self.token_endpoint_auth_methods_supported,
            challenge_methods: self.code_challenge_methods_supported,
            answers_with_issuer: self
                .authorization_response_iss_parameter_supported
                .unwrap_or(false),
        })
    }
}

fn address(member: &'static str, url: String) -> Result<Url, FetchFault> {
    Url::parse(&url)
        .ok()
        .filter(is_secure)
        .ok_or(FetchFault::Address { member, url })
}

async fn get(http: &HttpClient, url: &str) -> Result<Response<Vec<u8>>, FetchFault> {
    let failed = |source| FetchFault::Http {
        url: url.to_owned(),
        source,
    };
    let request = Request::get(url)
        .header(ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|_| failed(HttpFault::Insecure))?;
    let answer = http.send(request).await.map_err(failed)?;
    if answer.status() != StatusCode::OK {
        return Err(FetchFault::Status {
            url: url.to_owned(),
            status: answer.status(),
        });
    }
    Ok(answer)
}
