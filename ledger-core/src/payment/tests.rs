//! Tests of payments.

mod disputes;
mod observations;
mod refunds;
mod table;

use super::*;
use crate::fixtures::*;
use crate::ledger::PaymentPolicy;
use crate::posting::{Overdraft, Standings};

/// Wallet 1 with this much, and suspense.
fn known(balance: &str) -> Standings {
    standings(&[
        (wallet(1), "INR", funded(balance)),
        (wallet(2), "INR", funded("0")),
        (system("suspense"), "INR", system_standing()),
    ])
}

fn asked(action: PaymentAction) -> PaymentCommand {
    asked_of(action, known("100"), Overdraft::Forbidden)
}

fn asked_of(
    action: PaymentAction,
    standings: Standings,
    chargeback_overdraft: Overdraft,
) -> PaymentCommand {
    PaymentCommand {
        limits: crate::limit::Limits::default(),
        payment: payment_id(1),
        action,
        recorded_at: at(10),
        standings,
        policy: PaymentPolicy {
            chargeback_overdraft,
            payout_approval_above: None,
        },
    }
}

/// Given these events, when this is asked: what happens, at most one event, or the refusal.
fn outcome(
    given: &[PaymentEvent],
    command: PaymentCommand,
) -> Result<Option<PaymentEvent>, PaymentRejection> {
    let mut events = cqrs_es::test::TestFramework::<Payment>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()?;
    assert!(events.len() <= 1, "{events:?}");
    Ok(events.pop())
}

/// What follows from actions that must all be accepted.
fn history(actions: &[PaymentAction]) -> Vec<PaymentEvent> {
    let mut events = Vec::new();
    for action in actions {
        events.extend(outcome(&events, asked(action.clone())).unwrap());
    }
    events
}

fn fold(events: &[PaymentEvent]) -> Payment {
    let next = |payment: Payment, event| payment.evolve(event).unwrap();
    events.iter().fold(Payment::default(), next)
}

fn create() -> PaymentAction {
    PaymentAction::Create(new_payment())
}

fn awaiting() -> ObservedPayment {
    ObservedPayment::AwaitingPayer { expires_at: None }
}

fn failed(attempt: &str) -> ObservedPayment {
    ObservedPayment::Failed {
        attempt: Some(theirs(attempt)),
        reason: None,
    }
}

fn no_page() -> ObservedPayment {
    ObservedPayment::Failed {
        attempt: None,
        reason: None,
    }
}

fn authorized(attempt: &str) -> ObservedPayment {
    ObservedPayment::Authorized {
        attempt: theirs(attempt),
        money: inr("100"),
    }
}

fn released(attempt: &str) -> ObservedPayment {
    ObservedPayment::Released {
        attempt: theirs(attempt),
    }
}

fn captured(attempt: &str) -> ObservedPayment {
    captured_as(attempt, "100")
}

fn request_refund(refund: u128, amount: Option<&str>) -> PaymentAction {
    PaymentAction::RequestRefund {
        refund: refund_id(refund),
        amount: amount.map(decimal),
        reason: None,
    }
}

fn observe_refund(refund: u128, observation: RefundObservation) -> PaymentAction {
    PaymentAction::ObserveRefund {
        refund: refund_id(refund),
        observation,
        transaction: transaction_id(50),
    }
}

fn observe_dispute(observation: DisputeObservation) -> PaymentAction {
    PaymentAction::ObserveDispute {
        observation,
        transaction: transaction_id(60),
    }
}
