//! Rules of payouts that no table shows.

use super::*;
use crate::payment::ObservedMoney;
use crate::posting::{FreezeScope, WalletStatus};

fn code(given: &[PayoutEvent], command: PayoutCommand) -> &'static str {
    outcome(given, command).unwrap_err().code()
}

#[test]
fn a_second_person_is_asked_above_the_amount_and_is_somebody_else() {
    let at_limit = PayoutCommand {
        policy: PaymentPolicy {
            payout_approval_above: Some(amount("40.00")),
            ..PaymentPolicy::default()
        },
        ..asked(request())
    };
    let requested = outcome(&[], at_limit).unwrap().unwrap();
    assert_eq!(fold(&[requested]).status(), Some(PayoutStatus::Requested));
    let above = outcome(&[], asked(request())).unwrap().unwrap();
    assert_eq!(
        code(std::slice::from_ref(&above), asked(approve("asha"))),
        "payout_approver_is_requester"
    );
    let approved = outcome(&[above], asked(approve("ravi"))).unwrap();
    assert_eq!(
        approved,
        Some(PayoutEvent::PayoutApproved { by: actor("ravi") })
    );
}

/// Who asked calls it off; to decline it is for a second person, and a program is none.
#[test]
fn who_decides_is_a_person_and_not_who_asked() {
    let waiting = outcome(&[], asked(request())).unwrap().unwrap();
    let waiting = std::slice::from_ref(&waiting);
    let decline = |by: &str| PayoutAction::Decline {
        by: actor(by),
        reason: None,
    };
    for action in [approve, decline] {
        for (by, code) in [
            ("asha", "payout_approver_is_requester"),
            ("machine:7", "payout_approver_is_machine"),
        ] {
            assert_eq!(self::code(waiting, asked(action(by))), code);
        }
        assert!(outcome(waiting, asked(action("ravi"))).unwrap().is_some());
    }
}

#[test]
fn what_the_provider_charges_is_recorded_once_whenever_it_is_told() {
    let late = history(&[
        request(),
        submit("razorpay"),
        see(succeeded()),
        see(charged()),
    ]);
    assert!(matches!(
        late.last(),
        Some(PayoutEvent::PayoutFeesRecorded {
            transaction: Some(_),
            ..
        })
    ));
    let at_once = history(&[request(), submit("razorpay"), see(charged())]);
    for events in [late, at_once] {
        for again in [succeeded(), charged()] {
            assert_eq!(outcome(&events, asked(see(again))).unwrap(), None);
        }
    }
}

/// The money has left, whatever is said of its price.
#[test]
fn a_charge_that_is_none_does_not_hide_a_success() {
    let unusable = ObservedPayout::Succeeded {
        fees: Some(fees("-0.01", "0.9")),
    };
    let sent = history(&[request(), submit("razorpay")]);
    let decided = outcome(&sent, asked(see(unusable))).unwrap();
    assert!(matches!(
        decided,
        Some(PayoutEvent::PayoutSucceeded {
            fees: None,
            fee_transaction: None,
            ..
        })
    ));
    let paid = history(&[request(), submit("razorpay"), see(unusable)]);
    assert_eq!(code(&paid, asked(see(unusable))), "fees_not_an_amount");
    assert!(outcome(&paid, asked(see(charged()))).unwrap().is_some());
}

#[test]
fn only_a_verified_beneficiary_of_the_wallet_is_paid() {
    let known = known_beneficiary();
    let other = KnownBeneficiary {
        wallet: wallet_id(2),
        ..known_beneficiary()
    };
    let ready = history(&[request()]);
    for (beneficiary, expected) in [
        (Beneficiary::Absent, "beneficiary_not_verified"),
        (
            Beneficiary::Added(known.clone()),
            "beneficiary_not_verified",
        ),
        (Beneficiary::Removed(known), "beneficiary_not_verified"),
        (Beneficiary::Verified(other), "beneficiary_of_other_wallet"),
    ] {
        for (given, action) in [(&[][..], request()), (&ready, submit("razorpay"))] {
            let command = PayoutCommand {
                beneficiary: beneficiary.clone(),
                ..asked(action)
            };
            assert_eq!(code(given, command), expected);
        }
    }
}

#[test]
fn a_wallet_that_was_frozen_since_pays_nothing_out() {
    let frozen = WalletStatus::Frozen(FreezeScope::Debits);
    let standing = with_status(funded("100"), frozen);
    let command = PayoutCommand {
        standings: standings(&[(wallet(1), "INR", standing)]),
        ..asked(submit("razorpay"))
    };
    assert_eq!(code(&history(&[request()]), command), "wallet_frozen");
}

/// The heart of it: whatever is not heard, there is one attempt at a time, and the next one has
/// another number.
#[test]
fn another_attempt_is_made_only_after_the_provider_denied_the_last() {
    let mut events = history(&[request(), submit("razorpay")]);
    for _ in 0..3 {
        let again = outcome(&events, asked(submit("razorpay"))).unwrap();
        assert_eq!(again, None);
        assert_eq!(code(&events, asked(submit("stripe"))), "payout_submitted");
    }
    let denied = see(ObservedPayout::NotAccepted);
    events.extend(outcome(&events, asked(denied.clone())).unwrap());
    assert_eq!(outcome(&events, asked(denied)).unwrap(), None);
    events.extend(outcome(&events, asked(submit("stripe"))).unwrap());
    let Some(PayoutEvent::PayoutSubmitted { attempt, route }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!((*attempt, route.provider), (2, provider("stripe")));
    // A word of the first provider after that is for a person to look at.
    let late = see(succeeded());
    assert_eq!(code(&events, asked(late)), "payout_provider_differs");
}

#[test]
fn what_the_provider_says_must_be_of_what_was_submitted() {
    let events = history(&[request(), submit("razorpay")]);
    for (asset, text) in [("INR", "40.01"), ("USD", "40")] {
        let money = ObservedMoney {
            asset: asset_code(asset),
            amount: decimal(text),
        };
        let observation = PayoutObservation {
            money: Some(money),
            ..payout_seen(succeeded())
        };
        assert_eq!(
            code(&events, asked(observe_payout(7, observation))),
            "payout_amount_differs"
        );
    }
    let observation = PayoutObservation {
        money: Some(inr("40")),
        ..payout_seen(succeeded())
    };
    assert!(
        outcome(&events, asked(observe_payout(7, observation)))
            .unwrap()
            .is_some()
    );
}

#[test]
fn what_comes_back_late_says_where_to() {
    let closed = with_status(funded("0"), WalletStatus::Closed);
    let events = history(&[request(), submit("razorpay"), see(succeeded())]);
    for (standings, to) in [
        (known(), wallet(1)),
        (standings(&[(wallet(1), "INR", closed)]), system("suspense")),
    ] {
        for status in [
            ObservedPayout::Returned,
            ObservedPayout::Failed,
            ObservedPayout::Cancelled,
        ] {
            let command = PayoutCommand {
                standings: standings.clone(),
                ..asked(see(status))
            };
            let (PayoutEvent::PayoutReturned { returned, .. }
            | PayoutEvent::PayoutFailed { returned, .. }) =
                outcome(&events, command).unwrap().unwrap()
            else {
                panic!()
            };
            assert_eq!(returned.unwrap().to, to);
        }
    }
    // What had not left does not come back: its hold is voided.
    let events = history(&[request(), submit("razorpay")]);
    let Some(PayoutEvent::PayoutFailed { returned, .. }) =
        outcome(&events, asked(see(ObservedPayout::Failed))).unwrap()
    else {
        panic!()
    };
    assert_eq!(returned, None);
}

/// Those words of one provider that can all be true of one payout.
#[test]
fn the_order_of_words_does_not_matter() {
    for end in [ObservedPayout::Failed, ObservedPayout::Returned] {
        let words = [ObservedPayout::Processing, succeeded(), end];
        let mut ends = Vec::new();
        for first in 0..3 {
            for second in (0..3).filter(|second| *second != first) {
                let order = [first, second, 3 - first - second].map(|index| see(words[index]));
                let mut actions = vec![request(), submit("razorpay")];
                actions.extend(order);
                ends.push(fold(&history(&actions)));
            }
        }
        ends.dedup();
        assert_eq!(ends.len(), 1, "{ends:?}");
    }
}

/// A provider that was asked twice and made two payouts: the second is for a person to look at.
#[test]
fn a_second_payout_at_the_provider_is_noticed() {
    let events = history(&[
        request(),
        submit("razorpay"),
        see(ObservedPayout::Processing),
    ]);
    for status in [
        ObservedPayout::Processing,
        succeeded(),
        ObservedPayout::Failed,
    ] {
        let second = PayoutObservation {
            provider_payout: Some(crate::fixtures::theirs("pout_2")),
            ..payout_seen(status)
        };
        assert_eq!(
            code(&events, asked(observe_payout(7, second))),
            "payout_reference_differs"
        );
    }
    let silent = PayoutObservation {
        provider_payout: None,
        ..payout_seen(succeeded())
    };
    assert!(
        outcome(&events, asked(observe_payout(7, silent)))
            .unwrap()
            .is_some()
    );
}
