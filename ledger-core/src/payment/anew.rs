//! What a provider has told of a payment, told to another course of things: who bears it and who gets what comes back
//! follows from what has happened there.

use crate::identifier::TransactionId;
use crate::provider::Fees;

use super::captured::CapturedPayment;
use super::command::{DisputeObservation, ObservedDispute, ObservedMoney, PaymentCommand};
use super::decide::Decided;
use super::dispute::DisputePhase;
use super::event::{MadeGood, PaymentEvent, Returned};
use super::refund::Refund;
use crate::identifier::ProviderReference;
use crate::money::Amount;

/// A dispute as an event tells it.
struct Told<'e> {
    dispute: &'e ProviderReference,
    phase: DisputePhase,
    status: ObservedDispute,
    amount: Amount,
}

impl CapturedPayment {
    /// What `event`, which was recorded of a payment in another state, comes to for this one; nothing where it says
    /// nothing new. `spare` is the id of a transaction that the event has none of.
    ///
    /// # Errors
    /// The first rule broken.
    pub(crate) fn told_anew(
        &self,
        command: &PaymentCommand,
        event: &PaymentEvent,
        spare: TransactionId,
    ) -> Decided {
        let mut told = event.clone();
        match &mut told {
            PaymentEvent::PaymentFeesRecorded { fees, transaction } => {
                *transaction = charged(fees, *transaction, spare);
            }
            PaymentEvent::RefundDiscovered { amount, taken, .. } => {
                *taken = self.bear(command, *amount, None);
            }
            PaymentEvent::RefundFailed {
                refund,
                amount,
                returned,
                made_good,
                ..
            } => {
                let known = self.refunds.get(refund);
                let back = known.filter(|known| known.is_done());
                *returned = back.map(|known| {
                    let transaction = returned.map_or(spare, |returned| returned.transaction);
                    self.come_back(command, known.amount, known.source, transaction)
                });
                *made_good = match (known, back) {
                    (Some(_), None) => self.made_good_anew(*amount, *made_good, spare),
                    (Some(_) | None, _) => None,
                };
            }
            PaymentEvent::RefundMatched {
                refund, made_good, ..
            } => {
                let asked: Option<&Refund> = self.refunds.get(refund);
                *made_good =
                    asked.and_then(|asked| self.made_good_anew(asked.amount, *made_good, spare));
            }
            _ => {
                if let Some((dispute, transaction)) = dispute(event) {
                    return self.dispute_anew(
                        command,
                        event,
                        &dispute,
                        transaction.unwrap_or(spare),
                    );
                }
            }
        }
        Ok(Some(told))
    }

    fn made_good_anew(
        &self,
        amount: Amount,
        recorded: Option<MadeGood>,
        spare: TransactionId,
    ) -> Option<MadeGood> {
        let transaction = recorded.map_or(spare, |recorded| recorded.transaction);
        let anew = self.make_good(amount, transaction)?;
        Some(MadeGood {
            transaction,
            ..anew
        })
    }

    fn dispute_anew(
        &self,
        command: &PaymentCommand,
        event: &PaymentEvent,
        told: &Told<'_>,
        transaction: TransactionId,
    ) -> Decided {
        let (reason, respond_by) = match event {
            PaymentEvent::DisputeOpened {
                reason, respond_by, ..
            } => (reason.clone(), *respond_by),
            _ => (None, None),
        };
        let observation = DisputeObservation {
            provider: self.provider,
            attempt: self.attempt.clone(),
            dispute: told.dispute.clone(),
            phase: told.phase,
            status: told.status,
            money: ObservedMoney {
                asset: self.asset,
                amount: told.amount.value(),
            },
            // Recorded by an event of its own.
            fees: None,
            reason,
            respond_by,
        };
        self.observe_dispute(command, &observation, transaction)
    }
}

/// The transaction that moves a charge, if there is one to be moved.
fn charged(
    fees: &Fees,
    recorded: Option<TransactionId>,
    spare: TransactionId,
) -> Option<TransactionId> {
    fees.is_charge().then(|| recorded.unwrap_or(spare))
}

/// The dispute that an event tells of, and the transaction that moved its money.
fn dispute(event: &PaymentEvent) -> Option<(Told<'_>, Option<TransactionId>)> {
    let moved = |returned: &Option<Returned>| returned.map(|returned| returned.transaction);
    let (dispute, phase, status, amount, transaction) = match event {
        PaymentEvent::DisputeOpened {
            dispute,
            phase,
            amount,
            transaction,
            ..
        } => (dispute, phase, ObservedDispute::Open, amount, *transaction),
        PaymentEvent::DisputeLost {
            dispute,
            phase,
            amount,
            transaction,
            ..
        } => (dispute, phase, ObservedDispute::Lost, amount, *transaction),
        PaymentEvent::DisputeClosed {
            dispute,
            phase,
            amount,
            returned,
        } => {
            let transaction = moved(returned);
            (dispute, phase, ObservedDispute::Closed, amount, transaction)
        }
        PaymentEvent::DisputeWon {
            dispute,
            phase,
            amount,
            returned,
        } => {
            let transaction = moved(returned);
            (dispute, phase, ObservedDispute::Won, amount, transaction)
        }
        _ => return None,
    };
    let told = Told {
        dispute,
        phase: *phase,
        status,
        amount: *amount,
    };
    Some((told, transaction))
}
