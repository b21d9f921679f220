//! Access to an account at Sumsub.

use chrono::Utc;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::signature::request_signature;
use crate::identity_providers::{CallPolicy, IdentityProviderStartError, SecretRing};
use crate::outbound::BaseUrl;
use crate::providers::Signer;
use crate::secret::Secret;

/// Where Sumsub is.
pub const SUMSUB_BASE_URL: &str = "https://api.sumsub.com";

/// What an app token of the sandbox begins with.
const SANDBOX: &str = "sbx:";

/// How webhooks are signed, as it is set for each of them in Sumsub's dashboard. A webhook that says another
/// way is refused: otherwise whoever sends it would choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SumsubDigest {
    /// HMAC-SHA1, the oldest.
    Sha1,
    /// HMAC-SHA256, Sumsub's own default.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// Access to an account at Sumsub.
#[derive(Debug, Clone)]
pub struct SumsubSettings {
    /// [`SUMSUB_BASE_URL`], or a simulator's.
    pub base_url: BaseUrl,
    /// The app token, `sbx:…` in the sandbox and `prd:…` otherwise.
    pub app_token: Secret,
    /// The secret of the app token.
    pub secret_key: Secret,
    /// The webhooks' secret, and those before it: what happened before a change is sent again with the old
    /// one, for a day.
    pub webhook_secrets: SecretRing,
    /// How webhooks are signed.
    pub webhook_digest: SumsubDigest,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl SumsubSettings {
    /// Whether the account is one in which nobody is really checked.
    pub(super) fn is_sandbox(&self) -> bool {
        self.app_token.reveal().starts_with(SANDBOX)
    }

    pub(super) fn signer(&self) -> Result<Signer, IdentityProviderStartError> {
        let missing = |setting| IdentityProviderStartError::Setting {
            setting,
            rule: "is missing or has characters that no key has",
        };
        if self.app_token.is_empty() {
            return Err(missing("app_token"));
        }
        if self.secret_key.is_empty() {
            return Err(missing("secret_key"));
        }
        let mut token =
            HeaderValue::try_from(self.app_token.reveal()).map_err(|_| missing("app_token"))?;
        token.set_sensitive(true);
        let secret_key = self.secret_key.clone();
        Ok(Signer::new(move |request| {
            let timestamp = Utc::now().timestamp().to_string();
            let signature = request_signature(
                secret_key.reveal(),
                &timestamp,
                request.method.as_str(),
                request.path,
                request.body,
            );
            let mut headers = vec![(HeaderName::from_static("x-app-token"), token.clone())];
            for (name, text) in [
                ("x-app-access-ts", timestamp),
                ("x-app-access-sig", signature),
            ] {
                // Digits and hexadecimal digits are header values.
                headers.extend(
                    HeaderValue::try_from(text)
                        .ok()
                        .map(|value| (HeaderName::from_static(name), value)),
                );
            }
            headers
        }))
    }
}
