//! The accounts read model kept up to date by this process, as a node's projector does. The other
//! read models would have to fold the whole log first, and nothing here asks them.

use std::time::Duration;

use event_store::{Database, LogReader};
use ledger_core::LedgerName;
use projections::ReadModelName;
use projections::checkpoint::checkpoint;
use projections::runner;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::BenchError;

/// Events folded at a time.
const PAGE: i64 = 2_000;

/// How often to look for more.
const PAUSE: Duration = Duration::from_millis(5);

/// How long catching up may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Follows the log until it is stopped.
pub struct Follower {
    stop: CancellationToken,
    task: JoinHandle<Result<(), BenchError>>,
}

impl Follower {
    pub fn start(database: &Database, ledger: LedgerName) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(follow(database.clone(), ledger, stop.clone()));
        Self { stop, task }
    }

    /// Stops; fails if following failed.
    pub async fn stop(self) -> Result<(), BenchError> {
        self.stop.cancel();
        self.task.await?
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

async fn follow(
    database: Database,
    ledger: LedgerName,
    stop: CancellationToken,
) -> Result<(), BenchError> {
    while !stop.is_cancelled() {
        if !fold_page(&database, ledger).await? {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Whether there was anything to fold.
async fn fold_page(database: &Database, ledger: LedgerName) -> Result<bool, BenchError> {
    let mut connection = database.pool().acquire().await?;
    let accounts = ReadModelName::Accounts;
    let from = checkpoint(&mut *connection, accounts, ledger).await?;
    let events = LogReader::new(database.pool().clone())
        .read_raw(ledger, from, PAGE)
        .await?
        .iter()
        .map(|event| event.decode())
        .collect::<Result<Vec<_>, _>>()?;
    let folded = runner::fold_page(&mut connection, accounts, ledger, from, &events).await?;
    Ok(folded.is_some_and(|position| position > from))
}
