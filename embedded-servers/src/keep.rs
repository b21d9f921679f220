//! Keeping a server running: it is started again when it ends by itself.

use std::future::Future;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::ServerError;
use crate::nats::{self, NatsServer};
use crate::postgres::{self, PostgresServer};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A server that ran this long starts counting its failures afresh.
const STABLE_AFTER: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 6;

/// A server that can be kept running.
pub trait ManagedServer: Send + 'static {
    /// What the server is called in logs.
    fn name(&self) -> &'static str;
    /// Waits until the server ends by itself; cancel safe.
    fn ended(&mut self) -> impl Future<Output = ExitStatus> + Send;
    /// Starts it again at the same address.
    fn restart(&mut self) -> impl Future<Output = Result<(), ServerError>> + Send;
    /// Stops it in order.
    fn stop(self) -> impl Future<Output = Result<(), ServerError>> + Send;
}

/// A server that a background task starts again whenever it ends by itself.
///
/// Its address never changes. Dropping this stops the server in the background.
#[derive(Debug)]
pub struct KeptServer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServerError>>,
}

impl KeptServer {
    /// Keeps `server` running until [`KeptServer::stop`]. Needs a tokio runtime.
    pub fn keep(server: impl ManagedServer) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self {
            stop,
            task: tokio::spawn(keep(server, stopped)),
        }
    }

    /// Stops the server in order and waits until it is gone.
    ///
    /// # Errors
    /// Why it could not be stopped, or why it had been given up before.
    pub async fn stop(self) -> Result<(), ServerError> {
        let _ = self.stop.send(());
        flatten(self.task.await)
    }

    /// Waits until the server is given up, which happens after several failed starts in a row.
    /// Cancel safe; do not call again after it returned.
    pub async fn given_up(&mut self) -> ServerError {
        match flatten((&mut self.task).await) {
            Err(fault) => fault,
            // The task ends without a fault only after `stop`, which consumes this value.
            Ok(()) => std::future::pending().await,
        }
    }
}

fn flatten(
    joined: Result<Result<(), ServerError>, tokio::task::JoinError>,
) -> Result<(), ServerError> {
    joined.unwrap_or_else(|fault| {
        let reason = format!("its keeper ended: {fault}");
        Err(ServerError::Unusable {
            server: "embedded server",
            reason,
        })
    })
}

async fn keep<S: ManagedServer>(
    mut server: S,
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), ServerError> {
    let mut failures = 0;
    loop {
        let up_since = Instant::now();
        tokio::select! {
            _ = &mut stopped => return server.stop().await,
            status = server.ended() => {
                tracing::error!("{} ended by itself ({status}), starting it again", server.name());
            }
        }
        if up_since.elapsed() >= STABLE_AFTER {
            failures = 0;
        }
        tokio::select! {
            _ = &mut stopped => return Ok(()),
            revived = revive(&mut server, &mut failures) => revived?,
        }
    }
}

/// Starts `server` again with growing pauses; counts every try in `failures`.
async fn revive<S: ManagedServer>(server: &mut S, failures: &mut u32) -> Result<(), ServerError> {
    loop {
        if *failures >= ATTEMPTS {
            return Err(ServerError::KeepsEnding {
                server: server.name(),
                attempts: *failures,
            });
        }
        tokio::time::sleep(pause_after(*failures)).await;
        *failures += 1;
        match server.restart().await {
            Ok(()) => {
                tracing::info!("{} runs again", server.name());
                return Ok(());
            }
            Err(fault) => tracing::error!("{} does not start: {fault}", server.name()),
        }
    }
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << failures.min(16))
        .min(LONGEST_PAUSE)
}

impl ManagedServer for PostgresServer {
    fn name(&self) -> &'static str {
        postgres::SERVER
    }

    async fn ended(&mut self) -> ExitStatus {
        PostgresServer::ended(self).await
    }

    async fn restart(&mut self) -> Result<(), ServerError> {
        PostgresServer::restart(self).await
    }

    async fn stop(self) -> Result<(), ServerError> {
        PostgresServer::stop(self).await
    }
}

impl ManagedServer for NatsServer {
    fn name(&self) -> &'static str {
        nats::SERVER
    }

    async fn ended(&mut self) -> ExitStatus {
        NatsServer::ended(self).await
    }

    async fn restart(&mut self) -> Result<(), ServerError> {
        NatsServer::restart(self).await
    }

    async fn stop(self) -> Result<(), ServerError> {
        NatsServer::stop(self).await
    }
}
