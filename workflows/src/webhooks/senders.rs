//! Everybody who sends us webhooks.

use connectors::providers::WebhookVerifier;
use ledger_core::{LedgerName, ProviderName};

use crate::gateway_accounts::GatewayAccounts;
use crate::identity_accounts::IdentityAccounts;

/// The accounts at all providers, whatever they provide; no two providers have the same name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Senders {
    /// Those at payment providers.
    pub gateways: GatewayAccounts,
    /// Those at identity providers.
    pub identity: IdentityAccounts,
}

/// One account, as far as the intake of webhooks goes.
pub(super) struct Sender<'a> {
    pub(super) provider: ProviderName,
    pub(super) endpoint: &'a str,
    pub(super) ledger: LedgerName,
    pub(super) verifier: &'a dyn WebhookVerifier,
}

impl Senders {
    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gateways.is_empty() && self.identity.is_empty()
    }

    /// Whether somebody sends webhooks for this ledger.
    #[must_use]
    pub fn serve(&self, ledger: LedgerName) -> bool {
        self.endpoints().any(|(_, _, served)| served == ledger)
    }

    /// The account that a webhook's address names.
    pub(super) fn at(&self, provider: &str, endpoint: &str) -> Option<Sender<'_>> {
        if let Some((provider, account)) = self.gateways.at(provider, endpoint) {
            return Some(Sender {
                provider,
                endpoint: &account.endpoint,
                ledger: account.ledger,
                verifier: &account.gateway,
            });
        }
        let (provider, account) = self.identity.at(provider, endpoint)?;
        Some(Sender {
            provider,
            endpoint: &account.endpoint,
            ledger: account.ledger,
            verifier: &account.identity_provider,
        })
    }

    /// Every endpoint, with the ledger that it is of.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = (ProviderName, &str, LedgerName)> {
        self.gateways.endpoints().chain(self.identity.endpoints())
    }
}
