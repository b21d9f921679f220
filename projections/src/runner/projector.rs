//! The projector of one ledger: its read models, one reader.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use event_store::{ErrorChain, RawEvent, log};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RETRY;
use crate::checkpoint::{self, Positions};
use crate::read_model::{Before, Fold, FoldError, Place, Tables};
use crate::read_models::ReadModelName;
use crate::status::ProjectionStatus;

/// A turn that folds this many events is one under load.
const BUSY: usize = 64;

/// The shortest and the longest time from one turn to the next under load; in between, a turn is
/// followed by a pause as long as itself. A turn costs a commit and a dozen statements however few
/// events it folds, and a row that many of them touch is written once: gathering more of them leaves
/// the processor to the executor. A caller who waits for its own write after each request never
/// brings load about.
const PACE: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_millis(250);

/// Events folded in one turn, at most; a turn this full is followed by no pause.
const TURN: i64 = 8_000;
const FULL: usize = 8_000;

/// How long to look on while another node folds, or something holds a checkpoint.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long a turn may take to end when the projector is told to stop.
const GRACE: Duration = Duration::from_secs(2);

pub(super) struct Projector {
    ledger: LedgerName,
    pool: PgPool,
    head: watch::Receiver<Position>,
    status: ProjectionStatus,
    /// Bounds the connections that all ledgers' projectors hold.
    turns: Arc<Semaphore>,
    /// The read models that have not stopped.
    running: Vec<ReadModelName>,
    /// Whether every checkpoint has its row.
    begun: bool,
    /// The folds under way, each with where it has come; good only while nothing is rolled back.
    folds: BTreeMap<ReadModelName, (Position, Box<dyn Fold>)>,
    /// Where another node had come that folds this ledger; left to it as long as it goes on.
    folded_elsewhere: Option<Positions>,
}

/// A turn under way is let finish: cut off while it sends rows, it leaves a connection of no use.
async fn grace_is_over(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// How a turn ended.
enum Turn {
    /// Nothing is left to fold.
    AtHead,
    /// Events were folded, and there may be more.
    Folded(usize),
    /// There is something to fold that another holds.
    Held,
}

/// A read model could not be folded; the database transaction is of no use any more.
struct Failure {
    read_models: Vec<ReadModelName>,
    error: FoldError,
}

impl Projector {
    pub(super) fn new(
        ledger: LedgerName,
        running: Vec<ReadModelName>,
        pool: PgPool,
        head: watch::Receiver<Position>,
        status: ProjectionStatus,
        turns: Arc<Semaphore>,
    ) -> Self {
        Self {
            ledger,
            pool,
            head,
            status,
            turns,
            running,
            begun: false,
            folds: BTreeMap::new(),
            folded_elsewhere: None,
        }
    }

    /// Folds until it is told to stop, or every read model has stopped.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        while !self.running.is_empty() && !shutdown.is_cancelled() {
            let started = Instant::now();
            let turn = tokio::select! {
                turn = self.turn() => turn,
                () = grace_is_over(&shutdown) => return,
            };
            if turn.is_err() {
                self.folds.clear();
            }
            tokio::select! {
                () = self.rest(turn, started) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Waits until another turn is worth it.
    async fn rest(&mut self, turn: Result<Turn, FoldError>, started: Instant) {
        let elsewhere = self.folded_elsewhere.is_some();
        match turn {
            Ok(Turn::AtHead) => {
                if self.head.changed().await.is_err() {
                    // Nobody is left to tell of the log's growth; the process is ending.
                    std::future::pending::<()>().await;
                }
                if elsewhere {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
            Ok(Turn::Folded(events)) if (BUSY..FULL).contains(&events) => {
                let pace = (started.elapsed() * 2).clamp(*PACE.start(), *PACE.end());
                tokio::time::sleep_until(started + pace).await;
            }
            Ok(Turn::Folded(_)) => {}
            Ok(Turn::Held) if elsewhere => tokio::time::sleep(LOOK_AGAIN).await,
            Ok(Turn::Held) => tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = self.head.changed() => {}
            },
            Err(error) => {
                self.tell_of(&error);
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Folds one page into every read model that nobody else holds.
    async fn turn(&mut self) -> Result<Turn, FoldError> {
        let turns = Arc::clone(&self.turns);
        let _turn = turns.acquire().await;
        let mut connection = self.pool.acquire().await?;
        if !self.begun {
            checkpoint::begin(&mut connection, self.ledger, &self.running).await?;
            self.begun = true;
        }
        if self.folded_elsewhere.is_some() {
            let found = self.look_on(&mut connection).await?;
            if self.folded_elsewhere.is_some() {
                return Ok(found);
            }
        }
        let mut tx = sqlx::Connection::begin(&mut *connection).await?;
        let claimed = checkpoint::claim_in_tx(&mut tx, self.ledger, &self.running).await?;
        if claimed.is_empty() {
            tx.rollback().await?;
            self.folded_elsewhere = Some(Positions::new());
            return self.look_on(&mut connection).await;
        }
        match self.fold_in_tx(&mut tx, &claimed).await {
            Ok(folded) => {
                tx.commit().await?;
                self.status
                    .moved(self.ledger, &folded.positions, folded.head);
                Ok(self.outcome(&claimed, &folded))
            }
            Err(failure) if failure.error.is_transient() => Err(failure.error),
            Err(failure) => {
                self.folds.clear();
                tx.rollback().await?;
                self.status
                    .moved(self.ledger, &claimed, *self.head.borrow());
                self.stop(&failure);
                Ok(Turn::Folded(0))
            }
        }
    }

    fn outcome(&self, claimed: &Positions, folded: &Folded) -> Turn {
        if folded.events > 0 && !folded.at_head {
            Turn::Folded(folded.events)
        } else if claimed.len() < self.running.len() {
            Turn::Held
        } else if folded.events >= BUSY {
            // The head may have moved meanwhile; the pace is kept all the same.
            Turn::Folded(folded.events)
        } else {
            Turn::AtHead
        }
    }

    /// Learns how far the node has come that folds this ledger; takes over when it does not go on.
    async fn look_on(&mut self, connection: &mut PgConnection) -> Result<Turn, FoldError> {
        let head = *self.head.borrow_and_update();
        let mut positions = checkpoint::checkpoints(connection, self.ledger).await?;
        positions.retain(|name, _| self.running.contains(name));
        self.status.moved(self.ledger, &positions, head);
        if positions.values().all(|position| *position >= head) {
            self.folded_elsewhere = Some(positions);
            return Ok(Turn::AtHead);
        }
        let goes_on = self.folded_elsewhere.as_ref() != Some(&positions);
        self.folded_elsewhere = goes_on.then_some(positions);
        Ok(Turn::Held)
    }

    /// Folds what follows the claimed checkpoints, from the one furthest behind to the one furthest
    /// ahead: read models that stand at the same place share what is read.
    async fn fold_in_tx(
        &mut self,
        tx: &mut PgConnection,
        claimed: &Positions,
    ) -> Result<Folded, Failure> {
        let head = *self.head.borrow_and_update();
        let mut places: BTreeMap<Position, Vec<ReadModelName>> = BTreeMap::new();
        for (name, position) in claimed {
            places.entry(*position).or_default().push(*name);
        }
        let mut folded = Folded {
            positions: claimed.clone(),
            head,
            events: 0,
            at_head: true,
        };
        let ahead: Vec<Position> = places.keys().skip(1).copied().collect();
        let mut ahead = ahead.into_iter();
        for (from, read_models) in places {
            // No further than the next group, to go on together from there.
            let until = ahead.next().unwrap_or(Position::START.plus(i64::MAX));
            let limit = until.value().saturating_sub(from.value()).min(TURN);
            let events = self.fold_group(tx, from, limit, &read_models).await?;
            let Some(last) = events.last().map(|event| event.position) else {
                continue;
            };
            folded.events += events.len();
            folded.at_head &= last >= head;
            for name in read_models {
                folded.positions.insert(name, last);
            }
        }
        if folded.events > 0 {
            checkpoint::advance_in_tx(tx, self.ledger, &folded.positions)
                .await
                .map_err(|error| Failure {
                    read_models: claimed.keys().copied().collect(),
                    error: error.into(),
                })?;
        }
        folded.head = head.max(folded.positions.values().max().copied().unwrap_or_default());
        Ok(folded)
    }

    /// Folds the next events into read models that stand at the same place.
    async fn fold_group(
        &mut self,
        tx: &mut PgConnection,
        from: Position,
        limit: i64,
        read_models: &[ReadModelName],
    ) -> Result<Vec<RecordedEvent>, Failure> {
        let stored = log::read_raw(&mut *tx, self.ledger, from, limit)
            .await
            .map_err(|error| Failure::of(read_models, error))?;
        let events = readable(&stored).map_err(|error| Failure::of(read_models, error))?;
        let Some(last) = events.last().map(|event| event.position) else {
            return Ok(events);
        };
        for name in read_models {
            let mut fold = match self.folds.remove(name) {
                Some((position, fold)) if position == from => fold,
                _ => name.read_model().begin(self.ledger, Before::InTables),
            };
            let mut place = Place {
                connection: &mut *tx,
                tables: Tables::Live,
            };
            fold.page(&mut place, &events)
                .await
                .map_err(|error| Failure::of(&[*name], error))?;
            self.folds.insert(*name, (last, fold));
        }
        Ok(events)
    }

    fn tell_of(&self, error: &FoldError) {
        let (ledger, chain) = (&self.ledger, ErrorChain(error));
        if error.is_transient() {
            tracing::debug!(%ledger, error = %chain, "a projector tries again");
        } else {
            tracing::error!(%ledger, error = %chain, "checkpoints cannot be used; trying again");
        }
    }

    fn stop(&mut self, failure: &Failure) {
        let reason = ErrorChain(&failure.error).to_string();
        for name in &failure.read_models {
            tracing::error!(
                read_model = name.as_str(),
                ledger = %self.ledger,
                error = reason,
                "a projector has stopped; the read model stays where it is"
            );
            self.status.stopped(self.ledger, *name, &reason);
        }
        self.running
            .retain(|name| !failure.read_models.contains(name));
    }
}

/// What a turn has folded.
struct Folded {
    positions: Positions,
    head: Position,
    events: usize,
    at_head: bool,
}

impl Failure {
    fn of(read_models: &[ReadModelName], error: impl Into<FoldError>) -> Self {
        Self {
            read_models: read_models.to_vec(),
            error: error.into(),
        }
    }
}

/// The events in front of the first that cannot be read; its fault when it is the very first, so that
/// a projector stops right in front of it however the log is cut.
fn readable(stored: &[RawEvent]) -> Result<Vec<RecordedEvent>, FoldError> {
    let mut events = Vec::with_capacity(stored.len());
    for event in stored {
        match event.decode() {
            Ok(event) => events.push(event),
            Err(error) if events.is_empty() => return Err(error.into()),
            Err(_) => break,
        }
    }
    Ok(events)
}
