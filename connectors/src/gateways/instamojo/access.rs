//! What opens Instamojo's interfaces: two headers, or a token that a client gets for its secret and that
//! ends.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::PROVIDER;
use super::answer::entity;
use super::settings::{InstamojoAccess, InstamojoSettings, sensitive};
use crate::gateways::{Call, Caller};
use crate::gateways::{GatewayError, GatewayStartError, Operation};
use crate::outbound::form;
use crate::providers::Body;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// A token is not used when it ends sooner than this.
const MARGIN: Duration = Duration::from_secs(60);

/// A token is not kept longer than this, whatever it says.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(super) enum Access {
    Keys {
        api_key: HeaderValue,
        auth_token: HeaderValue,
    },
    Client {
        /// The form that asks for a token; it holds the secret.
        request: Form,
        /// Held while a token is fetched, so that one is fetched for all who wait.
        token: Mutex<Option<Token>>,
    },
}

/// A form that `Debug` does not show.
pub(super) struct Form(String);

impl std::fmt::Debug for Form {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(hidden)")
    }
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    authorization: HeaderValue,
    good_until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: u64,
}

impl Access {
    pub(super) fn try_new(settings: &InstamojoSettings) -> Result<Self, GatewayStartError> {
        Ok(match &settings.access {
            InstamojoAccess::Keys {
                api_key,
                auth_token,
            } => Self::Keys {
                api_key: sensitive("api_key", api_key.reveal())?,
                auth_token: sensitive("auth_token", auth_token.reveal())?,
            },
            InstamojoAccess::Client {
                client_id,
                client_secret,
            } => Self::Client {
                request: Form(form(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.reveal()),
                ])),
                token: Mutex::new(None),
            },
        })
    }

    /// The call with what opens the interface, and the token in it, if there is one.
    pub(super) async fn open(
        &self,
        caller: &Caller,
        call: Call,
    ) -> Result<(Call, Option<HeaderValue>), GatewayError> {
        match self {
            Self::Keys {
                api_key,
                auth_token,
            } => {
                let call = call
                    .with_header(API_KEY, api_key.clone())
                    .with_header(AUTH_TOKEN, auth_token.clone());
                Ok((call, None))
            }
            Self::Client { request, token } => {
                let mut token = token.lock().await;
                let authorization = match token.as_ref() {
                    Some(kept) if kept.good_until > Instant::now() => kept.authorization.clone(),
                    _ => {
                        let fresh = fetched(caller, call.operation, request).await?;
                        token.insert(fresh).authorization.clone()
                    }
                };
                let call = call.with_header(AUTHORIZATION, authorization.clone());
                Ok((call, Some(authorization)))
            }
        }
    }

    /// Forgets a token that was refused, unless another has taken its place.
    pub(super) async fn forget(&self, refused: &HeaderValue) {
        if let Self::Client { token, .. } = self {
            let mut token = token.lock().await;
            if token
                .as_ref()
                .is_some_and(|kept| kept.authorization == *refused)
            {
                *token = None;
            }
        }
    }
}

async fn fetched(
    caller: &Caller,
    operation: Operation,
    request: &Form,
) -> Result<Token, GatewayError> {
    let body = Body::Form(request.0.clone());
    let call = Call::post(operation, "/oauth2/token/", body).repeatable();
    let answer: Result<TokenAnswer, _> =
        caller.call(call, |answer| entity(operation, answer)).await;
    let answer = answer.map_err(|error| match error {
        // `invalid_client` and its like come with status 400.
        GatewayError::Refused { .. } => PROVIDER.refused_credentials(operation),
        error => error,
    })?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(PROVIDER.nonsense(operation, "a token of another type"));
    }
    let authorization = sensitive("token", &format!("Bearer {}", answer.access_token))
        .map_err(|_| PROVIDER.nonsense(operation, "a token that fits no header"))?;
    let life = Duration::from_secs(answer.expires_in).min(LONGEST_KEPT);
    let now = Instant::now();
    Ok(Token {
        authorization,
        good_until: now.checked_add(life.saturating_sub(MARGIN)).unwrap_or(now),
    })
}
