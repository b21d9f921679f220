//! Accounts at payment providers, and which of them is asked.

use std::sync::Arc;
use std::time::Duration;

use connectors::gateways::razorpay::{
    RAZORPAY_BASE_URL, RazorpayCheckout, RazorpayGateway, RazorpaySettings,
};
use connectors::gateways::stripe::{STRIPE_BASE_URL, StripeGateway, StripeSettings};
use connectors::gateways::{CallPolicy, Gateway, GatewayStartError, SecretRing};
use connectors::outbound::{BaseUrl, BaseUrlError};
use connectors::secret::Secret;
use ledger_core::LedgerName;
use serde::Deserialize;
use url::Url;
use workflows::retention::RetentionSettings;
use workflows::routing::{RoutingRule, RoutingRules, RoutingRulesError};
use workflows::webhooks::WebhookSettings;
use workflows::{GatewayAccount, GatewayAccounts, GatewayAccountsError};

use crate::node::PaymentOptions;

/// Accounts at payment providers, and which of them is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentSettings {
    /// Where providers reach the deployment; the address of the node when it is empty.
    pub public_url: String,
    /// The accounts.
    pub accounts: Vec<AccountSettings>,
    /// Days after which the content of a settled webhook is forgotten.
    pub webhook_retention_days: u16,
    /// Days after which it is forgotten who paid on a page that has closed.
    pub checkout_retention_days: u16,
    /// The version of the rules, which decisions quote.
    pub routing_version: String,
    /// The rules, the first that fits first.
    pub routing: Vec<RoutingRule>,
}

/// An account at a provider. Fields that nobody knows are refused by its credentials.
#[derive(Debug, Clone, Deserialize)]
pub struct AccountSettings {
    /// Whose money it is.
    pub ledger: LedgerName,
    /// The last part of its webhooks' address.
    pub endpoint: String,
    /// Its credentials.
    #[serde(flatten)]
    pub credentials: Credentials,
}

/// The credentials of an account, by provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    /// At Razorpay.
    Razorpay {
        /// Another address than Razorpay's own, for a simulator.
        #[serde(default)]
        base_url: String,
        /// `rzp_…`.
        key_id: String,
        /// The key's secret, the current one first.
        key_secrets: SecretRing,
        /// The webhook's secret, the current one first.
        webhook_secrets: SecretRing,
        /// `hosted_page` or `payment_link`.
        #[serde(default = "hosted_page")]
        checkout: RazorpayCheckout,
        /// The number of the RazorpayX account that payouts come from; none when it is left out.
        #[serde(default)]
        payout_account: Option<Secret>,
    },
    /// At Stripe.
    Stripe {
        /// Another address than Stripe's own, for a simulator.
        #[serde(default)]
        base_url: String,
        /// `sk_…` or `rk_…`.
        api_key: Secret,
        /// The endpoint's secret, the current one first.
        webhook_secrets: SecretRing,
    },
}

const fn hosted_page() -> RazorpayCheckout {
    RazorpayCheckout::HostedPage
}

/// Why payment providers cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum PaymentSettingsError {
    /// Not where providers could reach us.
    #[error("payments.public_url is no URL that ends with '/'")]
    PublicUrl,
    /// What is forgotten before it can be used.
    #[error("payments: content is kept for a day at least")]
    Retention,
    /// Not where a provider could be.
    #[error("payments.accounts: {endpoint} has no usable base_url")]
    BaseUrl {
        /// Which account.
        endpoint: String,
        /// Why.
        #[source]
        source: BaseUrlError,
    },
    /// Credentials that are none.
    #[error("payments.accounts: {endpoint} cannot be used")]
    Gateway {
        /// Which account.
        endpoint: String,
        /// Why.
        #[source]
        source: GatewayStartError,
    },
    /// Accounts that cannot be used together.
    #[error("payments.accounts cannot be used together")]
    Accounts(#[from] GatewayAccountsError),
    /// Rules that make no sense.
    #[error("payments.routing cannot be used")]
    Rules(#[from] RoutingRulesError),
}

impl PaymentSettings {
    /// What a node works with; connects to nobody.
    ///
    /// # Errors
    /// [`PaymentSettingsError`].
    pub fn options(&self) -> Result<PaymentOptions, PaymentSettingsError> {
        let accounts = self.accounts.iter().map(AccountSettings::account);
        let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
        let public_url = match self.public_url.as_str() {
            "" => None,
            text => match Url::parse(text) {
                Ok(url) if url.path().ends_with('/') => Some(url),
                Ok(_) | Err(_) => return Err(PaymentSettingsError::PublicUrl),
            },
        };
        Ok(PaymentOptions {
            accounts: GatewayAccounts::try_new(accounts)?,
            rules: RoutingRules::try_new(&self.routing_version, self.routing.clone())?,
            public_url,
            polling: None,
            page_lifetime: None,
            webhooks: WebhookSettings::default(),
            retention: RetentionSettings {
                webhooks: days(self.webhook_retention_days)?,
                checkouts: days(self.checkout_retention_days)?,
                ..RetentionSettings::default()
            },
        })
    }
}

fn days(count: u16) -> Result<Duration, PaymentSettingsError> {
    let seconds = u64::from(count) * 24 * 60 * 60;
    if seconds == 0 {
        return Err(PaymentSettingsError::Retention);
    }
    Ok(Duration::from_secs(seconds))
}

impl AccountSettings {
    fn account(&self) -> Result<GatewayAccount, PaymentSettingsError> {
        let unusable = |source| PaymentSettingsError::Gateway {
            endpoint: self.endpoint.clone(),
            source,
        };
        let gateway: Arc<dyn Gateway> = match &self.credentials {
            Credentials::Razorpay {
                base_url,
                key_id,
                key_secrets,
                webhook_secrets,
                checkout,
                payout_account,
            } => Arc::new(
                RazorpayGateway::try_new(RazorpaySettings {
                    base_url: self.base_url(base_url, RAZORPAY_BASE_URL)?,
                    key_id: key_id.clone(),
                    key_secrets: key_secrets.clone(),
                    webhook_secrets: webhook_secrets.clone(),
                    checkout: *checkout,
                    payout_account: payout_account.clone(),
                    calls: CallPolicy::default(),
                })
                .map_err(unusable)?,
            ),
            Credentials::Stripe {
                base_url,
                api_key,
                webhook_secrets,
            } => Arc::new(
                StripeGateway::try_new(StripeSettings {
                    base_url: self.base_url(base_url, STRIPE_BASE_URL)?,
                    api_key: api_key.clone(),
                    webhook_secrets: webhook_secrets.clone(),
                    calls: CallPolicy::default(),
                })
                .map_err(unusable)?,
            ),
        };
        Ok(GatewayAccount {
            ledger: self.ledger,
            endpoint: self.endpoint.clone(),
            gateway,
        })
    }

    fn base_url(&self, configured: &str, usual: &str) -> Result<BaseUrl, PaymentSettingsError> {
        let text = if configured.is_empty() {
            usual
        } else {
            configured
        };
        text.parse()
            .map_err(|source| PaymentSettingsError::BaseUrl {
                endpoint: self.endpoint.clone(),
                source,
            })
    }
}
