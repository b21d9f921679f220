//! What each event of a payment makes the ledger do; `docs/PAYMENTS.md` has the table.

use crate::hold::HoldManager;
use crate::identifier::{HoldId, PaymentId, RefundId, TransactionId};
use crate::posting::RequestedPosting;
use crate::provider::{Authority, Effect, suspense};
use crate::transaction::TransactionCause;

use super::dispute::{Dispute, DisputeState};
use super::event::PaymentEvent;
use super::refund::{Refund, RefundState};
use super::state::{CapturedPayment, Payment};
use super::taken::{Change, Lying, Place};

/// The hold that reserves a refund's money: it has the refund's id.
#[must_use]
pub const fn hold_of_refund(refund: RefundId) -> HoldId {
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
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::DisputeOpened { .. }
            | PaymentEvent::DisputeClosed { .. }
            | PaymentEvent::DisputeWon { .. }
            | PaymentEvent::DisputeLost { .. } => match self.captured() {
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
            PaymentEvent::PaymentFeesRecorded { fees, transaction } => match transaction {
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
                    source: self.holder,
                    destination: crate::identifier::Holder::Wallet(*wallet),
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
                reference: None,
            }],
            PaymentEvent::RefundDiscovered {
                taken, transaction, ..
            } => {
                let place = Place::Provider;
                let change = self.change(
                    None,
                    Some(Lying {
                        taken: *taken,
                        place,
                    }),
                );
                post(payment, *transaction, change.postings(), Authority::Fact)
            }
            PaymentEvent::RefundFailed { .. } => self.failed_refund(payment, event),
            _ => self.disputed(payment, event),
        }
    }

    fn change(&self, before: Option<Lying>, after: Option<Lying>) -> Change {
        Change {
            provider: self.provider,
            asset: self.asset,
            before,
            after,
            returned_to: None,
        }
    }

    fn failed_refund(&self, payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
        let PaymentEvent::RefundFailed {
            refund,
            reason,
            returned,
            amount,
            ..
        } = event
        else {
            return Vec::new();
        };
        let Some(known) = self.refunds.get(refund) else {
            return Vec::new();
        };
        match returned {
            Some(returned) => {
                let place = Place::Provider;
                let taken = known.borne(*amount);
                let change = Change {
                    returned_to: Some(returned.to),
                    ..self.change(Some(Lying { taken, place }), None)
                };
                post(
                    payment,
                    returned.transaction,
                    change.postings(),
                    Authority::Fact,
                )
            }
            None => vec![Effect::Release {
                hold: hold_of_refund(*refund),
                manager: HoldManager::Payment(payment),
                reason: reason.clone(),
            }],
        }
    }

    fn disputed(&self, payment: PaymentId, event: &PaymentEvent) -> Vec<Effect> {
        let lying = |id| self.disputes.get(id).and_then(Dispute::lying);
        let (change, transaction) = match event {
            PaymentEvent::DisputeOpened {
                dispute,
                taken,
                returned_to,
                transaction: Some(transaction),
                ..
            } => {
                let after = taken.map(|taken| Lying {
                    taken,
                    place: Place::Disputed,
                });
                let change = Change {
                    returned_to: *returned_to,
                    ..self.change(lying(dispute), after)
                };
                (change, *transaction)
            }
            PaymentEvent::DisputeLost {
                dispute,
                taken,
                returned_to,
                transaction,
                ..
            } => {
                let after = Lying {
                    taken: *taken,
                    place: Place::Provider,
                };
                let change = Change {
                    returned_to: *returned_to,
                    ..self.change(lying(dispute), Some(after))
                };
                (change, *transaction)
            }
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
                let change = Change {
                    returned_to: Some(returned.to),
                    ..self.change(lying(dispute), None)
                };
                (change, returned.transaction)
            }
            _ => return Vec::new(),
        };
        post(payment, transaction, change.postings(), Authority::Fact)
    }
}

impl Refund {
    /// Who bore it: what a hold reserved was the source's alone.
    fn borne(&self, amount: crate::money::Amount) -> super::taken::Taken {
        self.taken.unwrap_or(super::taken::Taken {
            source: self.source,
            from_source: Some(amount),
            from_losses: None,
        })
    }
}

impl CapturedPayment {
    /// The refund's state, if it is known.
    #[must_use]
    pub fn refund_state(&self, refund: RefundId) -> Option<RefundState> {
        self.refunds.get(&refund).map(|known| known.state)
    }

    /// The dispute's state, if it is known.
    #[must_use]
    pub fn dispute_state(
        &self,
        dispute: &crate::identifier::ProviderReference,
    ) -> Option<DisputeState> {
        self.disputes.get(dispute).map(|known| known.state)
    }
}
