//! Verification of owners: how long they have, and accounts at identity providers.

mod credentials;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::identity_providers::EntryKind;
use ledger_core::{LedgerName, TierName};
use serde::Deserialize;
use workflows::verification::VerificationSettings as Process;
use workflows::{IdentityAccount, IdentityAccounts, IdentityAccountsError, Levels};

use super::SettingsError;
use crate::node::IdentityOptions;
pub use credentials::{Credentials, CredentialsError};

/// How long owners have for what is wanted of them, and who checks them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationSettings {
    /// Days in which an owner has to be verified again before what was granted ends.
    pub reverification_days: u16,
    /// Days that an owner has for another try at least, where a provider rejects them.
    pub retry_days: u16,
    /// How often providers are asked about the same case at most, in milliseconds; 0 for what each tolerates.
    pub polling_ms: u64,
    /// The accounts.
    pub accounts: Vec<AccountSettings>,
}

/// An account at an identity provider. Fields that nobody knows are refused by its credentials.
#[derive(Debug, Clone, Deserialize)]
pub struct AccountSettings {
    /// The ledger whose holders are checked.
    pub ledger: LedgerName,
    /// The last part of its webhooks' address.
    pub endpoint: String,
    /// What is checked for tiers that `levels` does not name.
    #[serde(default)]
    pub level: Option<String>,
    /// What is checked for which tier, by the names of levels, workflows or templates there.
    #[serde(default)]
    pub levels: BTreeMap<TierName, String>,
    /// How people get in.
    #[serde(default = "by_page")]
    pub entry: EntryKind,
    /// Its credentials.
    #[serde(flatten)]
    pub credentials: Credentials,
}

const fn by_page() -> EntryKind {
    EntryKind::Page
}

/// Why identity providers cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum VerificationSettingsError {
    /// Credentials that are none.
    #[error("verification.accounts: {endpoint} cannot be used")]
    Credentials {
        /// Which account.
        endpoint: String,
        /// Why.
        #[source]
        source: CredentialsError,
    },
    /// Nothing is checked there.
    #[error(
        "verification.accounts: {endpoint} has neither `level` nor `levels`: nothing is checked there"
    )]
    Levels {
        /// Which account.
        endpoint: String,
    },
    /// Accounts that cannot be used together.
    #[error("verification.accounts cannot be used together")]
    Accounts(#[from] IdentityAccountsError),
}

impl VerificationSettings {
    /// How long owners have, as the process takes it.
    ///
    /// # Errors
    /// [`SettingsError::Value`].
    pub fn process(&self) -> Result<Process, SettingsError> {
        Ok(Process {
            reverification: days("verification.reverification_days", self.reverification_days)?,
            retry: days("verification.retry_days", self.retry_days)?,
        })
    }

    /// Who checks owners, and how they are asked; connects to nobody.
    ///
    /// # Errors
    /// [`VerificationSettingsError`].
    pub fn identity(&self) -> Result<IdentityOptions, VerificationSettingsError> {
        Ok(IdentityOptions {
            accounts: self.identity_accounts()?,
            polling: (self.polling_ms > 0).then(|| Duration::from_millis(self.polling_ms)),
        })
    }

    /// The accounts that a node works with; connects to nobody.
    ///
    /// # Errors
    /// [`VerificationSettingsError`].
    pub fn identity_accounts(&self) -> Result<IdentityAccounts, VerificationSettingsError> {
        let accounts = self.accounts.iter().map(AccountSettings::account);
        let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
        Ok(IdentityAccounts::try_new(accounts)?)
    }
}

impl AccountSettings {
    fn account(&self) -> Result<IdentityAccount, VerificationSettingsError> {
        let levels = Levels::new(self.level.clone(), self.levels.clone());
        if levels.is_empty() {
            let endpoint = self.endpoint.clone();
            return Err(VerificationSettingsError::Levels { endpoint });
        }
        let identity_provider = self.credentials.identity_provider().map_err(|source| {
            VerificationSettingsError::Credentials {
                endpoint: self.endpoint.clone(),
                source,
            }
        })?;
        Ok(IdentityAccount {
            ledger: self.ledger,
            endpoint: self.endpoint.clone(),
            identity_provider,
            levels,
            entry: self.entry,
        })
    }
}

fn days(setting: &'static str, count: u16) -> Result<Duration, SettingsError> {
    if count == 0 {
        let rule = "must be a day at least";
        return Err(SettingsError::Value { setting, rule });
    }
    Ok(Duration::from_secs(u64::from(count) * 24 * 60 * 60))
}
