//! What each event of a payment makes the ledger do; `docs/PAYMENTS.md` has the table.

use crate::annotation::Reference;
use crate::hold::HoldManager;
use crate::identifier::{HoldId, Holder, PaymentId, RefundId, TransactionId};
use crate::posting::RequestedPosting;
use crate::provider::{Authority, Effect, losses, suspense};
use crate::transaction::TransactionCause;

use super::captured::CapturedPayment;
use super::dispute::{Dispute, DisputeState, place_of};
use super::event::{MadeGood, PaymentEvent, Returned};
use super::state::Payment;
use super::taken::{Lying, Place};

/// The hold that reserves a refund's money: it has the refund's id.
pub(crate) const fn hold_of_refund(refund: RefundId) -> HoldId {
    HoldId::new(refund.as_uuid())
}

impl Payment {
    /// What happens beside `event`, which is the next of this payment.
    #[must_use]
    pub fn effects(&self, payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
        match event {
            PaymentEvent::PaymentCaptured { .. }
            | PaymentEvent::UnexpectedPaymentCaptured { .. } => capture(payment, event),
            PaymentEvent::PaymentCreated { .. }
            | PaymentEvent::PaymentRerouted { .. }
            | PaymentEvent::PaymentAwaitingPayer { .. }
            | PaymentEvent::PaymentAuthorized { .. }
            | PaymentEvent::PaymentReleased { .. }
            | PaymentEvent::PaymentFailed { .. }
            | PaymentEvent::PaymentExpired { .. }
            | PaymentEvent::RefundPending { .. } => Vec::new(),
            PaymentEvent::PaymentFeesRecorded { .. }
            | PaymentEvent::PaymentCredited { .. }
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundSucceeded { .. }
            | PaymentEvent::RefundDiscovered { .. }
            | PaymentEvent::RefundMatched { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::DisputeOpened { .. }
            | PaymentEvent::DisputeClosed { .. }
            | PaymentEvent::DisputeWon { .. }
            | PaymentEvent::DisputeLost { .. }
            | PaymentEvent::DisputeFeesRecorded { .. } => match self.captured() {
                Some(captured) => captured.effects(payment, event),
                None => Vec::new(),
            },
        }
    }
}

fn post(
    payment: PaymentId,
    transaction: TransactionId,
    postings: Vec<RequestedPosting>,
    authority: Authority,
) -> Vec<Effect> {
    if postings.is_empty() {
        return Vec::new();
    }
    vec![Effect::Post {
        transaction,
        postings,
        cause: TransactionCause::Payment(payment),
        authority,
    }]
}

fn capture(payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
    let (provider, credited, asset, amount, fees, transaction) = match event {
        PaymentEvent::PaymentCaptured {
            provider,
            credited,
            asset,
            amount,
            fees,
            transaction,
            ..
        } => (provider, *credited, *asset, amount, fees, *transaction),
        PaymentEvent::UnexpectedPaymentCaptured {
            provider,
            asset,
            amount,
            fees,
            transaction,
            ..
        } => (provider, suspense(), *asset, amount, fees, *transaction),
        _ => return Vec::new(),
    };
    let mut postings = vec![RequestedPosting {
        source: provider.clearing(),
        destination: credited,
        asset,
        amount: amount.value(),
    }];
    if let Some(fees) = fees {
        postings.extend(fees.postings(*provider, provider.clearing(), asset));
    }
    post(payment, transaction, postings, Authority::Ordinary)
}

impl CapturedPayment {
    fn effects(&self, payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
        let manager = HoldManager::Payment(payment);
        match event {
            PaymentEvent::PaymentFeesRecorded { fees, transaction }
            | PaymentEvent::DisputeFeesRecorded {
                fees, transaction, ..
            } => match transaction {
                Some(transaction) => {
                    let clearing = self.provider.clearing();
                    let postings = fees.postings(self.provider, clearing, self.asset);
                    post(payment, *transaction, postings, Authority::Ordinary)
                }
                None => Vec::new(),
            },
            PaymentEvent::PaymentCredited {
                wallet,
                amount,
                transaction,
            } => {
                let posting = RequestedPosting {
                    source: suspense(),
                    destination: Holder::Wallet(*wallet),
                    asset: self.asset,
                    amount: amount.value(),
                };
                post(payment, *transaction, vec![posting], Authority::Ordinary)
            }
            PaymentEvent::RefundRequested {
                refund,
                amount,
                source,
                ..
            } => vec![Effect::Reserve {
                hold: hold_of_refund(*refund),
                manager,
                source: *source,
                destination: Some(self.provider.clearing()),
                asset: self.asset,
                amount: *amount,
            }],
            PaymentEvent::RefundSucceeded {
                refund,
                transaction,
                ..
            } => vec![Effect::Capture {
                hold: hold_of_refund(*refund),
                manager,
                transaction: *transaction,
                destination: self.provider.clearing(),
            }],
            PaymentEvent::RefundDiscovered {
                taken, transaction, ..
            } => {
                let postings = taken.postings(self.asset, self.provider.clearing());
                post(payment, *transaction, postings, Authority::Fact)
            }
            PaymentEvent::RefundMatched {
                refund, made_good, ..
            } => self.release(payment, *refund, None, made_good.as_ref()),
            PaymentEvent::RefundFailed { .. } => self.failed_refund(payment, event),
            _ => self.disputed(payment, event),
        }
    }

    /// Frees what was reserved for a refund, and lets its source bear what the platform bore.
    fn release(
        &self,
        payment: PaymentId,
        refund: RefundId,
        reason: Option<Reference>,
        made_good: Option<&MadeGood>,
    ) -> Vec<Effect> {
        let Some(known) = self.refunds.get(&refund) else {
            return Vec::new();
        };
        let mut effects = vec![Effect::Release {
            hold: hold_of_refund(refund),
            manager: HoldManager::Payment(payment),
            reason,
        }];
        if let Some(made_good) = made_good {
            let postings = vec![RequestedPosting {
                source: known.source,
                destination: losses(),
                asset: self.asset,
                amount: made_good.amount.value(),
            }];
            effects.extend(post(
                payment,
                made_good.transaction,
                postings,
                Authority::Fact,
            ));
        }
        effects
    }

    fn failed_refund(&self, payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
        let PaymentEvent::RefundFailed {
            refund,
            reason,
            returned,
            made_good,
            amount,
            ..
        } = event
        else {
            return Vec::new();
        };
        match returned {
            Some(returned) => {
                let postings = returned.postings(self.asset, *amount, self.provider.clearing());
                post(payment, returned.transaction, postings, Authority::Fact)
            }
            None => self.release(payment, *refund, reason.clone(), made_good.as_ref()),
        }
    }

    fn disputed(&self, payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
        let lying = |id| self.disputes.get(id).and_then(Dispute::lying);
        let account = |place: Place| place.account(self.provider);
        let back = |was: Option<Lying>, returned: &Option<Returned>| match (was, returned) {
            (Some(was), Some(returned)) => {
                returned.postings(self.asset, was.amount, account(was.place))
            }
            (Some(_) | None, _) => Vec::new(),
        };
        let (dispute, state, taken, returned, transaction) = match event {
            PaymentEvent::DisputeOpened {
                dispute,
                taken,
                returned,
                transaction: Some(transaction),
                ..
            } => (dispute, DisputeState::Open, taken, returned, *transaction),
            PaymentEvent::DisputeLost {
                dispute,
                taken,
                returned,
                transaction: Some(transaction),
                ..
            } => (dispute, DisputeState::Lost, taken, returned, *transaction),
            PaymentEvent::DisputeClosed {
                dispute,
                returned: Some(returned),
                ..
            }
            | PaymentEvent::DisputeWon {
                dispute,
                returned: Some(returned),
                ..
            } => {
                let postings = back(lying(dispute), &Some(*returned));
                return post(payment, returned.transaction, postings, Authority::Fact);
            }
            _ => return Vec::new(),
        };
        let (was, place) = (lying(dispute), place_of(state));
        let postings = match (taken, was) {
            (Some(taken), was) => {
                let mut postings = back(was, returned);
                postings.extend(taken.postings(self.asset, account(place)));
                postings
            }
            (None, Some(was)) => vec![RequestedPosting {
                source: account(was.place),
                destination: account(place),
                asset: self.asset,
                amount: was.amount.value(),
            }],
            (None, None) => Vec::new(),
        };
        post(payment, transaction, postings, Authority::Fact)
    }
}
