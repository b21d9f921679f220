//! The rules of payments whose money has arrived.

use crate::identifier::{Holder, TransactionId, WalletId};
use crate::posting::decide_arrival;

use super::captured::{CapturedPayment, FeesRecorded};
use super::command::{ObservedPayment, PaymentAction, PaymentCommand, PaymentObservation};
use super::decide::{Decided, decide_fees};
use super::dispute::DisputeState;
use super::event::PaymentEvent;
use super::refund::Refund;
use super::rejection::PaymentRejection;
use super::state::PaymentStatus;

impl CapturedPayment {
    fn is_not_of(&self, observation: &PaymentObservation) -> bool {
        match &observation.status {
            ObservedPayment::Captured { attempt, .. } => !self.is_of(observation.provider, attempt),
            ObservedPayment::AwaitingPayer { .. }
            | ObservedPayment::Failed { .. }
            | ObservedPayment::Expired
            | ObservedPayment::Authorized { .. }
            | ObservedPayment::Released { .. } => false,
        }
    }

    pub(super) fn decide(&self, status: PaymentStatus, command: &PaymentCommand) -> Decided {
        let payment = command.payment;
        match &command.action {
            PaymentAction::Create(_) => Err(PaymentRejection::Exists { payment }),
            PaymentAction::Reroute { .. } | PaymentAction::Expire { .. } => {
                Err(PaymentRejection::NotOpen { payment, status })
            }
            // Money that is not this payment's must not be taken for a word that is known.
            PaymentAction::ObserveUnexpected { observation, .. } if self.is_not_of(observation) => {
                Err(PaymentRejection::Exists { payment })
            }
            PaymentAction::Observe {
                observation,
                transaction,
            }
            | PaymentAction::ObserveUnexpected {
                observation,
                transaction,
                ..
            } => self.observe(command, observation, *transaction),
            PaymentAction::Credit {
                wallet,
                transaction,
            } => self.credit(command, *wallet, *transaction).map(Some),
            PaymentAction::RequestRefund {
                refund,
                amount,
                reason,
            } => self
                .request_refund(command, *refund, *amount, reason.clone())
                .map(Some),
            PaymentAction::ObserveRefund {
                refund,
                observation,
                transaction,
            } => self.observe_refund(command, *refund, observation, *transaction),
            PaymentAction::ObserveDispute {
                observation,
                transaction,
            } => self.observe_dispute(command, observation, *transaction),
        }
    }

    /// Only what the provider charges can still be news about the payment itself.
    fn observe(
        &self,
        command: &PaymentCommand,
        observation: &PaymentObservation,
        transaction: TransactionId,
    ) -> Decided {
        let ObservedPayment::Captured {
            attempt,
            money,
            fees,
        } = &observation.status
        else {
            return Ok(None);
        };
        if !self.is_of(observation.provider, attempt) {
            return Ok(None);
        }
        if money.asset != self.asset || money.amount != self.amount.value() {
            return Err(PaymentRejection::CapturedAmountDiffers {
                payment: command.payment,
                ours: self.amount.value(),
                theirs: money.amount,
            });
        }
        match (self.fees, decide_fees(*fees, *money, &command.standings)?) {
            (FeesRecorded::No, Some(fees)) => Ok(Some(PaymentEvent::PaymentFeesRecorded {
                fees,
                transaction: fees.is_charge().then_some(transaction),
            })),
            (FeesRecorded::No | FeesRecorded::Yes, _) => Ok(None),
        }
    }

    fn credit(
        &self,
        command: &PaymentCommand,
        wallet: WalletId,
        transaction: TransactionId,
    ) -> Result<PaymentEvent, PaymentRejection> {
        let payment = command.payment;
        let Some(amount) = self.in_suspense.as_amount() else {
            return Err(PaymentRejection::NotInSuspense { payment });
        };
        let moving = |refund: &Refund| refund.state.holds_reserve();
        let refunds = self.refunds.values().any(moving);
        let open = |state| state == DisputeState::Open;
        if refunds || self.disputes.values().any(|dispute| open(dispute.state)) {
            return Err(PaymentRejection::InMotion { payment });
        }
        decide_arrival(
            Holder::Wallet(wallet),
            self.asset,
            amount.value(),
            &command.standings,
        )?;
        Ok(PaymentEvent::PaymentCredited {
            wallet,
            amount,
            transaction,
        })
    }

    /// What follows from the command beside what it came to first: a refund that was asked for is the
    /// one that was heard of; the provider has told what it charges for a dispute.
    ///
    /// # Errors
    /// The first rule broken.
    pub(super) fn decide_beside(&self, command: &PaymentCommand) -> Decided {
        match &command.action {
            PaymentAction::ObserveRefund {
                refund,
                observation,
                transaction,
            } => self.observe_refund(command, *refund, observation, *transaction),
            PaymentAction::ObserveDispute {
                observation,
                transaction,
            } => match self.observe_dispute(command, observation, *transaction) {
                // What a dispute takes is not refused for a charge that is none.
                Err(PaymentRejection::Fees(_)) => Ok(None),
                decided => decided,
            },
            PaymentAction::Create(_)
            | PaymentAction::Reroute { .. }
            | PaymentAction::Observe { .. }
            | PaymentAction::ObserveUnexpected { .. }
            | PaymentAction::Expire { .. }
            | PaymentAction::Credit { .. }
            | PaymentAction::RequestRefund { .. } => Ok(None),
        }
    }
}
