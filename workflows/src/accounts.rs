//! The accounts at providers that a deployment works with.
//!
//! One account serves one ledger. Its endpoint is the last part of the address that the provider sends
//! webhooks to: `/v1/webhooks/{provider}/{endpoint}`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ledger_core::{LedgerName, ProviderName};

/// The longest name of an endpoint, in characters.
const MAX_ENDPOINT_LENGTH: usize = 40;

/// One account at a provider.
pub trait Account: Clone {
    /// Whose it is.
    fn ledger(&self) -> LedgerName;

    /// The last part of its webhooks' address: 1 to 40 lower-case letters, digits, `-` and `_`.
    fn endpoint(&self) -> &str;

    /// The name of its provider.
    fn provider(&self) -> &'static str;
}

/// Why accounts cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
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

/// All accounts of a kind; cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts<A> {
    shared: Arc<Shared<A>>,
}

#[derive(Debug)]
struct Shared<A> {
    endpoints: HashMap<(ProviderName, String), A>,
    of_ledger: HashMap<(LedgerName, ProviderName), A>,
}

/// None.
impl<A> Default for Accounts<A> {
    fn default() -> Self {
        let shared = Shared {
            endpoints: HashMap::new(),
            of_ledger: HashMap::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl<A: Account> Accounts<A> {
    /// Accounts to work with.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn try_new(accounts: Vec<A>) -> Result<Self, AccountsError> {
        let mut endpoints = HashMap::new();
        let mut of_ledger = HashMap::new();
        for account in accounts {
            check_endpoint(account.endpoint())?;
            let provider = provider_name(account.provider())?;
            let (ledger, endpoint) = (account.ledger(), account.endpoint().to_owned());
            let at = (provider, endpoint.clone());
            if endpoints.insert(at, account.clone()).is_some() {
                return Err(AccountsError::EndpointTwice { provider, endpoint });
            }
            let of = (ledger, provider);
            if of_ledger.insert(of, account).is_some() {
                return Err(AccountsError::AccountTwice { ledger, provider });
            }
        }
        let shared = Shared {
            endpoints,
            of_ledger,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The account that a webhook's address names.
    #[must_use]
    pub fn at(&self, provider: &str, endpoint: &str) -> Option<(ProviderName, &A)> {
        let provider: ProviderName = provider.parse().ok()?;
        let account = self
            .shared
            .endpoints
            .get(&(provider, endpoint.to_owned()))?;
        Some((provider, account))
    }

    /// A ledger's account at a provider.
    #[must_use]
    pub fn of(&self, ledger: LedgerName, provider: ProviderName) -> Option<&A> {
        self.shared.of_ledger.get(&(ledger, provider))
    }

    /// A ledger's accounts, in order of the provider's name.
    #[must_use]
    pub fn of_ledger(&self, ledger: LedgerName) -> Vec<(ProviderName, &A)> {
        let own = self.shared.of_ledger.iter();
        let mut own: Vec<_> = own
            .filter(|((theirs, _), _)| *theirs == ledger)
            .map(|((_, provider), account)| (*provider, account))
            .collect();
        own.sort_by_key(|(provider, _)| *provider);
        own
    }

    /// All accounts, with the names of their providers.
    pub fn all(&self) -> impl Iterator<Item = (ProviderName, &A)> {
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
        endpoints.map(|((provider, endpoint), account)| (*provider, &**endpoint, account.ledger()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.endpoints.is_empty()
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), AccountsError> {
    let is_allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let fits = (1..=MAX_ENDPOINT_LENGTH).contains(&endpoint.len());
    if fits && endpoint.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(AccountsError::Endpoint {
        endpoint: endpoint.to_owned(),
    })
}

/// The name of a provider, as events write it.
fn provider_name(provider: &'static str) -> Result<ProviderName, AccountsError> {
    provider
        .parse()
        .map_err(|_| AccountsError::Provider { provider })
}
