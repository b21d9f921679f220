//! Payments decided anew: what a provider has said stays said; where its money goes is worked out.

use crate::event::{Event, Stream};
use crate::identifier::{PaymentId, TransactionId};
use crate::payment::{
    NewPayment, ObservedMoney, ObservedPayment, PaymentAction, PaymentEvent, PaymentObservation,
};
use crate::provider::{Fees, ObservedFees};
use crate::rejection::Rejection;

use super::super::{Decided, Decision};

impl Decision<'_> {
    pub(super) fn payment_anew(
        &mut self,
        payment: PaymentId,
        event: &PaymentEvent,
        spare: TransactionId,
    ) -> Decided {
        match event {
            PaymentEvent::PaymentCreated {
                wallet,
                asset,
                amount,
                route,
                expires_at,
                reference,
                metadata,
            } => {
                let create = PaymentAction::Create(NewPayment {
                    wallet: *wallet,
                    asset: *asset,
                    amount: amount.value(),
                    route: route.clone(),
                    expires_at: *expires_at,
                    reference: reference.clone(),
                    metadata: metadata.clone(),
                });
                self.payment(payment, &create)
            }
            PaymentEvent::PaymentCaptured {
                provider,
                attempt,
                asset,
                amount,
                fees,
                transaction,
                ..
            } => {
                let money = ObservedMoney {
                    asset: *asset,
                    amount: amount.value(),
                };
                let observe = PaymentAction::Observe {
                    observation: PaymentObservation {
                        provider: *provider,
                        order: None,
                        status: ObservedPayment::Captured {
                            attempt: attempt.clone(),
                            money,
                            fees: fees.as_ref().map(reported),
                        },
                    },
                    transaction: *transaction,
                };
                self.payment(payment, &observe)
            }
            PaymentEvent::PaymentCredited {
                wallet,
                transaction,
                ..
            } => {
                let credit = PaymentAction::Credit {
                    wallet: *wallet,
                    transaction: *transaction,
                };
                self.payment(payment, &credit)
            }
            PaymentEvent::RefundRequested {
                refund,
                amount,
                reason,
                ..
            } => {
                let request = PaymentAction::RequestRefund {
                    refund: *refund,
                    amount: Some(amount.value()),
                    reason: reason.clone(),
                };
                self.payment(payment, &request)
            }
            event => self.payment_told(payment, event, spare),
        }
    }

    /// What was told of a payment, with who bears it worked out again.
    fn payment_told(
        &mut self,
        payment: PaymentId,
        event: &PaymentEvent,
        spare: TransactionId,
    ) -> Decided {
        let before = self.book.payment(payment).clone();
        let event = match before.captured() {
            Some(captured) => {
                // Any action that looks at who holds the payment's money loads their standings.
                let looking = PaymentAction::RequestRefund {
                    refund: crate::identifier::RefundId::new(spare.as_uuid()),
                    amount: None,
                    reason: None,
                };
                let command = self.payment_command(payment, looking)?;
                let told = captured.told_anew(&command, event, spare);
                match told.map_err(Rejection::from)? {
                    Some(event) => event,
                    None => return Ok(Vec::new()),
                }
            }
            None => event.clone(),
        };
        if let Err(source) = before.evolve(&event) {
            let stream = Stream::Payment(payment);
            let position = self.book.position().next();
            return Err(crate::book::BookError::IllegalEvent {
                position,
                stream,
                source,
            }
            .into());
        }
        self.record_outside(Stream::Payment(payment), Event::Payment(Box::new(event)))
    }
}

/// Fees as they were reported.
fn reported(fees: &Fees) -> ObservedFees {
    match fees.rounded_half_even_from {
        Some(reported) => ObservedFees {
            fee: reported.fee.value(),
            tax: reported.tax.value(),
        },
        None => ObservedFees {
            fee: fees.fee.value(),
            tax: fees.tax.value(),
        },
    }
}
