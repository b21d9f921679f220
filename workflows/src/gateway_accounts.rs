//! Accounts at payment providers.

use std::sync::Arc;

use connectors::gateways::Gateway;
use ledger_core::LedgerName;

use crate::accounts::{Account, Accounts, AccountsError};

/// One account at a payment provider.
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
pub type GatewayAccountsError = AccountsError;

/// All accounts at payment providers; cheap to clone.
pub type GatewayAccounts = Accounts<GatewayAccount>;

impl Account for GatewayAccount {
    fn ledger(&self) -> LedgerName {
        self.ledger
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn provider(&self) -> &'static str {
        self.gateway.provider().as_str()
    }
}
