//! Accounts at payment providers, and which of them is asked.

mod credentials;

use std::time::Duration;

use ledger_core::LedgerName;
use serde::Deserialize;
use url::Url;
use workflows::retention::RetentionSettings;
use workflows::routing::{RoutingRule, RoutingRules, RoutingRulesError};
use workflows::webhooks::WebhookSettings;
use workflows::{GatewayAccount, GatewayAccounts, GatewayAccountsError};

use crate::node::PaymentOptions;

pub use credentials::{Credentials, CredentialsError};

/// Accounts at payment providers, and which of them is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentSettings {
    /// Where providers and payers' browsers reach the deployment; the address of the node when it is empty.
    pub public_url: String,
    /// How often the same thing is asked at most, in milliseconds; 0 for what each provider tolerates.
    pub polling_ms: u64,
    /// How long a provider has to capture by itself what is authorized, in milliseconds.
    pub capture_grace_ms: u64,
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

/// Why payment providers cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum PaymentSettingsError {
    /// Not where providers could reach us.
    #[error("payments.public_url is no URL that ends with '/'")]
    PublicUrl,
    /// What is forgotten before it can be used.
    #[error("payments: content is kept for a day at least")]
    Retention,
    /// Credentials that are none.
    #[error("payments.accounts: {endpoint} cannot be used")]
    Credentials {
        /// Which account.
        endpoint: String,
        /// Why.
        #[source]
        source: CredentialsError,
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
            polling: (self.polling_ms > 0).then(|| Duration::from_millis(self.polling_ms)),
            page_lifetime: None,
            capture_grace: Some(Duration::from_millis(self.capture_grace_ms)),
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
        let gateway = self.credentials.gateway();
        Ok(GatewayAccount {
            ledger: self.ledger,
            endpoint: self.endpoint.clone(),
            gateway: gateway.map_err(|source| PaymentSettingsError::Credentials {
                endpoint: self.endpoint.clone(),
                source,
            })?,
        })
    }
}
