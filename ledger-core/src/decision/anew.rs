//! Deciding recorded commands against another book than they were decided against: what would have happened.
//!
//! A recorded event is taken for what was asked, and what it led to is worked out again. What was ours to decide is
//! decided: movements and holds that were asked for, the ends of wallets, what payments and payouts reserve and take.
//! What was told to us stays told: a provider's word, a person's finding, an owner's papers are recorded as they were,
//! as long as the aggregate can follow, and only what they make the ledger do is worked out again.
//!
//! | recorded | decided anew |
//! |---|---|
//! | a transaction that was asked for, a revert | by the rules of transactions and limits |
//! | a hold that was asked for, its capture, void and expiry | by the rules of holds and limits |
//! | a wallet's end | by its balances |
//! | a payment's creation, a payout's request, a refund's request, crediting from suspense | by their rules |
//! | money of a payment that has arrived | it has; into the wallet or into suspense is decided |
//! | a refund made at the provider, a dispute | it is; who bears it is decided |
//! | everything else | recorded as it was |
//!
//! Against the book that it was decided against, everything comes to what was recorded.

use crate::book::{Book, NewEvent};
use crate::event::{Event, RecordedEvent, Stream};
use crate::hold::HoldEvent;
use crate::identifier::{PayoutId, TransactionId};
use crate::ledger::LedgerEvent;
use crate::payout::{NewPayout, PayoutAction, PayoutEvent};
use crate::timestamp::Timestamp;
use crate::transaction::{TransactionCause, TransactionCommand, TransactionEvent};
use crate::wallet::WalletEvent;

use super::{Decided, Decision, DecisionError, asked};

mod payment;

/// A recorded event that was decided for itself, as it is asked for once more.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'e> {
    /// Its stream.
    pub stream: Stream,
    /// What it says.
    pub event: &'e Event,
    /// The transaction that a revert or a capture has led to, if it is one.
    pub transaction: Option<&'e TransactionEvent>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The id of a transaction that there was none of.
    pub spare: TransactionId,
}

/// Whether `event` is what `lead`, an event before it of the same command, has led to, and is not decided for itself.
#[must_use]
pub fn led_to(lead: &RecordedEvent, event: &RecordedEvent) -> bool {
    let is_outside = matches!(
        lead.event,
        Event::Payment(_) | Event::Payout(_) | Event::Settlement(_)
    );
    match (&lead.event, &event.event) {
        (
            Event::Transaction(TransactionEvent::TransactionReverted { .. }),
            Event::Transaction(TransactionEvent::TransactionPosted {
                cause: TransactionCause::Revert(reverted),
                ..
            }),
        ) => lead.stream == Stream::Transaction(*reverted),
        (
            Event::Hold(HoldEvent::HoldCaptured { transaction, .. }),
            Event::Transaction(TransactionEvent::TransactionPosted { .. }),
        ) => event.stream == Stream::Transaction(*transaction),
        (_, Event::Transaction(TransactionEvent::TransactionPosted { cause, .. })) => {
            is_outside && cause.is_managed()
        }
        (_, Event::Hold(HoldEvent::HoldPlaced { manager, .. })) => is_outside && manager.is_some(),
        (_, Event::Hold(HoldEvent::HoldCaptured { .. } | HoldEvent::HoldVoided { .. }))
        | (_, Event::Ledger(LedgerEvent::SystemAccountOpened { .. })) => is_outside,
        _ => false,
    }
}

/// Decides anew what was recorded, and records what it comes to in `book`, which is complete; nothing, where it says
/// nothing new to this book.
///
/// # Errors
/// [`DecisionError::Rejected`] with the rule that it would break; [`DecisionError::Book`] when it cannot follow, as what
/// it builds on is not there. The book is then as it was before.
pub fn decide_anew(
    book: &mut Book,
    recorded: &Recorded<'_>,
) -> Result<Vec<NewEvent>, DecisionError> {
    let before = book.savepoint();
    let mut decision = Decision {
        book,
        recorded_at: recorded.recorded_at,
    };
    let decided = decision.anew(recorded);
    match &decided {
        Ok(_) => book.settle(book.savepoint()),
        Err(_) => book.take_back(before),
    }
    decided
}

impl Decision<'_> {
    fn anew(&mut self, recorded: &Recorded<'_>) -> Decided {
        match (recorded.stream, recorded.event) {
            (Stream::Transaction(id), Event::Transaction(event)) => {
                self.transaction_anew(id, event, recorded.transaction)
            }
            (Stream::Hold(id), Event::Hold(event)) => {
                self.run(&asked::of_hold(id, event, recorded.transaction))
            }
            (Stream::Wallet(id), Event::Wallet(event @ WalletEvent::WalletClosed { .. })) => {
                self.wallet(&asked::of_wallet(id, event))
            }
            (Stream::Ledger(_), Event::Ledger(LedgerEvent::SystemAccountOpened { account })) => {
                let open = self.book.open_ledger();
                // A movement may have opened it by itself.
                match open.is_some_and(|open| open.system_accounts.contains_key(&account.name)) {
                    true => Ok(Vec::new()),
                    false => self.record(recorded.stream, recorded.event.clone()),
                }
            }
            (Stream::Payment(id), Event::Payment(event)) => {
                self.payment_anew(id, event, recorded.spare)
            }
            (Stream::Payout(id), Event::Payout(event)) => self.payout_anew(id, event),
            (stream, event) => self.record_outside(stream, event.clone()),
        }
    }

    fn transaction_anew(
        &mut self,
        id: TransactionId,
        event: &TransactionEvent,
        reverting: Option<&TransactionEvent>,
    ) -> Decided {
        match event {
            TransactionEvent::TransactionPosted {
                postings, cause, ..
            } => {
                let request = asked::transaction(Some(event), asked::postings(postings));
                self.post(id, request, *cause)
            }
            TransactionEvent::TransactionReverted {
                reverting_transaction,
            } => {
                let postings = match self.book.transaction(id) {
                    crate::transaction::Transaction::Posted(posted) => posted.reversed_postings(),
                    _ => Vec::new(),
                };
                let mark = TransactionCommand::MarkReverted {
                    transaction: id,
                    reverting_transaction: *reverting_transaction,
                };
                let mut events = self.transaction(id, &mark)?;
                let request = asked::transaction(reverting, postings);
                let cause = TransactionCause::Revert(id);
                events.extend(self.post(*reverting_transaction, request, cause)?);
                Ok(events)
            }
        }
    }

    fn payout_anew(&mut self, id: PayoutId, event: &PayoutEvent) -> Decided {
        if let PayoutEvent::PayoutRequested {
            wallet,
            asset,
            amount,
            beneficiary,
            requested_by,
            reference,
            metadata,
            ..
        } = event
        {
            let request = PayoutAction::Request(NewPayout {
                wallet: *wallet,
                asset: *asset,
                amount: amount.value(),
                beneficiary: *beneficiary,
                requested_by: requested_by.clone(),
                reference: reference.clone(),
                metadata: metadata.clone(),
            });
            return self.payout(id, &request);
        }
        self.record_outside(Stream::Payout(id), Event::Payout(Box::new(event.clone())))
    }
}
