//! `daybook serve`: the parts that are asked for, on the configured servers.

use std::process::ExitCode;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use realtime_bridge::BridgeSettings;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CommandError, access, tell};
use crate::cli::{Role, Serve};
use crate::node::{AccessOptions, Node, NodeOptions};
use crate::servers::Folders;
use crate::settings::Settings;

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
];

/// Upper bounds of the buckets of batch sizes, in commands.
const BATCH_BUCKETS: [f64; 10] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1_024.0, 2_048.0, 4_096.0,
];

/// Serves until it is told to stop.
pub(super) async fn run(
    arguments: Serve,
    settings: Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let (Some(database_url), Some(nats_url)) =
        (settings.database.url.get(), settings.nats.url.get())
    else {
        return Err(
            "`daybook serve` needs DATABASE_URL and NATS_URL; `daybook up` brings its own \
                    servers"
                .into(),
        );
    };
    let listen = arguments.listen.unwrap_or(settings.http.listen);
    let access = access::options(&settings, listen)?;
    let options = NodeOptions {
        listen,
        roles: arguments.roles,
        ..options(&settings, folders, (database_url, nats_url), access)?
    };
    let node = Node::start(options, start_metrics()?).await?;
    let mut stop = StopSignals::listen()?;
    tell(&format!("Daybook serves http://{}/", node.address));
    stop.told().await;
    node.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A node with every part.
pub(super) fn options(
    settings: &Settings,
    folders: &Folders,
    (database_url, nats_url): (&str, &str),
    access: AccessOptions,
) -> Result<NodeOptions, CommandError> {
    Ok(NodeOptions {
        access,
        edge: settings.edge()?,
        payments: settings.payments.options()?,
        verification: settings.verification.process()?,
        identity: settings.verification.identity()?,
        onboarding: settings.onboarding.process()?,
        documents: settings.documents.options(&folders.data)?,
        audit: settings.audit.options()?,
        database_url: database_url.to_owned(),
        connections: settings.database.connections,
        nats_url: nats_url.to_owned(),
        listen: settings.http.listen,
        roles: Role::ALL.to_vec(),
        executor: settings.executor.into(),
        bridge: BridgeSettings {
            allowed_origins: settings.http.allowed_origins.clone(),
            ..BridgeSettings::default()
        },
    })
}

/// Begins to count.
pub(super) fn start_metrics() -> Result<PrometheusHandle, CommandError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &BATCH_BUCKETS)?
        .install_recorder()?;
    Ok(handle)
}

/// Ctrl-C and requests to terminate. To be asked for before anybody is told that Daybook serves: until
/// then these signals end the process at once and not in order.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl StopSignals {
    pub(super) fn listen() -> Result<Self, CommandError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
        tell("stopping");
    }
}
