//! How each event changes a payment; `None` where it cannot follow.

use std::collections::BTreeMap;

use crate::identifier::{Holder, ProviderReference};
use crate::provider::suspense;

use super::dispute::{Dispute, DisputePhase, DisputeState};
use super::event::PaymentEvent;
use super::refund::{Refund, RefundState};
use super::state::{
    Attempt, AttemptState, CapturedPayment, Checkout, FeesRecorded, OpenPayment, Payment,
};

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
                fees: recorded(fees.is_some()),
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
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::DisputeOpened { .. }
        | PaymentEvent::DisputeClosed { .. }
        | PaymentEvent::DisputeWon { .. }
        | PaymentEvent::DisputeLost { .. } => None,
    }
}

const fn recorded(known: bool) -> FeesRecorded {
    if known {
        FeesRecorded::Yes
    } else {
        FeesRecorded::No
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
                fees: recorded(fees.is_some()),
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
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::DisputeOpened { .. }
        | PaymentEvent::DisputeClosed { .. }
        | PaymentEvent::DisputeWon { .. }
        | PaymentEvent::DisputeLost { .. } => return None,
    }
    Some(next.into_state())
}

pub(super) fn captured(before: &CapturedPayment, event: &PaymentEvent) -> Option<Payment> {
    let mut next = before.clone();
    match event {
        PaymentEvent::PaymentFeesRecorded { .. } if before.fees == FeesRecorded::No => {
            next.fees = FeesRecorded::Yes;
        }
        PaymentEvent::PaymentCredited { wallet, .. } if before.holder == suspense() => {
            next.holder = Holder::Wallet(*wallet);
        }
        PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundSucceeded { .. }
        | PaymentEvent::RefundDiscovered { .. }
        | PaymentEvent::RefundFailed { .. } => refund(&mut next, event)?,
        PaymentEvent::DisputeOpened { .. }
        | PaymentEvent::DisputeClosed { .. }
        | PaymentEvent::DisputeWon { .. }
        | PaymentEvent::DisputeLost { .. } => dispute(&mut next, event)?,
        PaymentEvent::PaymentCreated { .. }
        | PaymentEvent::PaymentRerouted { .. }
        | PaymentEvent::PaymentAwaitingPayer { .. }
        | PaymentEvent::PaymentAuthorized { .. }
        | PaymentEvent::PaymentReleased { .. }
        | PaymentEvent::PaymentFailed { .. }
        | PaymentEvent::PaymentExpired { .. }
        | PaymentEvent::PaymentCaptured { .. }
        | PaymentEvent::UnexpectedPaymentCaptured { .. }
        | PaymentEvent::PaymentFeesRecorded { .. }
        | PaymentEvent::PaymentCredited { .. } => return None,
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
                taken: None,
            },
        ),
        PaymentEvent::RefundDiscovered {
            refund,
            provider_refund,
            amount,
            taken,
            ..
        } if !next.refunds.contains_key(refund) => (
            *refund,
            Refund {
                amount: *amount,
                source: taken.source,
                state: RefundState::Succeeded,
                provider_refund: Some(provider_refund.clone()),
                taken: Some(*taken),
            },
        ),
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
        } => (
            *refund,
            advanced(next, *refund, RefundState::Succeeded, provider_refund)?,
        ),
        PaymentEvent::RefundFailed {
            refund,
            provider_refund,
            amount,
            ..
        } => {
            let after = if next.refunds.contains_key(refund) {
                advanced(next, *refund, RefundState::Failed, provider_refund)?
            } else {
                Refund {
                    amount: *amount,
                    source: next.holder,
                    state: RefundState::Failed,
                    provider_refund: Some(provider_refund.clone()),
                    taken: None,
                }
            };
            (*refund, after)
        }
        _ => return None,
    };
    next.refunds.insert(id, after);
    Some(())
}

fn advanced(
    payment: &CapturedPayment,
    refund: crate::identifier::RefundId,
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
    let (id, after) = match event {
        PaymentEvent::DisputeOpened {
            dispute,
            phase,
            amount,
            taken,
            ..
        } => (dispute, (*phase, DisputeState::Open, *amount, *taken)),
        PaymentEvent::DisputeClosed {
            dispute,
            phase,
            amount,
            ..
        } => (dispute, (*phase, DisputeState::Closed, *amount, None)),
        PaymentEvent::DisputeWon {
            dispute,
            phase,
            amount,
            ..
        } => (dispute, (*phase, DisputeState::Won, *amount, None)),
        PaymentEvent::DisputeLost {
            dispute,
            phase,
            amount,
            taken,
            ..
        } => (dispute, (*phase, DisputeState::Lost, *amount, Some(*taken))),
        _ => return None,
    };
    let (phase, state, amount, taken) = after;
    let reached: Option<(DisputePhase, DisputeState)> = next
        .disputes
        .get(id)
        .map(|known| (known.phase, known.state));
    if reached.is_some_and(|reached| (phase, state) <= reached) {
        return None;
    }
    let after = Dispute {
        amount,
        phase,
        state,
        taken,
    };
    next.disputes.insert(id.clone(), after);
    Some(())
}
