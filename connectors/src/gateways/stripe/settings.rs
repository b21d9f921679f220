//! Access to an account at Stripe.

use hyper::header::HeaderValue;

use crate::gateways::{CallPolicy, GatewayStartError, SecretRing};
use crate::outbound::BaseUrl;
use crate::secret::Secret;

/// Where Stripe is.
pub const STRIPE_BASE_URL: &str = "https://api.stripe.com";

/// The version of the interface that is read here.
pub const STRIPE_API_VERSION: &str = "2026-10-28.endive";

/// Access to an account at Stripe.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// [`STRIPE_BASE_URL`], or a simulator's.
    pub base_url: BaseUrl,
    /// The key, `sk_…` or `rk_…`.
    pub api_key: Secret,
    /// The webhook endpoint's secret, `whsec_…`, and the one before it.
    pub webhook_secrets: SecretRing,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl StripeSettings {
    pub(super) fn check(&self) -> Result<(), GatewayStartError> {
        let key = self.api_key.reveal();
        let is_key = ["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix))
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_key {
            return Err(GatewayStartError::Setting {
                setting: "api_key",
                rule: "is sk_ or rk_ and letters, digits and '_'",
            });
        }
        if !self
            .webhook_secrets
            .all()
            .all(|secret| secret.starts_with("whsec_"))
        {
            return Err(GatewayStartError::Setting {
                setting: "webhook_secrets",
                rule: "begin with whsec_",
            });
        }
        Ok(())
    }

    pub(super) fn authorization(&self) -> Result<HeaderValue, GatewayStartError> {
        let text = format!("Bearer {}", self.api_key.reveal());
        let mut header = HeaderValue::try_from(text).map_err(|_| GatewayStartError::Setting {
            setting: "api_key",
            rule: "is too long",
        })?;
        header.set_sensitive(true);
        Ok(header)
    }
}
