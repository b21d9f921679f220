//! Recomputing the book from the log, distrusting everything.

use std::collections::{BTreeMap, HashSet};

use event_store::{LogError, LogReader};
use ledger_core::book::Book;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{
    AssetCode, Event, LedgerName, Position, Posting, Stream, Timestamp, TransactionId,
};
use rust_decimal::Decimal;
use sqlx::PgPool;

use super::{Difference, VerifyError, VerifyProgress};

/// Events read at a time.
const PAGE: i64 = 5_000;

/// The first of some reverts whose transaction was not posted before it.
const NEVER_POSTED: &str = "\
SELECT min(reverted.position) FROM UNNEST($2::text[], $3::bigint[]) AS reverted (id, position)
WHERE NOT EXISTS (
    SELECT FROM daybook.events AS posted
    WHERE posted.aggregate_id = reverted.id AND posted.aggregate_type = 'transaction'
      AND posted.ledger = $1 AND posted.event_type = 'TransactionPosted'
      AND posted.position < reverted.position)";

/// The log as far as it was checked.
pub(super) struct Audit<'a> {
    pool: &'a PgPool,
    reader: &'a LogReader,
    ledger: LedgerName,
    book: Book,
    transactions: u64,
    reverted: HashSet<TransactionId>,
    recorded_at: Option<Timestamp>,
}

/// Checks a log from its first event to its head.
pub(super) async fn audit<'a>(
    pool: &'a PgPool,
    reader: &'a LogReader,
    ledger: LedgerName,
    progress: &mut (dyn FnMut(VerifyProgress) + Send),
) -> Result<Audit<'a>, VerifyError> {
    let head = read(reader.head(ledger).await, ledger)?
        .ok_or(VerifyError::LedgerNotFound(ledger))?
        .position;
    let mut audit = Audit {
        pool,
        reader,
        ledger,
        book: Book::complete(),
        transactions: 0,
        reverted: HashSet::new(),
        recorded_at: None,
    };
    while audit.fold_page(Position::START.plus(i64::MAX)).await? {
        let position = audit.position();
        progress(VerifyProgress::Log {
            position,
            head: head.max(position),
        });
    }
    // More may have been written since the head was read, but never less.
    let last = audit.position();
    let head =
        read(reader.head(ledger).await, ledger)?.map_or(Position::START, |head| head.position);
    if head < last {
        return Err(Difference::Head { ledger, head, last }.into());
    }
    audit.fold_to(head).await?;
    if audit.position() < head {
        return Err(Difference::Head {
            ledger,
            head,
            last: audit.position(),
        }
        .into());
    }
    audit.check_trial_balance()?;
    Ok(audit)
}

impl Audit<'_> {
    pub(super) const fn position(&self) -> Position {
        self.book.position()
    }

    pub(super) const fn book(&self) -> &Book {
        &self.book
    }

    pub(super) const fn transactions(&self) -> u64 {
        self.transactions
    }

    /// Goes on to a position, if it is not there yet.
    pub(super) async fn fold_to(&mut self, until: Position) -> Result<(), VerifyError> {
        while self.position() < until && self.fold_page(until).await? {}
        Ok(())
    }

    /// Checks some more events; `false` when there are none.
    async fn fold_page(&mut self, until: Position) -> Result<bool, VerifyError> {
        let stored = read(
            self.reader.read(self.ledger, self.position(), PAGE).await,
            self.ledger,
        )?;
        let mut folded = false;
        let mut reverts = Vec::new();
        for event in stored {
            if event.position > until.value() {
                break;
            }
            let event = read(event.decode(), self.ledger)?;
            self.check(&event)?;
            reverts.extend(revert_in(&event));
            let ledger = self.ledger;
            self.book
                .apply(&event)
                .map_err(|source| Difference::Book { ledger, source })?;
            folded = true;
        }
        self.book.forget_transactions();
        self.check_posted(reverts).await?;
        Ok(folded)
    }

    fn check(&mut self, recorded: &RecordedEvent) -> Result<(), VerifyError> {
        let (ledger, position) = (self.ledger, recorded.position);
        if self
            .recorded_at
            .is_some_and(|before| recorded.recorded_at < before)
        {
            return Err(Difference::Time { ledger, position }.into());
        }
        self.recorded_at = Some(recorded.recorded_at);
        let (Event::Transaction(event), Stream::Transaction(transaction)) =
            (&recorded.event, recorded.stream)
        else {
            return Ok(());
        };
        match event {
            TransactionEvent::TransactionPosted { postings, .. } => {
                self.transactions += 1;
                match first_unbalanced(postings) {
                    Some(asset) => Err(Difference::Unbalanced {
                        ledger,
                        position,
                        transaction,
                        asset,
                    }
                    .into()),
                    None => Ok(()),
                }
            }
            TransactionEvent::TransactionReverted { .. } => {
                if self.reverted.insert(transaction) {
                    return Ok(());
                }
                Err(Difference::RevertedTwice {
                    ledger,
                    position,
                    transaction,
                }
                .into())
            }
        }
    }

    /// Whether transactions were posted before they were reverted; the book forgets them.
    async fn check_posted(
        &self,
        reverts: Vec<(TransactionId, Position)>,
    ) -> Result<(), VerifyError> {
        if reverts.is_empty() {
            return Ok(());
        }
        let (ids, positions): (Vec<String>, Vec<i64>) = reverts
            .iter()
            .map(|(id, position)| (id.to_string(), position.value()))
            .unzip();
        let first: Option<i64> = sqlx::query_scalar(NEVER_POSTED)
            .bind(self.ledger.as_str())
            .bind(ids)
            .bind(positions)
            .fetch_one(self.pool)
            .await?;
        let found = reverts
            .into_iter()
            .find(|(_, position)| Some(position.value()) == first);
        match found {
            None => Ok(()),
            Some((transaction, position)) => Err(Difference::NeverPosted {
                ledger: self.ledger,
                position,
                transaction,
            }
            .into()),
        }
    }

    fn check_trial_balance(&self) -> Result<(), VerifyError> {
        let first = self
            .book
            .trial_balance()
            .and_then(|balance| balance.first_difference());
        match first {
            Some(asset) => Err(Difference::TrialBalance {
                ledger: self.ledger,
                asset,
            }
            .into()),
            None => Ok(()),
        }
    }
}

fn revert_in(recorded: &RecordedEvent) -> Option<(TransactionId, Position)> {
    match (&recorded.event, recorded.stream) {
        (
            Event::Transaction(TransactionEvent::TransactionReverted { .. }),
            Stream::Transaction(transaction),
        ) => Some((transaction, recorded.position)),
        (_, _) => None,
    }
}

/// Adds up what each account gives and receives, asset by asset; they must cancel out, and no
/// posting may be of nothing.
fn first_unbalanced(postings: &[Posting]) -> Option<AssetCode> {
    let mut net: BTreeMap<AssetCode, (Decimal, Decimal)> = BTreeMap::new();
    for posting in postings {
        let amount = posting.amount.value();
        if amount <= Decimal::ZERO || posting.source == posting.destination {
            return Some(posting.asset);
        }
        let (debits, credits) = net.entry(posting.asset).or_default();
        *debits += amount;
        *credits += amount;
    }
    net.into_iter()
        .find(|(_, (debits, credits))| debits != credits)
        .map(|(asset, _)| asset)
}

fn read<T>(result: Result<T, LogError>, ledger: LedgerName) -> Result<T, VerifyError> {
    result.map_err(|error| match error {
        LogError::Database(error) => VerifyError::Database(error),
        source => Difference::Log { ledger, source }.into(),
    })
}
