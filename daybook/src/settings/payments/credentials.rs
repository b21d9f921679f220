//! The credentials of an account, by provider.

use std::sync::Arc;

use connectors::gateways::instamojo::{
    INSTAMOJO_CLIENT_URL, INSTAMOJO_KEYS_URL, InstamojoAccess, InstamojoGateway, InstamojoSettings,
};
use connectors::gateways::payu::{
    PAYU_API_URL, PAYU_PAGE_URL, PayUGateway, PayUResponseHash, PayUSettings,
};
use connectors::gateways::razorpay::{
    RAZORPAY_BASE_URL, RazorpayCheckout, RazorpayGateway, RazorpaySettings,
};
use connectors::gateways::stripe::{STRIPE_BASE_URL, StripeGateway, StripeSettings};
use connectors::gateways::{CallPolicy, CaptureMode, Gateway, GatewayStartError, SecretRing};
use connectors::outbound::{BaseUrl, BaseUrlError};
use connectors::secret::Secret;
use serde::Deserialize;

use crate::settings::address;

/// The credentials of an account, by provider. Of secrets, the current one comes first. Addresses that are
/// left out are the provider's own; others are for simulators and test environments.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    /// At Razorpay.
    Razorpay {
        /// Where it answers.
        #[serde(default)]
        base_url: Option<BaseUrl>,
        /// `rzp_…`.
        key_id: String,
        /// The key's secret.
        key_secrets: SecretRing,
        /// The webhook's secret.
        webhook_secrets: SecretRing,
        /// `hosted_page` or `payment_link`.
        #[serde(default = "payment_link")]
        checkout: RazorpayCheckout,
        /// The number of the RazorpayX account that payouts come from; none when it is left out.
        #[serde(default)]
        payout_account: Option<Secret>,
    },
    /// At Stripe.
    Stripe {
        /// Where it answers.
        #[serde(default)]
        base_url: Option<BaseUrl>,
        /// `sk_…` or `rk_…`.
        api_key: Secret,
        /// The endpoint's secret.
        webhook_secrets: SecretRing,
    },
    /// At PayU India.
    Payu {
        /// Where its page is.
        #[serde(default)]
        page_url: Option<BaseUrl>,
        /// Where it answers servers.
        #[serde(default)]
        api_url: Option<BaseUrl>,
        /// The merchant's key.
        key: String,
        /// The merchant's salt.
        salts: SecretRing,
        /// `plain` or `with_split_info`: what the hash of its answers covers, which PayU sets per merchant.
        #[serde(default = "plain")]
        response_hash: PayUResponseHash,
    },
    /// At Instamojo.
    Instamojo {
        /// Where it answers.
        #[serde(default)]
        base_url: Option<BaseUrl>,
        /// For version 1.1, with `auth_token`.
        #[serde(default)]
        api_key: Option<Secret>,
        /// For version 1.1, with `api_key`.
        #[serde(default)]
        auth_token: Option<Secret>,
        /// For version 2, with `client_secret`.
        #[serde(default)]
        client_id: Option<String>,
        /// For version 2, with `client_id`.
        #[serde(default)]
        client_secret: Option<Secret>,
        /// The private salt.
        salts: SecretRing,
    },
}

const fn payment_link() -> RazorpayCheckout {
    RazorpayCheckout::PaymentLink
}

const fn plain() -> PayUResponseHash {
    PayUResponseHash::Plain
}

/// Why credentials are none.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Refused by the provider's adapter.
    #[error(transparent)]
    Gateway(#[from] GatewayStartError),
    /// An address of ours makes no sense.
    #[error(transparent)]
    Address(#[from] BaseUrlError),
    /// Which version of Instamojo's interface is to be used cannot be told.
    #[error("Instamojo takes either api_key and auth_token, or client_id and client_secret")]
    InstamojoAccess,
}

impl Credentials {
    /// The way to the provider; connects to nobody.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn gateway(&self) -> Result<Arc<dyn Gateway>, CredentialsError> {
        let calls = CallPolicy::default();
        Ok(match self.clone() {
            Self::Razorpay {
                base_url,
                key_id,
                key_secrets,
                webhook_secrets,
                checkout,
                payout_account,
            } => Arc::new(RazorpayGateway::try_new(RazorpaySettings {
                base_url: address(base_url, RAZORPAY_BASE_URL)?,
                key_id,
                key_secrets,
                webhook_secrets,
                checkout,
                payout_account,
                calls,
            })?),
            Self::Stripe {
                base_url,
                api_key,
                webhook_secrets,
            } => Arc::new(StripeGateway::try_new(StripeSettings {
                base_url: address(base_url, STRIPE_BASE_URL)?,
                api_key,
                webhook_secrets,
                calls,
            })?),
            Self::Payu {
                page_url,
                api_url,
                key,
                salts,
                response_hash,
            } => Arc::new(PayUGateway::try_new(PayUSettings {
                page_url: address(page_url, PAYU_PAGE_URL)?,
                api_url: address(api_url, PAYU_API_URL)?,
                key,
                salts,
                capture: CaptureMode::Automatic,
                response_hash,
                calls,
            })?),
            Self::Instamojo {
                base_url,
                api_key,
                auth_token,
                client_id,
                client_secret,
                salts,
            } => {
                let (access, usual) = match (api_key, auth_token, client_id, client_secret) {
                    (Some(api_key), Some(auth_token), None, None) => (
                        InstamojoAccess::Keys {
                            api_key,
                            auth_token,
                        },
                        INSTAMOJO_KEYS_URL,
                    ),
                    (None, None, Some(client_id), Some(client_secret)) => (
                        InstamojoAccess::Client {
                            client_id,
                            client_secret,
                        },
                        INSTAMOJO_CLIENT_URL,
                    ),
                    _ => return Err(CredentialsError::InstamojoAccess),
                };
                Arc::new(InstamojoGateway::try_new(InstamojoSettings {
                    base_url: address(base_url, usual)?,
                    access,
                    salts,
                    calls,
                })?)
            }
        })
    }
}
