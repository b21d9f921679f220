//! Money in and out: what providers tell, and what they are asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::secret::Secret;
use event_store::executor::Executors;
use event_store::{Database, ErrorChain, LogSignal};
use identity::destinations::Destination;
use identity::identities::Identities;
use identity::secret::MasterKey;
use ledger_core::{BeneficiaryId, LedgerName};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use workflows::jobs::JobHands;
use workflows::observer::Observer;
use workflows::payments::{
    Payments, PaymentsPorts, PaymentsSettings, PayoutDestination, PayoutDestinations, PayoutPlace,
};
use workflows::process::ProcessRunner;
use workflows::retention::RetentionSettings;
use workflows::routing::{Router, RoutingRules};
use workflows::webhooks::{Sealing, SealingError, WebhookSettings};
use workflows::{GatewayAccounts, WorkStatus};

/// Which payment providers a node works with, and how.
#[derive(Debug, Clone, Default)]
pub struct PaymentOptions {
    /// The accounts.
    pub accounts: GatewayAccounts,
    /// Which of them is asked.
    pub rules: RoutingRules,
    /// Where providers and payers' browsers reach the deployment; the node's own address when there is none.
    pub public_url: Option<Url>,
    /// How often the same thing is asked at most, instead of what the provider tolerates.
    pub polling: Option<Duration>,
    /// How long a page stays open where the payment has no time of its own; an hour when nothing is said.
    pub page_lifetime: Option<Duration>,
    /// How long a provider has to capture by itself what is authorized; two minutes when nothing is said.
    pub capture_grace: Option<Duration>,
    /// Bounds of webhooks.
    pub webhooks: WebhookSettings,
    /// For how long what tells of people is kept.
    pub retention: RetentionSettings,
}

/// See [`PaymentOptions::page_lifetime`].
const PAGE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// See [`PaymentOptions::capture_grace`]. Providers that capture by themselves do so with the authorization,
/// and tell of it within seconds. What they leave to us goes back only after days.
const CAPTURE_GRACE: Duration = Duration::from_secs(2 * 60);

impl PaymentOptions {
    /// What decides which account is asked.
    pub(super) fn router(&self) -> Router {
        Router::new(self.rules.clone(), self.accounts.clone())
    }
}

/// What the worker of a node runs.
pub(super) struct PaymentWork {
    pub(super) options: PaymentOptions,
    pub(super) database: Database,
    pub(super) signal: LogSignal,
    pub(super) executors: Executors,
    pub(super) identities: Identities,
    pub(super) sealing: Arc<dyn Sealing>,
    pub(super) status: WorkStatus,
}

impl PaymentWork {
    /// Whether there is anybody to work with.
    pub(super) fn is_wanted(&self) -> bool {
        !self.options.accounts.is_empty()
    }

    /// Begins to follow ledgers, until `shutdown` is cancelled; who does the jobs comes first.
    pub(super) async fn start(
        self,
        public_url: Url,
        shutdown: &CancellationToken,
    ) -> Result<(Arc<dyn JobHands>, JoinHandle<()>), sqlx::Error> {
        let pool = self.database.pool().clone();
        let router = self.options.router();
        let accounts = self.options.accounts;
        let observer = Observer::new(pool.clone(), self.executors);
        let settings = PaymentsSettings {
            public_url,
            polling: self.options.polling,
            page_lifetime: self.options.page_lifetime.unwrap_or(PAGE_LIFETIME),
            capture_grace: self.options.capture_grace.unwrap_or(CAPTURE_GRACE),
        };
        let ports = PaymentsPorts {
            destinations: Arc::new(SealedDestinations(self.identities)),
            sealing: self.sealing,
        };
        let payments = Payments::new(accounts, router, observer, ports, settings);
        payments.begin_settlements().await?;
        let hands = Arc::new(payments.clone());
        let runner = ProcessRunner::new(Arc::new(payments), pool, self.signal, self.status);
        Ok((hands, tokio::spawn(runner.run(shutdown.clone()))))
    }
}

/// Content of webhooks, sealed under the master key.
#[derive(Debug)]
pub struct SealedWebhooks(pub Arc<MasterKey>);

impl Sealing for SealedWebhooks {
    fn seal(&self, place: &str, content: &[u8]) -> Result<Vec<u8>, SealingError> {
        self.0.seal(place, content).map_err(|_| SealingError)
    }

    fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealingError> {
        let opened = self.0.open(place, sealed).map_err(|_| SealingError)?;
        Ok(opened.to_vec())
    }
}

/// Destinations that the identities keep sealed.
#[derive(Debug)]
struct SealedDestinations(Identities);

#[async_trait]
impl PayoutDestinations for SealedDestinations {
    async fn destination(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<Option<PayoutDestination>, String> {
        let found = self.0.destination(ledger, beneficiary).await;
        let found = found.map_err(|error| ErrorChain(&error).to_string())?;
        Ok(found.map(|destination| match destination {
            Destination::BankAccount {
                holder_name,
                account_number,
                routing_code,
            } => PayoutDestination {
                holder_name,
                place: PayoutPlace::BankAccount {
                    account_number: Secret::new(account_number),
                    routing_code,
                },
            },
            Destination::Vpa {
                holder_name,
                address,
            } => PayoutDestination {
                holder_name,
                place: PayoutPlace::Vpa {
                    address: Secret::new(address),
                },
            },
            Destination::ProviderAccount { provider, account } => PayoutDestination {
                holder_name: String::new(),
                place: PayoutPlace::ProviderAccount { provider, account },
            },
        }))
    }
}
