//! The rules of payments.

use crate::identifier::{Holder, PaymentId, ProviderReference, TransactionId};
use crate::money::Amount;
use crate::posting::{PostingRejection, Standings, decide_arrival, decide_plain_amount};
use crate::provider::{Fees, ObservedFees, Route, suspense};

use super::command::{
    NewPayment, ObservedMoney, ObservedPayment, PaymentAction, PaymentCommand, PaymentObservation,
};
use super::event::{PaymentEvent, SuspenseReason, UnexpectedReason};
use super::rejection::PaymentRejection;
use super::state::{AttemptState, Checkout, OpenPayment, Payment, PaymentStatus, Stage};

/// What a decision comes to: nothing, where the command says nothing new.
pub(super) type Decided = Result<Option<PaymentEvent>, PaymentRejection>;

impl Payment {
    /// What happens when `command` is carried out; nothing when it says nothing new.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &PaymentCommand) -> Decided {
        match self.stage() {
            Stage::Absent => decide_absent(command),
            Stage::Open(open, status) => open.decide(status, command),
            Stage::Captured(captured, status) => captured.decide(status, command),
        }
    }

    /// What follows from `command` beside what [`Self::decide`] came to first, once that is recorded.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide_beside(&self, command: &PaymentCommand) -> Decided {
        match self.stage() {
            Stage::Absent | Stage::Open(..) => Ok(None),
            Stage::Captured(captured, _) => captured.decide_beside(command),
        }
    }

    /// Why the money that `observation` reports is not this payment's, if it is not: the payment
    /// [`super::unexpected_payment_id`] takes it in.
    #[must_use]
    pub fn unexpected(
        &self,
        payment: PaymentId,
        observation: &PaymentObservation,
    ) -> Option<UnexpectedReason> {
        let ObservedPayment::Captured { attempt, .. } = &observation.status else {
            return None;
        };
        match self.stage() {
            Stage::Absent => Some(UnexpectedReason::UnknownPayment),
            Stage::Open(open, _) if open.providers.contains(&observation.provider) => None,
            Stage::Open(..) => Some(UnexpectedReason::OtherProvider(payment)),
            Stage::Captured(captured, _) if captured.is_of(observation.provider, attempt) => None,
            Stage::Captured(..) => Some(UnexpectedReason::PaidBefore(payment)),
        }
    }
}

fn decide_absent(command: &PaymentCommand) -> Decided {
    let payment = command.payment;
    match &command.action {
        PaymentAction::Create(new) => create(command, new).map(Some),
        PaymentAction::ObserveUnexpected {
            observation,
            why,
            transaction,
        } => capture_unexpected(command, observation, *why, *transaction),
        // Money of a payment that does not exist is taken in by another stream; all else concerns
        // nobody.
        PaymentAction::Observe { .. } => Ok(None),
        PaymentAction::Reroute { .. }
        | PaymentAction::Expire { .. }
        | PaymentAction::Credit { .. }
        | PaymentAction::RequestRefund { .. }
        | PaymentAction::ObserveRefund { .. }
        | PaymentAction::ObserveDispute { .. } => Err(PaymentRejection::NotFound { payment }),
    }
}

fn create(command: &PaymentCommand, new: &NewPayment) -> Result<PaymentEvent, PaymentRejection> {
    if let Some(expires_at) = new.expires_at
        && expires_at <= command.recorded_at
    {
        return Err(PaymentRejection::ExpiryPassed { expires_at });
    }
    new.route.check()?;
    let wallet = Holder::Wallet(new.wallet);
    let amount = decide_arrival(wallet, new.asset, new.amount, &command.standings)?;
    command
        .limits
        .judge_deposit(new.wallet, new.asset, amount)?;
    Ok(PaymentEvent::PaymentCreated {
        wallet: new.wallet,
        asset: new.asset,
        amount,
        route: new.route.clone(),
        expires_at: new.expires_at,
        reference: new.reference.clone(),
        metadata: new.metadata.clone(),
    })
}

fn capture_unexpected(
    command: &PaymentCommand,
    observation: &PaymentObservation,
    why: UnexpectedReason,
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
    let amount = decide_plain_amount(money.asset, money.amount, &command.standings)?;
    Ok(Some(PaymentEvent::UnexpectedPaymentCaptured {
        provider: observation.provider,
        attempt: attempt.clone(),
        order: observation.order.clone(),
        asset: money.asset,
        amount,
        why,
        fees: usable_fees(*fees, *money, &command.standings),
        transaction,
    }))
}

pub(super) fn decide_fees(
    fees: Option<ObservedFees>,
    money: ObservedMoney,
    standings: &Standings,
) -> Result<Option<Fees>, PaymentRejection> {
    let Some(fees) = fees else {
        return Ok(None);
    };
    let asset = standings
        .asset(&money.asset)
        .ok_or(PostingRejection::AssetNotFound {
            posting: 0,
            asset: money.asset,
        })?;
    Ok(Some(fees.rounded(asset)?))
}

/// The fees that are told with money that has arrived, which is taken in whatever they are: what cannot
/// be used counts as not told, and is refused when it is told alone.
fn usable_fees(
    fees: Option<ObservedFees>,
    money: ObservedMoney,
    standings: &Standings,
) -> Option<Fees> {
    decide_fees(fees, money, standings).unwrap_or_default()
}

impl OpenPayment {
    fn decide(&self, status: PaymentStatus, command: &PaymentCommand) -> Decided {
        let payment = command.payment;
        match &command.action {
            PaymentAction::Create(_) | PaymentAction::ObserveUnexpected { .. } => {
                Err(PaymentRejection::Exists { payment })
            }
            PaymentAction::Reroute { route } => self.reroute(payment, status, route),
            PaymentAction::Observe {
                observation,
                transaction,
            } => self.observe(command, observation, *transaction),
            PaymentAction::Expire { .. } if status == PaymentStatus::Authorized => {
                Err(PaymentRejection::NotOpen { payment, status })
            }
            PaymentAction::Expire { .. } if self.checkout == Checkout::Expired => Ok(None),
            PaymentAction::Expire { reason } => Ok(Some(PaymentEvent::PaymentExpired {
                provider: None,
                reason: reason.clone(),
            })),
            PaymentAction::Credit { .. }
            | PaymentAction::RequestRefund { .. }
            | PaymentAction::ObserveRefund { .. }
            | PaymentAction::ObserveDispute { .. } => {
                Err(PaymentRejection::NotCaptured { payment, status })
            }
        }
    }

    /// Another provider is asked only while no page of an earlier one can be paid on.
    fn reroute(&self, payment: PaymentId, status: PaymentStatus, route: &Route) -> Decided {
        let nothing_open = matches!(self.checkout, Checkout::Created | Checkout::Failed);
        if !nothing_open || status == PaymentStatus::Authorized {
            return Err(PaymentRejection::NotOpen { payment, status });
        }
        route.check()?;
        Ok(Some(PaymentEvent::PaymentRerouted {
            route: route.clone(),
        }))
    }

    fn observe(
        &self,
        command: &PaymentCommand,
        observation: &PaymentObservation,
        transaction: TransactionId,
    ) -> Decided {
        let provider = observation.provider;
        if !self.providers.contains(&provider) {
            return Ok(None);
        }
        // What an earlier provider says of its page does not concern the page of the last one.
        let of_page = self.providers.last() == Some(&provider);
        let advances = |state| of_page && self.checkout < state;
        let tried = |reference, state| {
            self.attempt(provider, reference)
                .is_some_and(|known| known >= state)
        };
        let event = match &observation.status {
            ObservedPayment::AwaitingPayer { expires_at } if advances(Checkout::Open) => {
                PaymentEvent::PaymentAwaitingPayer {
                    provider,
                    order: observation.order.clone(),
                    expires_at: *expires_at,
                }
            }
            ObservedPayment::Expired if advances(Checkout::Expired) => {
                PaymentEvent::PaymentExpired {
                    provider: Some(provider),
                    reason: None,
                }
            }
            ObservedPayment::Failed {
                attempt: None,
                reason,
            } if advances(Checkout::Failed) => PaymentEvent::PaymentFailed {
                provider,
                attempt: None,
                reason: reason.clone(),
            },
            ObservedPayment::Failed {
                attempt: Some(attempt),
                reason,
            } if !tried(attempt, AttemptState::Failed) => PaymentEvent::PaymentFailed {
                provider,
                attempt: Some(attempt.clone()),
                reason: reason.clone(),
            },
            ObservedPayment::Authorized { attempt, money }
                if !tried(attempt, AttemptState::Authorized) =>
            {
                PaymentEvent::PaymentAuthorized {
                    provider,
                    attempt: attempt.clone(),
                    asset: money.asset,
                    amount: decide_plain_amount(money.asset, money.amount, &command.standings)?,
                }
            }
            ObservedPayment::Released { attempt } if !tried(attempt, AttemptState::Released) => {
                PaymentEvent::PaymentReleased {
                    provider,
                    attempt: attempt.clone(),
                }
            }
            ObservedPayment::Captured {
                attempt,
                money,
                fees,
            } => self.capture(command, observation, attempt, (*money, *fees), transaction)?,
            ObservedPayment::AwaitingPayer { .. }
            | ObservedPayment::Expired
            | ObservedPayment::Failed { .. }
            | ObservedPayment::Authorized { .. }
            | ObservedPayment::Released { .. } => return Ok(None),
        };
        Ok(Some(event))
    }

    /// The money has arrived, so it is taken in: into the wallet if it is what was expected and the
    /// wallet can receive it, else into suspense.
    fn capture(
        &self,
        command: &PaymentCommand,
        observation: &PaymentObservation,
        attempt: &ProviderReference,
        (money, fees): (ObservedMoney, Option<ObservedFees>),
        transaction: TransactionId,
    ) -> Result<PaymentEvent, PaymentRejection> {
        let amount = decide_plain_amount(money.asset, money.amount, &command.standings)?;
        let suspended = self.suspends(money, amount, command);
        Ok(PaymentEvent::PaymentCaptured {
            provider: observation.provider,
            attempt: attempt.clone(),
            asset: money.asset,
            amount,
            credited: match suspended {
                Some(_) => suspense(),
                None => Holder::Wallet(self.wallet),
            },
            suspended,
            fees: usable_fees(fees, money, &command.standings),
            transaction,
        })
    }

    fn suspends(
        &self,
        money: ObservedMoney,
        amount: Amount,
        command: &PaymentCommand,
    ) -> Option<SuspenseReason> {
        if money.asset != self.asset {
            return Some(SuspenseReason::AssetDiffers {
                expected: self.asset,
                amount: self.amount,
            });
        }
        if amount != self.amount {
            return Some(SuspenseReason::AmountDiffers {
                expected: self.amount,
            });
        }
        let wallet = Holder::Wallet(self.wallet);
        let arrival = decide_arrival(wallet, money.asset, money.amount, &command.standings);
        let limits = &command.limits;
        let broken = match arrival {
            Err(rejection) => Some(rejection.code()),
            Ok(_) => limits
                .judge_deposit(self.wallet, money.asset, amount)
                .err()
                .map(|rejection| rejection.code()),
        };
        broken.map(|rule| SuspenseReason::WalletCannotReceive {
            rule: rule.to_owned(),
        })
    }
}
