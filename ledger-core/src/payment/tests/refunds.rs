//! Refunds: part, many and all; ours and those made at the provider.

use super::*;
use crate::identifier::Holder;

fn paid() -> Vec<PaymentEvent> {
    history(&[create(), observe(1, seen(captured("pay_1")))])
}

fn then(events: &[PaymentEvent], actions: &[PaymentAction]) -> Vec<PaymentEvent> {
    let mut events = events.to_vec();
    for action in actions {
        events.extend(outcome(&events, asked(action.clone())).unwrap());
    }
    events
}

fn code(events: &[PaymentEvent], action: PaymentAction) -> &'static str {
    outcome(events, asked(action)).unwrap_err().code()
}

fn of(number: u128, status: ObservedRefund, amount: &str) -> PaymentAction {
    let observation = RefundObservation {
        provider_refund: theirs(&format!("rfnd_{number}")),
        ..refund_seen(status, amount)
    };
    observe_refund(number, observation)
}

fn state(events: &[PaymentEvent], refund: u128) -> Option<RefundState> {
    refund_state(&fold(events), refund)
}

#[test]
fn never_more_is_refunded_than_was_captured() {
    let events = then(
        &paid(),
        &[
            request_refund(1, Some("60")),
            of(1, ObservedRefund::Succeeded, "60"),
            request_refund(2, Some("30")),
        ],
    );
    assert_eq!(
        code(&events, request_refund(3, Some("10.01"))),
        "refund_exceeds_payment"
    );
    let all = then(&events, &[request_refund(3, None)]);
    assert!(matches!(
        all.last(),
        Some(PaymentEvent::RefundRequested { amount: left, .. }) if *left == amount("10.00")
    ));
    assert_eq!(
        code(&all, request_refund(4, None)),
        "refund_exceeds_payment"
    );
    // What failed can be refunded again.
    let failed = then(&all, &[of(2, ObservedRefund::Failed, "30")]);
    then(&failed, &[request_refund(4, Some("30"))]);
}

#[test]
fn what_is_disputed_cannot_be_refunded_as_well() {
    let open = dispute_seen(ObservedDispute::Open, DisputePhase::Chargeback, "70");
    let events = then(&paid(), &[observe_dispute(open)]);
    assert_eq!(
        code(&events, request_refund(1, Some("30.01"))),
        "refund_exceeds_payment"
    );
    let won = dispute_seen(ObservedDispute::Won, DisputePhase::Chargeback, "70");
    let events = then(&events, &[observe_dispute(won)]);
    then(&events, &[request_refund(1, Some("100"))]);
}

#[test]
fn a_refund_goes_one_way_whatever_the_order() {
    let asked = then(&paid(), &[request_refund(1, Some("40"))]);
    let words = [
        ObservedRefund::Pending,
        ObservedRefund::Succeeded,
        ObservedRefund::Failed,
    ];
    let last = |events: &[PaymentEvent]| events.last().map(PaymentEvent::name);
    let mut events = asked;
    for (word, reached, name) in [
        (words[0], RefundState::Pending, "RefundPending"),
        (words[1], RefundState::Succeeded, "RefundSucceeded"),
        (words[2], RefundState::Failed, "RefundFailed"),
    ] {
        events = then(&events, &[of(1, word, "40")]);
        assert_eq!(
            (state(&events, 1), last(&events)),
            (Some(reached), Some(name))
        );
        let before = events.len();
        for earlier in words.into_iter().filter(|other| *other <= word) {
            events = then(&events, &[of(1, earlier, "40")]);
        }
        assert_eq!(events.len(), before);
    }
}

#[test]
fn a_refund_that_failed_after_it_succeeded_says_where_its_money_went() {
    let events = then(
        &paid(),
        &[
            request_refund(1, Some("40")),
            of(1, ObservedRefund::Succeeded, "40"),
            of(1, ObservedRefund::Failed, "40"),
        ],
    );
    let Some(PaymentEvent::RefundFailed { returned, .. }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(returned.unwrap().to, wallet(1));
    assert_eq!(fold(&events).status(), Some(PaymentStatus::Captured));
}

#[test]
fn a_refund_made_at_the_provider_is_found_by_the_providers_id() {
    let found = then(&paid(), &[of(5, ObservedRefund::Pending, "40")]);
    assert!(matches!(
        found.last(),
        Some(PaymentEvent::RefundDiscovered { .. })
    ));
    // The same under another id of ours.
    let again = RefundObservation {
        provider_refund: theirs("rfnd_5"),
        ..refund_seen(ObservedRefund::Succeeded, "40")
    };
    assert_eq!(
        outcome(&found, asked(observe_refund(6, again))).unwrap(),
        None
    );
    assert_eq!(
        fold(&found).status(),
        Some(PaymentStatus::PartiallyRefunded)
    );
}

#[test]
fn a_failed_refund_that_nobody_knew_of_takes_nothing_when_its_first_word_arrives_last() {
    let events = then(&paid(), &[of(5, ObservedRefund::Failed, "40")]);
    assert_eq!(state(&events, 5), Some(RefundState::Failed));
    let late = outcome(&events, asked(of(5, ObservedRefund::Succeeded, "40"))).unwrap();
    assert_eq!(late, None);
}

#[test]
fn what_the_provider_says_must_be_of_the_same_provider_asset_and_amount() {
    let events = then(&paid(), &[request_refund(1, Some("40"))]);
    let differs = of(1, ObservedRefund::Succeeded, "39");
    assert_eq!(code(&events, differs), "refund_amount_differs");
    let stripe = RefundObservation {
        provider: provider("stripe"),
        ..refund_seen(ObservedRefund::Succeeded, "40")
    };
    assert_eq!(
        code(&events, observe_refund(1, stripe)),
        "payment_provider_differs"
    );
    let dollars = RefundObservation {
        money: ObservedMoney {
            asset: asset_code("USD"),
            amount: decimal("40"),
        },
        ..refund_seen(ObservedRefund::Succeeded, "40")
    };
    assert_eq!(
        code(&events, observe_refund(1, dollars)),
        "observed_asset_differs"
    );
    assert_eq!(code(&events, request_refund(1, Some("1"))), "refund_exists");
}

#[test]
fn a_wallet_that_spent_it_gives_what_it_has_and_the_platform_the_rest() {
    for (balance, overdraft, from_source, from_losses) in [
        ("100", Overdraft::Forbidden, Some("40.00"), None),
        ("25", Overdraft::Forbidden, Some("25.00"), Some("15.00")),
        ("0", Overdraft::Forbidden, None, Some("40.00")),
        (
            "25",
            Overdraft::UpTo(amount("10.00")),
            Some("35.00"),
            Some("5.00"),
        ),
        ("0", Overdraft::Unlimited, Some("40.00"), None),
    ] {
        let command = asked_of(
            of(5, ObservedRefund::Succeeded, "40"),
            known(balance),
            overdraft,
        );
        let Some(PaymentEvent::RefundDiscovered { taken, .. }) = outcome(&paid(), command).unwrap()
        else {
            panic!()
        };
        let expected = Taken {
            source: wallet(1),
            from_source: from_source.map(amount),
            from_losses: from_losses.map(amount),
        };
        assert_eq!(taken, expected, "{balance}, {overdraft:?}");
    }
}

#[test]
fn money_in_suspense_is_credited_once_and_only_when_nothing_moves() {
    let stray = history(&[create(), observe(1, seen(captured_as("pay_1", "90")))]);
    let credit = || PaymentAction::Credit {
        wallet: wallet_id(2),
        transaction: transaction_id(9),
    };
    let moving = then(&stray, &[request_refund(1, Some("50"))]);
    assert_eq!(code(&moving, credit()), "payment_in_motion");
    let settled = then(&moving, &[of(1, ObservedRefund::Succeeded, "50")]);
    let done = then(&settled, &[credit()]);
    assert!(matches!(
        done.last(),
        Some(PaymentEvent::PaymentCredited { amount: left, .. }) if *left == amount("40.00")
    ));
    assert_eq!(code(&done, credit()), "payment_not_in_suspense");
    let holder = |events: &[PaymentEvent]| fold(events).captured().unwrap().holder;
    assert_eq!(
        (holder(&settled), holder(&done)),
        (system("suspense"), wallet(2))
    );
    // What comes back after that is the wallet's.
    let back = then(&done, &[of(1, ObservedRefund::Failed, "50")]);
    let Some(PaymentEvent::RefundFailed { returned, .. }) = back.last() else {
        panic!("{back:?}")
    };
    let to: Holder = returned.unwrap().to;
    assert_eq!(to, wallet(2));
}

/// Otherwise its money would leave and the payment say that the refund failed.
#[test]
fn a_refund_that_the_provider_made_anew_under_our_id_is_another_refund() {
    let events = then(
        &paid(),
        &[
            request_refund(1, Some("40")),
            of(1, ObservedRefund::Failed, "40"),
        ],
    );
    let anew = RefundObservation {
        provider_refund: theirs("rfnd_anew"),
        ..refund_seen(ObservedRefund::Succeeded, "40")
    };
    let found = then(&events, &[observe_refund(1, anew.clone())]);
    let Some(PaymentEvent::RefundDiscovered { refund, .. }) = found.last() else {
        panic!("{found:?}")
    };
    assert_eq!(
        *refund,
        provider_refund_id(provider("razorpay"), &theirs("rfnd_anew"))
    );
    let again = outcome(&found, asked(observe_refund(1, anew))).unwrap();
    assert_eq!(again, None);
}
