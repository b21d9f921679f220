//! How each event changes a payment; `None` where it cannot follow.

use std::collections::BTreeMap;

use crate::identifier::{Holder, ProviderReference, RefundId};
use crate::money::{Amount, Total};
use crate::provider::suspense;

use super::captured::{CapturedPayment, FeesRecorded};
use super::dispute::{Dispute, DisputePhase, DisputeState};
use super::event::PaymentEvent;
use super::refund::{Refund, RefundState};
use super::state::{Attempt, AttemptState, Checkout, OpenPayment, Payment};

pub(super) fn begin(event: &PaymentEvent) -> Option<Payment> {
    match event {
        PaymentEvent::PaymentCreated {
            wallet,
            asset,
            amount,
            route,
            ..
        } => Some(
            OpenPayment {
                wallet: *wallet,
                asset: *asset,
                amount: *amount,
                providers: vec![route.provider],
                checkout: Checkout::Created,
                attempts: Vec::new(),
            }
            .into_state(),
        ),
        PaymentEvent::UnexpectedPaymentCaptured {
            provider,
            attempt,
            asset,
            amount,
            fees,
            ..
        } => Some(
            CapturedPayment {
                provider: *provider,
                attempt: attempt.clone(),
                asset: *asset,
                amount: *amount,
                holder: suspense(),
                in_suspense: Total::from(*amount),
                borne_by_platform: Total::ZERO,
                fees: FeesRecorded::of(fees.as_ref()),
                refunds: BTreeMap::new(),
                disputes: BTreeMap::new(),
            }
            .into_state(),
        ),
        PaymentEvent::PaymentRerouted { .. }
        | PaymentEvent::PaymentAwaitingPayer { .. }
        | PaymentEvent::PaymentAuthorized { .. }
        | PaymentEvent::PaymentReleased { .. }
        | PaymentEvent::PaymentFailed { .. }
        | PaymentEvent::PaymentExpired { .. }
        | PaymentEvent::PaymentCaptured { .. }
        | PaymentEvent::PaymentFeesRecorded { .. }
        | PaymentEvent::PaymentCredited { .. }
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundSucceeded { .. }
        | PaymentEvent::RefundDiscovered { .. }
        | PaymentEvent::RefundMatched { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::DisputeOpened { .. }
        | PaymentEvent::DisputeClosed { .. }
        | PaymentEvent::DisputeWon { .. }
        | PaymentEvent::DisputeLost { .. }
        | PaymentEvent::DisputeFeesRecorded { .. } => None,
    }
}

pub(super) fn open(before: &OpenPayment, event: &PaymentEvent) -> Option<Payment> {
    let mut next = before.clone();
    match event {
        PaymentEvent::PaymentRerouted { route } => {
            next.providers.push(route.provider);
            next.checkout = Checkout::Created;
        }
        PaymentEvent::PaymentAwaitingPayer { .. } => next.checkout = Checkout::Open,
        PaymentEvent::PaymentFailed { attempt: None, .. } => next.checkout = Checkout::Failed,
        PaymentEvent::PaymentExpired { .. } => next.checkout = Checkout::Expired,
        PaymentEvent::PaymentFailed {
            provider,
            attempt: Some(reference),
            ..
        } => next.set_attempt(Attempt {
            provider: *provider,
            reference: reference.clone(),
            state: AttemptState::Failed,
        }),
        PaymentEvent::PaymentAuthorized {
            provider, attempt, ..
        } => next.set_attempt(Attempt {
            provider: *provider,
            reference: attempt.clone(),
            state: AttemptState::Authorized,
        }),
        PaymentEvent::PaymentReleased { provider, attempt } => next.set_attempt(Attempt {
            provider: *provider,
            reference: attempt.clone(),
            state: AttemptState::Released,
        }),
        PaymentEvent::PaymentCaptured {
            provider,
            attempt,
            asset,
            amount,
            credited,
            fees,
            ..
        } => {
            let captured = CapturedPayment {
                provider: *provider,
                attempt: attempt.clone(),
                asset: *asset,
                amount: *amount,
                holder: *credited,
                in_suspense: if *credited == suspense() {
                    Total::from(*amount)
                } else {
                    Total::ZERO
                },
                borne_by_platform: Total::ZERO,
                fees: FeesRecorded::of(fees.as_ref()),
                refunds: BTreeMap::new(),
                disputes: BTreeMap::new(),
            };
            return Some(captured.into_state());
        }
        PaymentEvent::PaymentCreated { .. }
        | PaymentEvent::UnexpectedPaymentCaptured { .. }
        | PaymentEvent::PaymentFeesRecorded { .. }
        | PaymentEvent::PaymentCredited { .. }
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundSucceeded { .. }
        | PaymentEvent::RefundDiscovered { .. }
        | PaymentEvent::RefundMatched { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::DisputeOpened { .. }
        | PaymentEvent::DisputeClosed { .. }
        | PaymentEvent::DisputeWon { .. }
        | PaymentEvent::DisputeLost { .. }
        | PaymentEvent::DisputeFeesRecorded { .. } => return None,
    }
    Some(next.into_state())
}

pub(super) fn captured(before: &CapturedPayment, event: &PaymentEvent) -> Option<Payment> {
    let mut next = before.clone();
    match event {
        PaymentEvent::PaymentFeesRecorded { .. } if before.fees == FeesRecorded::No => {
            next.fees = FeesRecorded::Yes;
        }
        PaymentEvent::PaymentCredited { wallet, amount, .. } => {
            next.leave(suspense(), *amount)?;
            // What came back when a wallet was closed is all that another gets of the payment.
            if before.holder == suspense() {
                next.holder = Holder::Wallet(*wallet);
            }
        }
        PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundSucceeded { .. }
        | PaymentEvent::RefundDiscovered { .. }
        | PaymentEvent::RefundMatched { .. }
        | PaymentEvent::RefundFailed { .. } => refund(&mut next, event)?,
        PaymentEvent::DisputeOpened { .. }
        | PaymentEvent::DisputeClosed { .. }
        | PaymentEvent::DisputeWon { .. }
        | PaymentEvent::DisputeLost { .. } => dispute(&mut next, event)?,
        PaymentEvent::DisputeFeesRecorded { dispute, .. } => {
            let known = next.disputes.get_mut(dispute)?;
            if known.fees == FeesRecorded::Yes {
                return None;
            }
            known.fees = FeesRecorded::Yes;
        }
        PaymentEvent::PaymentCreated { .. }
        | PaymentEvent::PaymentRerouted { .. }
        | PaymentEvent::PaymentAwaitingPayer { .. }
        | PaymentEvent::PaymentAuthorized { .. }
        | PaymentEvent::PaymentReleased { .. }
        | PaymentEvent::PaymentFailed { .. }
        | PaymentEvent::PaymentExpired { .. }
        | PaymentEvent::PaymentCaptured { .. }
        | PaymentEvent::UnexpectedPaymentCaptured { .. }
        | PaymentEvent::PaymentFeesRecorded { .. } => return None,
    }
    Some(next.into_state())
}

fn refund(next: &mut CapturedPayment, event: &PaymentEvent) -> Option<()> {
    let (id, after) = match event {
        PaymentEvent::RefundRequested {
            refund,
            amount,
            source,
            ..
        } if !next.refunds.contains_key(refund) => (
            *refund,
            Refund {
                amount: *amount,
                source: *source,
                state: RefundState::Requested,
                provider_refund: None,
            },
        ),
        PaymentEvent::RefundDiscovered {
            refund,
            provider_refund,
            amount,
            taken,
            ..
        } if !next.refunds.contains_key(refund) => {
            next.give(taken)?;
            let after = Refund {
                amount: *amount,
                source: taken.source,
                state: RefundState::Succeeded,
                provider_refund: Some(provider_refund.clone()),
            };
            (*refund, after)
        }
        PaymentEvent::RefundPending {
            refund,
            provider_refund,
        } => (
            *refund,
            advanced(next, *refund, RefundState::Pending, provider_refund)?,
        ),
        PaymentEvent::RefundSucceeded {
            refund,
            provider_refund,
            ..
        } => {
            let after = advanced(next, *refund, RefundState::Succeeded, provider_refund)?;
            next.leave(after.source, after.amount)?;
            (*refund, after)
        }
        PaymentEvent::RefundMatched {
            refund,
            provider_refund,
            known_as,
            made_good,
        } if next.refunds.contains_key(known_as) && next.is_reserved(*refund) => {
            let after = advanced(next, *refund, RefundState::Matched, provider_refund)?;
            next.make_up(after.source, made_good.as_ref())?;
            (*refund, after)
        }
        PaymentEvent::RefundFailed { refund, .. } => (*refund, failed(next, event)?),
        _ => return None,
    };
    next.refunds.insert(id, after);
    Some(())
}

fn failed(next: &mut CapturedPayment, event: &PaymentEvent) -> Option<Refund> {
    let PaymentEvent::RefundFailed {
        refund,
        provider_refund,
        amount,
        returned,
        made_good,
        ..
    } = event
    else {
        return None;
    };
    if !next.refunds.contains_key(refund) {
        return Some(Refund {
            amount: *amount,
            source: next.holder,
            state: RefundState::Failed,
            provider_refund: Some(provider_refund.clone()),
        });
    }
    let after = advanced(next, *refund, RefundState::Failed, provider_refund)?;
    if let Some(returned) = returned {
        next.get_back(after.amount, returned)?;
    }
    next.make_up(after.source, made_good.as_ref())?;
    Some(after)
}

fn advanced(
    payment: &CapturedPayment,
    refund: RefundId,
    state: RefundState,
    provider_refund: &ProviderReference,
) -> Option<Refund> {
    let before = payment.refunds.get(&refund)?;
    (before.state < state).then(|| Refund {
        state,
        provider_refund: Some(provider_refund.clone()),
        ..before.clone()
    })
}

fn dispute(next: &mut CapturedPayment, event: &PaymentEvent) -> Option<()> {
    let (id, phase, state, amount) = reached(event)?;
    let before = next.disputes.get(id);
    if before.is_some_and(|known| (phase, state) <= (known.phase, known.state)) {
        return None;
    }
    let was = before.and_then(Dispute::lying);
    let fees = before.map_or(FeesRecorded::No, |known| known.fees);
    let (taken, returned) = match event {
        PaymentEvent::DisputeOpened {
            taken, returned, ..
        }
        | PaymentEvent::DisputeLost {
            taken, returned, ..
        } => (taken.as_ref(), returned.as_ref()),
        PaymentEvent::DisputeClosed { returned, .. }
        | PaymentEvent::DisputeWon { returned, .. } => (None, returned.as_ref()),
        _ => return None,
    };
    let mut taken_from = was.map(|was| was.source);
    if let Some(returned) = returned {
        next.get_back(was?.amount, returned)?;
        taken_from = None;
    }
    if let Some(taken) = taken {
        next.give(taken)?;
        taken_from = Some(taken.source);
    }
    let after = Dispute {
        amount,
        phase,
        state,
        taken_from,
        fees,
    };
    next.disputes.insert(id.clone(), after);
    Some(())
}

type Reached<'a> = (&'a ProviderReference, DisputePhase, DisputeState, Amount);

fn reached(event: &PaymentEvent) -> Option<Reached<'_>> {
    let (dispute, phase, state, amount) = match event {
        PaymentEvent::DisputeOpened {
            dispute,
            phase,
            amount,
            ..
        } => (dispute, phase, DisputeState::Open, amount),
        PaymentEvent::DisputeClosed {
            dispute,
            phase,
            amount,
            ..
        } => (dispute, phase, DisputeState::Closed, amount),
        PaymentEvent::DisputeWon {
            dispute,
            phase,
            amount,
            ..
        } => (dispute, phase, DisputeState::Won, amount),
        PaymentEvent::DisputeLost {
            dispute,
            phase,
            amount,
            ..
        } => (dispute, phase, DisputeState::Lost, amount),
        _ => return None,
    };
    Some((dispute, *phase, state, *amount))
}
