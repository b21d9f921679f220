//! The token endpoint for programs, by the standards: RFC 6749 (client credentials and refresh), RFC 7009
//! (revocation), RFC 7662 (introspection), RFC 8414 (metadata), RFC 7517 (keys).
//!
//! Requests are forms, and errors are the standards' own: `{"error": ...}`. Clients show who they are by
//! HTTP Basic or in the form, not both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::authenticate::AuthenticationError;
use identity::identities::{IdentityError, Refusal};
use identity::permission::Permission;
use identity::tokens::{IssuedToken, TokenHolder, scope_text};
use poem::Request;
use poem::http::header;
use poem_openapi::OpenApi;
use poem_openapi::payload::{Form, Json};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::problem::responses::QueryProblem;
use crate::representation::oauth::{
    IntrospectionAnswer, OAuthError, RevocationAnswer, TokenAnswer, TokenForm, TokenReferenceForm,
    TokenReply,
};
use crate::routes::Part;
use crate::services::Services;

/// What no cache may keep (RFC 6749, 5.1).
const NO_STORE: &str = "no-store";

/// What clients that are not known are asked for.
const CHALLENGE: &str = r#"Basic realm="daybook""#;

/// Operations by the standards.
#[derive(Clone)]
pub struct OAuthOperations(pub Services);

#[OpenApi]
impl OAuthOperations {
    /// Get an access token: for a client, or for the next part of a session.
    #[oai(
        path = "/oauth/token",
        method = "post",
        operation_id = "oauth_token",
        tag = "Part::OAuth"
    )]
    async fn token(&self, request: &Request, form: Form<TokenForm>) -> TokenAnswer {
        let Form(form) = form;
        match form.grant_type.as_str() {
            "client_credentials" => {
                let client = client(request, form.client_id, form.client_secret);
                self.client_token(client, form.scope).await
            }
            "refresh_token" => self.refreshed(form.refresh_token).await,
            "" => TokenAnswer::refused("invalid_request", "grant_type is missing"),
            _ => TokenAnswer::refused("unsupported_grant_type", "there is no such grant here"),
        }
    }

    /// Revoke a token (RFC 7009). Whoever has a token may revoke it.
    #[oai(
        path = "/oauth/revoke",
        method = "post",
        operation_id = "oauth_revoke",
        tag = "Part::OAuth"
    )]
    async fn revoke(&self, form: Form<TokenReferenceForm>) -> RevocationAnswer {
        let Form(form) = form;
        if form.token.is_empty() {
            return RevocationAnswer::Refused(error("invalid_request", "token is missing"));
        }
        // A refresh token has no dots, an access token two.
        let revoked = if form.token.contains('.') {
            self.0.tokens().revoke(&form.token).await
        } else {
            self.0.identities().end_session_of(&form.token).await
        };
        match revoked {
            Ok(()) => RevocationAnswer::Done,
            Err(fault) => {
                tell(&fault);
                RevocationAnswer::Unavailable(unavailable())
            }
        }
    }

    /// Ask what a token is (RFC 7662); for clients.
    #[oai(
        path = "/oauth/introspect",
        method = "post",
        operation_id = "oauth_introspect",
        tag = "Part::OAuth"
    )]
    async fn introspect(
        &self,
        request: &Request,
        form: Form<TokenReferenceForm>,
    ) -> IntrospectionAnswer {
        let Form(form) = form;
        let asking = match client(request, form.client_id, form.client_secret) {
            Ok((id, secret)) => self.0.identities().check_client(id, &secret).await,
            Err(_) => Err(Refusal::InvalidCredentials.into()),
        };
        match asking {
            Ok(()) => {}
            Err(IdentityError::Refused(_)) => {
                let error = error("invalid_client", "the client is not known");
                return IntrospectionAnswer::Unknown(error, CHALLENGE.to_owned());
            }
            Err(fault) => {
                tell(&fault);
                return IntrospectionAnswer::Unavailable(unavailable());
            }
        }
        match self.told(&form.token).await {
            Ok(told) => IntrospectionAnswer::Told(Json(told), NO_STORE.to_owned()),
            Err(fault) => {
                tell(&fault);
                IntrospectionAnswer::Unavailable(unavailable())
            }
        }
    }

    /// The public keys that verify access tokens (RFC 7517).
    #[oai(
        path = "/.well-known/jwks.json",
        method = "get",
        operation_id = "oauth_keys",
        tag = "Part::OAuth"
    )]
    async fn keys(&self) -> Result<Json<Value>, QueryProblem> {
        Ok(Json(self.0.tokens().jwks().await?))
    }

    /// Where everything is (RFC 8414).
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "oauth_metadata",
        tag = "Part::OAuth"
    )]
    async fn metadata(&self) -> Result<Json<Value>, QueryProblem> {
        let issuer = self.0.tokens().issuer().trim_end_matches('/');
        let at = |path: &str| format!("{issuer}{path}");
        let authentication = json!(["client_secret_basic", "client_secret_post"]);
        Ok(Json(json!({
            "issuer": self.0.tokens().issuer(),
            "token_endpoint": at("/oauth/token"),
            "revocation_endpoint": at("/oauth/revoke"),
            "introspection_endpoint": at("/oauth/introspect"),
            "jwks_uri": at("/.well-known/jwks.json"),
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": authentication,
            "introspection_endpoint_auth_methods_supported": authentication,
            "revocation_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": Permission::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        })))
    }
}

impl OAuthOperations {
    async fn client_token(
        &self,
        client: Result<(Uuid, String), &'static str>,
        scope: Option<String>,
    ) -> TokenAnswer {
        let (id, secret) = match client {
            Ok(client) => client,
            Err(detail) => return TokenAnswer::unknown(detail),
        };
        let wanted = match scope.as_deref().map(scopes).transpose() {
            Ok(wanted) => wanted,
            Err(detail) => return TokenAnswer::refused("invalid_scope", detail),
        };
        match self.0.tokens().of_client(id, &secret, wanted).await {
            Ok(token) => TokenAnswer::issued(token, None),
            Err(error) => TokenAnswer::of(&error),
        }
    }

    async fn refreshed(&self, refresh_token: Option<String>) -> TokenAnswer {
        let Some(refresh_token) = refresh_token else {
            return TokenAnswer::refused("invalid_request", "refresh_token is missing");
        };
        let continued = match self.0.identities().refresh(&refresh_token).await {
            Ok(continued) => continued,
            Err(error) => return TokenAnswer::of(&error),
        };
        let issued = self
            .0
            .tokens()
            .of_session(continued.person, continued.session, continued.idle_at)
            .await;
        match issued {
            Ok(token) => TokenAnswer::issued(token, Some(continued.refresh_token.to_string())),
            Err(error) => TokenAnswer::of(&error),
        }
    }

    /// What a token is: only while it would be accepted.
    async fn told(&self, token: &str) -> Result<Value, IdentityError> {
        let inactive = Ok(json!({ "active": false }));
        match self.0.authenticator.authenticate(token).await {
            Ok(_) => {}
            Err(AuthenticationError::Invalid { .. }) => return inactive,
            Err(AuthenticationError::Fault(fault)) => return Err(fault),
        }
        let verified = match self.0.tokens().verify(token, chrono::Utc::now()).await {
            Ok(verified) => verified,
            // A key, or another issuer's token: good, and not ours to speak of.
            Err(AuthenticationError::Invalid { .. }) => return inactive,
            Err(AuthenticationError::Fault(fault)) => return Err(fault),
        };
        let mut told = json!({
            "active": true,
            "token_type": "Bearer",
            "iss": self.0.tokens().issuer(),
            "exp": verified.expires_at.timestamp(),
            "iat": verified.issued_at.timestamp(),
            "jti": verified.token_id,
        });
        match verified.holder {
            TokenHolder::Person { person, session } => {
                told["sub"] = format!("person:{person}").into();
                told["sid"] = session.to_string().into();
            }
            TokenHolder::Machine { machine, scopes } => {
                told["sub"] = format!("machine:{machine}").into();
                told["client_id"] = machine.to_string().into();
                if let Some(scopes) = scopes {
                    told["scope"] = scope_text(&scopes).into();
                }
            }
        }
        Ok(told)
    }
}

impl TokenAnswer {
    fn issued(token: IssuedToken, refresh_token: Option<String>) -> Self {
        let reply = TokenReply {
            access_token: token.text,
            token_type: "Bearer".to_owned(),
            expires_in: token.expires_in.as_secs(),
            scope: token.scopes.as_deref().map(scope_text),
            refresh_token,
        };
        Self::Issued(Json(reply), NO_STORE.to_owned())
    }

    fn refused(code: &str, detail: &str) -> Self {
        Self::Refused(error(code, detail))
    }

    fn unknown(detail: &str) -> Self {
        Self::Unknown(error("invalid_client", detail), CHALLENGE.to_owned())
    }

    fn of(fault: &IdentityError) -> Self {
        match fault {
            IdentityError::Refused(Refusal::InvalidCredentials) => {
                Self::unknown("the client is not known")
            }
            IdentityError::Refused(Refusal::InvalidScope) => {
                Self::refused("invalid_scope", "the client was not given this scope")
            }
            IdentityError::Refused(refusal) => Self::refused("invalid_grant", &refusal.to_string()),
            fault => {
                tell(fault);
                Self::Unavailable(unavailable())
            }
        }
    }
}

/// The client's id and secret (RFC 6749, 2.3.1).
fn client(
    request: &Request,
    id: Option<String>,
    secret: Option<String>,
) -> Result<(Uuid, String), &'static str> {
    let (id, secret) = match (basic(request), id, secret) {
        (Some(_), _, Some(_)) => return Err("the client shows who it is in two ways"),
        (Some(basic), _, None) => basic?,
        (None, Some(id), Some(secret)) => (id, secret),
        (None, _, _) => return Err("the client does not say who it is"),
    };
    let id = Uuid::try_parse(&id).map_err(|_| "the client is not known")?;
    Ok((id, secret))
}

fn basic(request: &Request) -> Option<Result<(String, String), &'static str>> {
    let header = request.headers().get(header::AUTHORIZATION)?;
    let read = || {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        scheme
            .eq_ignore_ascii_case("basic")
            .then(|| Some((decoded(id)?, decoded(secret)?)))?
    };
    Some(read().ok_or("the client's credentials cannot be read"))
}

/// Both are form-encoded before they are joined.
fn decoded(text: &str) -> Option<String> {
    let plain = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&plain).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

fn scopes(text: &str) -> Result<Vec<Permission>, &'static str> {
    let scopes: Vec<Permission> = text
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| "there is no such scope")?;
    if scopes.is_empty() {
        return Err("the scope is empty");
    }
    Ok(scopes)
}

fn error(code: &str, detail: &str) -> Json<OAuthError> {
    Json(OAuthError {
        error: code.to_owned(),
        error_description: detail.to_owned(),
    })
}

fn unavailable() -> Json<OAuthError> {
    error("temporarily_unavailable", "ask again later")
}

fn tell(fault: &IdentityError) {
    tracing::warn!(error = %event_store::ErrorChain(fault), "a token cannot be dealt with");
}
