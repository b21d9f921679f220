//! Access to an account at Onfido.

use hyper::header::HeaderValue;

use crate::identity_providers::{CallPolicy, IdentityProviderStartError, SecretRing};
use crate::outbound::BaseUrl;
use crate::secret::Secret;

/// Where Onfido's interface of the European region is; the others begin with `api.us` and `api.ca`.
pub const ONFIDO_BASE_URL: &str = "https://api.eu.onfido.com/v3.6";

/// Access to an account at Onfido.
#[derive(Debug, Clone)]
pub struct OnfidoSettings {
    /// [`ONFIDO_BASE_URL`], that of another region, or a simulator's. A token is of one region.
    pub base_url: BaseUrl,
    /// The API token.
    pub api_token: Secret,
    /// The webhook's token, and those of webhooks before it.
    pub webhook_tokens: SecretRing,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl OnfidoSettings {
    pub(super) fn authorization(&self) -> Result<HeaderValue, IdentityProviderStartError> {
        let refused = IdentityProviderStartError::Setting {
            setting: "api_token",
            rule: "is missing or has characters that no token has",
        };
        if self.api_token.is_empty() {
            return Err(refused);
        }
        let text = format!("Token token={}", self.api_token.reveal());
        let mut header = HeaderValue::try_from(text).map_err(|_| refused)?;
        header.set_sensitive(true);
        Ok(header)
    }
}
