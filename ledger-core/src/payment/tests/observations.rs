//! What providers say about payments: late, twice, out of order, wrong and of strangers.

use super::*;
use crate::identifier::Holder;
use crate::posting::WalletStatus;

fn see(status: ObservedPayment) -> PaymentAction {
    observe(7, seen(status))
}

fn credited(event: Option<PaymentEvent>) -> (Holder, Option<SuspenseReason>) {
    match event {
        Some(PaymentEvent::PaymentCaptured {
            credited,
            suspended,
            ..
        }) => (credited, suspended),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_expected_goes_to_the_wallet() {
    let decided = outcome(&history(&[create()]), asked(see(captured("pay_1")))).unwrap();
    assert_eq!(credited(decided), (wallet(1), None));
}

#[test]
fn another_amount_or_asset_is_held_in_suspense() {
    let created = history(&[create()]);
    for other in ["99.99", "100.01", "1"] {
        let decided = outcome(&created, asked(see(captured_as("pay_1", other)))).unwrap();
        let expected = SuspenseReason::AmountDiffers {
            expected: amount("100.00"),
        };
        assert_eq!(credited(decided), (system("suspense"), Some(expected)));
    }
    let dollars = ObservedPayment::Captured {
        attempt: theirs("pay_1"),
        money: ObservedMoney {
            asset: asset_code("USD"),
            amount: decimal("100"),
        },
        fees: None,
    };
    let expected = SuspenseReason::AssetDiffers {
        expected: asset_code("INR"),
        amount: amount("100.00"),
    };
    let decided = outcome(&created, asked(see(dollars))).unwrap();
    assert_eq!(credited(decided), (system("suspense"), Some(expected)));
}

#[test]
fn money_for_a_wallet_that_cannot_receive_is_held_in_suspense() {
    let frozen = WalletStatus::Frozen(crate::posting::FreezeScope::Credits);
    for (status, rule) in [
        (WalletStatus::Closed, "wallet_closed"),
        (frozen, "wallet_frozen"),
    ] {
        let standing = with_status(funded("0"), status);
        let standings = standings(&[(wallet(1), "INR", standing)]);
        let command = asked_of(see(captured("pay_1")), standings, Overdraft::Forbidden);
        let decided = outcome(&history(&[create()]), command).unwrap();
        let expected = SuspenseReason::WalletCannotReceive {
            rule: rule.to_owned(),
        };
        assert_eq!(credited(decided), (system("suspense"), Some(expected)));
    }
}

#[test]
fn money_that_is_no_amount_is_refused_and_not_rounded() {
    let created = history(&[create()]);
    for (text, code) in [
        ("0", "amount_not_positive"),
        ("-100", "amount_not_positive"),
        ("100.001", "amount_too_many_decimals"),
    ] {
        let refused = outcome(&created, asked(see(captured_as("pay_1", text)))).unwrap_err();
        assert_eq!(refused.code(), code);
    }
}

#[test]
fn an_asset_that_the_ledger_does_not_have_can_be_registered_and_taken_in_later() {
    let points = ObservedPayment::Captured {
        attempt: theirs("pay_1"),
        money: ObservedMoney {
            asset: asset_code("POINTS"),
            amount: decimal("1"),
        },
        fees: None,
    };
    let refused = outcome(&history(&[create()]), asked(see(points))).unwrap_err();
    assert_eq!(
        (refused.code(), refused.is_transient()),
        ("asset_not_found", true)
    );
}

#[test]
fn a_failed_attempt_and_a_late_capture_of_the_same_is_a_captured_payment() {
    let both = [
        create(),
        see(failed("pay_1")),
        see(authorized("pay_1")),
        see(captured("pay_1")),
    ];
    let names: Vec<_> = history(&both).iter().map(PaymentEvent::name).collect();
    assert_eq!(
        names,
        [
            "PaymentCreated",
            "PaymentFailed",
            "PaymentAuthorized",
            "PaymentCaptured"
        ]
    );
}

#[test]
fn an_authorization_that_was_given_back_is_not_revived_by_an_older_word() {
    let events = history(&[create(), see(released("pay_1"))]);
    let again = outcome(&events, asked(see(authorized("pay_1")))).unwrap();
    assert_eq!(again, None);
    let other = outcome(&events, asked(see(authorized("pay_2")))).unwrap();
    assert!(matches!(
        other,
        Some(PaymentEvent::PaymentAuthorized { .. })
    ));
}

#[test]
fn the_second_word_about_the_same_changes_nothing() {
    for status in [
        awaiting(),
        failed("pay_1"),
        no_page(),
        ObservedPayment::Expired,
        authorized("pay_1"),
        released("pay_1"),
        captured("pay_1"),
    ] {
        let events = history(&[create(), see(status.clone())]);
        assert_eq!(events.len(), 2, "{status:?}");
        let again = outcome(&events, asked(see(status.clone()))).unwrap();
        assert_eq!(again, None, "{status:?}");
    }
}

#[test]
fn fees_are_recorded_once_whenever_they_are_told() {
    let with_fees = ObservedPayment::Captured {
        attempt: theirs("pay_1"),
        money: inr("100"),
        fees: Some(fees("2", "0.36")),
    };
    let late = history(&[create(), see(captured("pay_1")), see(with_fees.clone())]);
    assert!(matches!(
        late.last(),
        Some(PaymentEvent::PaymentFeesRecorded { .. })
    ));
    let at_once = history(&[create(), see(with_fees.clone())]);
    for events in [late, at_once] {
        let dearer = ObservedPayment::Captured {
            attempt: theirs("pay_1"),
            money: inr("100"),
            fees: Some(fees("3", "0")),
        };
        for again in [with_fees.clone(), dearer, captured("pay_1")] {
            assert_eq!(outcome(&events, asked(see(again))).unwrap(), None);
        }
    }
}

#[test]
fn the_same_attempt_is_not_captured_with_another_amount() {
    let events = history(&[create(), see(captured("pay_1"))]);
    let refused = outcome(&events, asked(see(captured_as("pay_1", "101")))).unwrap_err();
    assert_eq!(refused.code(), "captured_amount_differs");
}

#[test]
fn money_of_strangers_is_known_as_such() {
    let absent = Payment::Absent;
    let created = fold(&history(&[create()]));
    let paid = fold(&history(&[create(), see(captured("pay_1"))]));
    let of = |payment: &Payment, observation| payment.unexpected(payment_id(1), &observation);
    let elsewhere = PaymentObservation {
        provider: provider("stripe"),
        ..seen(captured("pay_1"))
    };
    assert_eq!(
        of(&absent, seen(captured("pay_1"))),
        Some(UnexpectedReason::UnknownPayment)
    );
    assert_eq!(of(&created, seen(captured("pay_1"))), None);
    assert_eq!(
        of(&created, elsewhere),
        Some(UnexpectedReason::OtherProvider(payment_id(1)))
    );
    assert_eq!(of(&paid, seen(captured("pay_1"))), None);
    assert_eq!(
        of(&paid, seen(captured("pay_2"))),
        Some(UnexpectedReason::PaidBefore(payment_id(1)))
    );
    // Nothing has arrived by these, so there is nothing to take in.
    for status in [failed("pay_2"), authorized("pay_2"), released("pay_2")] {
        for payment in [&absent, &paid] {
            assert_eq!(of(payment, seen(status.clone())), None);
        }
    }
}

#[test]
fn a_provider_that_was_not_asked_or_no_longer_is_does_not_touch_the_page() {
    let rerouted = history(&[
        create(),
        see(no_page()),
        PaymentAction::Reroute {
            route: route("stripe"),
        },
    ]);
    assert_eq!(fold(&rerouted).status(), Some(PaymentStatus::Created));
    for status in [awaiting(), ObservedPayment::Expired, no_page()] {
        let decided = outcome(&rerouted, asked(see(status))).unwrap();
        assert_eq!(decided, None);
    }
    // Money that arrives there after all is the payment's.
    let late = outcome(&rerouted, asked(see(captured("pay_1")))).unwrap();
    assert_eq!(credited(late), (wallet(1), None));
}

#[test]
fn only_a_payment_that_can_be_credited_is_created() {
    let create_with = |change: fn(&mut NewPayment)| {
        let mut new = new_payment();
        change(&mut new);
        outcome(&[], asked(PaymentAction::Create(new)))
            .unwrap_err()
            .code()
    };
    assert_eq!(
        create_with(|new| new.wallet = wallet_id(9)),
        "account_not_found"
    );
    assert_eq!(
        create_with(|new| new.amount = decimal("0")),
        "amount_not_positive"
    );
    assert_eq!(
        create_with(|new| new.asset = asset_code("POINTS")),
        "asset_not_found"
    );
    assert_eq!(
        create_with(|new| new.expires_at = Some(at(10))),
        "payment_expiry_passed"
    );
    assert_eq!(
        create_with(|new| new.route.candidates[0].excluded = Some(reference("down"))),
        "route_provider_not_a_candidate"
    );
}
