//! The log as lines: one stored event as one line of JSON, for replay, export and proof.
//!
//! `GET /v1/ledgers/{ledger}/events`, `daybook replay` and `daybook export` write the same lines. Payload and metadata
//! are the stored texts, byte for byte. What tells of a person is sealed in them; a line that has any says beside its
//! texts whether that can still be opened or was erased.
//!
//! **The leaf** of an event in the ledger's Merkle tree is its line without that mark and without the line feed, so
//! that erasing a person changes no hash. Its index is the event's position less one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;

use event_store::{EventText, LogError, LogReader};
use ledger_core::timestamp::TimestampError;
use ledger_core::{AggregateType, LedgerName, Position, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Why a stored event is no line.
#[derive(Debug, thiserror::Error)]
pub enum EventLineError {
    /// The stored time is out of range.
    #[error("the time at position {position} is out of range")]
    Time {
        /// The event's position.
        position: i64,
        /// Why.
        #[source]
        source: TimestampError,
    },
    /// A stored text has a line break, which nothing that Daybook writes has.
    #[error("the event at position {position} has a line break in its payload or metadata")]
    LineBreak {
        /// The event's position.
        position: i64,
    },
    /// A name cannot be written as JSON.
    #[error("the event at position {position} cannot be written")]
    Text {
        /// The event's position.
        position: i64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl EventLineError {
    /// The event's position.
    #[must_use]
    pub const fn position(&self) -> i64 {
        match self {
            Self::Time { position, .. }
            | Self::LineBreak { position }
            | Self::Text { position, .. } => *position,
        }
    }
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

impl PersonalMark {
    /// How a line that has it ends, in place of the last brace of its leaf.
    const fn ending(self) -> &'static str {
        match self {
            Self::Sealed => r#","personal":"sealed"}"#,
            Self::Erased => r#","personal":"erased"}"#,
        }
    }
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
        events: &[EventText<'_>],
    ) -> Result<Self, LogError> {
        Self::among_until(log, ledger, events, Position::START.plus(i64::MAX)).await
    }

    /// Those who were erased by an event at or before a position.
    ///
    /// # Errors
    /// Those of the log.
    pub async fn among_until(
        log: &LogReader,
        ledger: LedgerName,
        events: &[EventText<'_>],
        until: Position,
    ) -> Result<Self, LogError> {
        let told: HashSet<String> = events
            .iter()
            .filter(|event| tells_of_a_person(event.aggregate_type, event.event_type))
            .map(|event| event.aggregate_id.to_owned())
            .collect();
        let told: Vec<String> = told.into_iter().collect();
        let erased = log.erased_profiles_until(ledger, &told, until).await?;
        Ok(Self(erased.into_iter().collect()))
    }

    /// What has become of what an event tells of a person; `None` when it tells nothing.
    #[must_use]
    pub fn mark(&self, event: &EventText<'_>) -> Option<PersonalMark> {
        tells_of_a_person(event.aggregate_type, event.event_type).then(|| {
            if self.0.contains(event.aggregate_id) {
                PersonalMark::Erased
            } else {
                PersonalMark::Sealed
            }
        })
    }
}

/// Whether events of a type tell of a person.
pub(crate) fn tells_of_a_person(aggregate_type: &str, event_type: &str) -> bool {
    aggregate_type == AggregateType::Profile.as_str() && event_type != "ProfileErased"
}

/// Adds the leaf of a stored event to `to`. This is the one place that says how an event is written.
///
/// # Errors
/// [`EventLineError`], when the row is not one that Daybook wrote.
pub fn write_leaf(
    to: &mut Vec<u8>,
    ledger: LedgerName,
    event: &EventText<'_>,
) -> Result<(), EventLineError> {
    let position = event.position;
    let breaks = |text: &str| memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some();
    if breaks(event.payload) || breaks(event.metadata) {
        return Err(EventLineError::LineBreak { position });
    }
    let recorded_at = Timestamp::try_new(event.recorded_at)
        .map_err(|source| EventLineError::Time { position, source })?;
    let faulty = |source| EventLineError::Text { position, source };
    to.extend_from_slice(br#"{"ledger":""#);
    to.extend_from_slice(ledger.as_str().as_bytes());
    to.extend_from_slice(br#"","position":"#);
    serde_json::to_writer(&mut *to, &position).map_err(faulty)?;
    to.extend_from_slice(br#","recorded_at":""#);
    write!(to, "{recorded_at}").map_err(|error| faulty(serde_json::Error::io(error)))?;
    to.extend_from_slice(br#"","aggregate_type":"#);
    serde_json::to_writer(&mut *to, event.aggregate_type).map_err(faulty)?;
    to.extend_from_slice(br#","aggregate_id":"#);
    serde_json::to_writer(&mut *to, event.aggregate_id).map_err(faulty)?;
    to.extend_from_slice(br#","sequence":"#);
    serde_json::to_writer(&mut *to, &event.sequence).map_err(faulty)?;
    to.extend_from_slice(br#","event_type":"#);
    serde_json::to_writer(&mut *to, event.event_type).map_err(faulty)?;
    to.extend_from_slice(br#","event_version":"#);
    serde_json::to_writer(&mut *to, event.event_version).map_err(faulty)?;
    to.extend_from_slice(br#","payload":"#);
    to.extend_from_slice(event.payload.as_bytes());
    to.extend_from_slice(br#","metadata":"#);
    to.extend_from_slice(event.metadata.as_bytes());
    to.push(b'}');
    Ok(())
}

/// Adds the line of a stored event to `to`, with its line feed.
///
/// # Errors
/// Those of [`write_leaf`]; nothing is added then.
pub fn write_line(
    to: &mut Vec<u8>,
    ledger: LedgerName,
    event: &EventText<'_>,
    mark: Option<PersonalMark>,
) -> Result<(), EventLineError> {
    let before = to.len();
    if let Err(error) = write_leaf(to, ledger, event) {
        to.truncate(before);
        return Err(error);
    }
    if let Some(mark) = mark {
        to.pop();
        to.extend_from_slice(mark.ending().as_bytes());
    }
    to.push(b'\n');
    Ok(())
}

/// Adds a line, with its line feed, that stands for a stored event that is no line: an object that no event is, with
/// where it would be and why it is not.
pub fn write_unwritable(to: &mut Vec<u8>, ledger: LedgerName, error: &EventLineError) {
    let why = match error {
        EventLineError::Time { .. } => "time_out_of_range",
        EventLineError::LineBreak { .. } => "line_break",
        EventLineError::Text { .. } => "text",
    };
    let position = error.position();
    // Names of ledgers need no escapes.
    let line = format!(r#"{{"ledger":"{ledger}","position":{position},"unwritable":"{why}"}}"#);
    to.extend_from_slice(line.as_bytes());
    to.push(b'\n');
}

/// The leaf of a line that has no line feed any more.
///
/// A leaf ends with the two braces of its metadata and of itself, a line that has the mark with a quote and a brace,
/// so that nothing in metadata is taken for the mark.
#[must_use]
pub fn leaf_of_line(line: &[u8]) -> Cow<'_, [u8]> {
    for mark in [PersonalMark::Sealed, PersonalMark::Erased] {
        if let Some(rest) = line.strip_suffix(mark.ending().as_bytes()) {
            let mut leaf = rest.to_vec();
            leaf.push(b'}');
            return Cow::Owned(leaf);
        }
    }
    Cow::Borrowed(line)
}

/// A line, read back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLine<'l> {
    /// The ledger.
    pub ledger: LedgerName,
    /// The event's place in the ledger's log.
    pub position: i64,
    /// When it was written, with microseconds.
    pub recorded_at: Timestamp,
    /// The kind of its aggregate.
    #[serde(borrow)]
    pub aggregate_type: Cow<'l, str>,
    /// The id of its aggregate.
    #[serde(borrow)]
    pub aggregate_id: Cow<'l, str>,
    /// Its place in the aggregate's stream.
    pub sequence: i64,
    /// Its type.
    #[serde(borrow)]
    pub event_type: Cow<'l, str>,
    /// The version of its shape.
    #[serde(borrow)]
    pub event_version: Cow<'l, str>,
    /// What it says: the stored text.
    #[serde(borrow)]
    pub payload: &'l RawValue,
    /// Who and what caused it: the stored text.
    #[serde(borrow)]
    pub metadata: &'l RawValue,
    /// What has become of what it tells of a person, if it tells anything.
    #[serde(default)]
    pub personal: Option<PersonalMark>,
}

#[cfg(test)]
mod tests {
    use event_store::StoredEvent;

    use super::*;

    fn event(payload: &str, metadata: &str) -> StoredEvent {
        StoredEvent {
            position: 7,
            aggregate_type: "transaction".into(),
            aggregate_id: "0190b8a2-5b7e-7c3d-8f00-0000000000a1".into(),
            sequence: 1,
            event_type: "TransactionPosted".into(),
            event_version: "1".into(),
            payload: payload.into(),
            metadata: metadata.into(),
            recorded_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        }
    }

    fn line(event: &StoredEvent, mark: Option<PersonalMark>) -> Vec<u8> {
        let mut line = Vec::new();
        write_line(&mut line, "main".parse().unwrap(), &event.text(), mark).unwrap();
        assert_eq!(line.pop(), Some(b'\n'));
        line
    }

    #[test]
    fn a_line_keeps_the_stored_texts_byte_for_byte() {
        let payload = r#"{"TransactionPosted": {"b":1,  "a":"1.10"}}"#;
        let written = line(&event(payload, "{ }"), None);
        let expected = format!(
            r#"{{"ledger":"main","position":7,"recorded_at":"2026-01-31T12:00:00.000000Z","aggregate_type":"transaction","aggregate_id":"0190b8a2-5b7e-7c3d-8f00-0000000000a1","sequence":1,"event_type":"TransactionPosted","event_version":"1","payload":{payload},"metadata":{{ }}}}"#
        );
        assert_eq!(String::from_utf8(written.clone()).unwrap(), expected);
        let read: EventLine<'_> = serde_json::from_slice(&written).unwrap();
        assert_eq!(read.payload.get(), payload);
    }

    #[test]
    fn erasing_changes_no_leaf() {
        let event = event(r#"{"a":1}"#, r#"{"x":"","personal":"erased"}"#);
        let mut leaf = Vec::new();
        write_leaf(&mut leaf, "main".parse().unwrap(), &event.text()).unwrap();
        for mark in [None, Some(PersonalMark::Sealed), Some(PersonalMark::Erased)] {
            let line = line(&event, mark);
            assert_eq!(leaf_of_line(&line), leaf, "{mark:?}");
            let read: EventLine<'_> = serde_json::from_slice(&line).unwrap();
            assert_eq!(read.personal, mark);
        }
    }

    #[test]
    fn an_event_is_one_line() {
        for (payload, metadata) in [("{\n}", "{}"), ("{}", "{\r}")] {
            let mut to = Vec::new();
            let event = event(payload, metadata);
            assert!(write_line(&mut to, "main".parse().unwrap(), &event.text(), None).is_err());
        }
    }
}
