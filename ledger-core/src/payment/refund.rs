//! Refunds of a payment: money that goes back to the payer.
//!
//! | state     | observed pending | observed succeeded | observed failed |
//! |-----------|------------------|--------------------|-----------------|
//! | unknown   | → Succeeded, `RefundDiscovered` | → Succeeded, `RefundDiscovered` | → Failed, nothing moves |
//! | Requested | → Pending        | → Succeeded, the hold is captured | → Failed, the hold is voided |
//! | Pending   | nothing          | → Succeeded, the hold is captured | → Failed, the hold is voided |
//! | Succeeded | nothing          | nothing            | → Failed, the money comes back |
//! | Failed    | nothing          | nothing            | nothing         |
//!
//! States only ever go down the table, so the order in which a provider's words arrive does not
//! matter. A refund that was made at the provider and not asked for here has left the provider's
//! balance when we hear of it; it is taken from whoever holds the payment's money.

use serde::{Deserialize, Serialize};

use crate::identifier::{Holder, PaymentId, ProviderReference, RefundId, TransactionId};
use crate::money::Amount;
use crate::posting::decide_plain_amount;

use super::command::{ObservedMoney, ObservedRefund, PaymentCommand, RefundObservation};
use super::event::{PaymentEvent, Returned};
use super::provider_refund_id;
use super::rejection::PaymentRejection;
use super::state::CapturedPayment;
use super::taken::{Bearing, Taken};

/// How far a refund has come; the later of two is the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RefundState {
    /// Asked for here.
    Requested,
    /// Taken on by the provider.
    Pending,
    /// The payer gets it.
    Succeeded,
    /// The payer does not get it.
    Failed,
}

/// A refund of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// How much.
    pub amount: Amount,
    /// Whose money it is.
    pub source: Holder,
    /// How far it has come.
    pub state: RefundState,
    /// The provider's own id of it, once it has told.
    pub provider_refund: Option<ProviderReference>,
    /// Who bore it, when it was made at the provider; otherwise a hold reserves it.
    pub taken: Option<Taken>,
}

impl CapturedPayment {
    pub(super) fn request_refund(
        &self,
        command: &PaymentCommand,
        refund: RefundId,
        amount: Option<rust_decimal::Decimal>,
        reason: Option<crate::annotation::Reference>,
    ) -> Result<PaymentEvent, PaymentRejection> {
        let payment = command.payment;
        if self.refunds.contains_key(&refund) {
            return Err(PaymentRejection::RefundExists { payment, refund });
        }
        let refundable = self.refundable();
        let asked = amount.unwrap_or(refundable);
        if amount.is_none() && refundable.is_zero() {
            return Err(PaymentRejection::RefundExceedsPayment {
                payment,
                refundable,
                requested: self.amount.value(),
            });
        }
        let amount = decide_plain_amount(self.asset, asked, &command.standings)?;
        if amount.value() > refundable {
            return Err(PaymentRejection::RefundExceedsPayment {
                payment,
                refundable,
                requested: amount.value(),
            });
        }
        Ok(PaymentEvent::RefundRequested {
            refund,
            amount,
            source: self.holder,
            reason,
        })
    }

    pub(super) fn observe_refund(
        &self,
        command: &PaymentCommand,
        refund: RefundId,
        observation: &RefundObservation,
        transaction: TransactionId,
    ) -> Result<Option<PaymentEvent>, PaymentRejection> {
        self.check_provider(command.payment, observation.provider)?;
        let amount = self.observed_amount(command, observation.money)?;
        let known = self.find_refund(refund, &observation.provider_refund);
        match known {
            None => {
                // Another refund than the one that has this id with us.
                let taken = self.refunds.contains_key(&refund);
                let own = || provider_refund_id(self.provider, &observation.provider_refund);
                let refund = if taken { own() } else { refund };
                let event = self.discover(command, refund, observation, amount, transaction);
                Ok(Some(event))
            }
            Some((refund, known)) => {
                known.check_amount(command.payment, refund, amount)?;
                Ok(known.observe(command, self, refund, observation, transaction))
            }
        }
    }

    /// By our id, or by the provider's: a webhook may not carry ours. A refund that the provider has
    /// made anew under our id, after the first failed, is another refund.
    pub(crate) fn find_refund(
        &self,
        refund: RefundId,
        provider_refund: &ProviderReference,
    ) -> Option<(RefundId, &Refund)> {
        let is_same = |known: &&Refund| {
            let theirs = known.provider_refund.as_ref();
            theirs.is_none_or(|theirs| theirs == provider_refund)
        };
        let by_id = self.refunds.get(&refund).filter(is_same);
        let by_id = by_id.map(|known| (refund, known));
        let mut all = self.refunds.iter();
        by_id.or_else(|| {
            all.find(|(_, known)| known.provider_refund.as_ref() == Some(provider_refund))
                .map(|(id, known)| (*id, known))
        })
    }

    fn discover(
        &self,
        command: &PaymentCommand,
        refund: RefundId,
        observation: &RefundObservation,
        amount: Amount,
        transaction: TransactionId,
    ) -> PaymentEvent {
        let provider_refund = observation.provider_refund.clone();
        match observation.status {
            // Remembered, so that an earlier word about it that arrives later takes nothing.
            ObservedRefund::Failed => PaymentEvent::RefundFailed {
                refund,
                provider_refund,
                amount,
                reason: observation.reason.clone(),
                returned: None,
            },
            ObservedRefund::Pending | ObservedRefund::Succeeded => {
                let bearing = Bearing {
                    source: self.holder,
                    asset: self.asset,
                    left: self.bearable(None),
                    coming_back: None,
                    overdraft: command.policy.chargeback_overdraft,
                    standings: &command.standings,
                };
                PaymentEvent::RefundDiscovered {
                    refund,
                    provider_refund,
                    amount,
                    taken: bearing.of(amount),
                    transaction,
                }
            }
        }
    }

    pub(super) fn observed_amount(
        &self,
        command: &PaymentCommand,
        money: ObservedMoney,
    ) -> Result<Amount, PaymentRejection> {
        if money.asset != self.asset {
            return Err(PaymentRejection::ObservedAssetDiffers {
                payment: command.payment,
                ours: self.asset,
                theirs: money.asset,
            });
        }
        let amount = decide_plain_amount(money.asset, money.amount, &command.standings)?;
        Ok(amount)
    }
}

impl Refund {
    fn check_amount(
        &self,
        payment: PaymentId,
        refund: RefundId,
        theirs: Amount,
    ) -> Result<(), PaymentRejection> {
        if self.amount == theirs {
            return Ok(());
        }
        Err(PaymentRejection::RefundAmountDiffers {
            payment,
            refund,
            ours: self.amount.value(),
            theirs: theirs.value(),
        })
    }

    fn observe(
        &self,
        command: &PaymentCommand,
        payment: &CapturedPayment,
        refund: RefundId,
        observation: &RefundObservation,
        transaction: TransactionId,
    ) -> Option<PaymentEvent> {
        let observed = match observation.status {
            ObservedRefund::Pending => RefundState::Pending,
            ObservedRefund::Succeeded => RefundState::Succeeded,
            ObservedRefund::Failed => RefundState::Failed,
        };
        if observed <= self.state {
            return None;
        }
        let provider_refund = observation.provider_refund.clone();
        Some(match observation.status {
            ObservedRefund::Pending => PaymentEvent::RefundPending {
                refund,
                provider_refund,
            },
            ObservedRefund::Succeeded => PaymentEvent::RefundSucceeded {
                refund,
                provider_refund,
                amount: self.amount,
                bank_reference: observation.bank_reference.clone(),
                transaction,
            },
            ObservedRefund::Failed => PaymentEvent::RefundFailed {
                refund,
                provider_refund,
                amount: self.amount,
                reason: observation.reason.clone(),
                returned: (self.state == RefundState::Succeeded).then(|| Returned {
                    to: payment.landing(self.source, &command.standings),
                    transaction,
                }),
            },
        })
    }
}
