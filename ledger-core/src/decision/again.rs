//! Deciding again what was decided, for whoever checks a log without trusting who wrote it.
//!
//! A recorded event that moves or reserves money is asked for once more, against the book as it was before it;
//! what is decided must be what was recorded. Whatever else is recorded is only folded.
//!
//! **Facts.** What a payment, payout or settlement moves has mostly happened outside already, so that no overdraft,
//! freeze or limit stops it ([`Authority::Fact`]). Where such a transaction counts towards limits, it was judged, and
//! is judged again.

use crate::book::{Book, NewEvent};
use crate::event::{Event, RecordedEvent, Stream};
use crate::hold::{
    CaptureRequest, Hold, HoldCommand, HoldEvent, HoldManager, HoldRequest, Remainder,
};
use crate::identifier::{HoldId, TransactionId};
use crate::posting::{Posting, RequestedPosting};
use crate::provider::Authority;
use crate::transaction::{
    Transaction, TransactionCause, TransactionCommand, TransactionEvent, TransactionRequest,
};
use crate::wallet::{WalletCommand, WalletEvent};

use super::{Decided, Decision, DecisionError};

/// What deciding again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// The same: the event is in the book.
    Same,
    /// Something else would have been decided; the book is as it was before.
    Other(Box<NewEvent>),
    /// It is nothing that is decided again; the book is as it was before.
    Folded,
}

/// Decides again what led to `recorded`, which follows the last event of a complete book.
///
/// # Errors
/// [`DecisionError`] when it would be refused; the book is then as it was before.
pub fn decide_again(book: &mut Book, recorded: &RecordedEvent) -> Result<Again, DecisionError> {
    let before = book.savepoint();
    let mut decision = Decision {
        book,
        recorded_at: recorded.recorded_at,
    };
    let decided = match decision.again(recorded) {
        Some(Ok(decided)) => decided,
        Some(Err(error)) => {
            book.take_back(before);
            return Err(error);
        }
        None => return Ok(Again::Folded),
    };
    let Some(new) = decided.into_iter().next() else {
        book.take_back(before);
        return Ok(Again::Folded);
    };
    if new.position == recorded.position
        && new.stream == recorded.stream
        && new.sequence == recorded.sequence
        && new.event == recorded.event
    {
        book.settle(book.savepoint());
        return Ok(Again::Same);
    }
    book.take_back(before);
    Ok(Again::Other(Box::new(new)))
}

impl Decision<'_> {
    fn again(&mut self, recorded: &RecordedEvent) -> Option<Decided> {
        match (recorded.stream, &recorded.event) {
            (Stream::Transaction(id), Event::Transaction(event)) => {
                Some(self.transaction_again(id, event))
            }
            (Stream::Hold(id), Event::Hold(event)) => Some(self.hold_again(id, event)),
            (Stream::Wallet(id), Event::Wallet(WalletEvent::WalletClosed { reason })) => {
                let holder = crate::identifier::Holder::Wallet(id);
                let close = WalletCommand::Close {
                    wallet: id,
                    reason: reason.clone(),
                    accounts: self.book.accounts_of(holder),
                };
                let closed = self.book.wallet(holder).decide(&close);
                Some(match closed {
                    Ok(event) => self.record(recorded.stream, Event::Wallet(event)),
                    Err(rejection) => Err(crate::rejection::Rejection::from(rejection).into()),
                })
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
                postings,
                effective_at,
                cause,
                reference,
                metadata,
                usage,
            } => {
                let postings = match (cause, self.book.transaction_reverted_by(*cause, id)) {
                    (TransactionCause::Revert(_), Some(reversed)) => reversed,
                    // Whatever it says of itself, nothing was turned round by it.
                    (TransactionCause::Revert(_), None) => Vec::new(),
                    _ => postings.iter().map(requested).collect(),
                };
                let request = TransactionRequest {
                    postings,
                    effective_at: Some(*effective_at),
                    reference: reference.clone(),
                    metadata: metadata.clone(),
                };
                let authority = if cause.is_managed() && usage.is_none() {
                    Authority::Fact
                } else {
                    Authority::Ordinary
                };
                self.post_with(id, request, *cause, authority)
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

    fn hold_again(&mut self, id: HoldId, event: &HoldEvent) -> Decided {
        let manager = match self.book.hold(id) {
            Hold::Active(active) => active.manager,
            Hold::Absent | Hold::Captured | Hold::Voided | Hold::Expired => None,
        };
        let recorded_at = self.recorded_at;
        match event {
            HoldEvent::HoldPlaced {
                source,
                asset,
                amount,
                destination,
                expires_at,
                reference,
                metadata,
                manager,
                ..
            } => {
                let request = HoldRequest {
                    source: *source,
                    asset: *asset,
                    amount: amount.value(),
                    destination: *destination,
                    expires_at: *expires_at,
                    reference: reference.clone(),
                    metadata: metadata.clone(),
                };
                self.place_hold(id, &request, *manager)
            }
            HoldEvent::HoldCaptured {
                destination,
                amount,
                released,
                transaction,
                ..
            } => {
                let remainder = match released {
                    Some(_) => Remainder::Release,
                    None => Remainder::Keep,
                };
                let request = CaptureRequest {
                    amount: Some(amount.value()),
                    destination: Some(*destination),
                    remainder,
                    effective_at: None,
                    reference: None,
                    metadata: crate::annotation::Metadata::default(),
                };
                self.hold(
                    id,
                    &HoldCommand::Capture {
                        hold: id,
                        request,
                        transaction: *transaction,
                        recorded_at,
                        manager,
                    },
                )
            }
            HoldEvent::HoldVoided { reason, .. } => self.hold(
                id,
                &HoldCommand::Void {
                    hold: id,
                    reason: reason.clone(),
                    manager,
                },
            ),
            HoldEvent::HoldExpired { .. } => self.hold(
                id,
                &HoldCommand::Expire {
                    hold: id,
                    recorded_at,
                },
            ),
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

/// A recorded posting as it was asked for.
fn requested(posting: &Posting) -> RequestedPosting {
    RequestedPosting {
        source: posting.source,
        destination: posting.destination,
        asset: posting.asset,
        amount: posting.amount.value(),
    }
}
