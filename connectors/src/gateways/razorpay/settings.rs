//! Access to an account at Razorpay.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use serde::Deserialize;

use crate::gateways::{CallPolicy, GatewayStartError, SecretRing};
use crate::outbound::BaseUrl;
use crate::secret::Secret;

/// Where Razorpay is.
pub const RAZORPAY_BASE_URL: &str = "https://api.razorpay.com";

/// On what kind of page people pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RazorpayCheckout {
    /// An order and a form that the browser posts to Razorpay's page.
    HostedPage,
    /// A link, to which a browser can just be sent.
    PaymentLink,
}

/// Access to an account at Razorpay.
#[derive(Debug, Clone)]
pub struct RazorpaySettings {
    /// [`RAZORPAY_BASE_URL`], or a simulator's.
    pub base_url: BaseUrl,
    /// The key's id, `rzp_test_…` or `rzp_live_…`.
    pub key_id: String,
    /// The key's secret, and those of keys whose checkouts may still be open.
    pub key_secrets: SecretRing,
    /// The webhook's secret, and those before it: events of before a change are sent again with the old
    /// one, for 24 hours.
    pub webhook_secrets: SecretRing,
    /// On what kind of page people pay.
    pub checkout: RazorpayCheckout,
    /// The number of the RazorpayX account that payouts come from; without one there are none.
    pub payout_account: Option<Secret>,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl RazorpaySettings {
    pub(super) fn check(&self) -> Result<(), GatewayStartError> {
        let rest = ["rzp_test_", "rzp_live_"]
            .iter()
            .find_map(|prefix| self.key_id.strip_prefix(prefix));
        let is_key = rest.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if !is_key {
            return Err(GatewayStartError::Setting {
                setting: "key_id",
                rule: "is rzp_test_ or rzp_live_ and letters and digits",
            });
        }
        if self.payout_account.as_ref().is_some_and(Secret::is_empty) {
            return Err(GatewayStartError::Setting {
                setting: "payout_account",
                rule: "is the number of an account, or left out",
            });
        }
        Ok(())
    }

    pub(super) fn authorization(&self) -> Result<HeaderValue, GatewayStartError> {
        let credentials = format!("{}:{}", self.key_id, self.key_secrets.current());
        let text = format!("Basic {}", STANDARD.encode(credentials));
        let mut header = HeaderValue::try_from(text).map_err(|_| GatewayStartError::Setting {
            setting: "key_secrets",
            rule: "are too long",
        })?;
        header.set_sensitive(true);
        Ok(header)
    }
}
