//! Tests of owners.

use super::*;
use crate::fixtures::*;
use crate::identifier::TierName;

fn granted(source: TierSource, tier: &str) -> OwnerAction {
    OwnerAction::GrantTier {
        tier: parsed(tier),
        source,
        by: None,
        reason: None,
    }
}

fn withdrawn(source: TierSource) -> OwnerAction {
    OwnerAction::WithdrawTier {
        source,
        by: None,
        reason: None,
    }
}

fn ask(
    state: &Owner,
    action: OwnerAction,
    tier: TierKnown,
) -> Result<Option<OwnerEvent>, OwnerRejection> {
    state.decide(&OwnerCommand {
        owner: owner("customer-7"),
        action,
        tier,
    })
}

fn after(actions: &[OwnerAction]) -> Owner {
    actions.iter().fold(Owner::default(), |state, action| {
        match ask(&state, action.clone(), TierKnown::Known).unwrap() {
            Some(event) => state.evolve(&event).unwrap(),
            None => state,
        }
    })
}

fn tier(name: &str) -> Option<TierName> {
    Some(parsed(name))
}

const STAFF: TierSource = TierSource::Staff;

fn case(number: u128) -> TierSource {
    TierSource::Case(case_id(number))
}

/// The table of the module's documentation: state by command.
#[test]
fn every_command_in_every_state() {
    let states = [
        ("Absent", Owner::default()),
        ("Known", after(&[granted(STAFF, "basic")])),
    ];
    let commands = [
        (granted(STAFF, "basic"), TierKnown::Known),
        (granted(case(1), "basic"), TierKnown::Known),
        (granted(STAFF, "gold"), TierKnown::Unknown),
        (withdrawn(STAFF), TierKnown::Known),
        (withdrawn(case(1)), TierKnown::Known),
    ];
    let table = [
        [
            "TierGranted",
            "TierGranted",
            "tier_not_found",
            "nothing",
            "nothing",
        ],
        [
            "nothing",
            "TierGranted",
            "tier_not_found",
            "TierWithdrawn",
            "nothing",
        ],
    ];
    for ((name, state), row) in states.iter().zip(table) {
        for ((command, known), expected) in commands.iter().zip(row) {
            let found = match ask(state, command.clone(), *known) {
                Ok(Some(event)) => event.name(),
                Ok(None) => "nothing",
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{command:?} when {name}");
        }
    }
}

#[test]
fn the_tier_granted_last_is_in_force_and_the_one_before_it_when_that_is_withdrawn() {
    let two = [granted(case(1), "basic"), granted(case(2), "full")];
    assert_eq!(after(&two).tier(), tier("full"));
    let then = |action| after(&[two[0].clone(), two[1].clone(), action]).tier();
    assert_eq!(then(withdrawn(case(2))), tier("basic"));
    assert_eq!(then(withdrawn(case(1))), tier("full"));
    // The first case is approved again: what it says now is the latest.
    assert_eq!(then(granted(case(1), "basic")), tier("basic"));
    assert_eq!(after(&[two[0].clone(), withdrawn(case(1))]).tier(), None);
}

#[test]
fn nothing_is_withdrawn_of_an_owner_of_whom_nothing_is_known() {
    let event = OwnerEvent::TierWithdrawn {
        owner: owner("customer-7"),
        tier: parsed("full"),
        source: STAFF,
        by: None,
        reason: None,
    };
    assert!(Owner::default().evolve(&event).is_err());
}

/// Keys are in the log: another function would not find what was written before.
#[test]
fn an_owners_key_never_changes() {
    let key = owner("customer-7").key();
    assert_eq!(key, owner("customer-7").key());
    assert_ne!(key, owner("customer-8").key());
    // The UUID of version 5 that Python makes of the same bytes.
    assert_eq!(key.to_string(), "13e05dad-bbad-5842-b84f-cbdfa30ebe09");
}
