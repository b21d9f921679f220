//! From the log to bytes, page by page.
//!
//! Every event up to the last position is read, in order and without gaps, whatever is booked of it, so books
//! are never written of a log of which something is missing.

use std::collections::{HashSet, VecDeque};

use event_store::{LogError, LogReader};
use ledger_core::{LedgerName, OwnerId, Position, Stream};

use crate::format::Format;
use crate::journal::{BookedTransaction, Journal, JournalError};
use crate::writer::{BookWriter, Closing, Scope, WriteError, writer};

/// Events read at a time.
const PAGE: i64 = 200;
/// Bytes given at a time, or as many as one transaction has.
const CHUNK: usize = 256 << 10;
/// Owners asked about at a time.
const OWNERS: usize = 1_000;

/// Why books cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log is not one Daybook wrote.
    #[error("the log cannot be booked")]
    Journal(#[from] JournalError),
    /// The books cannot be written.
    #[error("the books cannot be written")]
    Write(#[from] WriteError),
    /// The log is shorter than asked for.
    #[error("the log of {ledger} ends at position {last}")]
    TooShort {
        /// The ledger.
        ledger: LedgerName,
        /// The last position there is.
        last: Position,
    },
}

/// Which books, in which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BooksRequest {
    /// What they are of.
    pub scope: Scope,
    /// How they are written.
    pub format: Format,
}

/// Books on their way out.
pub struct Export {
    log: LogReader,
    scope: Scope,
    journal: Journal,
    /// What was read and is not written yet.
    booked: VecDeque<BookedTransaction>,
    writer: Box<dyn BookWriter>,
    stage: Stage,
}

/// How far an export has come.
enum Stage {
    Beginning,
    After(Position),
    Finished,
}

impl Export {
    /// Begins an export; nothing is read yet.
    ///
    /// # Errors
    /// [`BooksError::Write`].
    pub fn try_new(log: LogReader, request: BooksRequest) -> Result<Self, BooksError> {
        let BooksRequest { scope, format } = request;
        Ok(Self {
            log,
            scope,
            journal: Journal::new(scope.effective_until),
            booked: VecDeque::new(),
            writer: writer(format, scope)?,
            stage: Stage::Beginning,
        })
    }

    /// The next bytes, at least one; `None` when the books are complete.
    ///
    /// # Errors
    /// [`BooksError`]; what was given before is then not to be used.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, BooksError> {
        let mut bytes = Vec::new();
        while bytes.len() < CHUNK {
            // One at a time: each can be a megabyte.
            if let Some(transaction) = self.booked.pop_front() {
                self.writer.transactions(&[transaction], &mut bytes)?;
                continue;
            }
            self.stage = match self.stage {
                Stage::Beginning => {
                    self.writer.begin(&mut bytes)?;
                    Stage::After(Position::START)
                }
                Stage::After(position) if position < self.scope.until => {
                    Stage::After(self.page(position).await?)
                }
                Stage::After(_) => {
                    let erased = erased(&self.log, self.scope.ledger, &self.journal).await?;
                    let closing = Closing {
                        journal: &self.journal,
                        erased: &erased,
                    };
                    self.writer.finish(closing, &mut bytes)?;
                    Stage::Finished
                }
                Stage::Finished => break,
            };
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// How many transactions are booked so far.
    #[must_use]
    pub const fn transactions(&self) -> u64 {
        self.journal.transactions()
    }

    /// Books the next page, and says where it ends.
    async fn page(&mut self, after: Position) -> Result<Position, BooksError> {
        let Scope { ledger, until, .. } = self.scope;
        let limit = PAGE.min(until.value() - after.value());
        let events = self.log.read_raw(ledger, after, limit).await?;
        let mut last = after;
        for event in events {
            let event = event.decode()?;
            last = event.position;
            self.booked.extend(self.journal.fold(event)?);
        }
        if last == after {
            return Err(BooksError::TooShort { ledger, last });
        }
        Ok(last)
    }
}

/// Which owners of wallets in the books are erased as persons: as of now, not as of the last position.
async fn erased(
    log: &LogReader,
    ledger: LedgerName,
    journal: &Journal,
) -> Result<HashSet<OwnerId>, BooksError> {
    let owners: HashSet<&OwnerId> = journal
        .accounts()
        .filter_map(|(account, _)| journal.owner(account.holder))
        .collect();
    let owners: Vec<(&OwnerId, String)> = owners
        .into_iter()
        .map(|owner| (owner, Stream::Profile(owner.key()).aggregate_id()))
        .collect();
    let mut erased = HashSet::new();
    for some in owners.chunks(OWNERS) {
        let ids: Vec<String> = some.iter().map(|(_, id)| id.clone()).collect();
        let found = log.erased_profiles(ledger, &ids).await?;
        let found: HashSet<String> = found.into_iter().collect();
        erased.extend(
            some.iter()
                .filter(|(_, id)| found.contains(id))
                .map(|(owner, _)| (*owner).clone()),
        );
    }
    Ok(erased)
}
