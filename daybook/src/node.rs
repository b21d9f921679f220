//! The parts of Daybook, put together: started in the order they need each other, stopped in the
//! order that loses nothing.

mod access;
mod checks;
mod documents;
mod due_holds;
mod gatekeeper;
mod onboarding;
mod payments;
mod personal;
mod readiness;
mod sealing;
mod snapshots;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::documents::{Documents, StorageStartError};
use command_api::checkouts::Checkouts;
use command_api::forgetting::Forgetting;
use command_api::{ApiDependencies, EdgeSettings};
use event_store::executor::{ExecutorSettings, Executors};
use event_store::{Database, DatabaseError, LogError, LogReader, LogSignal};
use identity::authenticate::Authenticator;
use ledger_core::LedgerName;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::Server;
use poem::listener::{Acceptor, Listener, TcpListener};
use projections::rebuild::RebuildError;
use projections::{AccountsReadModel, ProjectionStatus, Projectors, Queries, runner};
use realtime_bridge::bridge::{STREAM_EVENTS_PATH, STREAM_PATH};
use realtime_bridge::{Bridge, BridgeSettings, Nats, NatsError, Relay, RelaySettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use workflows::documents::DocumentKeeper;
use workflows::jobs::JobWorkerError;
use workflows::onboarding::{OnboardingProcess, OnboardingSettings};
use workflows::verification::{Verification, VerificationSettings};
use workflows::webhooks::{Sealing, Senders, Webhooks};
use workflows::{HoldExpiry, WorkStatus};

use crate::cli::Role;
use due_holds::ReadModelDueHolds;
use onboarding::KnownPeople;
use payments::PaymentWork;
use personal::ErasureWork;
use readiness::NodeReadiness;
use snapshots::ReadModelSnapshots;
use work::Work;

pub use self::documents::DocumentOptions;
pub use access::{ACCESS_TOKEN_LIFETIME, AccessMode, AccessOptions};
pub use checks::IdentityOptions;
pub use payments::{PaymentOptions, SealedWebhooks};
pub use personal::PersonKeys;
pub use sealing::{AccountsAsStated, AuditOptions, WitnessOverHttp};

/// How long to wait for NATS at start before going on without it.
const NATS_PATIENCE: Duration = Duration::from_secs(5);

/// How long requests under way may take after the node was told to stop.
const HTTP_GRACE: Duration = Duration::from_secs(10);

/// What a node is to be.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// PostgreSQL.
    pub database_url: String,
    /// The size of the pool.
    pub connections: u32,
    /// NATS.
    pub nats_url: String,
    /// The address to listen on; port 0 picks one.
    pub listen: SocketAddr,
    /// The parts to run.
    pub roles: Vec<Role>,
    /// Bounds of the executors.
    pub executor: ExecutorSettings,
    /// Bounds of the live stream.
    pub bridge: BridgeSettings,
    /// Who may call it.
    pub access: AccessOptions,
    /// How often, through which proxies, and from pages of which origins.
    pub edge: EdgeSettings,
    /// Which payment providers it works with.
    pub payments: PaymentOptions,
    /// How long owners have for what is wanted of them.
    pub verification: VerificationSettings,
    /// Which identity providers it works with.
    pub identity: IdentityOptions,
    /// What owners have to do before they have a wallet, and how long they have.
    pub onboarding: OnboardingSettings,
    /// Where documents of cases are kept.
    pub documents: DocumentOptions,
    /// How logs are sealed.
    pub audit: AuditOptions,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The read models cannot be made ready.
    #[error("the read models cannot be made ready")]
    ReadModels(#[from] RebuildError),
    /// A provider's account is for a ledger in which nothing happens.
    #[error("an account at a provider is for the ledger {0}, which is a sandbox")]
    AccountOfSandbox(LedgerName),
    /// The ledgers cannot be looked at.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Documents cannot be kept.
    #[error(transparent)]
    Documents(#[from] StorageStartError),
    /// Work outside the ledger cannot be done.
    #[error("work outside the ledger cannot be done")]
    Jobs(#[from] JobWorkerError),
    /// The node's own address cannot be named.
    #[error("the address {address} cannot be named")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// NATS cannot be used.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A running node.
pub struct Node {
    /// Where it serves.
    pub address: SocketAddr,
    /// Its executors, for work in this process.
    pub executors: Executors,
    /// Its queries.
    pub queries: Queries,
    /// Its database.
    pub database: Database,
    /// Its people and machines.
    pub authenticator: Authenticator,
    /// Its documents of cases.
    pub documents: Documents,
    bridge: Bridge,
    relay: Option<Relay>,
    projectors: Option<Projectors>,
    workers: Vec<JoinHandle<()>>,
    http: JoinHandle<std::io::Result<()>>,
    stop_http: CancellationToken,
    stop_work: CancellationToken,
    stop_listening: CancellationToken,
}

impl Node {
    /// Starts the parts in `options.roles`.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn start(options: NodeOptions, metrics: PrometheusHandle) -> Result<Self, NodeError> {
        let acceptor = TcpListener::bind(options.listen)
            .into_acceptor()
            .await
            .map_err(|source| NodeError::Listen {
                address: options.listen,
                source,
            })?;
        let address = acceptor
            .local_addr()
            .iter()
            .find_map(|local| local.as_socket_addr().copied())
            .unwrap_or(options.listen);
        let has = |role| options.roles.contains(&role);
        let database = Database::connect(&options.database_url, options.connections).await?;
        runner::prepare(&database).await?;
        workflows::jobs::prepare(database.pool()).await?;
        let (stop_work, stop_listening) = (CancellationToken::new(), CancellationToken::new());
        let signal = LogSignal::start(&database, stop_listening.clone());
        let log = LogReader::new(database.pool().clone());
        let status = ProjectionStatus::default();
        let queries = Queries::new(&database, status.clone());
        let projectors =
            has(Role::Projector).then(|| Projectors::start(&database, &signal, status.clone()));
        let accounts = Arc::new(AccountsReadModel::new(database.pool().clone()));
        let master_key = &options.access.master_key;
        let vault = options
            .access
            .person_keys
            .vault(database.pool(), master_key);
        let (store, news) = (database.clone(), signal.clone());
        let executors = match &vault {
            Some(vault) => {
                let vault = vault.clone();
                Executors::with_vault(store, news, accounts, vault, options.executor)
            }
            None => Executors::new(store, news, accounts, options.executor),
        };
        let documents = options.documents.open(database.pool(), vault.clone())?;
        let keeper = DocumentKeeper::new(
            documents.clone(),
            database.pool().clone(),
            executors.clone(),
        );
        let nats = Nats::connect(&options.nats_url, NATS_PATIENCE).await?;
        let relay = has(Role::Relay).then(|| {
            Relay::start(
                &nats,
                &log,
                &signal,
                RelaySettings::default(),
                stop_work.clone(),
            )
        });
        let snapshots = Arc::new(ReadModelSnapshots::new(queries.clone()));
        let mut workers = Vec::new();
        if has(Role::Worker) {
            let due = Arc::new(ReadModelDueHolds::new(queries.clone()));
            let expiry = HoldExpiry::new(executors.clone(), signal.clone(), due);
            workers.push(tokio::spawn(expiry.run(stop_work.clone())));
        }
        let master_keys = options.access.person_keys.master_keys(master_key);
        let sealer = options.audit.sealer(database.pool(), master_keys);
        if has(Role::Sealer) {
            let (signal, sinks) = (signal.clone(), options.audit.sinks(&nats));
            let sealing = sealer.clone().run(signal, sinks, stop_work.clone());
            workers.push(tokio::spawn(sealing));
        }
        let router = options.payments.router();
        let onboarding_contacts = options.onboarding.required.clone();
        let sealing: Arc<dyn Sealing> =
            Arc::new(SealedWebhooks(Arc::clone(&options.access.master_key)));
        let work_status = WorkStatus::default();
        let public_url = match options.payments.public_url.clone() {
            Some(url) => url,
            None => Url::parse(&format!("http://{address}/"))
                .map_err(|source| NodeError::Address { address, source })?,
        };
        let senders = Senders {
            gateways: options.payments.accounts.clone(),
            identity: options.identity.accounts.clone(),
        };
        let all = log.all_ledgers().await?;
        if let Some(head) = all
            .iter()
            .find(|head| head.is_sandbox && senders.serve(head.ledger))
        {
            return Err(NodeError::AccountOfSandbox(head.ledger));
        }
        let webhooks = Webhooks::start(
            senders,
            database.pool().clone(),
            Arc::clone(&sealing),
            options.payments.webhooks,
            stop_listening.clone(),
        );
        let pool = database.pool().clone();
        let authenticator =
            access::authenticator(&options.access, &database, address, stop_work.clone());
        if has(Role::Worker) {
            let identities = authenticator.identities().clone();
            let checkouts = Checkouts::new(database.pool().clone(), public_url.clone());
            let forgetting = Forgetting::new(
                checkouts,
                webhooks.check_desk(),
                identities,
                queries.clone(),
            );
            workers.push(tokio::spawn(forgetting.clone().run(stop_work.clone())));
            if let Some(vault) = vault.clone() {
                let erasure = ErasureWork {
                    vault,
                    database: database.clone(),
                    signal: signal.clone(),
                    executors: executors.clone(),
                    identities: authenticator.identities().clone(),
                    forgetting,
                    queries: queries.clone(),
                    documents: keeper.clone(),
                    sealing: Arc::clone(&sealing),
                    status: work_status.clone(),
                };
                workers.push(tokio::spawn(erasure.process().run(stop_work.clone())));
            }
        }
        if has(Role::Worker) {
            let retention = options.payments.retention;
            let identity = options.identity.checks(
                pool.clone(),
                executors.clone(),
                Arc::clone(&sealing),
                public_url.clone(),
            );
            let payments = PaymentWork {
                options: options.payments,
                database: database.clone(),
                signal: signal.clone(),
                executors: executors.clone(),
                identities: authenticator.identities().clone(),
                sealing,
                status: work_status.clone(),
            };
            let people = Arc::new(KnownPeople(authenticator.identities().clone()));
            let work = Work {
                onboarding: OnboardingProcess::new(
                    log.clone(),
                    executors.clone(),
                    people.clone(),
                    options.onboarding,
                ),
                people,
                payments: payments
                    .is_wanted()
                    .then_some((payments, public_url.clone())),
                verification: Verification::new(
                    pool.clone(),
                    executors.clone(),
                    options.verification,
                ),
                checks: identity,
                webhooks: webhooks.clone(),
                retention,
                executors: executors.clone(),
                documents: keeper,
                pool,
                signal: signal.clone(),
                status: work_status.clone(),
            };
            workers.extend(work.start(&stop_work).await?);
        }
        let access = access::access(&options.access, &authenticator, &queries);
        let gatekeeper = gatekeeper::gatekeeper(&access, &authenticator);
        let bridge = Bridge::new(&nats, &log, &signal, snapshots, gatekeeper, options.bridge);
        let dependencies = ApiDependencies {
            authenticator: authenticator.clone(),
            access,
            commands: Arc::new(executors.clone()),
            queries: queries.clone(),
            pool: database.pool().clone(),
            readiness: Arc::new(NodeReadiness::new(status, relay.clone(), work_status)),
            router,
            webhooks,
            documents: documents.clone(),
            public_url,
            vault,
            sealer,
            onboarding_contacts,
            metrics,
        };
        let mut routes = if has(Role::Api) {
            command_api::Api::routes(dependencies)
        } else {
            command_api::Api::operational_routes(dependencies)
        };
        if let Some(mailbox) = &options.access.mailbox {
            routes = access::mailbox_routes(routes, mailbox);
        }
        if has(Role::Bridge) {
            let streams = [
                (STREAM_PATH, bridge.web_socket_endpoint()),
                (STREAM_EVENTS_PATH, bridge.server_sent_endpoint()),
            ];
            for (path, endpoint) in streams {
                routes = routes.at(path, access::stream_route(path, endpoint));
            }
        }
        let routes = command_api::edge(routes, options.edge);
        workers.push(tokio::spawn(routes.limits().forget_full(stop_work.clone())));
        let stop_http = CancellationToken::new();
        let http = tokio::spawn(
            Server::new_with_acceptor(acceptor).run_with_graceful_shutdown(
                routes,
                stop_http.clone().cancelled_owned(),
                Some(HTTP_GRACE),
            ),
        );
        Ok(Self {
            address,
            executors,
            queries,
            database,
            authenticator,
            documents,
            bridge,
            relay,
            projectors,
            workers,
            http,
            stop_http,
            stop_work,
            stop_listening,
        })
    }

    /// Stops everything in order: clients are told, requests under way are answered, commands taken
    /// are made durable, then the read models and the relay end.
    pub async fn stop(self) {
        let Self {
            bridge,
            executors,
            projectors,
            relay,
            workers,
            http,
            stop_http,
            stop_work,
            stop_listening,
            ..
        } = self;
        bridge.shutdown().await;
        stop_http.cancel();
        if let Ok(Err(error)) = http.await {
            tracing::warn!(%error, "the server did not end in order");
        }
        stop_work.cancel();
        for worker in workers {
            drop(worker.await);
        }
        executors.stop().await;
        if let Some(projectors) = projectors {
            projectors.stop().await;
        }
        if let Some(relay) = relay {
            relay.stopped().await;
        }
        stop_listening.cancel();
    }
}
