//! Limits that change, and what was recorded before there were any.

use super::limits::{NOON, World, limits, to_ravi};
use super::*;
use crate::limit::Flow;

const NEXT_DAY: &str = "2026-04-01T12:00:00Z";

/// Whoever has used more than is allowed now moves nothing more, and loses nothing.
#[test]
fn a_limit_that_is_lowered_below_what_is_used_leaves_nothing() {
    let mut world = World::with(limits(&[("day", 100)], &[], Some(2_000)));
    assert_eq!(to_ravi(&mut world, NOON, "70"), "ok");
    world.set(limits(&[("day", 50)], &[], Some(1_000)));
    let refused = world.pay(NOON, wallet(1), wallet(3), "0.01").unwrap_err();
    let shown = serde_json::to_value(&refused).unwrap();
    assert_eq!(
        [&shown["used"], &shown["allowed"], &shown["left"]],
        ["70.00", "50.00", "0.00"]
    );
    let refused = world.pay(NOON, system("cash"), wallet(1), "1").unwrap_err();
    let shown = serde_json::to_value(&refused).unwrap();
    assert_eq!(refused.code(), "balance_limit_exceeded");
    assert_eq!([&shown["used"], &shown["left"]], ["1930.00", "0.00"]);
    // What is above may go, and a new day is a new one.
    assert_eq!(to_ravi(&mut world, NEXT_DAY, "50"), "ok");
    world.set(limits(&[("day", 200)], &[], None));
    assert_eq!(to_ravi(&mut world, NOON, "130"), "ok");
    assert_eq!(to_ravi(&mut world, NOON, "0.01"), "period_limit_exceeded");
}

/// Holds and transactions of the time before there were limits are settled and reverted, and nothing is
/// given back that never counted.
#[test]
fn what_was_recorded_before_there_were_limits_counts_nothing_later() {
    let unlimited = limits(&[], &[], None);
    let mut world = World::with(unlimited);
    for number in [1, 2, 3] {
        world.yes(NOON, &place(number, "40", Some(wallet(3))));
    }
    let before = world.yes(NOON, &pay(500, wallet(1), wallet(3), "40"));
    assert!(!before[0].to_payload().unwrap().contains("usage"));
    world.set(limits(&[("day", 10)], &[("day", 10)], None));
    assert_eq!(to_ravi(&mut world, NOON, "10"), "ok");
    let captured = world.yes(NOON, &capture(1, 501, Some("30")));
    assert!(!captured[0].to_payload().unwrap().contains("usage"));
    let void = Command::VoidHold {
        hold: hold_id(2),
        reason: None,
    };
    for command in [void, revert(500, 502)] {
        for event in world.yes(NOON, &command) {
            let text = event.to_payload().unwrap();
            assert!(!text.contains("usage"), "{text}");
        }
    }
    assert_eq!(world.used(NOON, Flow::Outgoing), "10");
    assert_eq!(to_ravi(&mut world, NOON, "0.01"), "period_limit_exceeded");
}
