//! Erasing a person meets the verification of that person.

use super::*;
use crate::identifier::{CaseId, OwnerId};
use crate::personal::Personal;
use crate::profile::{CasesInReview, ErasureReason, PersonalDetails, ProfileAction};
use crate::verification::{CaseAction, CaseStatus, ContentHash, Finding, ObservedFinding, Retry};

fn asha() -> OwnerId {
    owner("asha")
}

fn case(action: CaseAction) -> Command {
    of_case(1, action)
}

fn of_case(number: u128, action: CaseAction) -> Command {
    Command::VerificationCase {
        case: case_id(number),
        action: Box::new(action),
    }
}

fn open(name: &str) -> CaseAction {
    CaseAction::Open {
        owner: owner(name),
        tier: parsed("full"),
        expires_at: None,
        by: actor("meera"),
    }
}

fn receive() -> CaseAction {
    CaseAction::ReceiveDocument {
        document: crate::verification::CaseDocument {
            reference: theirs("documents/1"),
            kind: parsed("passport"),
            sha256: parsed::<ContentHash>(&"0".repeat(64)),
            size_bytes: 1,
        },
        by: actor("asha"),
    }
}

fn review() -> CaseAction {
    CaseAction::StartReview {
        reasons: vec![],
        by: actor("meera"),
    }
}

fn submit() -> CaseAction {
    CaseAction::Submit {
        providers: vec![provider("sumsub")],
        by: actor("asha"),
    }
}

fn approve() -> CaseAction {
    CaseAction::Approve {
        tier: None,
        reverify_at: None,
        reasons: vec![],
        by: actor("meera"),
    }
}

fn record() -> Command {
    Command::Profile {
        owner: asha(),
        action: Box::new(ProfileAction::Record {
            details: Box::new(PersonalDetails {
                name: Some(Personal::Clear(parsed("Asha Rao"))),
                ..PersonalDetails::default()
            }),
            removed: [].into(),
            by: actor("asha"),
        }),
    }
}

fn erase(in_review: CasesInReview, cases: &[u128]) -> Command {
    Command::Profile {
        owner: asha(),
        action: Box::new(ProfileAction::Erase {
            reason: ErasureReason::Requested,
            cases: cases.iter().copied().map(case_id).collect::<Vec<CaseId>>(),
            in_review,
            by: actor("meera"),
        }),
    }
}

/// A book in which these have happened.
fn book(commands: &[Command]) -> Book {
    let mut book = Book::complete();
    let opening = Command::OpenLedger {
        name: parsed("main"),
        system_accounts: vec![],
    };
    let tier = Command::SetTier {
        tier: parsed("full"),
        rules: Box::new(crate::limit::RequestedTier {
            operations: None,
            assets: [].into(),
            other_assets: crate::limit::OtherAssets::Unlimited,
            utc_offset_minutes: crate::limit::UtcOffset::default(),
        }),
    };
    for command in [opening, tier].iter().chain(commands) {
        decide(&mut book, command, at(0)).unwrap();
    }
    book
}

fn names(book: &mut Book, command: &Command) -> Vec<&'static str> {
    match decide(book, command, at(1)) {
        Ok(events) => events.iter().map(|event| event.event.name()).collect(),
        Err(DecisionError::Rejected(rejection)) => vec![rejection.code()],
        Err(fault) => panic!("{fault}"),
    }
}

fn status(book: &Book, number: u128) -> Option<CaseStatus> {
    let known = book.verification_case(case_id(number)).open();
    known.map(|(_, status)| status)
}

#[test]
fn a_case_in_review_stands_in_the_way_of_an_erasure() {
    for steps in [vec![submit()], vec![receive(), review()]] {
        let mut commands = vec![record(), case(open("asha"))];
        commands.extend(steps.into_iter().map(case));
        let mut book = book(&commands);
        let before = status(&book, 1);
        let refused = names(&mut book, &erase(CasesInReview::Prevent, &[1]));
        assert_eq!(refused, ["profile_case_in_review"]);
        assert_eq!(status(&book, 1), before);
    }
}

#[test]
fn an_erasure_closes_cases_in_review_where_it_is_to() {
    let commands = [
        record(),
        case(open("asha")),
        case(receive()),
        case(review()),
        of_case(2, open("asha")),
        of_case(2, submit()),
        // Somebody else's, and one that nobody is looking at.
        of_case(3, open("ravi")),
        of_case(3, submit()),
        of_case(4, open("asha")),
    ];
    let mut book = book(&commands);
    let named = &[4, 3, 2, 1, 1, 9];
    let events = names(&mut book, &erase(CasesInReview::Close, named));
    let expected = [
        "CaseRejected",
        "CaseReviewStarted",
        "CaseRejected",
        "ProfileErased",
    ];
    assert_eq!(events, expected);
    assert_eq!(status(&book, 1), Some(CaseStatus::Rejected));
    assert_eq!(status(&book, 2), Some(CaseStatus::Rejected));
    assert_eq!(status(&book, 3), Some(CaseStatus::Submitted));
    assert_eq!(status(&book, 4), Some(CaseStatus::Opened));
    let again = names(&mut book, &erase(CasesInReview::Close, named));
    assert_eq!(again, Vec::<&str>::new());
}

#[test]
fn a_tier_that_was_granted_outlives_the_person_until_its_case_is_rejected() {
    let commands = [
        record(),
        case(open("asha")),
        case(receive()),
        case(review()),
        case(approve()),
    ];
    let mut approved = book(&commands);
    let events = names(&mut approved, &erase(CasesInReview::Prevent, &[1]));
    assert_eq!(events, ["ProfileErased"]);
    assert_eq!(approved.owner(asha().key()).tier(), Some(parsed("full")));
}

#[test]
fn nothing_is_found_out_of_an_erased_person() {
    let mut book = book(&[
        record(),
        case(open("asha")),
        case(receive()),
        erase(CasesInReview::Prevent, &[1]),
    ]);
    assert_eq!(names(&mut book, &record()), ["profile_erased"]);
    for action in [receive(), review(), submit(), approve()] {
        assert_eq!(names(&mut book, &case(action)), ["profile_erased"]);
    }
    assert_eq!(
        names(&mut book, &of_case(2, open("asha"))),
        ["profile_erased"]
    );
    // What a provider has found out already is noted, and approves nobody.
    for (seconds, finding) in [
        (1, Finding::Pending),
        (2, Finding::Review),
        (3, Finding::Approved { valid_until: None }),
    ] {
        let observed = CaseAction::Observe(ObservedFinding {
            provider: parsed("onfido"),
            reference: None,
            observed_at: at(seconds),
            finding,
        });
        assert_eq!(names(&mut book, &case(observed)), ["FindingNoted"]);
    }
    assert_eq!(status(&book, 1), Some(CaseStatus::DocumentsReceived));
    assert_eq!(book.owner(asha().key()).tier(), None);
    // It can be ended, and others go on.
    let reset = CaseAction::Reset {
        reasons: vec![],
        by: actor("meera"),
    };
    assert_eq!(names(&mut book, &case(reset)), ["CaseReset"]);
    let reject = CaseAction::Reject {
        retry: Retry::Final,
        expires_at: None,
        reasons: vec![],
        by: actor("meera"),
    };
    assert_eq!(names(&mut book, &case(reject)), ["case_not_in_review"]);
    assert_eq!(names(&mut book, &of_case(3, open("ravi"))), ["CaseOpened"]);
}
