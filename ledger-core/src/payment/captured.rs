//! What a payment is once its money has arrived, and how much of it is where.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::identifier::{Holder, PaymentId, ProviderName, ProviderReference, RefundId};
use crate::money::{Amount, AssetCode, Total};
use crate::provider::{Fees, suspense};

use super::dispute::Dispute;
use super::event::{MadeGood, Returned};
use super::refund::Refund;
use super::rejection::PaymentRejection;
use super::state::Payment;
use super::taken::Taken;

/// A payment whose money has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedPayment {
    /// Where.
    pub provider: ProviderName,
    /// The attempt that was captured.
    pub attempt: ProviderReference,
    /// What arrived.
    pub asset: AssetCode,
    /// How much arrived.
    pub amount: Amount,
    /// Who holds it: the wallet, or suspense.
    pub holder: Holder,
    /// How much of it lies in suspense: all that is left of what is suspense's, or what came back
    /// when the wallet was closed. Some of it may be reserved for refunds.
    pub in_suspense: Total,
    /// How much of what was taken back by force the platform bears.
    pub borne_by_platform: Total,
    /// Whether the provider's charge was recorded.
    pub fees: FeesRecorded,
    /// Refunds.
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Disputes, by the provider's own id.
    pub disputes: BTreeMap<ProviderReference, Dispute>,
}

/// Whether a provider's charge was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeesRecorded {
    /// Not yet.
    No,
    /// Once and for all; what a settlement says differently is a break.
    Yes,
}

impl FeesRecorded {
    pub(crate) const fn of(fees: Option<&Fees>) -> Self {
        match fees {
            Some(_) => Self::Yes,
            None => Self::No,
        }
    }
}

impl CapturedPayment {
    /// The state that refunds and disputes come to.
    pub(super) fn into_state(self) -> Payment {
        let refunded = self.refunded();
        if self.disputes.values().any(Dispute::counts) {
            Payment::Disputed(self)
        } else if refunded >= self.amount.value() {
            Payment::Refunded(self)
        } else if refunded > Decimal::ZERO {
            Payment::PartiallyRefunded(self)
        } else {
            Payment::Captured(self)
        }
    }

    /// How much was given back for good, as far as is known.
    #[must_use]
    pub fn refunded(&self) -> Decimal {
        self.sum_of_refunds(Refund::is_done)
    }

    /// How much can still be refunded: what was captured less refunds, also those that are on their
    /// way, and less what is disputed or lost; no more than is in suspense, where some is though a
    /// wallet had it. Never negative.
    #[must_use]
    pub fn refundable(&self) -> Decimal {
        let disputed: Decimal = self
            .disputes
            .values()
            .filter(|dispute| dispute.counts())
            .map(|dispute| dispute.amount.value())
            .sum();
        let left = self.amount.value() - self.sum_of_refunds(Refund::counts) - disputed;
        self.drawn_from(left).1
    }

    /// How much of it can still be taken back by force from who holds it: what was captured less
    /// what refunds and disputes have taken or reserved, the platform's part not counted.
    pub(super) fn left(&self) -> Decimal {
        let taken = self.disputes.values().filter_map(Dispute::lying);
        let taken: Decimal = taken.map(|lying| lying.amount.value()).sum();
        let claimed = self.sum_of_refunds(Refund::counts) + taken;
        self.amount.value() - claimed + self.borne_by_platform.value()
    }

    /// Whose money is given or taken back next, and how much of `left` there is at most: a closed
    /// wallet's payment gives what came back to suspense.
    pub(super) fn drawn_from(&self, left: Decimal) -> (Holder, Decimal) {
        let (holder, left) = (self.holder, left.max(Decimal::ZERO));
        let free = self.free_in_suspense();
        if holder == suspense() || free.is_zero() {
            (holder, left)
        } else {
            (suspense(), left.min(free))
        }
    }

    /// How much of what is in suspense no refund has reserved.
    fn free_in_suspense(&self) -> Decimal {
        let reserved = self
            .sum_of_refunds(|refund| refund.source == suspense() && refund.state.holds_reserve());
        (self.in_suspense.value() - reserved).max(Decimal::ZERO)
    }

    fn sum_of_refunds(&self, counts: impl Fn(&Refund) -> bool) -> Decimal {
        let refunds = self.refunds.values().filter(|refund| counts(refund));
        refunds.map(|refund| refund.amount.value()).sum()
    }

    /// Whether its money came by this attempt.
    pub(crate) fn is_of(&self, provider: ProviderName, attempt: &ProviderReference) -> bool {
        self.provider == provider && self.attempt == *attempt
    }

    pub(super) fn check_attempt(
        &self,
        payment: PaymentId,
        provider: ProviderName,
        attempt: &ProviderReference,
    ) -> Result<(), PaymentRejection> {
        if self.provider != provider {
            return Err(PaymentRejection::ProviderDiffers {
                payment,
                ours: self.provider,
                theirs: provider,
            });
        }
        if self.attempt != *attempt {
            return Err(PaymentRejection::AttemptDiffers {
                payment,
                ours: self.attempt.clone(),
                theirs: attempt.clone(),
            });
        }
        Ok(())
    }

    /// Whether a hold reserves a refund's money.
    pub(super) fn is_reserved(&self, refund: RefundId) -> bool {
        let known = self.refunds.get(&refund);
        known.is_some_and(|known| known.state.holds_reserve())
    }

    /// Notes that something was taken by force; `None` when it cannot have been.
    pub(super) fn give(&mut self, taken: &Taken) -> Option<()> {
        if let Some(from_losses) = taken.from_losses {
            self.borne_by_platform = self.borne_by_platform.checked_add(from_losses)?;
        }
        match taken.from_source {
            Some(from_source) => self.leave(taken.source, from_source),
            None => Some(()),
        }
    }

    /// Notes that something has left its holder, on the way out or to the platform.
    pub(super) fn leave(&mut self, source: Holder, amount: Amount) -> Option<()> {
        if source == suspense() {
            self.in_suspense = self.in_suspense.checked_sub(amount)?;
        }
        Some(())
    }

    /// Notes that `amount` came back; `None` when it cannot have.
    pub(super) fn get_back(&mut self, amount: Amount, returned: &Returned) -> Option<()> {
        if let Some(to_losses) = returned.to_losses {
            self.borne_by_platform = self.borne_by_platform.checked_sub(to_losses)?;
        }
        match returned.of_source(amount) {
            Some(of_source) if returned.to == suspense() => {
                self.in_suspense = self.in_suspense.checked_add(of_source)?;
                Some(())
            }
            Some(_) | None => Some(()),
        }
    }

    /// Notes what the source of a refund bears instead of the platform.
    pub(super) fn make_up(&mut self, source: Holder, made_good: Option<&MadeGood>) -> Option<()> {
        let Some(made_good) = made_good else {
            return Some(());
        };
        let borne = self.borne_by_platform.checked_sub(made_good.amount)?;
        self.borne_by_platform = borne;
        self.leave(source, made_good.amount)
    }
}
