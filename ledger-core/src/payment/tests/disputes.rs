//! Disputes: opened, decided, opened again; late, twice and out of order.

use super::*;
use crate::posting::WalletStatus;

use DisputePhase::{Arbitration, Chargeback, Inquiry, PreArbitration};
use ObservedDispute::{Closed, Lost, Open, Won};

fn paid() -> Vec<PaymentEvent> {
    history(&[create(), observe(1, seen(captured("pay_1")))])
}

fn say(status: ObservedDispute, phase: DisputePhase) -> PaymentAction {
    observe_dispute(dispute_seen(status, phase, "100"))
}

/// The names of what the words come to, one after the other; "-" for nothing.
fn names(words: &[(ObservedDispute, DisputePhase)]) -> Vec<&'static str> {
    let mut events = paid();
    let mut names = Vec::new();
    for (status, phase) in words {
        let decided = outcome(&events, asked(say(*status, *phase))).unwrap();
        names.push(decided.as_ref().map_or("-", PaymentEvent::name));
        events.extend(decided);
    }
    names
}

fn state_after(words: &[(ObservedDispute, DisputePhase)]) -> (DisputeState, PaymentStatus) {
    let mut events = paid();
    for (status, phase) in words {
        events.extend(outcome(&events, asked(say(*status, *phase))).unwrap());
    }
    let payment = fold(&events);
    let dispute = &payment.captured().unwrap().disputes[&theirs("disp_1")];
    (dispute.state, payment.status().unwrap())
}

#[test]
fn a_dispute_is_opened_decided_and_opened_again() {
    let words = [
        (Open, Inquiry),
        (Open, Chargeback),
        (Open, Chargeback),
        (Won, Chargeback),
        (Open, PreArbitration),
        (Lost, PreArbitration),
        (Won, Arbitration),
    ];
    assert_eq!(
        names(&words),
        [
            "DisputeOpened",
            "DisputeOpened",
            "-",
            "DisputeWon",
            "DisputeOpened",
            "DisputeLost",
            "DisputeWon"
        ]
    );
    assert_eq!(
        state_after(&words),
        (DisputeState::Won, PaymentStatus::Captured)
    );
}

/// Within a phase the later word counts, and a later phase counts more than an earlier one.
#[test]
fn every_word_in_every_state() {
    let phases = [Inquiry, Chargeback, PreArbitration, Arbitration];
    let statuses = [Open, Closed, Won, Lost];
    let all: Vec<_> = phases
        .into_iter()
        .flat_map(|phase| statuses.map(|status| (phase, status)))
        .collect();
    for before in &all {
        for after in &all {
            let found = names(&[(before.1, before.0), (after.1, after.0)]);
            let expected = if after > before {
                [
                    "DisputeOpened",
                    "DisputeClosed",
                    "DisputeWon",
                    "DisputeLost",
                ][statuses
                    .iter()
                    .position(|status| *status == after.1)
                    .unwrap()]
            } else {
                "-"
            };
            assert_eq!(found[1], expected, "{before:?}, then {after:?}");
        }
    }
}

#[test]
fn the_order_of_words_does_not_matter() {
    let words = [
        (Open, Chargeback),
        (Won, Chargeback),
        (Open, PreArbitration),
        (Lost, PreArbitration),
    ];
    for first in 0..words.len() {
        let mut order = words;
        order.rotate_left(first);
        assert_eq!(
            state_after(&order),
            (DisputeState::Lost, PaymentStatus::Disputed)
        );
        order.reverse();
        assert_eq!(
            state_after(&order),
            (DisputeState::Lost, PaymentStatus::Disputed)
        );
    }
}

#[test]
fn an_inquiry_takes_nothing() {
    let decided = outcome(&paid(), asked(say(Open, Inquiry))).unwrap();
    let Some(PaymentEvent::DisputeOpened {
        taken, transaction, ..
    }) = decided.clone()
    else {
        panic!("{decided:?}")
    };
    assert_eq!((taken, transaction), (None, None));
    assert_eq!(
        state_after(&[(Open, Inquiry)]),
        (DisputeState::Open, PaymentStatus::Captured)
    );
    assert_eq!(
        names(&[(Open, Inquiry), (Closed, Inquiry)]),
        ["DisputeOpened", "DisputeClosed"]
    );
}

#[test]
fn a_closed_wallet_bears_nothing_and_gets_nothing_back() {
    let closed = || {
        let standing = with_status(funded("100"), WalletStatus::Closed);
        standings(&[(wallet(1), "INR", standing)])
    };
    let ask = |events: &[PaymentEvent], action, standings| {
        let command = asked_of(action, standings, Overdraft::Unlimited);
        outcome(events, command).unwrap().unwrap()
    };
    let opened = ask(&paid(), say(Open, Chargeback), closed());
    let PaymentEvent::DisputeOpened { taken, .. } = &opened else {
        panic!("{opened:?}")
    };
    let all_ours = Taken {
        source: wallet(1),
        from_source: None,
        from_losses: Some(amount("100.00")),
    };
    assert_eq!(*taken, Some(all_ours));
    // Taken while it was open, and closed since.
    let mut events = paid();
    events.push(ask(&events, say(Open, Chargeback), known("100")));
    let won = ask(&events, say(Won, Chargeback), closed());
    let PaymentEvent::DisputeWon { returned, .. } = won else {
        panic!("{won:?}")
    };
    assert_eq!(returned.unwrap().to, system("suspense"));
}

#[test]
fn who_bore_it_when_it_was_opened_bears_it_when_it_is_lost() {
    let mut events = paid();
    let command = asked_of(say(Open, Chargeback), known("30"), Overdraft::Forbidden);
    events.extend(outcome(&events, command).unwrap());
    // Other money that arrived in the wallet since is not touched.
    let command = asked_of(say(Lost, Chargeback), known("500"), Overdraft::Forbidden);
    let lost = outcome(&events, command).unwrap();
    let Some(PaymentEvent::DisputeLost { taken, .. }) = lost else {
        panic!("{lost:?}")
    };
    assert_eq!(taken, None);
    let Some(PaymentEvent::DisputeOpened { taken, .. }) = events.last() else {
        panic!("{events:?}")
    };
    let taken = taken.unwrap();
    assert_eq!(
        (taken.from_source, taken.from_losses),
        (Some(amount("30.00")), Some(amount("70.00")))
    );
}

#[test]
fn a_wallet_never_bears_more_than_its_payment_was() {
    let refunded = |events: &[PaymentEvent]| {
        let action = observe_refund(5, refund_seen(ObservedRefund::Succeeded, "100"));
        let command = asked_of(action, known("500"), Overdraft::Unlimited);
        outcome(events, command).unwrap().unwrap()
    };
    let lost = |events: &[PaymentEvent]| {
        let command = asked_of(say(Lost, Chargeback), known("500"), Overdraft::Unlimited);
        outcome(events, command).unwrap().unwrap()
    };
    let borne = |event: &PaymentEvent| match event {
        PaymentEvent::DisputeLost {
            taken: Some(taken), ..
        }
        | PaymentEvent::RefundDiscovered { taken, .. } => {
            (taken.from_source.is_some(), taken.from_losses.is_some())
        }
        other => panic!("{other:?}"),
    };
    let mut refund_first = paid();
    refund_first.push(refunded(&refund_first));
    assert_eq!(borne(refund_first.last().unwrap()), (true, false));
    assert_eq!(borne(&lost(&refund_first)), (false, true));
    let mut dispute_first = paid();
    dispute_first.push(lost(&dispute_first));
    assert_eq!(borne(dispute_first.last().unwrap()), (true, false));
    assert_eq!(borne(&refunded(&dispute_first)), (false, true));
}
