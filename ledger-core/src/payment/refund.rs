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
//!
//! A refund is known by the provider's id of it first, and only then by ours. So a refund of ours
//! that was heard of without our id, as one made at the provider, is not taken a second time when it
//! is told with it: the one that was asked for is Matched, its hold is voided, and all further words
//! are about the one that is known. Where that one failed, both have.

use serde::{Deserialize, Serialize};

use crate::identifier::{Holder, PaymentId, ProviderReference, RefundId, TransactionId};
use crate::money::Amount;
use crate::posting::decide_plain_amount;

use super::captured::CapturedPayment;
use super::command::{ObservedMoney, ObservedRefund, PaymentCommand, RefundObservation};
use super::decide::Decided;
use super::event::PaymentEvent;
use super::provider_refund_id;
use super::rejection::PaymentRejection;

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
    /// It is another refund, which the provider had told of without our id.
    Matched,
}

impl RefundState {
    /// Whether a hold reserves the money of a refund that was asked for here.
    pub(super) const fn holds_reserve(self) -> bool {
        match self {
            Self::Requested | Self::Pending => true,
            Self::Succeeded | Self::Failed | Self::Matched => false,
        }
    }
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
}

impl Refund {
    /// Whether the payer has got it, as far as is known.
    pub(super) fn is_done(&self) -> bool {
        self.state == RefundState::Succeeded
    }

    /// Whether its money has left or is reserved.
    pub(super) fn counts(&self) -> bool {
        self.state.holds_reserve() || self.is_done()
    }
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
        let (source, _) = self.drawn_from(refundable);
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
            source,
            reason,
        })
    }

    pub(super) fn observe_refund(
        &self,
        command: &PaymentCommand,
        refund: RefundId,
        observation: &RefundObservation,
        transaction: TransactionId,
    ) -> Decided {
        let payment = command.payment;
        self.check_attempt(payment, observation.provider, &observation.attempt)?;
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
            Some((known_as, known)) => {
                known.check_amount(payment, known_as, amount)?;
                // The refund that was asked for, where it is known as another.
                let asked = self.refunds.get(&refund);
                let asked = asked.filter(|asked| asked.state == RefundState::Requested);
                let asked = asked.filter(|_| refund != known_as);
                if let Some(asked) = asked {
                    asked.check_amount(payment, refund, amount)?;
                }
                let news = known.observe(command, self, known_as, observation, transaction);
                let matched = asked.map(|_| {
                    self.matched((refund, known_as), known.state, observation, transaction)
                });
                Ok(news.or(matched))
            }
        }
    }

    /// What becomes of the refund that was asked for, when it is known as another.
    fn matched(
        &self,
        (refund, known_as): (RefundId, RefundId),
        state: RefundState,
        observation: &RefundObservation,
        transaction: TransactionId,
    ) -> PaymentEvent {
        let provider_refund = observation.provider_refund.clone();
        let asked = self.refunds.get(&refund);
        let made_good = asked.and_then(|asked| self.make_good(asked.amount, transaction));
        match (state, asked) {
            (RefundState::Failed, Some(asked)) => PaymentEvent::RefundFailed {
                refund,
                provider_refund,
                amount: asked.amount,
                reason: observation.reason.clone(),
                returned: None,
                made_good,
            },
            _ => PaymentEvent::RefundMatched {
                refund,
                provider_refund,
                known_as,
                made_good,
            },
        }
    }

    /// By the provider's id, or by ours while the provider has told none: a webhook may not carry ours.
    /// A refund that the provider has made anew under our id, after the first failed, is another refund.
    pub(crate) fn find_refund(
        &self,
        refund: RefundId,
        provider_refund: &ProviderReference,
    ) -> Option<(RefundId, &Refund)> {
        let is_same = |known: &Refund| {
            let theirs = known.provider_refund.as_ref() == Some(provider_refund);
            theirs && known.state != RefundState::Matched
        };
        let mut all = self.refunds.iter();
        let theirs = all.find(|(_, known)| is_same(known));
        let theirs = theirs.map(|(id, known)| (*id, known));
        theirs.or_else(|| {
            let ours = self.refunds.get(&refund);
            let ours = ours.filter(|known| known.provider_refund.is_none());
            ours.map(|known| (refund, known))
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
                made_good: None,
            },
            ObservedRefund::Pending | ObservedRefund::Succeeded => PaymentEvent::RefundDiscovered {
                refund,
                provider_refund,
                amount,
                taken: self.bear(command, amount, None),
                transaction,
            },
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
                returned: self
                    .is_done()
                    .then(|| payment.come_back(command, self.amount, self.source, transaction)),
                made_good: (!self.is_done())
                    .then(|| payment.make_good(self.amount, transaction))
                    .flatten(),
            },
        })
    }
}
