//! Opening the book, catching up with other nodes, finding out what became of a lost append, and
//! whose fault a refused one was.

use crate::error_chain::ErrorChain;
use std::time::{Duration, Instant};

use ledger_core::Position;
use ledger_core::book::Book;

use super::append;
use super::batch::{Batch, Decided};
use super::ledger_task::LedgerTask;
use super::lookup::{self, LoadFault};
use super::submission::SubmitError;
use crate::log;

/// Events read at a time while catching up.
const PAGE: i64 = 5_000;

/// A book that is further behind the accounts read model than this is opened anew from it, instead
/// of reading all that other nodes wrote.
const FAR_BEHIND: i64 = 20_000;

/// How often a request may meet a taken key or id before it is given up as a fault.
pub(super) const MAX_ATTEMPTS: u32 = 8;

/// How long to wait before PostgreSQL is tried again.
const RETRY: Duration = Duration::from_millis(50);

impl LedgerTask {
    /// Whether there is a book and a connection to write with; opens them if need be, waiting for
    /// PostgreSQL as long as the settings' patience.
    pub(super) async fn ready(&mut self) -> bool {
        let deadline = Instant::now() + self.settings.patience;
        while !self.is_appending() && (self.book.is_none() || self.writer.is_none()) {
            match self.open().await {
                Ok(()) => return true,
                Err(fault) if fault.is_transient() && Instant::now() < deadline => {
                    tokio::time::sleep(RETRY).await;
                }
                Err(fault) => {
                    tracing::error!(
                        ledger = %self.ledger,
                        error = %ErrorChain(&fault),
                        "the ledger cannot be opened"
                    );
                    return false;
                }
            }
        }
        true
    }

    /// Opens what is missing: the connection, the book.
    async fn open(&mut self) -> Result<(), LoadFault> {
        let mut connection = match self.writer.take() {
            Some(connection) => connection,
            None => self.database.dedicated_connection().await?,
        };
        let head = append::raise_fence(&mut connection, self.ledger)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        self.fence = head.fence;
        if self.book.is_none() {
            self.open_book(head).await?;
        }
        self.writer = Some(connection);
        Ok(())
    }

    async fn open_book(&mut self, head: append::Head) -> Result<(), LoadFault> {
        let started = Instant::now();
        let snapshot = self.accounts.load(self.ledger, &[]).await?;
        let (ledger, sequence) = lookup::load_ledger(self.database.pool(), self.ledger).await?;
        let mut book = Book::partial(snapshot.as_of, head.recorded_at, ledger, sequence);
        self.read_on(&mut book).await?;
        self.clean_through = snapshot.as_of;
        tracing::info!(
            ledger = %self.ledger,
            event.position = book.position().value(),
            read_model.position = snapshot.as_of.value(),
            duration_ms = started.elapsed().as_millis(),
            "opened the ledger"
        );
        self.book = Some(book);
        Ok(())
    }

    /// Applies what is in the log after the book's position.
    async fn read_on(&self, book: &mut Book) -> Result<(), LoadFault> {
        loop {
            let after = book.position();
            let events = log::read_raw(self.database.pool(), self.ledger, after, PAGE).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                book.apply(&event.decode()?).map_err(lookup_error)?;
            }
        }
    }

    /// Catches up with what other nodes wrote; when that fails the book is opened anew.
    pub(super) async fn catch_up_or_reopen(&mut self) {
        if let Some(connection) = &mut self.writer {
            match append::read_fence(connection, self.ledger).await {
                Ok(fence) => self.fence = fence,
                Err(error) => return self.reopen_later(&LoadFault::Database(error)),
            }
        }
        self.follow().await;
    }

    /// Reads what other nodes wrote; when that fails or is too much the book is opened anew.
    pub(super) async fn follow(&mut self) {
        let Some(mut book) = self.book.take() else {
            return;
        };
        match self.reopening_is_shorter(&book).await {
            Ok(true) => return self.forget_book(),
            Ok(false) => {}
            Err(fault) => return self.reopen_later(&fault),
        }
        match self.read_on(&mut book).await {
            Ok(()) => self.book = Some(book),
            Err(fault) => self.reopen_later(&fault),
        }
    }

    async fn reopening_is_shorter(&self, book: &Book) -> Result<bool, LoadFault> {
        let head = *self.signal.head(self.ledger).borrow();
        let far = |to: Position| to.value() - book.position().value() > FAR_BEHIND;
        if !far(head) {
            return Ok(false);
        }
        let snapshot = self.accounts.load(self.ledger, &[]).await?;
        Ok(far(snapshot.as_of))
    }

    /// Forgets the book; the next request opens it anew.
    pub(super) fn reopen_later(&mut self, fault: &LoadFault) {
        if fault.is_transient() {
            tracing::warn!(
                error = %ErrorChain(fault),
                "the ledger is opened again"
            );
        } else {
            tracing::error!(
                error = %ErrorChain(fault),
                "the ledger is opened again"
            );
        }
        self.forget_book();
    }

    /// A key or id was taken: all is decided again after looking up, but not for ever.
    pub(super) fn take_back_to_look_up(&mut self, mut batch: Batch) {
        for decided in &mut batch.decided {
            decided.request.attempts += 1;
        }
        let (hopeless, rest): (Vec<Decided>, Vec<Decided>) = batch
            .decided
            .into_iter()
            .partition(|decided| decided.request.attempts > MAX_ATTEMPTS);
        batch.decided = rest;
        self.take_back(batch);
        for decided in hopeless {
            tracing::error!(ledger = %self.ledger, "a command keeps meeting a taken id and is given up");
            decided.request.answer(Err(SubmitError::Fault));
        }
    }

    /// PostgreSQL refused the whole statement: the one at fault is found by appending one by one.
    pub(super) fn isolate(&mut self, mut batch: Batch, error: &sqlx::Error) {
        let culprit = if batch.decided.len() == 1 {
            batch.decided.pop()
        } else {
            None
        };
        tracing::error!(
            ledger = %self.ledger,
            requests = batch.decided.len(),
            error = %ErrorChain(error),
            "PostgreSQL refused an append"
        );
        self.singly = self.singly.max(batch.decided.len());
        self.take_back(batch);
        if let Some(decided) = culprit {
            decided.request.answer(Err(refusal_of(error)));
        }
    }

    /// The connection broke in the middle of an append: finds out whether it was carried out.
    pub(super) async fn recover(&mut self, batch: Batch, error: &sqlx::Error) {
        tracing::warn!(
            ledger = %self.ledger,
            error = %ErrorChain(error),
            "the connection was lost while appending"
        );
        metrics::counter!("daybook_append_lost_total").increment(1);
        let deadline = Instant::now() + self.settings.patience;
        loop {
            match self.was_appended(&batch).await {
                Ok(true) => return self.settle(batch),
                Ok(false) => {
                    self.take_back(batch);
                    return self.catch_up_or_reopen().await;
                }
                Err(_) if Instant::now() < deadline => tokio::time::sleep(RETRY).await,
                Err(_) => return self.give_up_unknown(batch),
            }
        }
    }

    /// Shuts the lost connection's statement out, then looks for the batch in the log.
    async fn was_appended(&mut self, batch: &Batch) -> Result<bool, sqlx::Error> {
        let mut connection = self.database.dedicated_connection().await?;
        let head = append::raise_fence(&mut connection, self.ledger)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        let first: Position = batch.expected.next();
        let found = match batch.first_command {
            Some(command) if head.position >= batch.last_position() => {
                append::command_at(&mut connection, self.ledger, first).await? == Some(command)
            }
            Some(_) | None => false,
        };
        self.fence = head.fence;
        self.writer = Some(connection);
        Ok(found)
    }

    /// PostgreSQL did not come back in time. Nobody is told that nothing happened.
    fn give_up_unknown(&mut self, batch: Batch) {
        tracing::error!(ledger = %self.ledger, "PostgreSQL stays away, the outcome of an append is unknown");
        let pending = self.pending.take();
        for decided in batch.decided {
            let answer = if decided.writes {
                SubmitError::OutcomeUnknown
            } else {
                SubmitError::Unavailable
            };
            decided.request.answer(Err(answer));
        }
        for request in pending.into_iter().flat_map(Batch::into_requests) {
            request.answer(Err(SubmitError::Unavailable));
        }
        self.forget_book();
    }
}

fn lookup_error(error: ledger_core::book::BookError) -> LoadFault {
    LoadFault::Book(ledger_core::book::LoadError::Book(error))
}

/// Out of disk, memory or connections passes; anything else is the statement's own fault.
fn refusal_of(error: &sqlx::Error) -> SubmitError {
    let code = error
        .as_database_error()
        .and_then(|error| error.code().map(|code| code.into_owned()));
    match code {
        Some(code) if code.starts_with("53") => SubmitError::Unavailable,
        Some(_) | None => SubmitError::Fault,
    }
}
