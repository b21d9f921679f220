//! Tests of payouts.

mod attempts;
mod rules;
mod table;

use super::*;
use crate::beneficiary::{Beneficiary, KnownBeneficiary};
use crate::fixtures::*;
use crate::ledger::PaymentPolicy;
use crate::posting::{Overdraft, Standings};

fn known() -> Standings {
    standings(&[
        (wallet(1), "INR", funded("100")),
        (system("suspense"), "INR", system_standing()),
    ])
}

fn known_beneficiary() -> KnownBeneficiary {
    KnownBeneficiary {
        wallet: wallet_id(1),
        destination: destination(),
        added_by: actor("asha"),
    }
}

fn verified() -> Beneficiary {
    Beneficiary::Verified(known_beneficiary())
}

fn asked(action: PayoutAction) -> PayoutCommand {
    PayoutCommand {
        payout: payout_id(1),
        action,
        beneficiary: verified(),
        standings: known(),
        policy: PaymentPolicy {
            chargeback_overdraft: Overdraft::Forbidden,
            payout_approval_above: Some(amount("39.99")),
        },
        recorded_at: at(10),
    }
}

/// Nobody has to approve it.
fn asked_freely(action: PayoutAction) -> PayoutCommand {
    PayoutCommand {
        policy: PaymentPolicy::default(),
        ..asked(action)
    }
}

/// Given these events, when this is asked: what happens, at most one event, or the refusal.
fn outcome(
    given: &[PayoutEvent],
    command: PayoutCommand,
) -> Result<Option<PayoutEvent>, PayoutRejection> {
    let mut events = cqrs_es::test::TestFramework::<Payout>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()?;
    assert!(events.len() <= 1, "{events:?}");
    Ok(events.pop())
}

/// What follows from actions that must all be accepted, when nobody has to approve.
fn history(actions: &[PayoutAction]) -> Vec<PayoutEvent> {
    let mut events = Vec::new();
    for action in actions {
        events.extend(outcome(&events, asked_freely(action.clone())).unwrap());
    }
    events
}

fn fold(events: &[PayoutEvent]) -> Payout {
    let next = |payout: Payout, event| payout.evolve(event).unwrap();
    events.iter().fold(Payout::default(), next)
}

fn request() -> PayoutAction {
    PayoutAction::Request(new_payout())
}

fn approve(by: &str) -> PayoutAction {
    PayoutAction::Approve { by: actor(by) }
}

fn decline() -> PayoutAction {
    PayoutAction::Decline {
        by: actor("ravi"),
        reason: None,
    }
}

fn cancel() -> PayoutAction {
    PayoutAction::Cancel { reason: None }
}

fn submit(name: &str) -> PayoutAction {
    PayoutAction::Submit { route: route(name) }
}

fn see(status: ObservedPayout) -> PayoutAction {
    observe_payout(7, payout_seen(status))
}

fn succeeded() -> ObservedPayout {
    ObservedPayout::Succeeded { fees: None }
}

fn charged() -> ObservedPayout {
    ObservedPayout::Succeeded {
        fees: Some(fees("5", "0.9")),
    }
}
