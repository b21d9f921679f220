//! Every state by every command, and by every event.

use super::*;

fn histories() -> [(&'static str, Vec<HoldEvent>); 5] {
    [
        ("Absent", vec![]),
        ("Active", vec![placed()]),
        ("Captured", vec![placed(), captured("10.00", None, None)]),
        ("Voided", vec![placed(), voided("10.00")]),
        ("Expired", vec![placed(), expired("10.00")]),
    ]
}

fn fold(events: &[HoldEvent]) -> Hold {
    let next = |hold: Hold, event| hold.evolve(event).unwrap();
    events.iter().fold(Hold::default(), next)
}

fn name(hold: &Hold) -> &'static str {
    match hold {
        Hold::Absent => "Absent",
        Hold::Active(_) => "Active",
        Hold::Captured => "Captured",
        Hold::Voided => "Voided",
        Hold::Expired => "Expired",
    }
}

/// The table of the module's documentation.
#[test]
fn every_command_in_every_state() {
    let commands = [
        place(request()),
        capture(capture_request(None), at(1)),
        capture(capture_request(None), at(100)),
        capture(capture_request(Some("11")), at(1)),
        void(),
        expire(at(1)),
        expire(at(100)),
    ];
    let (missing, ended) = ("hold_not_found", "hold_not_active");
    let table = [
        [
            "HoldPlaced",
            missing,
            missing,
            missing,
            missing,
            missing,
            missing,
        ],
        [
            "hold_exists",
            "HoldCaptured",
            "hold_expired",
            "capture_exceeds_hold",
            "HoldVoided",
            "hold_not_due",
            "HoldExpired",
        ],
        ["hold_exists", ended, ended, ended, ended, ended, ended],
        ["hold_exists", ended, ended, ended, ended, ended, ended],
        ["hold_exists", ended, ended, ended, ended, ended, ended],
    ];
    for ((state, events), row) in histories().iter().zip(table) {
        for (command, expected) in commands.iter().zip(row) {
            let found = match outcome::<Hold>(events, command.clone()) {
                Ok(event) => {
                    assert!(
                        fold(events).evolve(&event).is_ok(),
                        "{event:?} when {state}"
                    );
                    event.name()
                }
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{command:?} when {state}");
        }
    }
}

#[test]
fn every_event_in_every_state() {
    let events = [
        placed(),
        captured("4.00", None, Some("6.00")),
        captured("4.00", Some("6.00"), None),
        voided("10.00"),
        expired("10.00"),
    ];
    for (state, history) in histories() {
        let before = fold(&history);
        assert_eq!(name(&before), state);
        let row = match state {
            "Absent" => [Some("Active"), None, None, None, None],
            "Active" => [
                None,
                Some("Active"),
                Some("Captured"),
                Some("Voided"),
                Some("Expired"),
            ],
            _ => [None; 5],
        };
        for (event, expected) in events.iter().zip(row) {
            let after = before.evolve(event);
            assert_eq!(
                after.as_ref().ok().map(name),
                expected,
                "{event:?} when {state}"
            );
            if let Err(refused) = after {
                assert_eq!((refused.event, refused.state), (event.name(), state));
            }
        }
    }
}

#[test]
fn a_capture_that_keeps_the_rest_changes_only_what_is_left() {
    let Hold::Active(before) = fold(&[placed()]) else {
        panic!("active")
    };
    let Hold::Active(after) = fold(&[placed(), captured("4.00", None, Some("6.00"))]) else {
        panic!("active")
    };
    assert_eq!(
        after,
        ActiveHold {
            remaining: amount("6.00"),
            ..before.clone()
        }
    );
    assert_eq!(before.account(), account(wallet(1), "INR"));
    assert_eq!(before.destination, Some(wallet(2)));
    assert_eq!(before.expires_at, Some(at(100)));
}

#[test]
fn every_event_names_the_account_whose_money_it_concerns() {
    for event in [
        placed(),
        captured("1.00", None, None),
        voided("1.00"),
        expired("1.00"),
    ] {
        assert_eq!(event.account(), account(wallet(1), "INR"));
    }
}
