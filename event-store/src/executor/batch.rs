//! Decisions waiting for their append.

use ledger_core::Position;
use ledger_core::Timestamp;
use ledger_core::book::{NewEvent, Savepoint};
use uuid::Uuid;

use super::outcome::Outcome;
use super::submission::{Request, SubmitError};

/// A submission that was decided; its caller is answered once the batch is durable.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) request: Request,
    pub(super) answer: Result<Outcome, SubmitError>,
    /// Whether the outcome is to be kept under the submission's key.
    pub(super) keeps_key: bool,
    /// Whether it has events in the batch.
    pub(super) writes: bool,
}

/// Decisions that are appended by one statement.
#[derive(Debug)]
pub(super) struct Batch {
    /// The book before the first decision.
    pub(super) before: Savepoint,
    /// The book after the last.
    pub(super) after: Savepoint,
    /// The head the decisions stand on.
    pub(super) expected: Position,
    /// The time of recording of every event in it.
    pub(super) recorded_at: Timestamp,
    pub(super) decided: Vec<Decided>,
    pub(super) events: EventRows,
    pub(super) keys: KeyRows,
    pub(super) commands: usize,
    /// The command id of the first event, by which the batch is found again in the log.
    pub(super) first_command: Option<Uuid>,
}

impl Batch {
    pub(super) fn new(before: Savepoint, expected: Position, recorded_at: Timestamp) -> Self {
        Self {
            before,
            after: before,
            expected,
            recorded_at,
            decided: Vec::new(),
            events: EventRows::default(),
            keys: KeyRows::default(),
            commands: 0,
            first_command: None,
        }
    }

    /// The head once the batch is in the log.
    pub(super) fn last_position(&self) -> Position {
        self.expected.plus(self.events.count())
    }

    pub(super) fn into_requests(self) -> impl Iterator<Item = Request> {
        self.decided.into_iter().map(|decided| decided.request)
    }
}

/// The columns of new events.
#[derive(Debug, Default)]
pub(super) struct EventRows {
    pub(super) aggregate_types: Vec<&'static str>,
    pub(super) aggregate_ids: Vec<String>,
    pub(super) sequences: Vec<i64>,
    pub(super) event_types: Vec<&'static str>,
    pub(super) event_versions: Vec<&'static str>,
    pub(super) payloads: Vec<String>,
    pub(super) metadata: Vec<String>,
}

impl EventRows {
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.sequences.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    pub(super) fn push(&mut self, event: &NewEvent, payload: String, metadata: String) {
        self.aggregate_types
            .push(event.stream.aggregate_type().as_str());
        self.aggregate_ids.push(event.stream.aggregate_id());
        self.sequences.push(event.sequence);
        self.event_types.push(event.event.name());
        self.event_versions.push(event.event.version());
        self.payloads.push(payload);
        self.metadata.push(metadata);
    }
}

/// The columns of new idempotency keys.
#[derive(Debug, Default)]
pub(super) struct KeyRows {
    pub(super) scopes: Vec<String>,
    pub(super) keys: Vec<String>,
    pub(super) request_hashes: Vec<Vec<u8>>,
    pub(super) positions: Vec<i64>,
    pub(super) outcomes: Vec<String>,
}
