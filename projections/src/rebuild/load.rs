//! Folding the whole log into new tables, as fast as the machine can.
//!
//! One task reads, one decodes; the lanes fold and write, each on its own connection in one database
//! transaction. Rows are copied into tables without indexes, which are built at the end; what is
//! summed up is summed in memory over as many pages as fit. In a lane, memory grows with the number
//! of accounts, wallets and reverts, about 150 bytes for each, never with the length of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_store::{Database, LedgerHead, LogReader, RawEvent};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{RebuildError, RebuildProgress, decode};
use crate::read_model::{self, Before, Fold, FoldError, Place, Tables};
use crate::read_models::ReadModelName;
use crate::runner::PAGE;

/// Pages that may wait for a lane, so that reading goes on while a lane writes.
const PAGES_WAITING: usize = 16;

/// Waiting for pages is not being idle, and sorting in memory saves writing runs to disk.
const SETTINGS: &str = "\
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '256MB'";

/// Events of one ledger, in order.
struct Page {
    ledger: LedgerName,
    events: Vec<RecordedEvent>,
}

/// Makes the new tables of read models. Returns how far each ledger was folded.
pub(super) async fn load(
    database: &Database,
    reader: &LogReader,
    names: &[ReadModelName],
    progress: &mut (dyn FnMut(RebuildProgress) + Send),
) -> Result<Vec<(LedgerName, Position)>, RebuildError> {
    let mut tasks: JoinSet<Result<(), RebuildError>> = JoinSet::new();
    let mut lanes = Vec::new();
    for names in split(names) {
        let (sender, pages) = mpsc::channel(PAGES_WAITING);
        let connection = database.dedicated_connection().await?;
        tasks.spawn(fill(connection, names, pages));
        lanes.push(sender);
    }
    let (sender, mut read) = mpsc::channel(PAGES_WAITING);
    let ledgers = reader.all_ledgers().await.map_err(FoldError::from)?;
    tasks.spawn(read_ahead(reader.clone(), ledgers, sender));
    let mut folded: BTreeMap<LedgerName, Position> = BTreeMap::new();
    while let Some((head, raw)) = read.recv().await {
        let ledger = head.ledger;
        let events = decode(&raw).map_err(FoldError::from)?;
        let position = events.last().map_or(head.position, |last| last.position);
        if !hand_out(&lanes, Page { ledger, events }).await {
            break;
        }
        folded.insert(ledger, position);
        progress(RebuildProgress {
            ledger,
            position,
            head: head.position.max(position),
        });
    }
    drop(read);
    drop(lanes);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(folded.into_iter().collect())
}

/// Reads every log to its end, ahead of the decoding.
async fn read_ahead(
    reader: LogReader,
    ledgers: Vec<LedgerHead>,
    pages: mpsc::Sender<(LedgerHead, Vec<RawEvent>)>,
) -> Result<(), RebuildError> {
    for head in ledgers {
        let mut position = Position::START;
        loop {
            let raw = reader
                .read_raw(head.ledger, position, PAGE)
                .await
                .map_err(FoldError::from)?;
            let Some(count) = i64::try_from(raw.len()).ok().filter(|count| *count > 0) else {
                break;
            };
            // Without gaps, so the last one is so much further on.
            position = position.plus(count);
            if pages.send((head, raw)).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The entries of statements are as much work as all the rest.
fn split(names: &[ReadModelName]) -> Vec<Vec<ReadModelName>> {
    let (entries, rest): (Vec<_>, Vec<_>) = names
        .iter()
        .partition(|name| **name == ReadModelName::Statements);
    [entries, rest]
        .into_iter()
        .filter(|lane| !lane.is_empty())
        .collect()
}

/// Gives every lane a page; false when one has ended, which only a fault makes it do.
async fn hand_out(lanes: &[mpsc::Sender<Arc<Page>>], page: Page) -> bool {
    let page = Arc::new(page);
    for lane in lanes {
        if lane.send(Arc::clone(&page)).await.is_err() {
            return false;
        }
    }
    true
}

/// Fills the new tables of some read models.
async fn fill(
    mut connection: PgConnection,
    names: Vec<ReadModelName>,
    mut pages: mpsc::Receiver<Arc<Page>>,
) -> Result<(), RebuildError> {
    let mut tx = connection.begin().await?;
    tx.execute(SETTINGS).await?;
    for name in &names {
        let read_model = name.read_model();
        read_model::drop_tables(&mut tx, read_model, Tables::Next).await?;
        read_model::run_all(&mut tx, read_model.definition(), Tables::Next).await?;
    }
    let mut place = Place {
        connection: &mut tx,
        tables: Tables::Next,
    };
    let mut folds: BTreeMap<(ReadModelName, LedgerName), Box<dyn Fold>> = BTreeMap::new();
    while let Some(page) = pages.recv().await {
        for name in &names {
            let fold = folds
                .entry((*name, page.ledger))
                .or_insert_with(|| name.read_model().begin(page.ledger, Before::Nothing));
            for event in &page.events {
                fold.add(event)?;
            }
            if fold.is_full() {
                fold.write(&mut place).await?;
            }
        }
    }
    for fold in folds.values_mut() {
        fold.write(&mut place).await?;
    }
    for name in &names {
        let read_model = name.read_model();
        read_model::run_all(place.connection, read_model.indexes(), Tables::Next).await?;
    }
    for fold in folds.values_mut() {
        fold.settle(&mut place).await?;
    }
    analyze(place.connection, &names).await?;
    tx.commit().await?;
    connection.close().await?;
    Ok(())
}

/// Without statistics, the first questions to the new tables would be planned blindly.
async fn analyze(
    connection: &mut PgConnection,
    names: &[ReadModelName],
) -> Result<(), sqlx::Error> {
    let schema = Tables::Next.schema();
    for table in names.iter().flat_map(|name| name.read_model().tables()) {
        connection
            .execute(format!("ANALYZE {schema}.{table}").as_str())
            .await?;
    }
    Ok(())
}
