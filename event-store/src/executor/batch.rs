//! Decisions waiting for their append.

use ledger_core::Position;
use ledger_core::Timestamp;
use ledger_core::book::{NewEvent, Savepoint};
use ledger_core::event::EventMetadata;
use uuid::Uuid;

use super::columns::TextColumn;
use super::idempotency_key::IdempotencyKey;
use super::outcome::Outcome;
use super::submission::{Request, SubmitError};

/// A submission that was decided; its caller is answered once the batch is durable.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) request: Request,
    pub(super) answer: Result<Outcome, SubmitError>,
    /// Whether it has events in the batch; its key, if it has one, is then kept with the outcome.
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
    pub(super) rows: Rows,
    pub(super) commands: usize,
    /// The command id of the first event, by which the batch is found again in the log.
    pub(super) first_command: Option<Uuid>,
}

impl Batch {
    pub(super) fn new(
        before: Savepoint,
        expected: Position,
        recorded_at: Timestamp,
        rows: Rows,
    ) -> Self {
        Self {
            before,
            after: before,
            expected,
            recorded_at,
            decided: Vec::new(),
            rows,
            commands: 0,
            first_command: None,
        }
    }

    /// The head once the batch is in the log.
    pub(super) fn last_position(&self) -> Position {
        self.expected.plus(self.rows.events.count())
    }

    pub(super) fn into_requests(self) -> impl Iterator<Item = Request> {
        self.decided.into_iter().map(|decided| decided.request)
    }
}

/// What an append writes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) events: EventRows,
    pub(super) keys: KeyRows,
}

impl Rows {
    /// Empties the rows and keeps their memory for another batch.
    pub(super) fn clear(&mut self) {
        let EventRows {
            aggregate_types,
            aggregate_ids,
            sequences,
            event_types,
            event_versions,
            payloads,
            metadata,
        } = &mut self.events;
        let KeyRows {
            scopes,
            keys,
            request_hashes,
            positions,
            outcomes,
        } = &mut self.keys;
        for column in [
            aggregate_types,
            aggregate_ids,
            event_types,
            event_versions,
            payloads,
            metadata,
            scopes,
            keys,
            outcomes,
        ] {
            column.truncate(0);
        }
        sequences.clear();
        request_hashes.clear();
        positions.clear();
    }
}

/// The columns of new events.
#[derive(Debug, Default)]
pub(super) struct EventRows {
    pub(super) aggregate_types: TextColumn,
    pub(super) aggregate_ids: TextColumn,
    pub(super) sequences: Vec<i64>,
    pub(super) event_types: TextColumn,
    pub(super) event_versions: TextColumn,
    pub(super) payloads: TextColumn,
    pub(super) metadata: TextColumn,
}

impl EventRows {
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.sequences.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// Adds the events of one command, all or none.
    pub(super) fn extend(
        &mut self,
        events: &[NewEvent],
        metadata: &EventMetadata,
    ) -> Result<(), serde_json::Error> {
        let before = self.payloads.count();
        let metadata = serde_json::to_string(metadata)?;
        for event in events {
            let written = self
                .payloads
                .push_json(|bytes| event.event.write_payload(bytes));
            if let Err(error) = written {
                self.payloads.truncate(before);
                return Err(error);
            }
        }
        for event in events {
            self.aggregate_types
                .push(event.stream.aggregate_type().as_str());
            self.aggregate_ids
                .push_display(&event.stream.displayed_id());
            self.sequences.push(event.sequence);
            self.event_types.push(event.event.name());
            self.event_versions.push(event.event.version());
            self.metadata.push(&metadata);
        }
        Ok(())
    }
}

/// The columns of new idempotency keys.
#[derive(Debug, Default)]
pub(super) struct KeyRows {
    pub(super) scopes: TextColumn,
    pub(super) keys: TextColumn,
    pub(super) request_hashes: Vec<[u8; 32]>,
    pub(super) positions: Vec<i64>,
    pub(super) outcomes: TextColumn,
}

impl KeyRows {
    /// Adds a key with what came of it.
    pub(super) fn push(
        &mut self,
        key: &IdempotencyKey,
        outcome: &Outcome,
    ) -> Result<(), serde_json::Error> {
        self.outcomes.push_as_json(outcome)?;
        self.scopes.push(key.scope());
        self.keys.push(key.key());
        self.request_hashes.push(*key.request_hash());
        self.positions.push(outcome.position.value());
        Ok(())
    }

    /// Takes the last key back.
    pub(super) fn pop(&mut self) {
        self.request_hashes.pop();
        self.positions.pop();
        let count = self.outcomes.count().saturating_sub(1);
        for column in [&mut self.outcomes, &mut self.scopes, &mut self.keys] {
            column.truncate(count);
        }
    }
}
