//! Tests of beneficiaries.

use super::*;
use crate::fixtures::{actor, destination, parsed, reference, wallet_id};
use crate::identifier::BeneficiaryId;
use crate::posting::{FreezeScope, WalletStatus};

fn id() -> BeneficiaryId {
    crate::fixtures::beneficiary_id(1)
}

fn asked(action: BeneficiaryAction) -> BeneficiaryCommand {
    BeneficiaryCommand {
        beneficiary: id(),
        action,
        wallet: Some(WalletStatus::Open),
    }
}

fn actions() -> [BeneficiaryAction; 3] {
    [
        BeneficiaryAction::Add {
            wallet: wallet_id(1),
            destination: destination(),
            by: actor("asha"),
        },
        BeneficiaryAction::Verify {
            method: reference("penny drop"),
            by: actor("ravi"),
        },
        BeneficiaryAction::Remove {
            by: actor("asha"),
            reason: None,
        },
    ]
}

fn outcome(
    given: &[BeneficiaryEvent],
    command: BeneficiaryCommand,
) -> Result<Option<BeneficiaryEvent>, BeneficiaryRejection> {
    let mut events = cqrs_es::test::TestFramework::<Beneficiary>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()?;
    assert!(events.len() <= 1, "{events:?}");
    Ok(events.pop())
}

fn history(count: usize) -> Vec<BeneficiaryEvent> {
    let mut events = Vec::new();
    for action in actions().into_iter().take(count) {
        events.extend(outcome(&events, asked(action)).unwrap());
    }
    events
}

/// The table of the module's documentation.
#[test]
fn every_command_in_every_state() {
    let (missing, exists) = ("beneficiary_not_found", "beneficiary_exists");
    let table = [
        ["BeneficiaryAdded", missing, missing],
        [exists, "BeneficiaryVerified", "BeneficiaryRemoved"],
        [exists, "-", "BeneficiaryRemoved"],
        [exists, "beneficiary_removed", "-"],
    ];
    for (state, row) in table.into_iter().enumerate() {
        let events = history(state);
        assert_eq!(events.len(), state);
        for (action, expected) in actions().into_iter().zip(row) {
            let found = match outcome(&events, asked(action.clone())) {
                Ok(None) => "-",
                Ok(Some(event)) => event.name(),
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{action:?} after {state} events");
        }
    }
}

#[test]
fn every_event_in_every_state() {
    let events = history(3);
    let legal = [
        [true, false, false],
        [false, true, true],
        [false, false, true],
        [false, false, false],
    ];
    for (state, row) in legal.into_iter().enumerate() {
        let next = |state: Beneficiary, event| state.evolve(event).unwrap();
        let before = events[..state].iter().fold(Beneficiary::default(), next);
        for (event, expected) in events.iter().zip(row) {
            assert_eq!(before.evolve(event).is_ok(), expected, "{before:?}");
        }
    }
}

#[test]
fn only_a_wallet_that_is_there_gets_one() {
    let [add, ..] = actions();
    for (wallet, expected) in [
        (None, Some("wallet_not_found")),
        (Some(WalletStatus::Closed), Some("wallet_closed")),
        (Some(WalletStatus::Frozen(FreezeScope::All)), None),
    ] {
        let command = BeneficiaryCommand {
            wallet,
            ..asked(add.clone())
        };
        let refused = outcome(&[], command).err();
        assert_eq!(refused.map(|refused| refused.code()), expected);
    }
}

/// Otherwise one person brings money to where they please.
#[test]
fn a_person_does_not_verify_what_they_have_added() {
    let [
        BeneficiaryAction::Add {
            wallet,
            destination,
            ..
        },
        ..,
    ] = actions()
    else {
        panic!()
    };
    for (added_by, by, expected) in [
        (
            "person:asha",
            "person:asha",
            Some("beneficiary_verifier_added_it"),
        ),
        ("person:asha", "person:ravi", None),
        ("person:asha", "machine:7", None),
        ("machine:7", "machine:7", None),
    ] {
        let add = BeneficiaryAction::Add {
            wallet,
            destination: destination.clone(),
            by: actor(added_by),
        };
        let added: Vec<_> = outcome(&[], asked(add)).unwrap().into_iter().collect();
        let verify = BeneficiaryAction::Verify {
            method: reference("I looked"),
            by: actor(by),
        };
        let refused = outcome(&added, asked(verify)).err();
        assert_eq!(refused.map(|refused| refused.code()), expected, "{by}");
    }
}

/// A log keeps everything for ever, so what could be an account number cannot be written.
#[test]
fn nothing_that_could_be_a_number_gets_into_the_log() {
    for ending in ["", "12345", "1 34", "é", "****", "50100012345678"] {
        assert!(ending.parse::<Ending>().is_err(), "{ending}");
    }
    for ending in ["4", "4321", "aB9"] {
        assert_eq!(ending.parse::<Ending>().unwrap().to_string(), ending);
    }
    for fingerprint in ["", "50100012345678", &"A".repeat(64), &"a".repeat(63)] {
        assert!(fingerprint.parse::<Fingerprint>().is_err(), "{fingerprint}");
    }
    let payload = r#"{"BeneficiaryAdded":{"wallet":"0190b8a2-5b7e-7c3d-8f00-000000000001","destination":{"kind":"bank_account","ending":"50100012345678","token":"t","fingerprint":"F"},"by":"asha"}}"#;
    let with = |ending: &str| {
        let payload = payload.replace("\"F\"", &format!("\"{}\"", "a".repeat(64)));
        serde_json::from_str::<BeneficiaryEvent>(&payload.replace("50100012345678", ending))
    };
    assert!(with("50100012345678").is_err());
    assert!(with("5678").is_ok());
}

#[test]
fn the_same_destination_of_the_same_wallet_has_the_same_id() {
    let fingerprint = |text: &str| parsed::<Fingerprint>(&text.repeat(64));
    let id = |wallet, text| beneficiary_id(wallet_id(wallet), &fingerprint(text));
    assert_eq!(id(1, "a"), id(1, "a"));
    assert_ne!(id(1, "a"), id(2, "a"));
    assert_ne!(id(1, "a"), id(1, "b"));
    // In logs: another function would not find what was added before. From an independent SHA-1.
    assert_eq!(
        id(1, "a").to_string(),
        "795bfedf-7695-580d-ae3f-11ee4eb38b43"
    );
}

/// Asha, Ravi and a program add, verify and remove one place in any order, as the service does it: what is
/// added is the first addition that was not removed.
#[derive(Debug, Clone, Copy)]
enum Step {
    Add(&'static str),
    /// Of the addition with this number.
    Verify(&'static str, u32),
    Remove(u32),
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let who = || prop::sample::select(vec!["person:asha", "person:ravi", "machine:7"]);
    let step = prop_oneof![
        who().prop_map(Step::Add),
        (who(), 0..4_u32).prop_map(|(who, which)| Step::Verify(who, which)),
        (0..4_u32).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..40)
}

proptest::proptest! {
    #[test]
    fn a_place_is_there_once_and_verified_anew(steps in steps()) {
        use std::collections::BTreeMap;
        let fingerprint = parsed::<Fingerprint>(&"a".repeat(64));
        let id_of = |removals| beneficiary_id_after(wallet_id(1), &fingerprint, removals);
        let mut streams: BTreeMap<BeneficiaryId, Vec<BeneficiaryEvent>> = BTreeMap::new();
        for step in steps {
            let is_removed = |id: &BeneficiaryId| {
                let last = streams.get(id).and_then(|events| events.last());
                matches!(last, Some(BeneficiaryEvent::BeneficiaryRemoved { .. }))
            };
            let (id, action) = match step {
                Step::Add(by) => {
                    let next = (0..).map(id_of).find(|id| !is_removed(id)).unwrap();
                    let [BeneficiaryAction::Add { wallet, destination, .. }, ..] = actions() else {
                        unreachable!()
                    };
                    (next, BeneficiaryAction::Add { wallet, destination, by: actor(by) })
                }
                Step::Verify(by, which) => {
                    let method = reference("I looked");
                    (id_of(which), BeneficiaryAction::Verify { method, by: actor(by) })
                }
                Step::Remove(which) => {
                    let by = actor("person:ravi");
                    (id_of(which), BeneficiaryAction::Remove { by, reason: None })
                }
            };
            let events = streams.entry(id).or_default();
            let command = BeneficiaryCommand { beneficiary: id, ..asked(action) };
            if let Ok(Some(event)) = outcome(events, command) {
                events.push(event);
            }
            let mut usable = 0;
            for (id, events) in &streams {
                let fold = |state: Beneficiary, event| state.evolve(event).unwrap();
                let state = events.iter().fold(Beneficiary::default(), fold);
                usable += usize::from(matches!(state, Beneficiary::Added(_) | Beneficiary::Verified(_)));
                if state.check(*id, wallet_id(1)).is_ok() {
                    let [
                        BeneficiaryEvent::BeneficiaryAdded { by: added_by, .. },
                        BeneficiaryEvent::BeneficiaryVerified { by, .. },
                    ] = events.as_slice()
                    else {
                        panic!("{events:?}")
                    };
                    proptest::prop_assert!(added_by != by || by.is_machine());
                }
            }
            proptest::prop_assert!(usable <= 1, "{streams:?}");
        }
    }
}

#[test]
fn every_addition_after_a_removal_has_an_id_of_its_own() {
    let fingerprint = parsed::<Fingerprint>(&"a".repeat(64));
    let id = |removals| beneficiary_id_after(wallet_id(1), &fingerprint, removals);
    assert_eq!(id(0), beneficiary_id(wallet_id(1), &fingerprint));
    let ids: std::collections::BTreeSet<_> = (0..100).map(id).collect();
    assert_eq!(ids.len(), 100);
}
