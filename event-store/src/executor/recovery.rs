//! Opening the book, catching up with other nodes, and finding out what became of a lost append.

use crate::error_chain::ErrorChain;
use std::time::{Duration, Instant};

use ledger_core::Position;
use ledger_core::book::Book;

use super::append;
use super::batch::Batch;
use super::ledger_task::LedgerTask;
use super::lookup::{self, LoadFault};
use super::submission::SubmitError;
use crate::log;

/// Events read at a time while catching up.
const PAGE: i64 = 5_000;

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
            let events = log::read_events(self.database.pool(), self.ledger, after, PAGE).await?;
            log::check_gap_free(self.ledger, after, &events)?;
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
        let Some(mut book) = self.book.take() else {
            return;
        };
        match self.catch_up(&mut book).await {
            Ok(()) => self.book = Some(book),
            Err(fault) => self.reopen_later(&fault),
        }
    }

    async fn catch_up(&mut self, book: &mut Book) -> Result<(), LoadFault> {
        self.read_on(book).await?;
        if let Some(connection) = &mut self.writer {
            self.fence = append::read_fence(connection, self.ledger).await?;
        }
        Ok(())
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
