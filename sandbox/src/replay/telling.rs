//! What a step came to, as it is written: the events, and how it came out otherwise.

use event_store::sandbox::{DifferenceRow, SandboxEvent};
use ledger_core::book::NewEvent;
use ledger_core::payment::{PaymentEvent, unexpected_payment_id};
use ledger_core::{Event, Position, Stream, Timestamp};

use super::{Came, Outcome, Replay, ReplayFault, SourceEvent, references};
use crate::movements::{Movements, compared};

impl Replay {
    /// The events of a step as they are written: the stored texts, where they say the same.
    pub(super) fn written(
        &self,
        step: &[SourceEvent],
        events: &[NewEvent],
    ) -> Result<Vec<SandboxEvent>, ReplayFault> {
        let mut written = Vec::with_capacity(events.len());
        for event in events {
            let of_stream = |known: &&SourceEvent| {
                self.own_stream(known.recorded.stream) == event.stream
                    && known.recorded.event.name() == event.event.name()
            };
            let recorded = step.iter().find(of_stream);
            if let Some(recorded) = recorded
                && recorded.recorded.event == event.event
            {
                written.push(self.copied(recorded, &event.event, event.sequence)?);
                continue;
            }
            let Some(model) = recorded.or(step.first()) else {
                continue;
            };
            let mut metadata = model.recorded.metadata.clone();
            if recorded.is_none() {
                // A key is kept by what it began.
                metadata.idempotency = None;
            }
            let metadata = serde_json::to_string(&metadata)?;
            written.push(new_event(event, metadata, model.recorded.recorded_at)?);
        }
        Ok(written)
    }

    pub(super) fn copied(
        &self,
        event: &SourceEvent,
        own: &Event,
        sequence: i64,
    ) -> Result<SandboxEvent, ReplayFault> {
        let stored = &event.stored;
        let stream = self.own_stream(event.recorded.stream);
        Ok(SandboxEvent {
            aggregate_type: stream.aggregate_type().as_str(),
            aggregate_id: stream.aggregate_id(),
            sequence,
            event_type: stored.event_type.clone(),
            event_version: stored.event_version.clone(),
            payload: match *own == event.recorded.event {
                true => stored.payload.clone(),
                false => own.to_payload()?,
            },
            metadata: stored.metadata.clone(),
            recorded_at: event.recorded.recorded_at,
        })
    }

    /// Writes down what came out otherwise.
    pub(super) fn told(
        &mut self,
        step: &[SourceEvent],
        outcome: Outcome,
        events: Vec<NewEvent>,
    ) -> Result<Came, ReplayFault> {
        let (Some(lead), Some(last)) = (step.first(), step.last()) else {
            return Ok(Came::default());
        };
        match outcome {
            Outcome::Refused(_) | Outcome::FellAway(_) => self.note_missing(step),
            Outcome::Changed => self.note_redirected(step),
            Outcome::LeftOut => {}
        }
        let source = Movements::of(step.iter().map(|event| &event.recorded.event))?;
        let sandbox = Movements::of(events.iter().map(|event| &event.event))?;
        let moved = compared(&source, &sandbox);
        let (name, refusal, depends_on) = match outcome {
            Outcome::Refused(refusal) => ("refused", Some(refusal), None),
            Outcome::FellAway(on) => ("fell_away", None, on.map(Position::value)),
            Outcome::Changed => ("changed", None, None),
            Outcome::LeftOut => ("left_out", None, None),
        };
        let context = match &refusal {
            Some(refusal) => Some(serde_json::to_string(&refusal.context)?),
            None => None,
        };
        let difference = DifferenceRow {
            source_position: lead.stored.position,
            source_until: last.stored.position,
            position: events.first().map(|event| event.position.value()),
            position_until: events.last().map(|event| event.position.value()),
            event_type: lead.stored.event_type.clone(),
            aggregate_type: lead.stored.aggregate_type.clone(),
            aggregate_id: lead.stored.aggregate_id.clone(),
            outcome: name.to_owned(),
            code: refusal.as_ref().map(|refusal| refusal.code.clone()),
            detail: refusal.map(|refusal| refusal.detail),
            context,
            depends_on,
            movements: serde_json::to_string(&moved)?,
        };
        Ok(Came {
            events: self.written(step, &events)?,
            difference: Some(difference),
            moved,
        })
    }

    pub(super) fn note_missing(&mut self, step: &[SourceEvent]) {
        let begun = step.iter().filter(|event| event.recorded.sequence == 1);
        for event in begun {
            self.missing
                .entry(event.recorded.stream)
                .or_insert(event.recorded.position);
        }
    }

    /// Notes where the money of a payment is that there is none of here.
    pub(super) fn note_redirected(&mut self, step: &[SourceEvent]) {
        for event in step {
            if let (Stream::Payment(id), Event::Payment(captured)) =
                (event.recorded.stream, &event.recorded.event)
                && let PaymentEvent::PaymentCaptured {
                    provider, attempt, ..
                } = &**captured
                && self.book.payment(id).status().is_none()
            {
                let taken_in = unexpected_payment_id(*provider, attempt);
                self.redirected.insert(id, taken_in);
            }
        }
    }

    /// What a step builds on that is not here, if something is.
    pub(super) fn missing_of(&self, step: &[SourceEvent]) -> Option<Position> {
        let named = step
            .iter()
            .flat_map(|event| references::of(event.recorded.stream, &event.recorded.event));
        let missing = named.filter_map(|stream| self.missing.get(&stream));
        missing.min().copied()
    }
}

pub(super) fn new_event(
    event: &NewEvent,
    metadata: String,
    recorded_at: Timestamp,
) -> Result<SandboxEvent, ReplayFault> {
    Ok(SandboxEvent {
        aggregate_type: event.stream.aggregate_type().as_str(),
        aggregate_id: event.stream.aggregate_id(),
        sequence: event.sequence,
        event_type: event.event.name().to_owned(),
        event_version: event.event.version().to_owned(),
        payload: event.event.to_payload()?,
        metadata,
        recorded_at,
    })
}
