//! OpenID Connect issuers outside: their access tokens, and signing in with them.
//!
//! An issuer is trusted because it is configured ([`IssuerSettings`]), never because a token names it.
//! Its metadata and keys are found by OpenID Connect Discovery 1.0 (section 4; the `issuer` in the
//! document must be the configured one, byte by byte) over `https`, or `http` on the loopback
//! interface.
//!
//! **Keys** are kept as long as the issuer says (`Cache-Control: max-age`, at least 5 minutes, at most
//! 24 hours). A token with an unknown key makes them be fetched anew, at most every 30 seconds, as does
//! their age; callers that wait for the same keys share one fetch, which goes on when they give up.
//! While an issuer cannot be reached its last keys are good for 24 hours more, and it is asked again
//! every 30 seconds, or every 5 when there are no keys. Answers are bounded in size and time, and no
//! redirect is followed.
//!
//! **Access tokens** are checked by [`crate::jwt`] with a policy made of the settings, by default the
//! rules of RFC 9068.
//!
//! **Signing in** is the authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE
//! (RFC 7636), `state`, `nonce`, and `iss` in the answer when the issuer sends it, which it must when
//! its metadata says so (RFC 9207, RFC 9700 section 4.4). Requests and the ID token are handled by the
//! crate `openidconnect`; the ID token must pass [`crate::jwt`], too.

mod clock;
mod discovery;
mod freshness;
mod http_client;
mod issuer;
mod settings;
mod sign_in;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use clock::{Clock, SystemClock};
pub use discovery::FetchFault;
pub use http_client::{HttpClient, HttpFault};
pub use settings::{IssuerSettings, RoleMapping, SecretText, SettingsFault, SignInSettings};
pub use sign_in::{CallbackParameters, PendingSignIn, SignInFault, SignInStart};

use crate::jwt::{Claims, CompactToken, DEFAULT_MAX_LENGTH_BYTES, TokenFault, verify_parsed};
use crate::permission::Role;
use issuer::Issuer;

/// Why nobody is known.
#[derive(Debug, thiserror::Error)]
pub enum ExternalFault {
    /// The token is refused.
    #[error("the token is refused")]
    Token(#[source] TokenFault),
    /// No issuer of this name is configured.
    #[error("the issuer {issuer:?} is not configured")]
    UnknownIssuer {
        /// The name.
        issuer: String,
    },
    /// The issuer's keys cannot be had, now or any more.
    #[error("the keys of {issuer} cannot be fetched")]
    IssuerUnavailable {
        /// The issuer.
        issuer: String,
        /// Why, the last time it was asked.
        #[source]
        source: Arc<FetchFault>,
    },
    /// The sign-in failed.
    #[error("the sign-in failed")]
    SignIn(#[source] SignInFault),
}

impl ExternalFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(fault) => fault.code(),
            Self::UnknownIssuer { .. } => "unknown_issuer",
            Self::IssuerUnavailable { .. } => "issuer_unavailable",
            Self::SignIn(fault) => fault.code(),
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::IssuerUnavailable { .. } => true,
            Self::Token(_) | Self::UnknownIssuer { .. } => false,
            Self::SignIn(fault) => fault.is_transient(),
        }
    }
}

/// Whom an issuer vouches for. Only issuer and subject together name someone.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalIdentity {
    /// The configured issuer.
    pub issuer: String,
    /// The issuer's name for the person or program.
    pub subject: String,
    /// The roles that the claims were mapped to; none when no claim has a mapping.
    pub roles: BTreeSet<String>,
    /// When the token expires, in seconds since 1970.
    pub expires_at: u64,
    /// All that the token says.
    pub claims: Claims,
}

impl ExternalIdentity {
    /// The roles of ours among those that the claims were mapped to: one that does not exist gives
    /// nothing, and the settings are checked at the start.
    #[must_use]
    pub fn known_roles(&self) -> Vec<Role> {
        let parsed = self.roles.iter().map(|role| role.parse());
        parsed.filter_map(Result::ok).collect()
    }

    /// When the issuer saw more than one factor of the person, if its token says so: `mfa` among the
    /// means (RFC 8176, 2), at the time of the authentication (OpenID Connect Core, 2).
    #[must_use]
    pub fn second_factor_at(&self) -> Option<DateTime<Utc>> {
        let methods = &self.claims.authentication_methods;
        let is_multiple = methods.iter().any(|method| method == "mfa");
        let at = self.claims.authenticated_at.filter(|_| is_multiple)?;
        at_second(at)
    }
}

/// A time in whole seconds since 1970, as tokens write it.
pub(crate) fn at_second(seconds: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

/// The configured issuers, with what is known of each. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct ExternalIssuers {
    issuers: BTreeMap<String, Arc<Issuer>>,
    clock: Arc<dyn Clock>,
}

impl ExternalIssuers {
    /// Checks the settings; issuers are asked when they are first needed.
    ///
    /// # Errors
    /// [`SettingsFault`].
    pub fn try_new(settings: Vec<IssuerSettings>, http: HttpClient) -> Result<Self, SettingsFault> {
        Self::try_with_clock(settings, http, Arc::new(SystemClock::default()))
    }

    /// As [`ExternalIssuers::try_new`], with a clock.
    ///
    /// # Errors
    /// [`SettingsFault`].
    pub fn try_with_clock(
        settings: Vec<IssuerSettings>,
        http: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsFault> {
        let mut issuers = BTreeMap::new();
        for settings in settings {
            settings.check()?;
            let name = settings.issuer.clone();
            let issuer = Issuer::new(settings, http.clone(), Arc::clone(&clock));
            if issuers.insert(name.clone(), Arc::new(issuer)).is_some() {
                return Err(SettingsFault::Repeated { issuer: name });
            }
        }
        Ok(Self { issuers, clock })
    }

    /// The configured issuers, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.issuers.keys().map(String::as_str)
    }

    /// The issuers that people can sign in with, in order.
    pub fn for_sign_in(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers.iter();
        issuers
            .filter(|(_, issuer)| issuer.settings.sign_in.is_some())
            .map(|(name, _)| name.as_str())
    }

    /// Whether tokens of this issuer are checked here.
    #[must_use]
    pub fn trusts(&self, issuer: &str) -> bool {
        self.issuers.contains_key(issuer)
    }

    /// Checks an access token of any configured issuer.
    ///
    /// # Errors
    /// [`ExternalFault::Token`], [`ExternalFault::UnknownIssuer`],
    /// [`ExternalFault::IssuerUnavailable`].
    pub async fn verify_access_token(
        &self,
        token: &str,
    ) -> Result<ExternalIdentity, ExternalFault> {
        let token =
            CompactToken::parse(token, DEFAULT_MAX_LENGTH_BYTES).map_err(ExternalFault::Token)?;
        let issuer = self.issuer(token.unverified_issuer().map_err(ExternalFault::Token)?)?;
        let policy = issuer.settings.access_token_policy();
        // What the header alone refuses must not make us ask the issuer.
        policy
            .check_header(&token.header)
            .map_err(ExternalFault::Token)?;
        let known = issuer.known(|keys| keys.has_key_of(&token)).await?;
        let now = self.clock.unix_seconds();
        let claims =
            verify_parsed(token, &known.keys, &policy, now).map_err(ExternalFault::Token)?;
        Ok(issuer.identity(claims))
    }

    /// Begins a sign-in: the person's browser is sent to [`SignInStart::url`], and
    /// [`SignInStart::pending`] is kept until it comes back, bound to that browser.
    ///
    /// # Errors
    /// [`ExternalFault::UnknownIssuer`], [`ExternalFault::IssuerUnavailable`],
    /// [`ExternalFault::SignIn`].
    pub async fn begin_sign_in(
        &self,
        issuer: &str,
        redirect_uri: &str,
    ) -> Result<SignInStart, ExternalFault> {
        let issuer = self.issuer(issuer)?;
        sign_in::begin(issuer, redirect_uri, self.clock.unix_seconds()).await
    }

    /// Ends a sign-in with what the browser brought back. The pending sign-in is spent, whatever the
    /// outcome: the caller must have removed it from where it was kept.
    ///
    /// # Errors
    /// [`ExternalFault`].
    pub async fn finish_sign_in(
        &self,
        pending: PendingSignIn,
        callback: CallbackParameters,
    ) -> Result<ExternalIdentity, ExternalFault> {
        let issuer = self.issuer(pending.issuer())?;
        sign_in::finish(issuer, pending, callback, self.clock.unix_seconds()).await
    }

    fn issuer(&self, name: &str) -> Result<&Arc<Issuer>, ExternalFault> {
        self.issuers.get(name).ok_or_else(|| {
            let issuer = name.to_owned();
            ExternalFault::UnknownIssuer { issuer }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{ExternalIdentity, at_second};
    use crate::permission::Role;

    fn identity(claims: serde_json::Value) -> ExternalIdentity {
        let mut all = json!({ "iss": "https://id.example", "sub": "asha", "aud": "a", "exp": 9 });
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        ExternalIdentity {
            issuer: "https://id.example".to_owned(),
            subject: "asha".to_owned(),
            roles: BTreeSet::from(["auditor".to_owned(), "cook".to_owned()]),
            expires_at: 9,
            claims: serde_json::from_value(all).unwrap(),
        }
    }

    #[test]
    fn a_second_factor_counts_from_when_the_issuer_says_it_was_given() {
        let given = |claims| identity(claims).second_factor_at();
        let all = json!({ "amr": ["pwd", "otp", "mfa"], "auth_time": 5 });
        assert_eq!(given(all), at_second(5));
        for unsaid in [
            json!({}),
            json!({ "amr": ["mfa"] }),
            json!({ "auth_time": 5 }),
            json!({ "amr": ["pwd", "otp"], "auth_time": 5 }),
            json!({ "amr": ["mfa"], "auth_time": u64::MAX }),
        ] {
            assert_eq!(given(unsaid.clone()), None, "{unsaid}");
        }
    }

    #[test]
    fn a_role_that_does_not_exist_gives_nothing() {
        assert_eq!(identity(json!({})).known_roles(), [Role::Auditor]);
    }
}
