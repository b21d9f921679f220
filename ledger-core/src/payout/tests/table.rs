//! The tables of the module's documentation: every state by every command and observation.

use super::*;

fn histories() -> Vec<(&'static str, Vec<PayoutEvent>)> {
    let awaiting = outcome(&[], asked(request())).unwrap().unwrap();
    let approved = || {
        let events = vec![awaiting.clone()];
        let event = outcome(&events, asked(approve("ravi"))).unwrap();
        [events, event.into_iter().collect()].concat()
    };
    let declined = vec![
        awaiting.clone(),
        outcome(std::slice::from_ref(&awaiting), asked(decline()))
            .unwrap()
            .unwrap(),
    ];
    let sent = |statuses: &[ObservedPayout]| {
        let mut actions = vec![request(), submit("razorpay")];
        actions.extend(statuses.iter().map(|status| see(*status)));
        history(&actions)
    };
    vec![
        ("absent", Vec::new()),
        ("awaiting_approval", vec![awaiting.clone()]),
        ("requested", history(&[request()])),
        ("approved", approved()),
        ("submitted", sent(&[])),
        ("processing", sent(&[ObservedPayout::Processing])),
        ("succeeded", sent(&[succeeded()])),
        ("declined", declined),
        ("cancelled", history(&[request(), cancel()])),
        ("failed", sent(&[ObservedPayout::Failed])),
        ("returned", sent(&[succeeded(), ObservedPayout::Returned])),
    ]
}

const LATE: &str = "payout_succeeded_after_end";

fn name(payout: &Payout) -> &'static str {
    payout.status().map_or("absent", PayoutStatus::as_str)
}

fn comes_to(events: &[PayoutEvent], action: PayoutAction) -> String {
    match outcome(events, asked(action)) {
        Ok(None) => "-".to_owned(),
        Ok(Some(event)) => {
            let after = fold(events).evolve(&event).unwrap();
            format!("{} → {}", event.name(), name(&after))
        }
        Err(rejection) => rejection.code().to_owned(),
    }
}

#[test]
fn every_command_in_every_state() {
    let commands = [
        request(),
        approve("ravi"),
        decline(),
        cancel(),
        submit("razorpay"),
        submit("stripe"),
    ];
    let (missing, exists, unasked) = (
        "payout_not_found",
        "payout_exists",
        "payout_not_awaiting_approval",
    );
    let (cancels, submits) = ("PayoutCancelled → cancelled", "PayoutSubmitted → submitted");
    let (sent, ended) = ("payout_submitted", "payout_ended");
    let ready = [exists, unasked, unasked, cancels, submits, submits];
    let out = [exists, unasked, unasked, sent, "-", sent];
    let over = [exists, unasked, unasked, ended, ended, ended];
    let table = [
        [
            "PayoutRequested → awaiting_approval",
            missing,
            missing,
            missing,
            missing,
            missing,
        ],
        [
            exists,
            "PayoutApproved → approved",
            "PayoutDeclined → declined",
            cancels,
            "payout_awaiting_approval",
            "payout_awaiting_approval",
        ],
        ready,
        ready,
        out,
        out,
        out,
        over,
        over,
        over,
        over,
    ];
    for ((state, events), row) in histories().iter().zip(table) {
        assert_eq!(name(&fold(events)), *state);
        for (command, expected) in commands.iter().zip(row) {
            let found = comes_to(events, command.clone());
            assert_eq!(found, expected, "{command:?} when {state}");
        }
    }
}

#[test]
fn every_observation_in_every_state() {
    let observations = [
        ObservedPayout::NotAccepted,
        ObservedPayout::Processing,
        succeeded(),
        ObservedPayout::Failed,
        ObservedPayout::Returned,
        ObservedPayout::Cancelled,
    ];
    let early = ["payout_not_submitted"; 6];
    // Nobody had it, so no provider can pay it.
    let here = ["-", LATE, LATE, "-", "-", "-"];
    let outcomes = [
        "PayoutSucceeded → succeeded",
        "PayoutFailed → failed",
        "PayoutReturned → returned",
        "PayoutCancelled → cancelled",
    ];
    let [succeeds, fails, returns, cancels] = outcomes;
    let (accepted, processes) = ("payout_was_accepted", "PayoutProcessing → processing");
    let denied = "PayoutNotAccepted → requested";
    let table = [
        ["payout_not_found"; 6],
        early,
        early,
        early,
        [denied, processes, succeeds, fails, returns, cancels],
        [accepted, "-", succeeds, fails, returns, cancels],
        [accepted, "-", "-", fails, returns, fails],
        here,
        here,
        ["-"; 6],
        ["-"; 6],
    ];
    for ((state, events), row) in histories().iter().zip(table) {
        for (observation, expected) in observations.iter().zip(row) {
            let found = comes_to(events, see(*observation));
            assert_eq!(found, expected, "{observation:?} when {state}");
        }
    }
}

#[test]
fn every_event_in_every_state() {
    let mut events: Vec<PayoutEvent> = Vec::new();
    let denied = history(&[
        request(),
        submit("razorpay"),
        see(ObservedPayout::NotAccepted),
    ]);
    let charged = history(&[
        request(),
        submit("razorpay"),
        see(succeeded()),
        see(charged()),
    ]);
    for history in histories().into_iter().map(|(_, events)| events) {
        let beside = denied.iter().chain(&charged).cloned();
        for event in history.into_iter().chain(beside) {
            if !events.iter().any(|known| known.name() == event.name()) {
                events.push(event);
            }
        }
    }
    assert_eq!(events.len(), 11);
    let legal = |state: &str, event: &str| {
        let legal: &[&str] = match state {
            "absent" => &["PayoutRequested"],
            "awaiting_approval" => &["PayoutApproved", "PayoutDeclined", "PayoutCancelled"],
            "requested" | "approved" => &["PayoutCancelled", "PayoutSubmitted"],
            "submitted" => &[
                "PayoutNotAccepted",
                "PayoutProcessing",
                "PayoutSucceeded",
                "PayoutFailed",
                "PayoutReturned",
                "PayoutCancelled",
            ],
            "processing" => &[
                "PayoutSucceeded",
                "PayoutFailed",
                "PayoutReturned",
                "PayoutCancelled",
            ],
            "succeeded" => &["PayoutFeesRecorded", "PayoutFailed", "PayoutReturned"],
            _ => &[],
        };
        legal.contains(&event)
    };
    for (state, history) in histories() {
        let before = fold(&history);
        for event in &events {
            let after = before.evolve(event).is_ok();
            assert_eq!(
                after,
                legal(state, event.name()),
                "{} when {state}",
                event.name()
            );
        }
    }
}
