//! The tables of the module's documentation, every cell.

use super::*;

/// Every state, by the shortest way there.
fn states() -> Vec<(&'static str, VerificationCase)> {
    let approved = [open(), receive("passport", 1), start_review(), approve()];
    let then = |more: &[CaseAction]| [&approved, more].concat();
    vec![
        ("Absent", VerificationCase::default()),
        ("Opened", after(&[open()])),
        ("AwaitingDocuments", after(&[open(), request("passport")])),
        (
            "DocumentsReceived",
            after(&[open(), receive("passport", 1)]),
        ),
        ("Submitted", after(&[open(), submit(&["sumsub"])])),
        (
            "InReview",
            after(&[open(), receive("passport", 1), start_review()]),
        ),
        ("Approved", after(&approved)),
        (
            "RetryAllowed",
            after(&[
                open(),
                receive("passport", 1),
                start_review(),
                reject(Retry::Allowed),
            ]),
        ),
        (
            "Rejected",
            after(&[
                open(),
                receive("passport", 1),
                start_review(),
                reject(Retry::Final),
            ]),
        ),
        ("Expired", after(&[open(), CaseAction::Expire])),
        ("ReverificationDue", after(&then(&[reverify()]))),
    ]
}

#[test]
fn every_command_in_every_state() {
    let commands = [
        open(),
        request("selfie"),
        receive("selfie", 9),
        remove(1, RemovalReason::Retention),
        remove(9, RemovalReason::Erasure),
        submit(&["onfido"]),
        start_review(),
        approve(),
        reject(Retry::Final),
        reject(Retry::Allowed),
        CaseAction::Expire,
        reset(),
        reverify(),
    ];
    let (collecting, none) = ("case_not_collecting", "nothing");
    let (reviewing, reviewable) = ("case_not_in_review", "case_nothing_to_review");
    let (approved, expirable) = ("case_not_approved", "case_not_expirable");
    let (missing, lost) = ("case_documents_missing", "case_not_found");
    let (awaiting, received) = ("awaiting_documents", "documents_received");
    let table: [[&str; 13]; 11] = [
        [
            "opened", lost, lost, lost, lost, lost, lost, lost, lost, lost, lost, lost, lost,
        ],
        [
            "case_exists",
            awaiting,
            received,
            "noted",
            "noted",
            "submitted",
            reviewable,
            reviewing,
            reviewing,
            reviewing,
            "expired",
            none,
            approved,
        ],
        [
            "case_exists",
            awaiting,
            awaiting,
            "noted",
            "noted",
            missing,
            reviewable,
            reviewing,
            reviewing,
            reviewing,
            "expired",
            "opened",
            approved,
        ],
        [
            "case_exists",
            awaiting,
            received,
            "noted",
            "noted",
            "submitted",
            "in_review",
            reviewing,
            reviewing,
            reviewing,
            "expired",
            "opened",
            approved,
        ],
        [
            "case_exists",
            collecting,
            collecting,
            "noted",
            "noted",
            "submitted",
            "in_review",
            reviewing,
            reviewing,
            reviewing,
            expirable,
            "opened",
            approved,
        ],
        [
            "case_exists",
            awaiting,
            collecting,
            "noted",
            "noted",
            collecting,
            none,
            "approved",
            "rejected",
            "retry_allowed",
            expirable,
            "opened",
            approved,
        ],
        [
            "case_exists",
            collecting,
            collecting,
            "noted",
            "noted",
            collecting,
            reviewable,
            reviewing,
            reviewing,
            reviewing,
            expirable,
            "opened",
            "reverification_due",
        ],
        [
            "case_exists",
            awaiting,
            received,
            "noted",
            "noted",
            "submitted",
            "in_review",
            reviewing,
            reviewing,
            reviewing,
            "expired",
            "opened",
            approved,
        ],
        [
            "case_exists",
            collecting,
            collecting,
            "noted",
            "noted",
            collecting,
            "in_review",
            reviewing,
            reviewing,
            reviewing,
            expirable,
            "opened",
            approved,
        ],
        [
            "case_exists",
            collecting,
            collecting,
            "noted",
            "noted",
            collecting,
            "in_review",
            reviewing,
            reviewing,
            reviewing,
            none,
            "opened",
            approved,
        ],
        [
            "case_exists",
            awaiting,
            received,
            "noted",
            "noted",
            "submitted",
            "in_review",
            reviewing,
            reviewing,
            reviewing,
            "expired",
            "opened",
            none,
        ],
    ];
    for ((name, case), row) in states().iter().zip(table) {
        for (command, expected) in commands.iter().zip(row) {
            let found = outcome_of(case, command.clone());
            assert_eq!(found, expected, "{command:?} when {name}");
        }
    }
}

#[test]
fn every_finding_in_every_state() {
    let findings = [
        Finding::Pending,
        Finding::Review,
        green(),
        red(Retry::Allowed),
        red(Retry::Final),
        Finding::Expired,
        Finding::Reset,
    ];
    let at_provider = after(&[open(), says("sumsub", 1, Finding::Review)]);
    let mut states = states();
    states.insert(6, ("InReview, begun by the provider", at_provider));
    let lost = ["case_not_found"; 7];
    let begins = [
        "submitted",
        "in_review",
        "approved",
        "retry_allowed",
        "rejected",
        "expired",
        "opened",
    ];
    let with = |row: [&'static str; 7], changed: &[(usize, &'static str)]| {
        let mut row = row;
        for (index, word) in changed {
            row[*index] = word;
        }
        row
    };
    let ours = with(["noted"; 7], &[(6, "opened")]);
    let table = [
        lost,
        // Nothing to begin anew, but what was said before it is older from now on.
        with(begins, &[(6, "noted")]),
        begins,
        begins,
        with(begins, &[(0, "noted")]),
        ours,
        // The same word again is no news.
        with(begins, &[(0, "noted"), (1, "nothing"), (5, "noted")]),
        with(begins, &[(0, "noted"), (2, "noted"), (5, "noted")]),
        with(begins, &[(3, "noted")]),
        with(
            ours,
            &[(1, "in_review"), (2, "in_review"), (3, "in_review")],
        ),
        with(begins, &[(5, "noted")]),
        with(begins, &[(5, "noted")]),
    ];
    assert_eq!(states.len(), table.len());
    for ((name, case), row) in states.iter().zip(table) {
        for (finding, expected) in findings.iter().zip(row) {
            let found = outcome_of(case, says("sumsub", 5, finding.clone()));
            assert_eq!(found, expected, "{finding:?} when {name}");
        }
    }
}

/// State by event: the fold refuses what cannot be a case's own history.
#[test]
fn only_an_opening_begins_a_case_and_only_once() {
    let opened = ask(&VerificationCase::default(), open()).unwrap().unwrap();
    for (name, case) in states() {
        let noted = CaseEvent::CaseReset {
            source: CaseSource::Time,
            reasons: vec![],
        };
        if name == "Absent" {
            assert!(case.evolve(&noted).is_err());
        } else {
            assert!(case.evolve(&opened).is_err(), "{name}");
            assert!(case.evolve(&noted).is_ok(), "{name}");
        }
    }
}

/// What the states grant: an approval stands while it is renewed, and ends with everything else.
#[test]
fn the_tier_is_granted_while_the_approval_stands() {
    for (name, case) in states() {
        let granted = matches!(name, "Approved" | "ReverificationDue");
        assert_eq!(case.granted().is_some(), granted, "{name}");
    }
}

#[test]
fn nothing_expires_before_its_time() {
    for (name, case) in states() {
        let early = ask_at(&case, CaseAction::Expire, at(39)).map(|event| event.is_some());
        let due = ask_at(&case, CaseAction::Expire, at(50)).map(|event| event.is_some());
        match name {
            "Opened" | "AwaitingDocuments" | "DocumentsReceived" | "RetryAllowed"
            | "ReverificationDue" => {
                assert_eq!(early.unwrap_err().code(), "case_not_due", "{name}");
                assert_eq!(due, Ok(true), "{name}");
            }
            _ => assert_eq!(early, due, "{name}"),
        }
    }
}
