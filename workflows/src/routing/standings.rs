//! What a ledger's providers can do, and whether they can be asked, as far as this node has seen.

use std::time::Duration;

use connectors::gateways::{Availability, Operation};
use ledger_core::{LedgerName, ProviderName};

use super::Router;

/// A provider that a ledger has an account at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStanding {
    /// Which.
    pub provider: ProviderName,
    /// The currencies it takes; none means all.
    pub currencies: &'static [&'static str],
    /// What it can be asked for.
    pub operations: Vec<OperationStanding>,
}

/// Something that a provider can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationStanding {
    /// What, by its name in metrics.
    pub operation: &'static str,
    /// When it is asked again, after it failed too often; nothing while it can be asked.
    pub retry_after: Option<Duration>,
}

impl Router {
    /// The providers that a ledger has accounts at, in order of name.
    #[must_use]
    pub fn standings(&self, ledger: LedgerName) -> Vec<ProviderStanding> {
        let accounts = self.accounts.of_ledger(ledger).into_iter();
        let standing = accounts.map(|(provider, account)| {
            let gateway = &account.gateway;
            let capabilities = gateway.capabilities();
            let own = Operation::ALL
                .into_iter()
                .filter(|operation| capabilities.supports(*operation));
            ProviderStanding {
                provider,
                currencies: capabilities.currencies,
                operations: own
                    .map(|operation| OperationStanding {
                        operation: operation.as_str(),
                        retry_after: match gateway.availability(operation) {
                            Availability::Available => None,
                            Availability::Unavailable { retry_after } => Some(retry_after),
                        },
                    })
                    .collect(),
            }
        });
        standing.collect()
    }
}
