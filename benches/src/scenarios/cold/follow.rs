//! The accounts read model kept up to date by this process, as a node's projector does. The other
//! read models would have to fold the whole log first, and nothing here asks them.

use std::time::Duration;

use event_store::{Database, LogReader};
use ledger_core::LedgerName;
use projections::ReadModelName;
use projections::read_model::{Tables, advance_in_tx, checkpoint};
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
    let accounts = ReadModelName::Accounts.read_model().name();
    let reader = LogReader::new(database.pool().clone());
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        let head = reader.head(ledger).await?.map(|head| head.position);
        if head == Some(checkpoint(database.pool(), accounts, ledger).await?) {
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
    let accounts = ReadModelName::Accounts.read_model();
    let mut tx = database.pool().begin().await?;
    let from = checkpoint(&mut *tx, accounts.name(), ledger).await?;
    let reader = LogReader::new(database.pool().clone());
    let events = reader
        .read(ledger, from, PAGE)
        .await?
        .iter()
        .map(|event| event.decode())
        .collect::<Result<Vec<_>, _>>()?;
    let Some(last) = events.last() else {
        return Ok(false);
    };
    accounts
        .fold(&mut tx, Tables::Live, ledger, &events)
        .await?;
    if !advance_in_tx(&mut tx, accounts.name(), ledger, from, last.position).await? {
        return Err("somebody else moves the checkpoint of the accounts".into());
    }
    tx.commit().await?;
    Ok(true)
}
