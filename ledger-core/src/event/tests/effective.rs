//! When events count, and what stood as far as they did.

use uuid::Uuid;

use crate::event::effective::{Counting, EffectiveState};
use crate::event::state::AggregateState;
use crate::event::{AggregateType, Event, EventMetadata, Position, RecordedEvent, Stream};
use crate::fixtures::*;
use crate::timestamp::Timestamp;
use crate::verification::{
    CaseEvent, CaseSource, CaseStatus, Finding, ObservedFinding, VerificationCase,
};

fn recorded(sequence: i64, second: i64, event: CaseEvent) -> RecordedEvent {
    RecordedEvent {
        position: Position::START.plus(10 * sequence),
        recorded_at: at(second),
        stream: Stream::VerificationCase(case_id(1)),
        sequence,
        event: Event::VerificationCase(Box::new(event)),
        metadata: EventMetadata {
            command_id: Uuid::nil(),
            actor: None,
            correlation_id: None,
            causation_id: None,
            idempotency: None,
        },
    }
}

fn opened() -> CaseEvent {
    CaseEvent::CaseOpened {
        owner: owner("customer-7"),
        tier: parsed("full"),
        expires_at: None,
        by: actor("asha"),
    }
}

fn found(observed_at: Timestamp, finding: Finding) -> ObservedFinding {
    ObservedFinding {
        provider: parsed("sumsub"),
        reference: None,
        observed_at,
        finding,
    }
}

fn approved(observed_at: Timestamp) -> CaseEvent {
    CaseEvent::CaseApproved {
        tier: parsed("full"),
        reverify_at: None,
        source: CaseSource::Provider(found(observed_at, Finding::Approved { valid_until: None })),
        reasons: Vec::new(),
    }
}

/// Opened at 10, approved by what came about at 20 and was heard at 30, taken on by staff at 40.
fn events() -> Vec<RecordedEvent> {
    let review = CaseEvent::CaseReviewStarted {
        cause: crate::verification::ReviewCause::Requested,
        source: CaseSource::Actor(actor("asha")),
        reasons: Vec::new(),
    };
    vec![
        recorded(1, 10, opened()),
        recorded(2, 30, approved(at(20))),
        recorded(3, 40, review),
    ]
}

fn stood(events: &[RecordedEvent], until: Option<Timestamp>) -> EffectiveState {
    let mut state = EffectiveState::new(AggregateType::VerificationCase, until);
    for event in events {
        state.add(event).unwrap();
    }
    state
}

fn status(state: &EffectiveState) -> Option<CaseStatus> {
    match state.state() {
        AggregateState::VerificationCase(case) => case.open().map(|(_, status)| status),
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_every_event_counted_it_is_the_state() {
    let events = events();
    for known in 0..=events.len() {
        let known = &events[..known];
        let expected = AggregateState::after(AggregateType::VerificationCase, known).unwrap();
        for until in [None, Some(at(50))] {
            let state = stood(known, until);
            assert_eq!(*state.state(), expected);
            assert_eq!(
                state.last().map(|last| last.sequence),
                known.last().map(|last| last.sequence)
            );
            assert!(state.later().is_empty() && state.cannot_follow().is_empty());
        }
    }
}

#[test]
fn a_verdict_counts_when_it_came_about_and_is_known_when_it_was_heard() {
    let events = events();
    for (until, expected, later) in [
        (9, None, vec![1, 2, 3]),
        (10, Some(CaseStatus::Opened), vec![2, 3]),
        (19, Some(CaseStatus::Opened), vec![2, 3]),
        (20, Some(CaseStatus::Approved), vec![3]),
        (39, Some(CaseStatus::Approved), vec![3]),
        (40, Some(CaseStatus::InReview), vec![]),
    ] {
        let until = Some(at(until));
        let state = stood(&events, until);
        assert_eq!(state.later(), later);
        assert_eq!(status(&state), expected, "{until:?}");
        assert!(state.cannot_follow().is_empty());
    }
    // What counted at 20, as it was known before it was heard.
    assert_eq!(
        status(&stood(&events[..1], Some(at(20)))),
        Some(CaseStatus::Opened)
    );
}

#[test]
fn a_verdict_from_before_the_case_is_named_and_not_folded() {
    let events = [recorded(1, 10, opened()), recorded(2, 30, approved(at(5)))];
    let state = stood(&events, Some(at(7)));
    assert_eq!(
        *state.state(),
        AggregateState::VerificationCase(Box::new(VerificationCase::Absent))
    );
    assert_eq!(state.last(), None);
    assert_eq!((state.later(), state.cannot_follow()), (&[1][..], &[2][..]));
}

#[test]
fn what_cannot_follow_though_nothing_was_left_out_is_a_fault() {
    let mut state = EffectiveState::new(AggregateType::VerificationCase, Some(at(50)));
    assert!(state.add(&recorded(2, 30, approved(at(5)))).is_err());
    assert_eq!(state.add(&recorded(1, 10, opened())), Ok(Counting::Counts));
}
