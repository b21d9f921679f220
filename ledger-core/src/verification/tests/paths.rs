//! The odd ways of providers, and of those who disagree.

use proptest::prelude::*;

use super::*;

fn status(case: &VerificationCase) -> CaseStatus {
    case.open().unwrap().1
}

/// What observations come to, in the order in which they are heard.
fn heard(mut case: VerificationCase, words: &[CaseAction]) -> VerificationCase {
    for word in words {
        if let Some(event) = ask(&case, word.clone()).unwrap() {
            case = case.evolve(&event).unwrap();
        }
    }
    case
}

fn submitted(names: &[&str]) -> VerificationCase {
    after(&[open(), submit(names)])
}

#[test]
fn red_with_retry_and_then_green_is_approved() {
    let case = heard(
        submitted(&["sumsub"]),
        &[
            says("sumsub", 1, red(Retry::Allowed)),
            says("sumsub", 2, Finding::Pending),
            says("sumsub", 3, green()),
        ],
    );
    assert_eq!(status(&case), CaseStatus::Approved);
    assert_eq!(case.granted(), Some(parsed("full")));
}

#[test]
fn green_and_then_reset_begins_anew_and_takes_the_tier_back() {
    let approved = heard(submitted(&["sumsub"]), &[says("sumsub", 1, green())]);
    assert!(approved.granted().is_some());
    let case = heard(approved, &[says("sumsub", 2, Finding::Reset)]);
    assert_eq!(status(&case), CaseStatus::Opened);
    assert_eq!(case.granted(), None);
    assert_eq!(case.open().unwrap().0.attempt, 2);
    // What was said before the reset and arrives after it is of the attempt before.
    assert_eq!(outcome_of(&case, says("sumsub", 1, green())), "nothing");
    assert_eq!(outcome_of(&case, says("sumsub", 3, green())), "approved");
}

#[test]
fn a_reset_that_is_heard_before_the_green_it_ends_still_ends_it() {
    let case = heard(after(&[open()]), &[says("sumsub", 2, Finding::Reset)]);
    assert_eq!(outcome_of(&case, says("sumsub", 1, green())), "nothing");
}

#[test]
fn a_reset_that_is_heard_after_what_followed_it_still_takes_the_verdict_back() {
    for (verdict, before) in [
        (green(), CaseStatus::Approved),
        (red(Retry::Final), CaseStatus::Rejected),
    ] {
        let told = [
            says("sumsub", 3, verdict),
            says("sumsub", 6, Finding::Pending),
        ];
        let case = heard(submitted(&["sumsub"]), &told);
        assert_eq!(status(&case), before);
        // One from before the verdict is still of no concern.
        assert_eq!(
            outcome_of(&case, says("sumsub", 2, Finding::Reset)),
            "nothing"
        );
        let case = heard(case, &[says("sumsub", 5, Finding::Reset)]);
        assert_eq!((status(&case), case.granted()), (CaseStatus::Opened, None));
        assert_eq!(
            outcome_of(&case, says("sumsub", 5, Finding::Reset)),
            "nothing"
        );
        let case = heard(case, &[says("sumsub", 6, Finding::Pending)]);
        assert_eq!(status(&case), CaseStatus::Submitted);
        assert_eq!(
            outcome_of(&case, says("sumsub", 5, Finding::Reset)),
            "nothing"
        );
    }
}

#[test]
fn what_is_older_or_the_same_leaves_no_event() {
    let case = heard(submitted(&["sumsub"]), &[says("sumsub", 5, green())]);
    for (seconds, finding) in [
        (5, green()),
        (6, green()),
        (4, red(Retry::Final)),
        (4, Finding::Reset),
        (5, Finding::Pending),
    ] {
        let found = outcome_of(&case, says("sumsub", seconds, finding.clone()));
        assert_eq!(found, "nothing", "{finding:?} at {seconds}");
    }
}

#[test]
fn two_verdicts_of_one_moment_are_for_people() {
    let case = heard(submitted(&["sumsub"]), &[says("sumsub", 5, green())]);
    let disputed = heard(case, &[says("sumsub", 5, red(Retry::Final))]);
    assert_eq!(status(&disputed), CaseStatus::InReview);
    assert_eq!(disputed.granted(), None);
}

#[test]
fn several_providers_approve_together_or_not_at_all() {
    let both = || submitted(&["sumsub", "onfido"]);
    let one = heard(both(), &[says("sumsub", 1, green())]);
    assert_eq!(status(&one), CaseStatus::Submitted);
    let agreed = heard(one.clone(), &[says("onfido", 9, green())]);
    assert_eq!(status(&agreed), CaseStatus::Approved);
    for second in [red(Retry::Allowed), red(Retry::Final)] {
        let disputed = heard(one.clone(), &[says("onfido", 2, second)]);
        assert_eq!(status(&disputed), CaseStatus::InReview);
        assert_eq!(disputed.granted(), None);
        // Whatever a provider says from here on, people decide.
        for word in [green(), Finding::Pending, red(Retry::Final)] {
            let found = outcome_of(&disputed, says("onfido", 7, word));
            assert!(["noted", "nothing"].contains(&found.as_str()), "{found}");
        }
        assert_eq!(outcome_of(&disputed, approve()), "approved");
    }
    let mixed = [
        says("sumsub", 1, red(Retry::Allowed)),
        says("onfido", 1, red(Retry::Final)),
    ];
    assert_eq!(status(&heard(both(), &mixed)), CaseStatus::InReview);
}

#[test]
fn a_second_provider_that_rejects_takes_an_approval_back() {
    let approved = heard(submitted(&["sumsub"]), &[says("sumsub", 1, green())]);
    let disputed = heard(approved, &[says("onfido", 2, red(Retry::Final))]);
    assert_eq!(status(&disputed), CaseStatus::InReview);
    assert_eq!(disputed.granted(), None);
}

#[test]
fn what_people_decided_is_not_undone_by_what_providers_said_before() {
    let disputed = heard(
        submitted(&["sumsub", "onfido"]),
        &[
            says("sumsub", 1, green()),
            says("onfido", 2, red(Retry::Final)),
        ],
    );
    let approved = heard(disputed, &[approve()]);
    assert_eq!(
        outcome_of(&approved, says("onfido", 2, red(Retry::Final))),
        "nothing"
    );
    assert_eq!(outcome_of(&approved, says("sumsub", 3, green())), "noted");
    // New information is another matter.
    assert_eq!(
        outcome_of(&approved, says("onfido", 3, red(Retry::Final))),
        "in_review"
    );
}

#[test]
fn an_approval_stands_while_it_is_renewed() {
    let approved = heard(submitted(&["sumsub"]), &[says("sumsub", 1, green())]);
    let demand = CaseAction::RequireReverification {
        cause: ReverificationCause::Actor(actor("meera")),
        expires_at: Some(at(50)),
        reasons: vec![],
    };
    let due = heard(approved, &[demand]);
    // The approval of before is not one of the new verification.
    assert_eq!(outcome_of(&due, says("sumsub", 1, green())), "nothing");
    for word in [
        says("sumsub", 2, red(Retry::Allowed)),
        says("sumsub", 2, Finding::Expired),
        says("sumsub", 2, Finding::Review),
        receive("passport", 1),
        submit(&["sumsub"]),
    ] {
        let renewed = heard(due.clone(), std::slice::from_ref(&word));
        assert!(renewed.granted().is_some(), "{word:?}");
    }
    for word in [
        says("sumsub", 2, red(Retry::Final)),
        says("sumsub", 2, Finding::Reset),
        CaseAction::Expire,
    ] {
        let ended = heard(due.clone(), std::slice::from_ref(&word));
        assert_eq!(ended.granted(), None, "{word:?}");
    }
    let again = heard(due, &[says("sumsub", 2, green())]);
    assert_eq!(status(&again), CaseStatus::Approved);
}

#[test]
fn an_approval_ends_when_its_provider_takes_it_back() {
    for (word, then) in [
        (red(Retry::Allowed), CaseStatus::RetryAllowed),
        (red(Retry::Final), CaseStatus::Rejected),
        (Finding::Review, CaseStatus::InReview),
    ] {
        let approved = heard(submitted(&["sumsub"]), &[says("sumsub", 1, green())]);
        let case = heard(approved, &[says("sumsub", 2, word)]);
        assert_eq!((status(&case), case.granted()), (then, None));
    }
}

#[test]
fn another_applicant_at_the_same_provider_is_refused() {
    let case = heard(after(&[open()]), &[says("sumsub", 1, Finding::Pending)]);
    let stranger = says_as(provider("sumsub"), "applicant_2", 2, green());
    assert_eq!(outcome_of(&case, stranger), "case_reference_differs");
    let elsewhere = says_as(provider("onfido"), "applicant_2", 2, Finding::Pending);
    assert_eq!(outcome_of(&case, elsewhere), "noted");
}

/// A run that was declined is over: who is asked anew knows the case by another id, and the one of before
/// is a stranger.
#[test]
fn whoever_is_asked_anew_may_call_the_case_otherwise() {
    let declined = heard(
        submitted(&["onfido"]),
        &[says("onfido", 1, red(Retry::Allowed))],
    );
    let anew = heard(declined, &[submit(&["onfido"])]);
    let second = says_as(provider("onfido"), "applicant_2", 2, Finding::Pending);
    let case = heard(anew, &[second]);
    assert_eq!(
        outcome_of(
            &case,
            says_as(provider("onfido"), "applicant_2", 3, green())
        ),
        "approved"
    );
    assert_eq!(
        outcome_of(&case, says("onfido", 3, green())),
        "case_reference_differs"
    );
}

#[test]
fn a_verdict_about_a_case_that_does_not_exist_is_refused_and_may_come_again() {
    let refused = ask(&VerificationCase::default(), says("sumsub", 1, green())).unwrap_err();
    assert_eq!(refused.code(), "case_not_found");
    assert!(refused.is_transient());
}

#[test]
fn documents_are_complete_when_every_kind_is_there() {
    let asked = after(&[open(), request("passport"), request("selfie")]);
    assert_eq!(
        outcome_of(&asked, receive("passport", 1)),
        "awaiting_documents"
    );
    let one = heard(asked, &[receive("passport", 1)]);
    // The same file again, and one of another kind.
    assert_eq!(outcome_of(&one, receive("passport", 1)), "nothing");
    assert_eq!(outcome_of(&one, receive("visa", 2)), "awaiting_documents");
    let all = heard(one, &[receive("selfie", 3)]);
    assert_eq!(status(&all), CaseStatus::DocumentsReceived);
    assert_eq!(outcome_of(&all, request("passport")), "nothing");
    assert_eq!(outcome_of(&all, request("visa")), "awaiting_documents");
}

#[test]
fn a_case_takes_no_more_than_it_may() {
    let mut case = after(&[open()]);
    for number in 0..u8::try_from(MAX_DOCUMENTS).unwrap() {
        case = heard(case, &[receive("passport", number)]);
    }
    assert_eq!(
        outcome_of(&case, receive("passport", 200)),
        "case_out_of_range"
    );
    let names: Vec<String> = (0..=MAX_PROVIDERS)
        .map(|number| format!("p{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(outcome_of(&case, submit(&names)), "case_out_of_range");
    assert_eq!(outcome_of(&case, submit(&[])), "case_out_of_range");
    let full = heard(case, &[submit(&names[1..])]);
    assert_eq!(
        outcome_of(&full, says(names[0], 1, green())),
        "case_out_of_range"
    );
}

#[test]
fn words_hold_no_sentences() {
    for text in ["", "Not a real person", "née", &"x".repeat(65)] {
        assert!(text.parse::<ReasonCode>().is_err(), "{text}");
    }
    for text in ["", "PASSPORT", "pass port", &"x".repeat(41)] {
        assert!(text.parse::<DocumentKind>().is_err(), "{text}");
    }
    for text in ["", "0A", &"0g".repeat(32), &"00".repeat(31)] {
        assert!(text.parse::<ContentHash>().is_err(), "{text}");
    }
}

#[test]
fn the_same_parts_are_the_same_event_of_a_provider() {
    let id = provider_event_id(&["sumsub", "applicant_1", "applicantReviewed", "1"]);
    assert_eq!(
        id,
        provider_event_id(&["sumsub", "applicant_1", "applicantReviewed", "1"])
    );
    assert_ne!(
        id,
        provider_event_id(&["sumsub", "applicant_1applicantReviewed", "1"])
    );
}

fn any_word() -> impl Strategy<Value = CaseAction> {
    let finding = prop::sample::select(vec![
        Finding::Pending,
        Finding::Review,
        green(),
        red(Retry::Allowed),
        red(Retry::Final),
        Finding::Expired,
        Finding::Reset,
    ]);
    let name = prop::sample::select(vec!["sumsub", "onfido"]);
    (name, 0..12_i64, finding).prop_map(|(name, seconds, finding)| says(name, seconds, finding))
}

proptest! {
    /// However they are ordered and repeated: no tier is granted while the last that stands of any
    /// provider is a rejection, and nothing heard twice changes anything.
    #[test]
    fn no_order_of_words_approves_against_a_rejection(
        words in prop::collection::vec(any_word(), 1..16),
    ) {
        let mut case = submitted(&["sumsub", "onfido"]);
        for word in &words {
            case = heard(case, std::slice::from_ref(word));
            let again = heard(case.clone(), std::slice::from_ref(word));
            prop_assert_eq!(&again, &case);
            let (open, status) = case.open().unwrap();
            let rejected = open.providers.values().any(|view| {
                view.heard.as_ref().is_some_and(|heard| {
                    heard.stands && matches!(heard.finding, Finding::Rejected { .. })
                })
            });
            if rejected {
                prop_assert!(case.granted().is_none());
                prop_assert_ne!(status, CaseStatus::Approved);
            }
        }
    }
}
