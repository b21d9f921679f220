//! Each rule of holds by itself, and which comes first.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::posting::{PostingRejection, Side};

fn given(events: Vec<HoldEvent>) -> AggregateTestExecutor<Hold> {
    TestFramework::with(()).given(events)
}

fn keep(amount: &str) -> CaptureRequest {
    CaptureRequest {
        remainder: Remainder::Keep,
        ..capture_request(Some(amount))
    }
}

#[test]
fn a_hold_is_placed_as_asked_with_the_assets_decimals() {
    given(vec![])
        .when(place(request()))
        .then_expect_events(vec![placed()]);
    let described = HoldRequest {
        destination: None,
        expires_at: None,
        reference: Some(reference("room 12")),
        metadata: metadata(&[("nights", "2")]),
        ..request()
    };
    let expected = HoldEvent::HoldPlaced {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        amount: amount("10.00"),
        destination: None,
        expires_at: None,
        reference: Some(reference("room 12")),
        metadata: metadata(&[("nights", "2")]),
        manager: None,
    };
    given(vec![])
        .when(place(described))
        .then_expect_events(vec![expected]);
}

#[test]
fn a_hold_is_placed_once() {
    let refused = || HoldRejection::Exists {
        hold: hold_id(HOLD),
    };
    given(vec![placed()])
        .when(place(request()))
        .then_expect_error(refused());
    given(vec![placed(), voided("10.00")])
        .when(place(request()))
        .then_expect_error(refused());
}

#[test]
fn a_hold_does_not_end_before_it_begins() {
    for expires_at in [at(0), at(-1)] {
        let late = HoldRequest {
            expires_at: Some(expires_at),
            ..request()
        };
        let refused = || HoldRejection::ExpiryPassed { expires_at };
        given(vec![])
            .when(place(late.clone()))
            .then_expect_error(refused());
        // Before the rules of movement.
        let also_too_much = HoldRequest {
            amount: decimal("11"),
            ..late
        };
        given(vec![])
            .when(place(also_too_much))
            .then_expect_error(refused());
    }
}

#[test]
fn a_hold_obeys_the_rules_of_movement() {
    let too_much = HoldRequest {
        amount: decimal("10.01"),
        ..request()
    };
    let short = PostingRejection::InsufficientFunds {
        account: account(wallet(1), "INR"),
        available: decimal("10"),
        required: decimal("10.01"),
    };
    given(vec![])
        .when(place(too_much))
        .then_expect_error(short.into());
    let nobody = HoldRequest {
        source: wallet(9),
        ..request()
    };
    let missing = PostingRejection::AccountNotFound {
        posting: 0,
        side: Side::Source,
        holder: wallet(9),
    };
    given(vec![])
        .when(place(nobody))
        .then_expect_error(missing.into());
}

#[test]
fn a_capture_of_all_finishes_the_hold() {
    for request in [
        capture_request(None),
        capture_request(Some("10.0")),
        keep("10"),
    ] {
        given(vec![placed()])
            .when(capture(request, at(1)))
            .then_expect_events(vec![captured("10.00", None, None)]);
    }
}

#[test]
fn a_capture_of_a_part_releases_or_keeps_the_rest() {
    given(vec![placed()])
        .when(capture(capture_request(Some("4")), at(1)))
        .then_expect_events(vec![captured("4.00", Some("6.00"), None)]);
    given(vec![placed()])
        .when(capture(keep("4"), at(1)))
        .then_expect_events(vec![captured("4.00", None, Some("6.00"))]);
    given(vec![placed(), captured("4.00", None, Some("6.00"))])
        .when(capture(capture_request(None), at(1)))
        .then_expect_events(vec![captured("6.00", None, None)]);
}

#[test]
fn a_capture_goes_to_whom_it_names_else_to_whom_the_hold_names() {
    let elsewhere = CaptureRequest {
        destination: Some(system("fees")),
        ..capture_request(None)
    };
    for hold in [placed(), placed_with(None, None)] {
        let events = given(vec![hold])
            .when(capture(elsewhere.clone(), at(1)))
            .inspect_result();
        assert!(matches!(
            events.unwrap().as_slice(),
            [HoldEvent::HoldCaptured { destination, .. }] if *destination == system("fees")
        ));
    }
    let refused = HoldRejection::DestinationMissing {
        hold: hold_id(HOLD),
    };
    given(vec![placed_with(None, None)])
        .when(capture(capture_request(Some("-1")), at(1)))
        .then_expect_error(refused);
}

#[test]
fn a_capture_is_an_amount_of_the_holds_asset() {
    for (text, reason) in [
        ("0", "an amount must be greater than zero"),
        ("-1", "an amount must be greater than zero"),
        ("11.001", "the amount has 3 decimals, the asset has 2"),
        (
            "79228162514264337593543950335",
            "the amount has more digits than can be kept exactly",
        ),
    ] {
        let refused = HoldRejection::CaptureNotAnAmount {
            hold: hold_id(HOLD),
            reason: reason.to_owned(),
        };
        given(vec![placed()])
            .when(capture(capture_request(Some(text)), at(1)))
            .then_expect_error(refused);
    }
}

#[test]
fn a_capture_takes_no_more_than_is_left() {
    let refused = |remaining: &str, requested: &str| HoldRejection::CaptureExceedsHold {
        hold: hold_id(HOLD),
        remaining: decimal(remaining),
        requested: decimal(requested),
    };
    given(vec![placed()])
        .when(capture(capture_request(Some("10.01")), at(1)))
        .then_expect_error(refused("10", "10.01"));
    given(vec![placed(), captured("4.00", None, Some("6.00"))])
        .when(capture(keep("6.01"), at(1)))
        .then_expect_error(refused("6", "6.01"));
}

#[test]
fn a_hold_past_its_time_is_not_captured_even_before_its_expiry_is_recorded() {
    given(vec![placed()])
        .when(capture(capture_request(None), at(99)))
        .then_expect_events(vec![captured("10.00", None, None)]);
    let refused = || HoldRejection::Expired {
        hold: hold_id(HOLD),
        expires_at: at(100),
    };
    given(vec![placed()])
        .when(capture(capture_request(None), at(100)))
        .then_expect_error(refused());
    given(vec![placed_with(None, Some(at(100)))])
        .when(capture(capture_request(Some("-1")), at(101)))
        .then_expect_error(refused());
}

#[test]
fn a_void_gives_back_what_is_left_even_past_the_time() {
    given(vec![placed()])
        .when(void())
        .then_expect_events(vec![voided("10.00")]);
    let reasoned = HoldCommand::Void {
        hold: hold_id(HOLD),
        reason: Some(reference("no show")),
        manager: None,
    };
    let expected = HoldEvent::HoldVoided {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        released: amount("6.00"),
        reason: Some(reference("no show")),
    };
    given(vec![placed(), captured("4.00", None, Some("6.00"))])
        .when(reasoned)
        .then_expect_events(vec![expected]);
}

#[test]
fn a_hold_expires_when_its_time_has_come_and_not_before() {
    given(vec![placed()])
        .when(expire(at(100)))
        .then_expect_events(vec![expired("10.00")]);
    given(vec![placed(), captured("4.00", None, Some("6.00"))])
        .when(expire(at(101)))
        .then_expect_events(vec![expired("6.00")]);
    let early = HoldRejection::NotDue {
        hold: hold_id(HOLD),
        expires_at: Some(at(100)),
    };
    given(vec![placed()])
        .when(expire(at(99)))
        .then_expect_error(early);
    let never = HoldRejection::NotDue {
        hold: hold_id(HOLD),
        expires_at: None,
    };
    given(vec![placed_with(None, None)])
        .when(expire(at(1_000)))
        .then_expect_error(never);
}

#[test]
fn a_hold_that_does_not_exist_obeys_nothing() {
    let refused = || HoldRejection::NotFound {
        hold: hold_id(HOLD),
    };
    given(vec![])
        .when(capture(capture_request(None), at(1)))
        .then_expect_error(refused());
    given(vec![]).when(void()).then_expect_error(refused());
    given(vec![])
        .when(expire(at(1)))
        .then_expect_error(refused());
}

#[test]
fn a_hold_that_has_ended_stays_so_and_says_how_it_ended() {
    for (ending, status) in [
        (captured("10.00", None, None), HoldStatus::Captured),
        (voided("10.00"), HoldStatus::Voided),
        (expired("10.00"), HoldStatus::Expired),
    ] {
        let refused = || HoldRejection::NotActive {
            hold: hold_id(HOLD),
            status,
        };
        let ended = || given(vec![placed(), ending.clone()]);
        ended()
            .when(capture(capture_request(None), at(200)))
            .then_expect_error(refused());
        ended().when(void()).then_expect_error(refused());
        ended().when(expire(at(1))).then_expect_error(refused());
    }
}

/// Whoever could void it would leave a payout on its way that nothing covers.
#[test]
fn a_hold_that_something_manages_is_ended_by_it_alone() {
    let manager = HoldManager::Payout(payout_id(HOLD));
    let mut managed = placed();
    if let HoldEvent::HoldPlaced { manager: of, .. } = &mut managed {
        *of = Some(manager);
    }
    let other = HoldManager::Payment(payment_id(HOLD));
    for asking in [None, Some(other), Some(manager)] {
        let commands = [
            HoldCommand::Void {
                hold: hold_id(HOLD),
                reason: None,
                manager: asking,
            },
            HoldCommand::Capture {
                hold: hold_id(HOLD),
                request: capture_request(None),
                transaction: transaction_id(3),
                recorded_at: at(1),
                manager: asking,
            },
        ];
        for command in commands {
            let found = outcome::<Hold>(&[managed.clone()], command);
            if asking == Some(manager) {
                assert!(found.is_ok(), "{found:?}");
            } else {
                assert_eq!(found.unwrap_err().code(), "hold_managed");
            }
        }
    }
}
