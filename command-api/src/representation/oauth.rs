//! Forms and answers of the token endpoint, as the standards of OAuth 2.0 name them.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use serde::Deserialize;
use serde_json::Value;

/// The form of the token endpoint.
#[derive(Deserialize, Object)]
pub struct TokenForm {
    /// `client_credentials` or `refresh_token`.
    #[serde(default)]
    #[oai(default)]
    pub grant_type: String,
    /// The permissions wanted, with spaces between them; all that the client may when absent.
    pub scope: Option<String>,
    /// The refresh token, for `refresh_token`.
    pub refresh_token: Option<String>,
    /// The client's id, unless it is sent by HTTP Basic.
    pub client_id: Option<String>,
    /// The client's secret, unless it is sent by HTTP Basic.
    pub client_secret: Option<String>,
}

/// The form of revocation and introspection.
#[derive(Deserialize, Object)]
pub struct TokenReferenceForm {
    /// The token.
    #[serde(default)]
    #[oai(default)]
    pub token: String,
    /// What kind it is; not needed.
    pub token_type_hint: Option<String>,
    /// The client's id, unless it is sent by HTTP Basic.
    pub client_id: Option<String>,
    /// The client's secret, unless it is sent by HTTP Basic.
    pub client_secret: Option<String>,
}

/// A token that was issued.
#[derive(Object)]
pub struct TokenReply {
    /// The access token.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// How long it is good for, in seconds.
    pub expires_in: u64,
    /// The permissions it is narrowed to.
    #[oai(skip_serializing_if_is_none)]
    pub scope: Option<String>,
    /// The next refresh token.
    #[oai(skip_serializing_if_is_none)]
    pub refresh_token: Option<String>,
}

/// Why there is no token (RFC 6749, 5.2).
#[derive(Object)]
pub struct OAuthError {
    /// The standard's code.
    pub error: String,
    /// In words.
    pub error_description: String,
}

/// What the token endpoint answers.
#[derive(ApiResponse)]
pub enum TokenAnswer {
    /// A token.
    #[oai(status = 200)]
    Issued(Json<TokenReply>, #[oai(header = "Cache-Control")] String),
    /// The request is refused.
    #[oai(status = 400)]
    Refused(Json<OAuthError>),
    /// The client is not known.
    #[oai(status = 401)]
    Unknown(Json<OAuthError>, #[oai(header = "WWW-Authenticate")] String),
    /// Ask again later.
    #[oai(status = 503)]
    Unavailable(Json<OAuthError>),
}

/// What revocation answers.
#[derive(ApiResponse)]
pub enum RevocationAnswer {
    /// The token is good no more, or never was.
    #[oai(status = 200)]
    Done,
    /// The request is refused.
    #[oai(status = 400)]
    Refused(Json<OAuthError>),
    /// Ask again later.
    #[oai(status = 503)]
    Unavailable(Json<OAuthError>),
}

/// What introspection answers.
#[derive(ApiResponse)]
pub enum IntrospectionAnswer {
    /// What the token is; `{"active": false}` for one that is not good.
    #[oai(status = 200)]
    Told(Json<Value>, #[oai(header = "Cache-Control")] String),
    /// The client is not known.
    #[oai(status = 401)]
    Unknown(Json<OAuthError>, #[oai(header = "WWW-Authenticate")] String),
    /// Ask again later.
    #[oai(status = 503)]
    Unavailable(Json<OAuthError>),
}
