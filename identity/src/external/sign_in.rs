//! Signing in with an issuer: authorization code, PKCE, `state`, `nonce`.
//!
//! `openidconnect` makes the requests and checks the ID token; it is given our HTTP client and our
//! random values. The ID token must pass [`crate::jwt`] as well, so that it is held to the same rules
//! as every other token and finds keys that were published only now.

mod callback;
mod fault;

use std::fmt;
use std::sync::Arc;

use chrono::DateTime;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet,
    CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthUrl, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    Scope, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use url::Url;
use zeroize::Zeroizing;

use super::http_client::is_secure;
use super::issuer::{Issuer, Known};
use super::settings::{LEEWAY_SECONDS, SignInSettings};
use super::{ExternalFault, ExternalIdentity};
use crate::jwt::{Claims, CompactToken, TokenFault, verify_parsed};
use crate::pkce;
use crate::randomness::random_text;

pub use callback::CallbackParameters;
pub use fault::SignInFault;

/// How long a person may take at the issuer.
const LONGEST_SECONDS: u64 = 10 * 60;

/// A client that knows where to send people and where to get tokens.
type SignInClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// A sign-in that was begun.
#[derive(Debug)]
pub struct SignInStart {
    /// Where to send the browser.
    pub url: Url,
    /// What to keep until it comes back.
    pub pending: PendingSignIn,
}

/// What must be known when the browser comes back. It holds secrets: keep it on the server, or sealed,
/// and bound to the browser; take it away before it is used.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingSignIn {
    issuer: String,
    redirect_uri: String,
    state: Zeroizing<String>,
    nonce: Zeroizing<String>,
    verifier: Zeroizing<String>,
    begun_at: u64,
}

impl PendingSignIn {
    /// With whom.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the browser brings back as `state`, to find this by.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }
}

impl fmt::Debug for PendingSignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PendingSignIn")
            .field("issuer", &self.issuer)
            .field("redirect_uri", &self.redirect_uri)
            .field("begun_at", &self.begun_at)
            .finish_non_exhaustive()
    }
}

pub(super) async fn begin(
    issuer: &Arc<Issuer>,
    redirect_uri: &str,
    now: u64,
) -> Result<SignInStart, ExternalFault> {
    let settings = sign_in_settings(issuer)?;
    let known = issuer.known(|_| true).await?;
    let has_challenge = known
        .metadata
        .challenge_methods
        .as_ref()
        .is_none_or(|methods| methods.iter().any(|method| method == pkce::METHOD));
    if !has_challenge {
        return Err(SignInFault::NotOffered("PKCE with S256").into());
    }
    let client = client(issuer, settings, &known, redirect_uri)?;
    let key = pkce::generate().map_err(SignInFault::NoRandomness)?;
    let state = random_text().map_err(SignInFault::NoRandomness)?;
    let nonce = random_text().map_err(SignInFault::NoRandomness)?;
    let verifier = PkceCodeVerifier::new(key.verifier().to_owned());
    let (csrf_token, sent_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
    let (url, _, _) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || csrf_token,
            move || sent_nonce,
        )
        .add_scopes(settings.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .url();
    Ok(SignInStart {
        url,
        pending: PendingSignIn {
            issuer: issuer.settings.issuer.clone(),
            redirect_uri: redirect_uri.to_owned(),
            state: Zeroizing::new(state),
            nonce: Zeroizing::new(nonce),
            verifier: Zeroizing::new(key.verifier().to_owned()),
            begun_at: now,
        },
    })
}

pub(super) async fn finish(
    issuer: &Arc<Issuer>,
    pending: PendingSignIn,
    callback: CallbackParameters,
    now: u64,
) -> Result<ExternalIdentity, ExternalFault> {
    let settings = sign_in_settings(issuer)?;
    let known = issuer.known(|_| true).await?;
    let code = check_callback(&pending, callback, &known, now)?;
    let client = client(issuer, settings, &known, &pending.redirect_uri)?;
    let answer = exchange(issuer, &client, code, &pending).await?;
    let id_token = answer.id_token().ok_or(SignInFault::NoIdToken)?;
    let compact = id_token.to_string();
    let (claims, known) = check_id_token(issuer, settings, &compact, now).await?;
    check_open_id(issuer, settings, &known, &pending, &answer, id_token, now)?;
    Ok(issuer.identity(claims))
}

fn sign_in_settings(issuer: &Issuer) -> Result<&SignInSettings, SignInFault> {
    let settings = issuer.settings.sign_in.as_ref();
    settings.ok_or(SignInFault::NotConfigured)
}

fn client(
    issuer: &Issuer,
    settings: &SignInSettings,
    known: &Known,
    redirect_uri: &str,
) -> Result<SignInClient, SignInFault> {
    let metadata = &known.metadata;
    let authorization_url = metadata.authorization_url.clone();
    let authorization_url =
        authorization_url.ok_or(SignInFault::NotOffered("an authorization endpoint"))?;
    let token_url = metadata.token_url.clone();
    let token_url = token_url.ok_or(SignInFault::NotOffered("a token endpoint"))?;
    let redirect_url =
        RedirectUrl::new(redirect_uri.to_owned()).map_err(|_| SignInFault::RedirectUri)?;
    if !is_secure(redirect_url.url()) || redirect_url.url().fragment().is_some() {
        return Err(SignInFault::RedirectUri);
    }
    let name = ClientId::new(settings.client_id.clone());
    let mut client = CoreClient::new(
        name,
        issuer_url(issuer)?,
        CoreJsonWebKeySet::new(Vec::new()),
    )
    .set_auth_uri(AuthUrl::from_url(authorization_url))
    .set_token_uri(TokenUrl::from_url(token_url))
    .set_redirect_uri(redirect_url)
    .set_auth_type(auth_type(metadata.client_methods.as_deref()));
    if let Some(secret) = &settings.client_secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose().to_owned()));
    }
    Ok(client)
}

fn issuer_url(issuer: &Issuer) -> Result<IssuerUrl, SignInFault> {
    IssuerUrl::new(issuer.settings.issuer.clone()).map_err(|_| SignInFault::Issuer)
}

/// HTTP Basic (RFC 6749, 2.3.1) unless the issuer takes the secret only in the body.
fn auth_type(methods: Option<&[String]>) -> AuthType {
    let has =
        |wanted: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == wanted));
    if has("client_secret_post") && !has("client_secret_basic") {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

/// The code, if the answer belongs to this sign-in. An error is only believed of an answer that does.
fn check_callback(
    pending: &PendingSignIn,
    callback: CallbackParameters,
    known: &Known,
    now: u64,
) -> Result<AuthorizationCode, SignInFault> {
    let state = callback.state().unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(pending.state.as_bytes())) {
        return Err(SignInFault::State);
    }
    let is_issuer = match &callback.issuer {
        Some(issuer) => *issuer == pending.issuer,
        None => !known.metadata.answers_with_issuer,
    };
    if !is_issuer {
        return Err(SignInFault::Issuer);
    }
    if now.saturating_sub(pending.begun_at) > LONGEST_SECONDS {
        return Err(SignInFault::TooLate);
    }
    if let Some(error) = callback.error {
        return Err(SignInFault::Refused { error });
    }
    let code = callback.code.filter(|code| !code.is_empty());
    let code = code.ok_or(SignInFault::Callback)?;
    Ok(AuthorizationCode::new(code.to_string()))
}

async fn exchange(
    issuer: &Issuer,
    client: &SignInClient,
    code: AuthorizationCode,
    pending: &PendingSignIn,
) -> Result<CoreTokenResponse, SignInFault> {
    let send = |request: HttpRequest| {
        let http = issuer.http.clone();
        async move { http.send(request).await }
    };
    client
        .exchange_code(code)
        .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.to_string()))
        .request_async(&send)
        .await
        .map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) => SignInFault::CodeRefused {
                error: answer.error().to_string(),
            },
            RequestTokenError::Request(fault) => SignInFault::Unreachable(fault),
            // Its text may hold what the issuer sent.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => SignInFault::Answer,
        })
}

async fn check_id_token(
    issuer: &Arc<Issuer>,
    settings: &SignInSettings,
    id_token: &str,
    now: u64,
) -> Result<(Claims, Arc<Known>), ExternalFault> {
    let policy = issuer.settings.id_token_policy(&settings.client_id);
    let token = CompactToken::parse(id_token, policy.max_length_bytes);
    let token = token.map_err(SignInFault::IdToken)?;
    let known = issuer.known(|keys| keys.has_key_of(&token)).await?;
    let claims = verify_parsed(token, &known.keys, &policy, now).map_err(SignInFault::IdToken)?;
    let party = claims.other.get("azp");
    if party.is_some_and(|party| *party != settings.client_id.as_str()) {
        return Err(SignInFault::IdToken(TokenFault::WrongAudience).into());
    }
    Ok((claims, known))
}

/// OpenID Connect Core 1.0, 3.1.3.7 and 3.1.3.8: signature, issuer, audiences, time, nonce, and that
/// the access token was issued together with this ID token.
fn check_open_id(
    issuer: &Issuer,
    settings: &SignInSettings,
    known: &Known,
    pending: &PendingSignIn,
    answer: &CoreTokenResponse,
    id_token: &CoreIdToken,
    now: u64,
) -> Result<(), SignInFault> {
    let keys: CoreJsonWebKeySet =
        serde_json::from_slice(&known.keys_document).map_err(|_| SignInFault::Claims(None))?;
    let algorithms = issuer.settings.algorithms.iter();
    let algorithms: Vec<_> = algorithms.map(|algorithm| algorithm.open_id()).collect();
    let time = i64::try_from(now.saturating_sub(LEEWAY_SECONDS))
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(SignInFault::Claims(None))?;
    let name = ClientId::new(settings.client_id.clone());
    // As for a public client, whatever secret there is: it must not be a key for signatures.
    let verifier = CoreIdTokenVerifier::new_public_client(name, issuer_url(issuer)?, keys)
        .set_allowed_algs(algorithms)
        .set_time_fn(move || time);
    let nonce = Nonce::new(pending.nonce.to_string());
    let claims = id_token
        .claims(&verifier, &nonce)
        .map_err(|fault| SignInFault::Claims(Some(fault)))?;
    let Some(expected) = claims.access_token_hash() else {
        return Ok(());
    };
    let refused =
        |fault| SignInFault::Claims(Some(ClaimsVerificationError::SignatureVerification(fault)));
    let algorithm = id_token.signing_alg().map_err(refused)?;
    let key = id_token.signing_key(&verifier).map_err(refused)?;
    let actual = AccessTokenHash::from_token(answer.access_token(), algorithm, key);
    match actual {
        Ok(actual) if actual == *expected => Ok(()),
        _ => Err(SignInFault::Claims(None)),
    }
}
