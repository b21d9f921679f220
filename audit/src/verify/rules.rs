//! The rules of the ledger, followed from its first event: streams go on without gaps, and what is ours to decide is
//! decided again.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use event_store::ErrorChain;
use hashbrown::HashMap;
use ledger_core::book::Book;
use ledger_core::decision::{Again, DecidingAgain};
use ledger_core::event::RecordedEvent;
use ledger_core::hold::{HoldEvent, HoldManager};
use ledger_core::owner::OwnerEvent;
use ledger_core::transaction::{Transaction, TransactionCause, TransactionEvent};
use ledger_core::{Event, LedgerName, Posting, Stream, TransactionId};

use super::{Code, VerifyError, lines};
use crate::line::EventLine;

/// After how many events the book forgets transactions: few enough that they stay in the processor's cache.
const FORGET: u32 = 64;

/// What an event breaks.
pub(super) struct Broken {
    pub(super) code: Code,
    pub(super) detail: String,
}

fn broken<T>(detail: impl Into<String>) -> Result<T, Broken> {
    Err(Broken {
        code: Code::RuleBroken,
        detail: detail.into(),
    })
}

/// A transaction that has to follow at once.
struct Due {
    transaction: TransactionId,
    cause: TransactionCause,
    /// What a capture moves; a revert's postings are decided again.
    posting: Option<Posting>,
}

/// What is kept of a transaction: where its first line begins, and in the last bit whether it is reverted.
#[derive(Clone, Copy)]
struct Kept(u64);

impl Kept {
    const fn posted(offset: u64) -> Self {
        Self(offset << 1)
    }

    const fn reverted(self) -> Self {
        Self(self.0 | 1)
    }

    const fn offset(self) -> u64 {
        self.0 >> 1
    }

    const fn is_reverted(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The ledger as its events so far make it.
pub(super) struct Rules {
    events: PathBuf,
    book: Book,
    streams: HashMap<Stream, i64>,
    transactions: HashMap<[u8; 16], Kept>,
    due: Option<Due>,
    deciding: DecidingAgain,
    since_forgotten: u32,
    is_broken: bool,
}

impl Rules {
    /// Before the first of the events of a file; `transactions` is about how many of them are of transactions.
    pub(super) fn new(events: PathBuf, transactions: usize) -> Self {
        Self {
            events,
            book: Book::complete(),
            streams: HashMap::new(),
            transactions: HashMap::with_capacity(transactions),
            due: None,
            deciding: DecidingAgain::default(),
            since_forgotten: 0,
            is_broken: false,
        }
    }

    /// Follows one more event; whether it is a transaction.
    pub(super) fn follow(
        &mut self,
        ledger: LedgerName,
        event: &RecordedEvent,
        offset: u64,
    ) -> Result<Result<bool, Broken>, VerifyError> {
        if let Err(gap) = self.check_sequence(event, offset) {
            self.is_broken = true;
            return Ok(Err(gap));
        }
        if let Event::Transaction(TransactionEvent::TransactionReverted { .. }) = &event.event {
            self.recall(event.stream)?;
        }
        let followed = self.check(ledger, event);
        self.is_broken |= followed.is_err();
        Ok(followed)
    }

    /// Whether everything that was begun is whole.
    pub(super) fn ended(&self) -> Result<(), Broken> {
        match (&self.due, self.deciding.missing()) {
            (Some(due), _) => broken(format!(
                "the transaction {} does not follow",
                due.transaction
            )),
            (None, Some(missing)) => broken(format!(
                "a {} of {} does not follow",
                missing.event.name(),
                missing.stream
            )),
            (None, None) => Ok(()),
        }
    }

    /// What it all adds up to, if no event breaks a rule.
    pub(super) fn into_book(self) -> Option<Book> {
        (!self.is_broken).then_some(self.book)
    }

    fn check_sequence(&mut self, event: &RecordedEvent, offset: u64) -> Result<(), Broken> {
        let gap = |last: i64| Broken {
            code: Code::SequenceGap,
            detail: format!("{} goes from {last} to {}", event.stream, event.sequence),
        };
        let Stream::Transaction(id) = event.stream else {
            let last = self.streams.entry(event.stream).or_insert(0);
            if event.sequence != *last + 1 {
                return Err(gap(*last));
            }
            *last += 1;
            return Ok(());
        };
        let known = self.transactions.get_mut(id.as_uuid().as_bytes());
        let last = known
            .as_ref()
            .map_or(0, |known| if known.is_reverted() { 2 } else { 1 });
        if event.sequence != last + 1 {
            return Err(gap(last));
        }
        match known {
            None => {
                let kept = Kept::posted(offset);
                self.transactions.insert(*id.as_uuid().as_bytes(), kept);
            }
            Some(known) if known.is_reverted() => {
                return broken(format!("{id} is reverted a second time"));
            }
            Some(known) => *known = known.reverted(),
        }
        Ok(())
    }

    fn check(&mut self, ledger: LedgerName, event: &RecordedEvent) -> Result<bool, Broken> {
        self.check_due(event)?;
        if let (Stream::Owner(key), Event::Owner(granted)) = (event.stream, &event.event) {
            let (OwnerEvent::TierGranted { owner, .. } | OwnerEvent::TierWithdrawn { owner, .. }) =
                &**granted;
            if owner.key() != key {
                return broken(format!("it is of {owner}, in the stream of another owner"));
            }
        }
        match self.deciding.next(&mut self.book, event) {
            Ok(Again::Same | Again::Told) => {}
            Ok(Again::Other(other)) => {
                return broken(format!(
                    "a {} of {} would have been decided, or one with other content",
                    other.event.name(),
                    other.stream
                ));
            }
            Ok(Again::Unfounded) => {
                return broken("no event of a payment, payout or settlement before it says so");
            }
            Err(error) => return broken(ErrorChain(&error).to_string()),
        }
        if let Some(open) = self.book.open_ledger()
            && open.name != ledger
        {
            return broken(format!("the ledger is called {}", open.name));
        }
        self.since_forgotten += 1;
        if self.since_forgotten >= FORGET && self.ended().is_ok() {
            self.book.forget_transactions();
            self.since_forgotten = 0;
        }
        Ok(matches!(
            event.event,
            Event::Transaction(TransactionEvent::TransactionPosted { .. })
        ))
    }

    /// A capture and a revert are followed at once by the transaction they name, which has no other place.
    fn check_due(&mut self, event: &RecordedEvent) -> Result<(), Broken> {
        let due = self.due.take();
        let posted = match (&event.event, event.stream) {
            (
                Event::Transaction(TransactionEvent::TransactionPosted {
                    postings, cause, ..
                }),
                Stream::Transaction(id),
            ) => Some((id, postings, *cause)),
            _ => None,
        };
        match (due, posted) {
            (Some(due), Some((id, postings, cause))) => {
                let is_it = id == due.transaction
                    && cause == due.cause
                    && due
                        .posting
                        .is_none_or(|posting| postings.as_slice() == [posting]);
                if !is_it {
                    return broken(format!(
                        "the transaction {} does not follow",
                        due.transaction
                    ));
                }
            }
            (Some(due), None) => {
                return broken(format!(
                    "the transaction {} does not follow",
                    due.transaction
                ));
            }
            (None, Some((_, _, TransactionCause::Capture(_) | TransactionCause::Revert(_)))) => {
                return broken("nothing was captured or reverted by it");
            }
            (None, _) => {}
        }
        self.due = self.made_due(event);
        Ok(())
    }

    fn made_due(&self, event: &RecordedEvent) -> Option<Due> {
        match (&event.event, event.stream) {
            (
                Event::Transaction(TransactionEvent::TransactionReverted {
                    reverting_transaction,
                }),
                Stream::Transaction(id),
            ) => Some(Due {
                transaction: *reverting_transaction,
                cause: TransactionCause::Revert(id),
                posting: None,
            }),
            (
                Event::Hold(HoldEvent::HoldCaptured {
                    source,
                    asset,
                    destination,
                    amount,
                    transaction,
                    ..
                }),
                Stream::Hold(id),
            ) => Some(Due {
                transaction: *transaction,
                cause: self
                    .book
                    .manager_of_hold(id)
                    .map_or(TransactionCause::Capture(id), HoldManager::cause),
                posting: Some(Posting {
                    source: *source,
                    destination: *destination,
                    asset: *asset,
                    amount: *amount,
                }),
            }),
            _ => None,
        }
    }

    /// Takes a transaction that is to be reverted back into the book, from its line.
    fn recall(&mut self, stream: Stream) -> Result<(), VerifyError> {
        let Stream::Transaction(id) = stream else {
            return Ok(());
        };
        let Some(kept) = self.transactions.get(id.as_uuid().as_bytes()) else {
            return Ok(());
        };
        let unreadable = |source| VerifyError::Read {
            file: self.events.clone(),
            source,
        };
        let mut text = Vec::new();
        let mut file = BufReader::new(File::open(&self.events).map_err(unreadable)?);
        file.seek(SeekFrom::Start(kept.offset()))
            .and_then(|_| file.read_until(b'\n', &mut text))
            .map_err(unreadable)?;
        // It was read before; if it cannot be read now, the revert finds nothing to revert.
        if let Ok(line) = serde_json::from_slice::<EventLine<'_>>(&text)
            && let Ok(posted) = lines::event(&line)
            && let Event::Transaction(event) = &posted.event
            && let Ok(state) = Transaction::Absent.evolve(event)
        {
            self.book.load_transaction(id, state, 1);
        }
        Ok(())
    }
}
