//! The accounts read model kept up to date by this process, with a node's projector. The other read
//! models would have to fold the whole log first, and nothing here asks them.

use std::time::Duration;

use event_store::{Database, LogReader, LogSignal};
use ledger_core::LedgerName;
use projections::checkpoint::checkpoint;
use projections::{ProjectionStatus, Projectors, ReadModelName};
use tokio_util::sync::CancellationToken;

use crate::BenchError;

/// How often to look whether it has caught up.
const PAUSE: Duration = Duration::from_millis(5);

/// How long catching up may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Follows the log until it is stopped.
pub struct Follower {
    projectors: Projectors,
    status: ProjectionStatus,
    shutdown: CancellationToken,
}

impl Follower {
    pub fn start(database: &Database) -> Self {
        let (shutdown, status) = (CancellationToken::new(), ProjectionStatus::default());
        let signal = LogSignal::start(database, shutdown.clone());
        let accounts = [ReadModelName::Accounts];
        Self {
            projectors: Projectors::start_some(database, &signal, status.clone(), &accounts),
            status,
            shutdown,
        }
    }

    /// Stops; fails if following failed.
    pub async fn stop(self) -> Result<(), BenchError> {
        self.projectors.stop().await;
        self.shutdown.cancel();
        if self.status.is_healthy() {
            Ok(())
        } else {
            Err(format!("the projector stopped: {:?}", self.status.projectors()).into())
        }
    }
}

/// Waits until the accounts are those of the log's end.
pub async fn caught_up(database: &Database, ledger: LedgerName) -> Result<(), BenchError> {
    let reader = LogReader::new(database.pool().clone());
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        let head = reader.head(ledger).await?.map(|head| head.position);
        if head == Some(checkpoint(database.pool(), ReadModelName::Accounts, ledger).await?) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err("the accounts do not catch up with the log".into())
}
