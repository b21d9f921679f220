//! Deciding again what was decided, for whoever checks a log without trusting who wrote it.
//!
//! A recorded event that is ours to decide is asked for once more, against the book as it was before it; what is
//! decided must be what was recorded. That is what moves or reserves money, the ledger's own stream, and wallets.
//!
//! **Told.** What a provider, an owner or a person has said cannot be decided again, so that payments, payouts,
//! settlements, verification cases and the like are folded. But what an event of a payment, payout or settlement
//! moves and reserves follows from it and from the book, so exactly that must stand behind it, in the same command;
//! nothing else may be moved in its name.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::book::{Book, NewEvent, Savepoint};
use crate::event::{Event, RecordedEvent, Stream};
use crate::hold::{Hold, HoldCommand, HoldEvent, HoldManager};
use crate::identifier::{HoldId, TransactionId};
use crate::ledger::{LedgerEvent, LedgerRejection};
use crate::posting::RequestedPosting;
use crate::rejection::Rejection;
use crate::transaction::{Transaction, TransactionCause, TransactionCommand, TransactionEvent};

use super::{Decided, Decision, DecisionError, asked};

/// What deciding an event again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// The same: the event is in the book.
    Same,
    /// Something else would have been decided.
    Other(Box<NewEvent>),
    /// It moves or reserves in the name of a payment, payout or settlement, of which no event says so.
    Unfounded,
    /// It was told, and is no decision of ours: the event is in the book.
    Told,
}

/// Goes along a log from its first event and decides again.
#[derive(Debug, Default)]
pub struct DecidingAgain {
    /// What must come next, because the event before moves or reserves it.
    brought: VecDeque<NewEvent>,
    /// The command of the last event.
    command: Uuid,
}

impl DecidingAgain {
    /// Decides the next event of the log again; the book, which is complete, has all before it and then this one too,
    /// unless it is not what would have been decided. Nothing further is decided after that.
    ///
    /// # Errors
    /// [`DecisionError`] when it would be refused.
    pub fn next(
        &mut self,
        book: &mut Book,
        recorded: &RecordedEvent,
    ) -> Result<Again, DecisionError> {
        let is_same_command = self.command == recorded.metadata.command_id;
        self.command = recorded.metadata.command_id;
        if let Some(brought) = self.brought.pop_front() {
            if !is_same_command || !is_same(&brought, recorded) {
                return Ok(Again::Other(Box::new(brought)));
            }
            book.apply(recorded)?;
            return Ok(Again::Same);
        }
        if is_brought(book, recorded) {
            return Ok(Again::Unfounded);
        }
        let before = book.savepoint();
        let mut decision = Decision {
            book,
            recorded_at: recorded.recorded_at,
        };
        match decision.again(recorded) {
            Some(decided) => settle(book, before, recorded, decided),
            None => {
                let brought = decision.record_outside(recorded.stream, recorded.event.clone());
                book.take_back(before);
                self.brought = brought?.into_iter().skip(1).collect();
                book.apply(recorded)?;
                Ok(Again::Told)
            }
        }
    }

    /// What has still to come, if the last event of the log brings something that is not there.
    #[must_use]
    pub fn missing(&self) -> Option<&NewEvent> {
        self.brought.front()
    }
}

fn settle(
    book: &mut Book,
    before: Savepoint,
    recorded: &RecordedEvent,
    decided: Decided,
) -> Result<Again, DecisionError> {
    let first = match decided {
        Ok(decided) => decided.into_iter().next(),
        Err(error) => {
            book.take_back(before);
            return Err(error);
        }
    };
    match first {
        Some(new) if is_same(&new, recorded) => {
            book.settle(book.savepoint());
            Ok(Again::Same)
        }
        Some(new) => {
            book.take_back(before);
            Ok(Again::Other(Box::new(new)))
        }
        // Asking for it would have changed nothing, but something was recorded.
        None => {
            book.take_back(before);
            Ok(Again::Unfounded)
        }
    }
}

fn is_same(new: &NewEvent, recorded: &RecordedEvent) -> bool {
    new.position == recorded.position
        && new.stream == recorded.stream
        && new.sequence == recorded.sequence
        && new.event == recorded.event
}

/// Whether an event stands nowhere but behind one of a payment, payout or settlement.
fn is_brought(book: &Book, recorded: &RecordedEvent) -> bool {
    match (recorded.stream, &recorded.event) {
        (_, Event::Transaction(TransactionEvent::TransactionPosted { cause, .. })) => {
            cause.is_managed()
        }
        (_, Event::Hold(HoldEvent::HoldPlaced { manager, .. })) => manager.is_some(),
        (
            Stream::Hold(id),
            Event::Hold(HoldEvent::HoldCaptured { .. } | HoldEvent::HoldVoided { .. }),
        ) => book.manager_of_hold(id).is_some(),
        _ => false,
    }
}

impl Decision<'_> {
    /// Decides an event again; `None` when it was told.
    fn again(&mut self, recorded: &RecordedEvent) -> Option<Decided> {
        let is_opening = matches!(
            recorded.event,
            Event::Ledger(LedgerEvent::LedgerOpened { .. })
        );
        if !is_opening && self.book.open_ledger().is_none() {
            return Some(Err(Rejection::from(LedgerRejection::NotFound {}).into()));
        }
        match (recorded.stream, &recorded.event) {
            (Stream::Transaction(id), Event::Transaction(event)) => {
                Some(self.transaction_again(id, event))
            }
            (Stream::Hold(id), Event::Hold(event)) => Some(self.hold_again(id, event)),
            (Stream::Wallet(id), Event::Wallet(event)) => {
                Some(self.wallet(&asked::of_wallet(id, event)))
            }
            (Stream::Ledger(_), Event::Ledger(event)) => {
                Some(self.ledger(&asked::of_ledger(event)))
            }
            (
                Stream::Ledger(_)
                | Stream::Wallet(_)
                | Stream::Transaction(_)
                | Stream::Hold(_)
                | Stream::Payment(_)
                | Stream::Payout(_)
                | Stream::Beneficiary(_)
                | Stream::Settlement(_)
                | Stream::Owner(_)
                | Stream::VerificationCase(_)
                | Stream::Profile(_)
                | Stream::Onboarding(_),
                _,
            ) => None,
        }
    }

    fn transaction_again(&mut self, id: TransactionId, event: &TransactionEvent) -> Decided {
        match event {
            TransactionEvent::TransactionPosted {
                postings, cause, ..
            } => {
                let postings = match (cause, self.book.transaction_reverted_by(*cause, id)) {
                    (TransactionCause::Revert(_), Some(reversed)) => reversed,
                    // Whatever it says of itself, nothing was turned round by it.
                    (TransactionCause::Revert(_), None) => Vec::new(),
                    _ => asked::postings(postings),
                };
                self.post(id, asked::transaction(Some(event), postings), *cause)
            }
            TransactionEvent::TransactionReverted {
                reverting_transaction,
            } => self.transaction(
                id,
                &TransactionCommand::MarkReverted {
                    transaction: id,
                    reverting_transaction: *reverting_transaction,
                },
            ),
        }
    }

    /// Nobody manages the hold: what others make of theirs is brought.
    fn hold_again(&mut self, id: HoldId, event: &HoldEvent) -> Decided {
        match event {
            // Its transaction follows, and is decided for itself.
            HoldEvent::HoldCaptured {
                destination,
                amount,
                released,
                transaction,
                ..
            } => {
                let capture = HoldCommand::Capture {
                    hold: id,
                    request: asked::capture(*amount, *destination, *released, None),
                    transaction: *transaction,
                    recorded_at: self.recorded_at,
                    manager: None,
                };
                self.hold(id, &capture)
            }
            HoldEvent::HoldPlaced { .. }
            | HoldEvent::HoldVoided { .. }
            | HoldEvent::HoldExpired { .. } => self.run(&asked::of_hold(id, event, None)),
        }
    }
}

impl Book {
    /// What the transaction `by` asks for when it turns round the one that its cause names, which says so itself.
    fn transaction_reverted_by(
        &self,
        cause: TransactionCause,
        by: TransactionId,
    ) -> Option<Vec<RequestedPosting>> {
        let TransactionCause::Revert(reverted) = cause else {
            return None;
        };
        match self.transaction(reverted) {
            Transaction::Reverted(posted, reverting) if *reverting == by => {
                Some(posted.reversed_postings())
            }
            Transaction::Reverted(..) | Transaction::Posted(_) | Transaction::Absent => None,
        }
    }

    /// Who alone may end a hold, while it is active.
    #[must_use]
    pub fn manager_of_hold(&self, id: HoldId) -> Option<HoldManager> {
        match self.hold(id) {
            Hold::Active(active) => active.manager,
            Hold::Absent | Hold::Captured | Hold::Voided | Hold::Expired => None,
        }
    }
}
