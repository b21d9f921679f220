//! Tests of profiles.

use super::*;
use crate::fixtures::*;
use crate::identifier::CaseId;
use crate::personal::Personal;

fn details(name: Option<&str>, email: Option<&str>) -> Box<PersonalDetails> {
    Box::new(PersonalDetails {
        name: name.map(|name| Personal::Clear(parsed(name))),
        email: email.map(|email| Personal::Clear(parsed(email))),
        ..PersonalDetails::default()
    })
}

fn record(name: Option<&str>, removed: &[ProfileField]) -> ProfileAction {
    ProfileAction::Record {
        details: details(name, None),
        removed: removed.iter().copied().collect(),
        by: parsed("clerk"),
    }
}

fn erase(in_review: CasesInReview) -> ProfileAction {
    ProfileAction::Erase {
        reason: ErasureReason::Requested,
        cases: Vec::new(),
        in_review,
        by: parsed("clerk"),
    }
}

fn ask(
    state: &Profile,
    action: ProfileAction,
    in_review: Option<CaseId>,
) -> Result<Option<ProfileEvent>, ProfileRejection> {
    state.decide(&ProfileCommand {
        owner: owner("customer-7"),
        action,
        in_review,
    })
}

fn after(actions: &[ProfileAction]) -> Profile {
    actions.iter().fold(Profile::default(), |state, action| {
        match ask(&state, action.clone(), None).unwrap() {
            Some(event) => state.evolve(&event).unwrap(),
            None => state,
        }
    })
}

fn states() -> [(&'static str, Profile); 3] {
    let known = record(Some("Asha Rao"), &[]);
    [
        ("Absent", Profile::default()),
        ("Known", after(std::slice::from_ref(&known))),
        ("Erased", after(&[known, erase(CasesInReview::Prevent)])),
    ]
}

/// The table of the module's documentation: state by command.
#[test]
fn every_command_in_every_state() {
    let case = Some(case_id(1));
    let commands = [
        (record(Some("Asha"), &[]), None),
        (record(None, &[]), None),
        (record(None, &[ProfileField::Phone]), None),
        (record(None, &[ProfileField::Name]), None),
        (erase(CasesInReview::Prevent), None),
        (erase(CasesInReview::Prevent), case),
        (erase(CasesInReview::Close), case),
    ];
    let table = [
        [
            "ProfileRecorded",
            "profile_empty",
            "profile_empty",
            "profile_empty",
            "ProfileErased",
            "profile_case_in_review",
            "ProfileErased",
        ],
        [
            "ProfileRecorded",
            "profile_empty",
            "nothing",
            "ProfileRecorded",
            "ProfileErased",
            "profile_case_in_review",
            "ProfileErased",
        ],
        [
            "profile_erased",
            "profile_erased",
            "profile_erased",
            "profile_erased",
            "nothing",
            "nothing",
            "nothing",
        ],
    ];
    for ((name, state), row) in states().iter().zip(table) {
        for ((command, in_review), expected) in commands.iter().zip(row) {
            let found = match ask(state, command.clone(), *in_review) {
                Ok(Some(event)) => event.name(),
                Ok(None) => "nothing",
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{command:?} when {name}");
        }
    }
}

#[test]
fn what_is_recorded_and_removed_is_known_by_its_name_alone() {
    let first = ProfileAction::Record {
        details: details(Some("Asha Rao"), Some("asha@example.org")),
        removed: [ProfileField::Phone].into(),
        by: parsed("clerk"),
    };
    let both = after(std::slice::from_ref(&first));
    assert_eq!(
        both.fields(),
        [ProfileField::Name, ProfileField::Email].into()
    );
    let removed = record(None, &[ProfileField::Email, ProfileField::Phone]);
    let one = after(&[first.clone(), removed]);
    assert_eq!(one.fields(), [ProfileField::Name].into());
    // A field that is recorded and removed at once is recorded.
    let replaced = after(&[first, record(Some("A. Rao"), &[ProfileField::Name])]);
    assert_eq!(
        replaced.fields(),
        [ProfileField::Name, ProfileField::Email].into()
    );
    let written = serde_json::to_string(&both).unwrap();
    assert!(!written.contains("Asha"), "{written}");
}

/// A fold of sealed events comes to what the decision came to with clear ones.
#[test]
fn the_state_does_not_depend_on_what_is_inside() {
    let absent = Profile::default();
    let event = ask(&absent, record(Some("Asha Rao"), &[]), None);
    let clear = event.unwrap().unwrap();
    let mut erased = clear.clone();
    for (_, field) in erased.personal_fields() {
        field.erase();
    }
    assert_ne!(clear, erased);
    assert_eq!(absent.evolve(&clear), absent.evolve(&erased));
}

#[test]
fn nothing_follows_an_erasure() {
    let [.., (_, erased)] = states();
    for event in [
        ProfileEvent::ProfileErased {
            owner: owner("customer-7"),
            reason: ErasureReason::Ordered,
            by: parsed("clerk"),
        },
        ProfileEvent::ProfileRecorded {
            owner: owner("customer-7"),
            details: *details(Some("Asha Rao"), None),
            removed: [].into(),
            by: parsed("clerk"),
        },
    ] {
        assert!(erased.evolve(&event).is_err());
    }
}

#[test]
fn an_event_that_is_still_clear_cannot_be_written() {
    let event = ask(&Profile::default(), record(Some("Asha Rao"), &[]), None);
    let event = event.unwrap().unwrap();
    assert!(serde_json::to_string(&event).is_err());
    assert!(!format!("{event:?}").contains("Asha"));
}

/// Every field can be set, is listed under its own name, and can be removed.
#[test]
fn every_field_is_listed() {
    let mut details = PersonalDetails {
        name: Some(Personal::Erased),
        email: Some(Personal::Erased),
        phone: Some(Personal::Erased),
        date_of_birth: Some(Personal::Erased),
        address: Some(Personal::Erased),
        identity_number_ending: Some(Personal::Erased),
    };
    let written = serde_json::to_value(&details).unwrap();
    let names: Vec<&str> = details
        .fields()
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(names.len(), ProfileField::ALL.len());
    for name in &names {
        assert!(written.get(name).is_some(), "{name}");
        assert_eq!(
            serde_json::to_value(
                ProfileField::ALL
                    .iter()
                    .find(|field| field.as_str() == *name)
            )
            .unwrap(),
            *name
        );
    }
    for field in ProfileField::ALL {
        details.remove(*field);
    }
    assert_eq!(details, PersonalDetails::default());
}
