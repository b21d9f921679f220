//! The parts of Daybook, put together: started in the order they need each other, stopped in the
//! order that loses nothing.

mod access;
mod due_holds;
mod gatekeeper;
mod payments;
mod readiness;
mod snapshots;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use command_api::checkouts::Checkouts;
use command_api::forgetting::Forgetting;
use command_api::{ApiDependencies, EdgeSettings};
use event_store::executor::{ExecutorSettings, Executors};
use event_store::{Database, DatabaseError, LogReader, LogSignal};
use identity::authenticate::Authenticator;
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
use workflows::jobs::JobWorkerError;
use workflows::webhooks::{Sealing, Webhooks};
use workflows::{HoldExpiry, WorkStatus};

use crate::cli::Role;
use due_holds::ReadModelDueHolds;
use payments::PaymentWork;
use readiness::NodeReadiness;
use snapshots::ReadModelSnapshots;

pub use access::{ACCESS_TOKEN_LIFETIME, AccessMode, AccessOptions};
pub use payments::{PaymentOptions, SealedWebhooks};

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
        let executors =
            Executors::new(database.clone(), signal.clone(), accounts, options.executor);
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
        let router = options.payments.router();
        let sealing: Arc<dyn Sealing> =
            Arc::new(SealedWebhooks(Arc::clone(&options.access.master_key)));
        let work_status = WorkStatus::default();
        let public_url = match options.payments.public_url.clone() {
            Some(url) => url,
            None => Url::parse(&format!("http://{address}/"))
                .map_err(|source| NodeError::Address { address, source })?,
        };
        let webhooks = Webhooks::start(
            options.payments.accounts.clone(),
            database.pool().clone(),
            Arc::clone(&sealing),
            options.payments.webhooks,
            stop_listening.clone(),
        );
        let authenticator =
            access::authenticator(&options.access, &database, address, stop_work.clone());
        if has(Role::Worker) {
            let identities = authenticator.identities().clone();
            let checkouts = Checkouts::new(database.pool().clone(), public_url.clone());
            let forgetting = Forgetting::new(checkouts, identities, queries.clone());
            workers.push(tokio::spawn(forgetting.run(stop_work.clone())));
        }
        if has(Role::Worker) && !options.payments.accounts.is_empty() {
            let work = PaymentWork {
                options: options.payments,
                database: database.clone(),
                signal: signal.clone(),
                executors: executors.clone(),
                identities: authenticator.identities().clone(),
                webhooks: webhooks.clone(),
                sealing,
                status: work_status.clone(),
            };
            workers.extend(work.start(public_url.clone(), &stop_work).await?);
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
            public_url,
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
