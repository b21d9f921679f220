//! The log as lines: one stored event as one line of JSON, for replay and audit.
//!
//! `GET /v1/ledgers/{ledger}/events` and `daybook replay` write the same lines. Payload and
//! metadata are the stored texts, byte for byte: they are what is hashed and proved, so they are
//! never parsed and written again. What tells of a person is sealed in them; a line that has any says
//! beside its texts whether that can still be opened or was erased.

use std::collections::HashSet;
use std::io::{self, Write};

use event_store::{LogError, LogReader, StoredEvent};
use ledger_core::timestamp::TimestampError;
use ledger_core::{AggregateType, LedgerName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Why a stored event is no line.
#[derive(Debug, thiserror::Error)]
pub enum ReplayLineError {
    /// The stored time is out of range.
    #[error("the time at position {position} is out of range")]
    Time {
        /// The event's position.
        position: i64,
        /// Why.
        #[source]
        source: TimestampError,
    },
    /// A stored text is not JSON.
    #[error("the event at position {position} is not JSON")]
    Text {
        /// The event's position.
        position: i64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The line could not be written.
    #[error("the event at position {position} cannot be written")]
    Write {
        /// The event's position.
        position: i64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What has become of what an event tells of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalMark {
    /// It is sealed, and can be opened.
    Sealed,
    /// Its key is destroyed: nobody can open it any more.
    Erased,
}

/// Those of whom these events tell who were erased since.
#[derive(Debug, Default)]
pub struct ErasedPersons(HashSet<String>);

impl ErasedPersons {
    /// Looks them up.
    ///
    /// # Errors
    /// Those of the log.
    pub async fn among(
        log: &LogReader,
        ledger: LedgerName,
        events: &[StoredEvent],
    ) -> Result<Self, LogError> {
        let told: HashSet<&str> = events
            .iter()
            .filter(|event| tells_of_a_person(event))
            .map(|event| event.aggregate_id.as_str())
            .collect();
        let told: Vec<String> = told.into_iter().map(str::to_owned).collect();
        let erased = log.erased_profiles(ledger, &told).await?;
        Ok(Self(erased.into_iter().collect()))
    }

    fn mark(&self, event: &StoredEvent) -> Option<PersonalMark> {
        tells_of_a_person(event).then(|| {
            if self.0.contains(&event.aggregate_id) {
                PersonalMark::Erased
            } else {
                PersonalMark::Sealed
            }
        })
    }
}

fn tells_of_a_person(event: &StoredEvent) -> bool {
    event.aggregate_type == AggregateType::Profile.as_str() && event.event_type != "ProfileErased"
}

/// One stored event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayLine {
    /// The ledger.
    pub ledger: LedgerName,
    /// The event's place in the ledger's log.
    pub position: i64,
    /// When it was written, with microseconds.
    pub recorded_at: Timestamp,
    /// The kind of its aggregate.
    pub aggregate_type: String,
    /// The id of its aggregate.
    pub aggregate_id: String,
    /// Its place in the aggregate's stream.
    pub sequence: i64,
    /// Its type.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// What it says: the stored text.
    pub payload: Box<RawValue>,
    /// Who and what caused it: the stored text.
    pub metadata: Box<RawValue>,
    /// What has become of what it tells of a person, if it tells anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<PersonalMark>,
}

impl ReplayLine {
    /// The line of a stored event.
    ///
    /// # Errors
    /// [`ReplayLineError::Time`] and [`ReplayLineError::Text`], when the row is not one that
    /// Daybook wrote.
    pub fn try_new(
        ledger: LedgerName,
        event: StoredEvent,
        erased: &ErasedPersons,
    ) -> Result<Self, ReplayLineError> {
        let personal = erased.mark(&event);
        let position = event.position;
        let raw = |text| {
            RawValue::from_string(text).map_err(|source| ReplayLineError::Text { position, source })
        };
        Ok(Self {
            ledger,
            position,
            recorded_at: Timestamp::try_new(event.recorded_at)
                .map_err(|source| ReplayLineError::Time { position, source })?,
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            sequence: event.sequence,
            event_type: event.event_type,
            event_version: event.event_version,
            payload: raw(event.payload)?,
            metadata: raw(event.metadata)?,
            personal,
        })
    }

    /// Writes the line with its line feed.
    ///
    /// # Errors
    /// [`ReplayLineError::Write`].
    pub fn write_to(&self, mut writer: impl Write) -> Result<(), ReplayLineError> {
        let position = self.position;
        serde_json::to_writer(&mut writer, self)
            .map_err(io::Error::from)
            .and_then(|()| writer.write_all(b"\n"))
            .map_err(|source| ReplayLineError::Write { position, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_the_stored_texts_byte_for_byte() {
        let payload = r#"{"TransactionPosted": {"b":1,  "a":"1.10"}}"#;
        let event = StoredEvent {
            position: 7,
            aggregate_type: "transaction".into(),
            aggregate_id: "0190b8a2-5b7e-7c3d-8f00-0000000000a1".into(),
            sequence: 1,
            event_type: "TransactionPosted".into(),
            event_version: "1".into(),
            payload: payload.into(),
            metadata: "{ }".into(),
            recorded_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        };
        let line =
            ReplayLine::try_new("main".parse().unwrap(), event, &ErasedPersons::default()).unwrap();
        let mut written = Vec::new();
        line.write_to(&mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.ends_with(&format!(
            r#","payload":{payload},"metadata":{{ }}}}{}"#,
            "\n"
        )));
        assert!(written.contains(r#""recorded_at":"2026-01-31T12:00:00.000000Z""#));
        let read: ReplayLine = serde_json::from_str(&written).unwrap();
        assert_eq!(read.payload.get(), payload);
    }
}
