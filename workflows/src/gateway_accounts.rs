//! The accounts at payment providers that a deployment works with.
//!
//! One account serves one ledger. Its endpoint is the last part of the address that the provider sends
//! webhooks to: `/v1/webhooks/{provider}/{endpoint}`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use connectors::gateways::Gateway;
use ledger_core::{LedgerName, ProviderName};

/// The longest name of an endpoint, in characters.
const MAX_ENDPOINT_LENGTH: usize = 40;

/// One account at a provider.
#[derive(Debug, Clone)]
pub struct GatewayAccount {
    /// Whose money it is.
    pub ledger: LedgerName,
    /// The last part of its webhooks' address: 1 to 40 lower-case letters, digits, `-` and `_`.
    pub endpoint: String,
    /// The way to the provider, with its credentials.
    pub gateway: Arc<dyn Gateway>,
}

/// Why accounts cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayAccountsError {
    /// Not a name that fits into an address.
    #[error("the endpoint {endpoint:?} is not 1 to 40 lower-case letters, digits, '-' and '_'")]
    Endpoint {
        /// The name.
        endpoint: String,
    },
    /// Two accounts at one address.
    #[error("there are two endpoints {provider}/{endpoint}")]
    EndpointTwice {
        /// Where.
        provider: ProviderName,
        /// The name.
        endpoint: String,
    },
    /// Two accounts at one provider for one ledger: events name the provider, not the account.
    #[error("the ledger {ledger} has two accounts at {provider}")]
    AccountTwice {
        /// Whose.
        ledger: LedgerName,
        /// Where.
        provider: ProviderName,
    },
    /// The provider's name cannot stand in an event.
    #[error("{provider:?} is no name of a provider")]
    Provider {
        /// The name.
        provider: &'static str,
    },
}

/// All accounts; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct GatewayAccounts {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    endpoints: HashMap<(ProviderName, String), GatewayAccount>,
    of_ledger: HashMap<(LedgerName, ProviderName), GatewayAccount>,
}

impl GatewayAccounts {
    /// Accounts to work with.
    ///
    /// # Errors
    /// [`GatewayAccountsError`].
    pub fn try_new(accounts: Vec<GatewayAccount>) -> Result<Self, GatewayAccountsError> {
        let mut shared = Shared::default();
        for account in accounts {
            check_endpoint(&account.endpoint)?;
            let provider = provider_name(&*account.gateway)?;
            let (ledger, endpoint) = (account.ledger, account.endpoint.clone());
            let at = (provider, endpoint.clone());
            if shared.endpoints.insert(at, account.clone()).is_some() {
                return Err(GatewayAccountsError::EndpointTwice { provider, endpoint });
            }
            let of = (ledger, provider);
            if shared.of_ledger.insert(of, account).is_some() {
                return Err(GatewayAccountsError::AccountTwice { ledger, provider });
            }
        }
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The account that a webhook's address names.
    #[must_use]
    pub fn at(&self, provider: &str, endpoint: &str) -> Option<(ProviderName, &GatewayAccount)> {
        let provider: ProviderName = provider.parse().ok()?;
        let account = self
            .shared
            .endpoints
            .get(&(provider, endpoint.to_owned()))?;
        Some((provider, account))
    }

    /// A ledger's account at a provider.
    #[must_use]
    pub fn of(&self, ledger: LedgerName, provider: ProviderName) -> Option<&GatewayAccount> {
        self.shared.of_ledger.get(&(ledger, provider))
    }

    /// A ledger's accounts, in order of the provider's name.
    #[must_use]
    pub fn of_ledger(&self, ledger: LedgerName) -> Vec<(ProviderName, &GatewayAccount)> {
        let own = self.shared.of_ledger.iter();
        let mut own: Vec<_> = own
            .filter(|((theirs, _), _)| *theirs == ledger)
            .map(|((_, provider), account)| (*provider, account))
            .collect();
        own.sort_by_key(|(provider, _)| *provider);
        own
    }

    /// All accounts, with the names of their providers.
    pub fn all(&self) -> impl Iterator<Item = (ProviderName, &GatewayAccount)> {
        let all = self.shared.of_ledger.iter();
        all.map(|((_, provider), account)| (*provider, account))
    }

    /// Where there are accounts.
    #[must_use]
    pub fn providers(&self) -> BTreeSet<ProviderName> {
        let endpoints = self.shared.endpoints.keys();
        endpoints.map(|(provider, _)| *provider).collect()
    }

    /// Every endpoint, with the ledger that it is of.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = (ProviderName, &str, LedgerName)> {
        let endpoints = self.shared.endpoints.iter();
        endpoints.map(|((provider, endpoint), account)| (*provider, &**endpoint, account.ledger))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.endpoints.is_empty()
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), GatewayAccountsError> {
    let is_allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let fits = (1..=MAX_ENDPOINT_LENGTH).contains(&endpoint.len());
    if fits && endpoint.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(GatewayAccountsError::Endpoint {
        endpoint: endpoint.to_owned(),
    })
}

/// The name of a gateway's provider, as events write it.
///
/// # Errors
/// [`GatewayAccountsError::Provider`].
pub fn provider_name(gateway: &dyn Gateway) -> Result<ProviderName, GatewayAccountsError> {
    let provider = gateway.provider().as_str();
    provider
        .parse()
        .map_err(|_| GatewayAccountsError::Provider { provider })
}
