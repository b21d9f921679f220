//! Accounts at identity providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::identity_providers::{EntryKind, IdentityProvider};
use ledger_core::{LedgerName, TierName};

use crate::accounts::{Account, Accounts, AccountsError};

/// One account at an identity provider.
#[derive(Debug, Clone)]
pub struct IdentityAccount {
    /// The ledger whose holders are checked.
    pub ledger: LedgerName,
    /// The last part of its webhooks' address: 1 to 40 lower-case letters, digits, `-` and `_`.
    pub endpoint: String,
    /// The way to the provider, with its credentials.
    pub identity_provider: Arc<dyn IdentityProvider>,
    /// What is checked there for which tier.
    pub levels: Levels,
    /// How people get in.
    pub entry: EntryKind,
}

/// What is checked at a provider for which tier, by the names of its levels, workflows or templates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    usual: Option<String>,
    of: BTreeMap<TierName, String>,
}

impl Levels {
    /// `usual` for tiers that `of` does not name.
    #[must_use]
    pub const fn new(usual: Option<String>, of: BTreeMap<TierName, String>) -> Self {
        Self { usual, of }
    }

    /// The same for every tier.
    #[must_use]
    pub fn of_all(level: &str) -> Self {
        Self::new(Some(level.to_owned()), BTreeMap::new())
    }

    /// Whether nothing can be checked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.usual.is_none() && self.of.is_empty()
    }
}

impl IdentityAccount {
    /// What is checked for a tier.
    #[must_use]
    pub fn level(&self, tier: TierName) -> Option<&str> {
        let own = self.levels.of.get(&tier);
        own.or(self.levels.usual.as_ref()).map(String::as_str)
    }
}

/// Why accounts cannot be used together.
pub type IdentityAccountsError = AccountsError;

/// All accounts at identity providers; cheap to clone.
pub type IdentityAccounts = Accounts<IdentityAccount>;

impl Account for IdentityAccount {
    fn ledger(&self) -> LedgerName {
        self.ledger
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn provider(&self) -> &'static str {
        self.identity_provider.provider().as_str()
    }
}
