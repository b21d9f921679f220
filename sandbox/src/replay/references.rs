//! What an event builds on: the streams that must have begun before it.

use ledger_core::beneficiary::BeneficiaryEvent;
use ledger_core::hold::HoldEvent;
use ledger_core::payment::PaymentEvent;
use ledger_core::payout::PayoutEvent;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::{Event, Holder, Posting, Stream};

/// The streams that `event` names, its own among them.
pub(super) fn of(stream: Stream, event: &Event) -> Vec<Stream> {
    let mut named = vec![stream];
    match event {
        Event::Transaction(TransactionEvent::TransactionPosted {
            postings, cause, ..
        }) => {
            named.extend(cause_of(*cause));
            named.extend(postings.iter().flat_map(of_posting));
        }
        Event::Hold(HoldEvent::HoldPlaced {
            source,
            destination,
            ..
        }) => named.extend(
            [Some(*source), *destination]
                .into_iter()
                .flatten()
                .filter_map(of_holder),
        ),
        Event::Payment(payment) => match &**payment {
            PaymentEvent::PaymentCreated { wallet, .. }
            | PaymentEvent::PaymentCredited { wallet, .. } => named.push(Stream::Wallet(*wallet)),
            _ => {}
        },
        Event::Payout(payout) => {
            if let PayoutEvent::PayoutRequested {
                wallet,
                beneficiary,
                ..
            } = &**payout
            {
                named.extend([Stream::Wallet(*wallet), Stream::Beneficiary(*beneficiary)]);
            }
        }
        Event::Beneficiary(beneficiary) => {
            if let BeneficiaryEvent::BeneficiaryAdded { wallet, .. } = &**beneficiary {
                named.push(Stream::Wallet(*wallet));
            }
        }
        Event::Transaction(TransactionEvent::TransactionReverted { .. })
        | Event::Hold(_)
        | Event::Ledger(_)
        | Event::Wallet(_)
        | Event::Settlement(_)
        | Event::Owner(_)
        | Event::VerificationCase(_)
        | Event::Profile(_)
        | Event::Onboarding(_) => {}
    }
    named
}

fn cause_of(cause: TransactionCause) -> Option<Stream> {
    match cause {
        TransactionCause::Request => None,
        TransactionCause::Revert(id) => Some(Stream::Transaction(id)),
        TransactionCause::Capture(id) => Some(Stream::Hold(id)),
        TransactionCause::Payment(id) => Some(Stream::Payment(id)),
        TransactionCause::Payout(id) => Some(Stream::Payout(id)),
        TransactionCause::Settlement(id) => Some(Stream::Settlement(id)),
    }
}

fn of_posting(posting: &Posting) -> impl Iterator<Item = Stream> {
    [posting.source, posting.destination]
        .into_iter()
        .filter_map(of_holder)
}

fn of_holder(holder: Holder) -> Option<Stream> {
    match holder {
        Holder::Wallet(id) => Some(Stream::Wallet(id)),
        Holder::System(_) => None,
    }
}
