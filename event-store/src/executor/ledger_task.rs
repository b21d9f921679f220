//! The task of one ledger: collects, decides, appends, answers.
//!
//! State: the book with everything decided so far; at most one batch under way to PostgreSQL
//! (`in_flight`), at most one being filled on top of it (`pending`), and requests to be decided
//! again (`backlog`) after a batch was taken back.

use crate::error_chain::ErrorChain;
use hashbrown::HashSet;
use ledger_core::book::Book;
use ledger_core::{LedgerName, Position};
use sqlx::postgres::PgConnection;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::ExecutorSettings;
use super::append::{self, AppendError, Appended};
use super::batch::{Batch, Rows};
use super::gathering::Gathering;
use super::idempotency_key::KeyName;
use super::keys::RecentKeys;
use super::lookup::AccountSource;
use super::persons::Persons;
use super::submission::Request;
use super::turn_taking::TurnTaking;
use crate::database::Database;
use crate::signal::LogSignal;
use crate::turns::NextTurn;

/// After a key or id turned out to be taken, so many batches look theirs up first.
const CAREFUL_BATCHES: u32 = 64;

/// The most rows whose memory is kept for the next batch.
const MAX_SPARE_ROWS: i64 = 10_000;

/// While the book is full, the accounts read model is asked this often how far it is.
const LOOK_AT_READ_MODEL: Duration = Duration::from_millis(100);

/// An append under way; gives the batch and the connection back.
type InFlight = JoinHandle<AppendDone>;

struct AppendDone {
    batch: Batch,
    turn: NextTurn,
    connection: PgConnection,
    result: Result<Appended, AppendError>,
    took: Duration,
}

pub(super) struct LedgerTask {
    pub(super) ledger: LedgerName,
    pub(super) database: Database,
    pub(super) signal: LogSignal,
    pub(super) accounts: Arc<dyn AccountSource>,
    pub(super) persons: Persons,
    pub(super) settings: ExecutorSettings,
    receiver: mpsc::Receiver<Request>,
    pub(super) turns: TurnTaking,
    pub(super) gathering: Gathering,
    /// The append under way passes the turn on: nothing is decided on top of it.
    passing_turn: bool,
    /// `None` until it is opened, and again after a fault.
    pub(super) book: Option<Book>,
    pub(super) fence: i64,
    /// `None` while an append is under way or the connection is lost.
    pub(super) writer: Option<PgConnection>,
    pub(super) keys: RecentKeys,
    /// Keys of decided batches that are not durable yet.
    pub(super) undecided_keys: HashSet<KeyName>,
    in_flight: Option<InFlight>,
    pub(super) pending: Option<Batch>,
    /// Memory for the rows of batches to come.
    pub(super) spare_rows: Vec<Rows>,
    pub(super) backlog: VecDeque<Request>,
    /// Requests under a key that is just being used; decided once that use is durable.
    pub(super) deferred: Vec<Request>,
    pub(super) careful: u32,
    /// So many requests are appended one by one, to find the one that PostgreSQL refuses.
    pub(super) singly: usize,
    /// The log was seen to be ahead of the book: nothing is decided before it has caught up.
    pub(super) behind: bool,
    /// The accounts read model's checkpoint, as last seen.
    pub(super) clean_through: Position,
    /// The number of entities in the book above which some are forgotten.
    evict_above: usize,
    /// When the book was full and the accounts read model was asked how far it is.
    looked_at_read_model: Instant,
}

impl LedgerTask {
    pub(super) fn new(
        ledger: LedgerName,
        database: Database,
        signal: LogSignal,
        accounts: Arc<dyn AccountSource>,
        persons: Persons,
        settings: ExecutorSettings,
        receiver: mpsc::Receiver<Request>,
    ) -> Self {
        Self {
            ledger,
            database,
            turns: TurnTaking::new(&signal, ledger),
            gathering: Gathering::default(),
            passing_turn: false,
            signal,
            accounts,
            persons,
            keys: RecentKeys::new(settings.cached_keys),
            receiver,
            book: None,
            fence: 0,
            writer: None,
            undecided_keys: HashSet::default(),
            in_flight: None,
            pending: None,
            spare_rows: Vec::new(),
            backlog: VecDeque::new(),
            deferred: Vec::new(),
            careful: 0,
            singly: 0,
            behind: false,
            clean_through: Position::START,
            evict_above: settings.cached_entities.saturating_mul(2),
            looked_at_read_model: Instant::now(),
            settings,
        }
    }

    /// Runs until every sender is gone and everything taken is answered.
    pub(super) async fn run(mut self) {
        let mut open = true;
        loop {
            if self.behind && self.is_idle() {
                self.behind = false;
                self.catch_up_or_reopen().await;
            }
            if self.is_idle() && !self.backlog.is_empty() {
                self.await_turn().await;
            }
            if self.may_take_backlog() {
                let requests = self.take_backlog();
                self.prepare(requests).await;
            }
            self.append_pending();
            if self.in_flight.is_some() {
                if let Some(done) = self.wait(&mut open).await {
                    self.finish(done).await;
                }
            } else if self.backlog.is_empty() {
                if !open {
                    return;
                }
                open = self.receive().await;
            }
        }
    }

    /// Waits for the append under way to be done, or takes in more meanwhile (`None`).
    async fn wait(&mut self, open: &mut bool) -> Option<Result<AppendDone, JoinError>> {
        let room = self.room();
        let may_receive = *open && room > 0 && self.backlog.is_empty() && self.may_add();
        let in_flight = self.in_flight.as_mut()?;
        let mut requests = Vec::new();
        tokio::select! {
            biased;
            done = &mut *in_flight => {
                self.in_flight = None;
                return Some(done);
            }
            count = self.receiver.recv_many(&mut requests, room), if may_receive => {
                *open = count > 0;
            }
        }
        self.prepare(requests).await;
        None
    }

    /// Waits for requests; `false` when no more will come. Another node that waits may write
    /// meanwhile.
    async fn receive(&mut self) -> bool {
        let mut requests = Vec::new();
        let count = loop {
            self.pass_turn_when_idle().await;
            let received = self
                .receiver
                .recv_many(&mut requests, self.settings.batch_commands);
            tokio::select! {
                count = received => break count,
                () = self.turns.heard() => {}
            }
        };
        self.backlog.extend(requests);
        count > 0
    }

    /// What has arrived.
    pub(super) fn received(&mut self) -> Vec<Request> {
        let mut requests = Vec::new();
        let room = self.room();
        while requests.len() < room
            && let Ok(request) = self.receiver.try_recv()
        {
            requests.push(request);
        }
        requests
    }

    /// Commands decided and not sent.
    pub(super) fn waiting(&self) -> usize {
        self.pending.as_ref().map_or(0, |batch| batch.commands)
    }

    fn room(&self) -> usize {
        self.settings.batch_commands.saturating_sub(self.waiting())
    }

    fn may_take_backlog(&self) -> bool {
        let may_add = self.book.is_some() && self.room() > 0 && self.may_add();
        !self.behind && !self.backlog.is_empty() && (self.is_idle() || may_add)
    }

    /// Whether anything may be decided on top of the append under way.
    const fn may_add(&self) -> bool {
        self.singly == 0 && !self.behind && !self.passing_turn
    }

    /// Whether nothing decided is waiting for PostgreSQL.
    const fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.pending.is_none()
    }

    /// Takes in everybody who waits, as far as one batch goes.
    pub(super) fn take_waiting(&mut self) {
        let requests = self.received();
        self.backlog.extend(requests);
    }

    fn take_backlog(&mut self) -> Vec<Request> {
        let count = if self.singly > 0 {
            self.singly -= 1;
            1
        } else {
            self.room().min(self.backlog.len())
        };
        self.backlog.drain(..count).collect()
    }

    /// Sends the pending batch on its way when nothing else is.
    fn append_pending(&mut self) {
        if self.in_flight.is_some() {
            return;
        }
        let Some(batch) = self.pending.take() else {
            return;
        };
        let Some(mut connection) = self.writer.take() else {
            self.pending = Some(batch);
            return self.forget_book();
        };
        let (ledger, fence) = (self.ledger, self.fence);
        metrics::histogram!("daybook_append_batch_commands")
            .record(count_as_metric(batch.commands));
        let turn = self.turns.next(batch.commands);
        self.passing_turn = turn.is_passed_on();
        self.in_flight = Some(tokio::spawn(async move {
            let started = Instant::now();
            let result = append::append(&mut connection, ledger, fence, &batch, turn).await;
            AppendDone {
                batch,
                turn,
                connection,
                result,
                took: started.elapsed(),
            }
        }));
    }

    /// Acts on the result of an append.
    async fn finish(&mut self, done: Result<AppendDone, JoinError>) {
        self.passing_turn = false;
        let AppendDone {
            batch,
            turn,
            connection,
            result,
            took,
        } = match done {
            Ok(done) => done,
            Err(error) => return self.fail(&error),
        };
        if !matches!(result, Err(AppendError::Lost(_))) {
            self.writer = Some(connection);
        }
        match result {
            Ok(Appended::Durable) => {
                if !batch.rows.events.is_empty() {
                    self.turns.told(turn);
                    self.signal
                        .appended(self.ledger, batch.last_position(), turn.next);
                }
                let answered = batch.commands;
                let may_gather = self.may_add() && !turn.is_passed_on();
                if may_gather && self.gathering.pays(answered, self.waiting()) {
                    self.settle(batch);
                    self.gather(answered, took).await;
                    self.append_pending();
                } else {
                    // The next batch goes first, so that PostgreSQL works while callers are answered.
                    self.append_pending();
                    self.settle(batch);
                }
            }
            Ok(Appended::HeadMoved) => {
                metrics::counter!("daybook_append_conflicts_total").increment(1);
                tracing::debug!(ledger = %self.ledger, node = %self.turns.node, "another node has written");
                self.take_back(batch);
                self.catch_up_or_reopen().await;
            }
            Err(AppendError::Taken) => {
                self.careful = CAREFUL_BATCHES;
                self.take_back_to_look_up(batch);
            }
            Err(AppendError::Refused(error)) => self.isolate(batch, &error),
            Err(AppendError::Lost(error)) => self.recover(batch, &error).await,
        }
    }

    /// Makes a durable batch final and answers its callers.
    pub(super) fn settle(&mut self, batch: Batch) {
        let head = batch.last_position();
        if let Some(book) = &mut self.book {
            book.settle(batch.after);
        }
        if !batch.rows.events.is_empty() {
            self.signal.advance(self.ledger, head);
        }
        self.spare(batch.rows);
        for decided in batch.decided {
            if let (true, Some(key), Ok(outcome)) = (
                decided.writes,
                &decided.request.submission.idempotency,
                &decided.answer,
            ) {
                self.undecided_keys.remove(&key.name());
                self.keys.remember(key, outcome);
            }
            decided.request.answer(decided.answer);
        }
        self.backlog.extend(self.deferred.drain(..));
        self.evict(head);
    }

    /// Keeps the memory of rows that were written, unless one batch was much larger than others are.
    fn spare(&mut self, mut rows: Rows) {
        let usual = rows.events.count() <= MAX_SPARE_ROWS;
        if usual && self.spare_rows.len() < 2 {
            rows.clear();
            self.spare_rows.push(rows);
        }
    }

    /// Takes a batch and everything decided on top of it back; all is decided again.
    pub(super) fn take_back(&mut self, batch: Batch) {
        if let Some(book) = &mut self.book {
            book.take_back(batch.before);
        }
        let pending = self.pending.take();
        let requests = batch
            .into_requests()
            .chain(pending.into_iter().flat_map(Batch::into_requests));
        self.undecided_keys.clear();
        let mut again: VecDeque<Request> = requests.collect();
        again.extend(self.deferred.drain(..));
        again.extend(self.backlog.drain(..));
        self.backlog = again;
    }

    /// Daybook itself failed: whoever waits is told so, and the book is opened anew.
    pub(super) fn fail(&mut self, error: &(dyn std::error::Error + 'static)) {
        tracing::error!(ledger = %self.ledger, error = %ErrorChain(error), "the executor failed and starts again");
        self.writer = None;
        self.forget_book();
    }

    /// Forgets the book. What was decided on it and is not under way is decided again.
    pub(super) fn forget_book(&mut self) {
        self.book = None;
        self.undecided_keys.clear();
        let pending = self.pending.take();
        let mut again: VecDeque<Request> =
            pending.into_iter().flat_map(Batch::into_requests).collect();
        again.extend(self.deferred.drain(..));
        again.extend(self.backlog.drain(..));
        self.backlog = again;
    }

    /// Whether an append is under way; no book is opened until its result is known.
    pub(super) const fn is_appending(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Whether the book may grow. It keeps every account that was touched since the accounts read
    /// model's checkpoint; a read model that stands still must not make it grow for ever.
    pub(super) async fn has_room_in_book(&mut self) -> bool {
        let most = self.settings.lagging_entities;
        let is_full = |task: &Self| {
            task.book
                .as_ref()
                .is_some_and(|book| book.entities() > most)
        };
        if !is_full(self) {
            return true;
        }
        if self.looked_at_read_model.elapsed() >= LOOK_AT_READ_MODEL {
            self.looked_at_read_model = Instant::now();
            match self.accounts.load(self.ledger, &[]).await {
                Ok(snapshot) => self.clean_through = self.clean_through.max(snapshot.as_of),
                Err(error) => tracing::warn!(
                    error = %ErrorChain(&error),
                    "the accounts read model could not be read"
                ),
            }
            let durable = *self.signal.head(self.ledger).borrow();
            self.evict_above = most;
            self.evict(durable);
            if is_full(self) {
                tracing::warn!(
                    ledger = %self.ledger,
                    read_model.position = self.clean_through.value(),
                    event.position = durable.value(),
                    "the accounts read model is too far behind, commands are refused"
                );
            }
        }
        !is_full(self)
    }

    fn evict(&mut self, durable: Position) {
        let capacity = self.settings.cached_entities;
        if let Some(book) = &mut self.book
            && book.entities() > self.evict_above
        {
            book.evict(capacity, self.clean_through, durable);
            // What is kept only because the read model lags must not be looked at every time.
            self.evict_above = book
                .entities()
                .saturating_mul(2)
                .max(capacity.saturating_mul(2));
        }
    }
}

/// Metrics are floating point; nothing is ever decided by one.
#[allow(
    clippy::as_conversions,
    reason = "a histogram takes f64, and a batch is far below 2^53"
)]
pub(super) fn count_as_metric(count: usize) -> f64 {
    count as f64
}
