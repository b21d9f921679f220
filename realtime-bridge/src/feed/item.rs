//! What waits to be sent to a client.

use std::sync::Arc;

use ledger_core::Position;
use schemas::message::{EVENT_END, event_start, replayed_start};
use schemas::{Channel, ErrorCode, ServerMessage};

use crate::publication::Publication;

/// What an event's envelope and its place in the queue are counted as, in bytes.
const ENVELOPE_BYTES: usize = 320;

/// Something to be sent.
#[derive(Debug)]
pub(crate) enum Item {
    /// A message, written out.
    Message {
        /// The `type` in it.
        kind: &'static str,
        /// Where a client that has it may resume, when it says so.
        resume_after: Option<Position>,
        /// The JSON.
        json: String,
    },
    /// An event, shared by all that get it.
    Event {
        channel: Channel,
        prev: Position,
        event: Arc<Publication>,
    },
    /// An event of the past, told by a replay.
    Replayed {
        channel: Channel,
        event: Publication,
    },
    /// A WebSocket ping.
    Ping,
}

impl Item {
    /// What it counts for in a queue.
    pub(super) fn bytes(&self) -> usize {
        ENVELOPE_BYTES
            + match self {
                Self::Message { json, .. } => json.len(),
                Self::Event { event, .. } => event.json.len(),
                Self::Replayed { event, .. } => event.json.len(),
                Self::Ping => 0,
            }
    }

    /// The JSON of an event's message.
    pub(crate) fn event_json(channel: &Channel, prev: Position, event: &Publication) -> String {
        let start = event_start(channel, event.position, prev);
        around(&start, event.json_on(channel))
    }

    /// The JSON of a message that tells an event of the past.
    pub(crate) fn replayed_json(channel: &Channel, event: &Publication) -> String {
        let start = replayed_start(channel, event.position);
        around(&start, event.json_on(channel))
    }

    /// Writes a message out.
    pub(crate) fn of(message: &ServerMessage) -> Self {
        let (kind, resume_after) = match message {
            ServerMessage::Welcome { .. } => ("welcome", None),
            ServerMessage::Snapshot { as_of, .. } => ("snapshot", Some(*as_of)),
            ServerMessage::Resumed { after, .. } => ("resumed", Some(*after)),
            ServerMessage::Event { position, .. } => ("event", Some(*position)),
            ServerMessage::ReplayStarted { .. } => ("replay_started", None),
            ServerMessage::Replayed { .. } => ("replayed", None),
            ServerMessage::ReplayEnded { .. } => ("replay_ended", None),
            ServerMessage::Heartbeat { .. } => ("heartbeat", None),
            ServerMessage::Unsubscribed { .. } => ("unsubscribed", None),
            ServerMessage::Authenticated { .. } => ("authenticated", None),
            ServerMessage::CredentialExpiring { .. } => ("credential_expiring", None),
            ServerMessage::Pong { .. } => ("pong", None),
            ServerMessage::Error { .. } => ("error", None),
            ServerMessage::ServerShutdown { .. } => ("server_shutdown", None),
        };
        // Our own types always serialise; an empty frame would show the impossible.
        let json = serde_json::to_string(message).unwrap_or_default();
        Self::Message {
            kind,
            resume_after,
            json,
        }
    }

    /// Says that the server ended a subscription.
    pub(super) fn ended(channel: &Channel, code: ErrorCode) -> Self {
        let message = match code {
            ErrorCode::Forbidden => "the channel may not be followed any more",
            _ => "subscribe again without a position",
        };
        Self::of(&ServerMessage::Error {
            id: None,
            channel: Some(channel.to_string()),
            code,
            message: message.to_owned(),
            temporary: code.is_temporary(),
        })
    }
}

/// A message with an event's own JSON in it.
fn around(start: &str, told: &str) -> String {
    let mut json = String::with_capacity(start.len() + told.len() + EVENT_END.len());
    json.push_str(start);
    json.push_str(told);
    json.push_str(EVENT_END);
    json
}
