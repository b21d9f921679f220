//! People's identities: which providers check them, and how these are asked.

use std::sync::Arc;
use std::time::Duration;

use event_store::executor::Executors;
use sqlx::PgPool;
use url::Url;
use workflows::IdentityAccounts;
use workflows::identity_checks::{IdentityChecks, IdentityChecksSettings};
use workflows::webhooks::Sealing;

/// Which identity providers a node works with, and how.
#[derive(Debug, Clone, Default)]
pub struct IdentityOptions {
    /// The accounts.
    pub accounts: IdentityAccounts,
    /// How often the same thing is asked at most, instead of what the provider tolerates.
    pub polling: Option<Duration>,
}

impl IdentityOptions {
    /// The process of checks, where there is anybody to ask.
    pub(super) fn checks(
        self,
        pool: PgPool,
        executors: Executors,
        sealing: Arc<dyn Sealing>,
        public_url: Url,
    ) -> Option<IdentityChecks> {
        if self.accounts.is_empty() {
            return None;
        }
        let settings = IdentityChecksSettings {
            public_url,
            polling: self.polling,
        };
        Some(IdentityChecks::new(
            self.accounts,
            pool,
            executors,
            sealing,
            settings,
        ))
    }
}
