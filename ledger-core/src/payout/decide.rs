//! The rules of payouts.

use crate::identifier::{ActorId, Holder, TransactionId};
use crate::payment::{FeesRecorded, Returned};
use crate::posting::{check_departure, decide_plain_amount};
use crate::provider::{Fees, ObservedFees, landing};

use super::command::{NewPayout, ObservedPayout, PayoutAction, PayoutCommand, PayoutObservation};
use super::event::PayoutEvent;
use super::rejection::PayoutRejection;
use super::state::{EndedPayout, Payout, PayoutStatus, PayoutTerms, SubmittedPayout};

/// What a decision comes to: nothing, where the command says nothing new.
type Decided = Result<Option<PayoutEvent>, PayoutRejection>;

impl Payout {
    /// What happens when `command` is carried out; nothing when it says nothing new.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &PayoutCommand) -> Decided {
        match self {
            Self::Absent => decide_absent(command),
            Self::AwaitingApproval(terms) => decide_awaiting(terms, command),
            Self::Requested(terms) => decide_ready(terms, PayoutStatus::Requested, command),
            Self::Approved(terms) => decide_ready(terms, PayoutStatus::Approved, command),
            Self::Submitted(submitted) => {
                decide_submitted(submitted, PayoutStatus::Submitted, command)
            }
            Self::Processing(submitted) => {
                decide_submitted(submitted, PayoutStatus::Processing, command)
            }
            Self::Succeeded(submitted) => {
                decide_submitted(submitted, PayoutStatus::Succeeded, command)
            }
            Self::Declined(ended) => decide_ended(ended, PayoutStatus::Declined, command),
            Self::Cancelled(ended) => decide_ended(ended, PayoutStatus::Cancelled, command),
            Self::Failed(ended) => decide_ended(ended, PayoutStatus::Failed, command),
            Self::Returned(ended) => decide_ended(ended, PayoutStatus::Returned, command),
        }
    }
}

fn decide_absent(command: &PayoutCommand) -> Decided {
    let payout = command.payout;
    match &command.action {
        PayoutAction::Request(new) => request(command, new).map(Some),
        PayoutAction::Approve { .. }
        | PayoutAction::Decline { .. }
        | PayoutAction::Cancel { .. }
        | PayoutAction::Submit { .. }
        | PayoutAction::Observe { .. } => Err(PayoutRejection::NotFound { payout }),
    }
}

fn request(command: &PayoutCommand, new: &NewPayout) -> Result<PayoutEvent, PayoutRejection> {
    command.beneficiary.check(new.beneficiary, new.wallet)?;
    let amount = decide_plain_amount(new.asset, new.amount, &command.standings)?;
    let approval_above = command.policy.payout_approval_above;
    Ok(PayoutEvent::PayoutRequested {
        wallet: new.wallet,
        asset: new.asset,
        amount,
        beneficiary: new.beneficiary,
        requested_by: new.requested_by.clone(),
        approval_above: approval_above.filter(|above| amount > *above),
        reference: new.reference.clone(),
        metadata: new.metadata.clone(),
    })
}

fn decide_awaiting(terms: &PayoutTerms, command: &PayoutCommand) -> Decided {
    let payout = command.payout;
    match &command.action {
        PayoutAction::Request(_) => Err(PayoutRejection::Exists { payout }),
        PayoutAction::Approve { by } => {
            check_second_person(terms, command, by)?;
            Ok(Some(PayoutEvent::PayoutApproved { by: by.clone() }))
        }
        PayoutAction::Decline { by, reason } => {
            check_second_person(terms, command, by)?;
            Ok(Some(PayoutEvent::PayoutDeclined {
                by: by.clone(),
                reason: reason.clone(),
            }))
        }
        PayoutAction::Cancel { reason } => Ok(Some(PayoutEvent::PayoutCancelled {
            provider: None,
            provider_payout: None,
            reason: reason.clone(),
        })),
        PayoutAction::Submit { .. } => Err(PayoutRejection::AwaitingApproval { payout }),
        PayoutAction::Observe { observation, .. } => Err(PayoutRejection::NotSubmitted {
            payout,
            status: PayoutStatus::AwaitingApproval,
            provider: observation.provider,
        }),
    }
}

/// Who decides about it is a person, and not who asked for it.
fn check_second_person(
    terms: &PayoutTerms,
    command: &PayoutCommand,
    by: &ActorId,
) -> Result<(), PayoutRejection> {
    let (payout, actor) = (command.payout, by.clone());
    if by.is_machine() {
        return Err(PayoutRejection::ApproverIsMachine { payout, actor });
    }
    if *by == terms.requested_by {
        return Err(PayoutRejection::ApproverIsRequester { payout, actor });
    }
    Ok(())
}

fn decide_ready(terms: &PayoutTerms, status: PayoutStatus, command: &PayoutCommand) -> Decided {
    let payout = command.payout;
    match &command.action {
        PayoutAction::Request(_) => Err(PayoutRejection::Exists { payout }),
        PayoutAction::Approve { .. } | PayoutAction::Decline { .. } => {
            Err(PayoutRejection::NotAwaitingApproval { payout, status })
        }
        PayoutAction::Cancel { reason } => Ok(Some(PayoutEvent::PayoutCancelled {
            provider: None,
            provider_payout: None,
            reason: reason.clone(),
        })),
        PayoutAction::Submit { route } => {
            route.check()?;
            command.beneficiary.check(terms.beneficiary, terms.wallet)?;
            // Whoever was frozen since has not lost the money, but it does not leave now.
            check_departure(
                Holder::Wallet(terms.wallet),
                terms.asset,
                &command.standings,
            )?;
            Ok(Some(PayoutEvent::PayoutSubmitted {
                attempt: terms.attempts.saturating_add(1),
                route: route.clone(),
            }))
        }
        // A word about an attempt that the provider had not accepted; what it denied once, twice.
        PayoutAction::Observe { observation, .. }
            if terms.attempts > 0 && observation.status == ObservedPayout::NotAccepted =>
        {
            Ok(None)
        }
        PayoutAction::Observe { observation, .. } => Err(PayoutRejection::NotSubmitted {
            payout,
            status,
            provider: observation.provider,
        }),
    }
}

fn decide_submitted(
    submitted: &SubmittedPayout,
    status: PayoutStatus,
    command: &PayoutCommand,
) -> Decided {
    let payout = command.payout;
    let provider = submitted.provider;
    match &command.action {
        PayoutAction::Request(_) => Err(PayoutRejection::Exists { payout }),
        PayoutAction::Approve { .. } | PayoutAction::Decline { .. } => {
            Err(PayoutRejection::NotAwaitingApproval { payout, status })
        }
        // The same provider is asked again with the same key, so this is no second payment.
        PayoutAction::Submit { route } if route.provider == provider => Ok(None),
        PayoutAction::Submit { .. } | PayoutAction::Cancel { .. } => {
            Err(PayoutRejection::Submitted {
                payout,
                status,
                provider,
            })
        }
        // What was denied once, twice.
        PayoutAction::Observe { observation, .. } if submitted.denied_before(observation) => {
            Ok(None)
        }
        PayoutAction::Observe {
            observation,
            transaction,
            fee_transaction,
        } => {
            submitted.check(command, observation)?;
            submitted.observe(
                status,
                command,
                observation,
                [*transaction, *fee_transaction],
            )
        }
    }
}

fn decide_ended(ended: &EndedPayout, status: PayoutStatus, command: &PayoutCommand) -> Decided {
    let payout = command.payout;
    match &command.action {
        PayoutAction::Request(_) => Err(PayoutRejection::Exists { payout }),
        PayoutAction::Approve { .. } | PayoutAction::Decline { .. } => {
            Err(PayoutRejection::NotAwaitingApproval { payout, status })
        }
        PayoutAction::Cancel { .. } | PayoutAction::Submit { .. } => {
            Err(PayoutRejection::Ended { payout, status })
        }
        PayoutAction::Observe { observation, .. } => match observation.status {
            // Nothing takes place, so nothing is lacking.
            ObservedPayout::NotAccepted
            | ObservedPayout::Failed
            | ObservedPayout::Returned
            | ObservedPayout::Cancelled => Ok(None),
            // An earlier word that arrives late.
            ObservedPayout::Processing | ObservedPayout::Succeeded { .. }
                if ended.is(observation) =>
            {
                Ok(None)
            }
            ObservedPayout::Processing | ObservedPayout::Succeeded { .. } => {
                Err(PayoutRejection::SucceededAfterEnd {
                    payout,
                    status,
                    provider: observation.provider,
                })
            }
        },
    }
}

impl EndedPayout {
    /// Whether the word is of what has ended, and of no second payout at the same or another
    /// provider.
    fn is(&self, observation: &PayoutObservation) -> bool {
        let attempt = observation.attempt;
        self.provider == Some(observation.provider)
            && self.provider_payout == observation.provider_payout
            && attempt.is_none_or(|attempt| attempt == self.terms.attempts)
    }
}

impl SubmittedPayout {
    fn denied_before(&self, observation: &PayoutObservation) -> bool {
        let attempt = observation.attempt;
        observation.status == ObservedPayout::NotAccepted
            && attempt.is_some_and(|attempt| attempt < self.terms.attempts)
    }

    fn check(
        &self,
        command: &PayoutCommand,
        observation: &PayoutObservation,
    ) -> Result<(), PayoutRejection> {
        let payout = command.payout;
        if observation.provider != self.provider {
            return Err(PayoutRejection::ProviderDiffers {
                payout,
                ours: self.provider,
                theirs: observation.provider,
            });
        }
        let ours = self.terms.attempts;
        if let Some(theirs) = observation.attempt.filter(|theirs| *theirs != ours) {
            return Err(PayoutRejection::AttemptDiffers {
                payout,
                ours,
                theirs,
            });
        }
        if let (Some(ours), Some(theirs)) = (&self.provider_payout, &observation.provider_payout)
            && ours != theirs
        {
            return Err(PayoutRejection::ReferenceDiffers {
                payout,
                ours: ours.clone(),
                theirs: theirs.clone(),
            });
        }
        let (ours, asset) = (self.terms.amount.value(), self.terms.asset);
        match observation.money {
            Some(money) if money.asset != asset || money.amount != ours => {
                Err(PayoutRejection::AmountDiffers {
                    payout,
                    ours,
                    theirs: money.amount,
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Submitted → Processing → Succeeded → Failed, Returned: what comes before where it is, says
    /// nothing new.
    fn observe(
        &self,
        status: PayoutStatus,
        command: &PayoutCommand,
        observation: &PayoutObservation,
        [transaction, fee_transaction]: [TransactionId; 2],
    ) -> Decided {
        let provider = self.provider;
        let provider_payout = observation.provider_payout.clone();
        let reason = observation.reason.clone();
        let has_left = status == PayoutStatus::Succeeded;
        let wallet = Holder::Wallet(self.terms.wallet);
        let returned = has_left.then(|| Returned {
            to: landing(wallet, self.terms.asset, &command.standings),
            to_losses: None,
            transaction,
        });
        let event = match observation.status {
            ObservedPayout::NotAccepted if status == PayoutStatus::Submitted => {
                PayoutEvent::PayoutNotAccepted {
                    attempt: self.terms.attempts,
                    provider,
                    reason,
                }
            }
            ObservedPayout::NotAccepted => {
                return Err(PayoutRejection::WasAccepted {
                    payout: command.payout,
                    status,
                    provider,
                });
            }
            ObservedPayout::Processing if status == PayoutStatus::Submitted => {
                PayoutEvent::PayoutProcessing {
                    provider,
                    provider_payout,
                }
            }
            ObservedPayout::Succeeded { fees } if !has_left => {
                // That the money has left is not refused for a charge that is none.
                let fees = self.fees(fees, command).unwrap_or_default();
                let charged = fees.is_some_and(|fees| fees.is_charge());
                PayoutEvent::PayoutSucceeded {
                    provider,
                    provider_payout,
                    transaction,
                    fees,
                    fee_transaction: charged.then_some(fee_transaction),
                }
            }
            ObservedPayout::Succeeded { fees } => {
                return self.charge(command, fees, fee_transaction);
            }
            ObservedPayout::Failed => PayoutEvent::PayoutFailed {
                provider,
                provider_payout,
                reason,
                returned,
            },
            ObservedPayout::Returned => PayoutEvent::PayoutReturned {
                provider,
                provider_payout,
                reason,
                returned,
            },
            // What has succeeded and is then called off has failed.
            ObservedPayout::Cancelled if has_left => PayoutEvent::PayoutFailed {
                provider,
                provider_payout,
                reason,
                returned,
            },
            ObservedPayout::Cancelled => PayoutEvent::PayoutCancelled {
                provider: Some(provider),
                provider_payout,
                reason,
            },
            ObservedPayout::Processing => return Ok(None),
        };
        Ok(Some(event))
    }

    /// What the provider charges can still be news about what has succeeded.
    fn charge(
        &self,
        command: &PayoutCommand,
        fees: Option<ObservedFees>,
        transaction: TransactionId,
    ) -> Decided {
        match (self.fees, self.fees(fees, command)?) {
            (FeesRecorded::No, Some(fees)) => Ok(Some(PayoutEvent::PayoutFeesRecorded {
                provider: self.provider,
                fees,
                transaction: fees.is_charge().then_some(transaction),
            })),
            (FeesRecorded::No | FeesRecorded::Yes, _) => Ok(None),
        }
    }

    fn fees(
        &self,
        fees: Option<ObservedFees>,
        command: &PayoutCommand,
    ) -> Result<Option<Fees>, PayoutRejection> {
        let asset = command.standings.asset(&self.terms.asset);
        match (fees, asset) {
            (Some(fees), Some(asset)) => Ok(Some(fees.rounded(asset)?)),
            (Some(_), None) | (None, _) => Ok(None),
        }
    }
}
