//! What each event of a payout makes the ledger do; `docs/PAYMENTS.md` has the table.

use crate::annotation::Reference;
use crate::hold::HoldManager;
use crate::identifier::{HoldId, Holder, PayoutId, TransactionId};
use crate::payment::Returned;
use crate::posting::RequestedPosting;
use crate::provider::{Authority, Effect, Fees};
use crate::transaction::TransactionCause;

use super::event::PayoutEvent;
use super::state::{Payout, SubmittedPayout};

/// The hold that reserves a payout's money: it has the payout's id.
pub(crate) const fn hold_of_payout(payout: PayoutId) -> HoldId {
    HoldId::new(payout.as_uuid())
}

impl Payout {
    /// What happens beside `event`, which is the next of this payout.
    #[must_use]
    pub fn effects(&self, payout: PayoutId, event: &PayoutEvent) -> Vec<Effect> {
        match event {
            PayoutEvent::PayoutRequested {
                wallet,
                asset,
                amount,
                ..
            } => vec![Effect::Reserve {
                hold: hold_of_payout(payout),
                manager: HoldManager::Payout(payout),
                source: Holder::Wallet(*wallet),
                destination: None,
                asset: *asset,
                amount: *amount,
            }],
            PayoutEvent::PayoutApproved { .. }
            | PayoutEvent::PayoutSubmitted { .. }
            | PayoutEvent::PayoutNotAccepted { .. }
            | PayoutEvent::PayoutProcessing { .. } => Vec::new(),
            PayoutEvent::PayoutDeclined { reason, .. }
            | PayoutEvent::PayoutCancelled { reason, .. } => vec![release(payout, reason.clone())],
            PayoutEvent::PayoutFailed {
                reason, returned, ..
            }
            | PayoutEvent::PayoutReturned {
                reason, returned, ..
            } => match (returned, self) {
                (Some(returned), Self::Succeeded(submitted)) => {
                    vec![submitted.come_back(payout, *returned)]
                }
                (Some(_) | None, _) => vec![release(payout, reason.clone())],
            },
            PayoutEvent::PayoutSucceeded { .. } => match self {
                Self::Submitted(submitted) | Self::Processing(submitted) => {
                    submitted.succeed(payout, event)
                }
                _ => Vec::new(),
            },
            PayoutEvent::PayoutFeesRecorded {
                fees, transaction, ..
            } => match (self, transaction) {
                (Self::Succeeded(submitted), Some(transaction)) => {
                    vec![submitted.move_charge(payout, fees, *transaction)]
                }
                _ => Vec::new(),
            },
        }
    }
}

const fn release(payout: PayoutId, reason: Option<Reference>) -> Effect {
    Effect::Release {
        hold: hold_of_payout(payout),
        manager: HoldManager::Payout(payout),
        reason,
    }
}

impl SubmittedPayout {
    fn come_back(&self, payout: PayoutId, returned: Returned) -> Effect {
        Effect::Post {
            transaction: returned.transaction,
            postings: vec![RequestedPosting {
                source: self.provider.payouts(),
                destination: returned.to,
                asset: self.terms.asset,
                amount: self.terms.amount.value(),
            }],
            cause: TransactionCause::Payout(payout),
            authority: Authority::Fact,
        }
    }

    fn succeed(&self, payout: PayoutId, event: &PayoutEvent) -> Vec<Effect> {
        let PayoutEvent::PayoutSucceeded {
            transaction,
            fees,
            fee_transaction,
            ..
        } = event
        else {
            return Vec::new();
        };
        let account = self.provider.payouts();
        let mut effects = vec![Effect::Capture {
            hold: hold_of_payout(payout),
            manager: HoldManager::Payout(payout),
            transaction: *transaction,
            destination: account,
        }];
        if let (Some(fees), Some(transaction)) = (fees, fee_transaction) {
            effects.push(self.move_charge(payout, fees, *transaction));
        }
        effects
    }

    fn move_charge(&self, payout: PayoutId, fees: &Fees, transaction: TransactionId) -> Effect {
        Effect::Post {
            transaction,
            postings: fees.postings(self.provider, self.provider.payouts(), self.terms.asset),
            cause: TransactionCause::Payout(payout),
            authority: Authority::Ordinary,
        }
    }
}
