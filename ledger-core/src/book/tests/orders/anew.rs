//! Whatever was decided comes to the same when it is decided anew, against a book of its own.

use uuid::Uuid;

use crate::book::{Book, NewEvent};
use crate::decision::{Recorded, decide_anew, led_to};
use crate::event::{Event, EventMetadata, RecordedEvent};
use crate::fixtures::transaction_id;
use crate::timestamp::Timestamp;

/// Decides anew what one command has led to.
pub(super) fn follow(again: &mut Book, decided: &[NewEvent], recorded_at: Timestamp) {
    let recorded: Vec<RecordedEvent> = decided
        .iter()
        .map(|new| recorded(new, recorded_at))
        .collect();
    let mut rest = recorded.as_slice();
    while let Some((lead, others)) = rest.split_first() {
        let led = others.iter().take_while(|event| led_to(lead, event));
        let (step, next) = rest.split_at(1 + led.count());
        rest = next;
        let transaction = step.get(1).and_then(|event| match &event.event {
            Event::Transaction(event) => Some(event),
            _ => None,
        });
        let asked = Recorded {
            stream: lead.stream,
            event: &lead.event,
            transaction,
            recorded_at,
            spare: transaction_id(u128::MAX),
        };
        let anew = decide_anew(again, &asked).unwrap();
        let expected: Vec<NewEvent> = step.iter().map(new).collect();
        assert_eq!(anew, expected);
    }
}

fn recorded(new: &NewEvent, recorded_at: Timestamp) -> RecordedEvent {
    RecordedEvent {
        position: new.position,
        recorded_at,
        stream: new.stream,
        sequence: new.sequence,
        event: new.event.clone(),
        metadata: EventMetadata {
            command_id: Uuid::nil(),
            actor: None,
            correlation_id: None,
            causation_id: None,
            idempotency: None,
        },
    }
}

fn new(recorded: &RecordedEvent) -> NewEvent {
    NewEvent {
        position: recorded.position,
        stream: recorded.stream,
        sequence: recorded.sequence,
        event: recorded.event.clone(),
    }
}
