//! What client and server say to each other on a live connection.
//!
//! One JSON object a text frame, told apart by `type`. A client subscribes to channels; for each
//! it gets a [`ServerMessage::Snapshot`] and then every event after it, or, when it says where it
//! stopped, a [`ServerMessage::Resumed`] and then every event after that.
//!
//! Every event carries its `position` and, as `prev`, the position delivered before it on the same
//! channel (at first, where the channel began): a client that sees a `prev` it did not get has
//! missed something. A [`ServerMessage::Heartbeat`] says how far each channel has come, so that a
//! missing tail shows as well.
//!
//! A client may also have the past told as it happened ([`ClientMessage::Replay`]), beside what it follows.
//!
//! A connection ends with the credential it was opened with. A client is told before
//! ([`ServerMessage::CredentialExpiring`]) and goes on by sending a newer one
//! ([`ClientMessage::Authenticate`]). When the credential is revoked, or its holder may no longer
//! follow anything, the connection is closed at once; when they may no longer follow one channel, that
//! channel ends with an error.

mod codes;

use std::collections::BTreeMap;
use std::fmt;

use ledger_core::{AccountId, LedgerName, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::published::PublishedEvent;

pub use codes::{CloseReason, ErrorCode};

/// A message from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Follow a channel: from a snapshot, or from where the client stopped.
    Subscribe {
        /// The client's own number for this request; the answer carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// What to follow: `ledger`, `wallet:<uuid>`, `account:<account>`, `case:<uuid>` or
        /// `onboarding:<owner>`.
        #[schemars(with = "Channel")]
        channel: String,
        /// The last position the client has; without it a snapshot comes first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<Position>")]
        after: Option<i64>,
        /// The epoch that `after` is of, as `welcome` told it; when it is another one now, the
        /// position cannot be recovered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<String>,
    },
    /// Stop following a channel.
    Unsubscribe {
        /// The client's own number for this request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Which.
        #[schemars(with = "Channel")]
        channel: String,
    },
    /// Tell a stretch of the past, at the pace at which it happened or a multiple of it. One at a time on a
    /// connection, for those who may follow `ledger`.
    Replay {
        /// The client's own number for this request; every answer carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Of what: as for `subscribe`.
        #[schemars(with = "Channel")]
        channel: String,
        /// Only events after this position; from the beginning when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<Position>")]
        after: Option<i64>,
        /// Only events up to and with this position; up to the end of the log at the time of asking when
        /// absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<Position>")]
        until: Option<i64>,
        /// How many times as fast as it happened: 1 is real time; as fast as the client reads when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1_000_000))]
        speed: Option<u32>,
        /// No pause between two events is longer than this, in milliseconds, however long nothing happened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        longest_pause_ms: Option<u64>,
    },
    /// End the replay that is under way.
    StopReplay {
        /// The client's own number for this request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    /// Go on with a newer credential of the same person or machine: an access token or a key.
    Authenticate {
        /// The client's own number for this request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The credential, as it would follow `Bearer` in a header.
        token: Token,
    },
    /// Ask for a `pong`, for clients that cannot send WebSocket pings.
    Ping {
        /// The client's own number for this request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
}

/// A credential that a client sends; never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Token(#[schemars(length(min = 1, max = 8192))] String);

impl Token {
    /// A text as a credential.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// What an account holds. Decimal strings in the asset's major unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountBalance {
    /// The account.
    pub account: AccountId,
    /// Everything that was ever debited.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub posted_debits: String,
    /// Everything that was ever credited.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub posted_credits: String,
    /// What active holds reserve.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub pending_debits: String,
    /// The balance seen from the account's normal side; may be negative.
    #[schemars(regex(pattern = r"^-?[0-9]+(\.[0-9]+)?$"))]
    pub balance: String,
    /// The balance less what is reserved; may be negative.
    #[schemars(regex(pattern = r"^-?[0-9]+(\.[0-9]+)?$"))]
    pub available: String,
}

/// A message from the server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The first message of every connection.
    Welcome {
        /// The ledger of this connection.
        ledger: LedgerName,
        /// Which history positions are of; it changes when the log was restored to an earlier state.
        epoch: String,
        /// The last position the server has.
        head: Position,
        /// How often a `heartbeat` comes, in milliseconds.
        heartbeat_interval_ms: u64,
    },
    /// A channel as it stands; every event after `as_of` follows.
    Snapshot {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The channel, as the server writes it from now on.
        channel: Channel,
        /// Which history `as_of` is of.
        epoch: String,
        /// The last position that the balances include.
        as_of: Position,
        /// The accounts of the channel; none for `ledger`, and for a case and an onboarding, which are
        /// read over REST at `as_of`.
        balances: Vec<AccountBalance>,
    },
    /// A channel goes on where the client stopped; every event after `after` follows.
    Resumed {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The channel, as the server writes it from now on.
        channel: Channel,
        /// Which history `after` is of.
        epoch: String,
        /// Where the client stopped.
        after: Position,
    },
    /// Something happened that concerns a channel.
    Event {
        /// The channel.
        channel: Channel,
        /// The event's place in the log.
        position: Position,
        /// The position delivered before this one on the channel; at first `as_of` or `after`.
        prev: Position,
        /// What happened.
        event: Box<PublishedEvent>,
    },
    /// A replay has begun.
    ReplayStarted {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The channel, as the server writes it from now on.
        channel: Channel,
        /// Which history positions are of.
        epoch: String,
        /// Events after this position come,
        after: Position,
        /// up to and with this one.
        until: Position,
    },
    /// Something of the past, told by a replay.
    Replayed {
        /// The channel.
        channel: Channel,
        /// The event's place in the log.
        position: Position,
        /// What happened.
        event: Box<PublishedEvent>,
    },
    /// A replay is over. To go on with it, replay after `position`.
    ReplayEnded {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The channel.
        channel: Channel,
        /// Everything up to this position that concerns the channel was told.
        position: Position,
        /// Why it ended before its end; absent when it did not, and when the client stopped it.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<ErrorCode>,
    },
    /// The connection lives.
    Heartbeat {
        /// Every event up to this position that concerns one of `channels` has been sent: a client
        /// may resume a channel after it, or after the channel's own position when that is later.
        head: Position,
        /// The last position delivered on each channel that is being followed, or where it began.
        channels: BTreeMap<Channel, Position>,
    },
    /// A channel is no longer followed.
    Unsubscribed {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Which.
        channel: Channel,
    },
    /// The answer to `authenticate`: the connection goes on under the newer credential.
    Authenticated {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// How long the credential is good for, in milliseconds; absent when it does not end by itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in_ms: Option<u64>,
    },
    /// The credential ends soon, and the connection with it unless a newer one comes first:
    /// `authenticate` on a WebSocket, a new request for server-sent events.
    CredentialExpiring {
        /// How long the credential is still good for, in milliseconds.
        expires_in_ms: u64,
    },
    /// The answer to a `ping`.
    Pong {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    /// Something was refused or ended; a channel that is named is not followed (any more), except
    /// after `already_subscribed`.
    Error {
        /// The request's number.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The channel concerned, as the client wrote it.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
        /// Why.
        code: ErrorCode,
        /// The same for people.
        message: String,
        /// Whether the same request may succeed later.
        temporary: bool,
    },
    /// The server stops; it closes the connection after this message.
    ServerShutdown {
        /// How long to wait before connecting again, in milliseconds; spread over the clients.
        reconnect_after_ms: u64,
    },
}

/// What precedes an event's own JSON in a [`ServerMessage::Event`]; [`EVENT_END`] follows it.
///
/// An event is serialised once and sent to many channels of many connections.
#[must_use]
pub fn event_start(channel: &Channel, position: Position, prev: Position) -> String {
    let channel = in_json(channel);
    format!(
        "{{\"type\":\"event\",\"channel\":{channel},\"position\":{position},\"prev\":{prev},\"event\":"
    )
}

/// What precedes an event's own JSON in a [`ServerMessage::Replayed`]; [`EVENT_END`] follows it.
#[must_use]
pub fn replayed_start(channel: &Channel, position: Position) -> String {
    let channel = in_json(channel);
    format!("{{\"type\":\"replayed\",\"channel\":{channel},\"position\":{position},\"event\":")
}

fn in_json(channel: &Channel) -> String {
    match channel {
        // An owner's name may hold anything.
        Channel::Onboarding(_) => serde_json::Value::from(channel.to_string()).to_string(),
        Channel::Ledger | Channel::Wallet(_) | Channel::Account(_) | Channel::Case(_) => {
            format!("\"{channel}\"")
        }
    }
}

/// What follows an event's own JSON in a [`ServerMessage::Event`] and a [`ServerMessage::Replayed`].
pub const EVENT_END: &str = "}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_event_message_is_the_typed_one() {
        let json = r#"{"ledger":"main","position":9,"recorded_at":"2026-01-31T12:00:00.000000Z","aggregate_type":"ledger","aggregate_id":"main","sequence":3,"type":"AssetRegistered","version":"1","data":{"asset":{}},"metadata":{"command_id":"0190b8a2-5b7e-7c3d-8f00-0000000000aa"}}"#;
        for channel in ["account:system:cash:INR", r#"onboarding:"nina" \é"#] {
            let channel: Channel = channel.parse().unwrap();
            let (position, prev) = (Position::START.plus(9), Position::START.plus(4));
            let typed = ServerMessage::Event {
                channel: channel.clone(),
                position,
                prev,
                event: serde_json::from_str(json).unwrap(),
            };
            let written = format!("{}{json}{EVENT_END}", event_start(&channel, position, prev));
            assert_eq!(written, serde_json::to_string(&typed).unwrap());
            let typed = ServerMessage::Replayed {
                channel: channel.clone(),
                position,
                event: serde_json::from_str(json).unwrap(),
            };
            let written = format!("{}{json}{EVENT_END}", replayed_start(&channel, position));
            assert_eq!(written, serde_json::to_string(&typed).unwrap());
        }
    }

    #[test]
    fn codes_are_written_as_they_are_named_and_unique() {
        for code in ErrorCode::ALL {
            let written = serde_json::to_string(&code).unwrap();
            assert_eq!(written, format!("\"{}\"", code.as_str()));
        }
        let mut codes: Vec<u16> = CloseReason::ALL.iter().map(|why| why.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CloseReason::ALL.len());
    }

    #[test]
    fn a_token_is_read_and_never_shown() {
        let text = r#"{"type":"authenticate","id":1,"token":"abc.def"}"#;
        let message: ClientMessage = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        assert!(!format!("{message:?}").contains("abc"), "{message:?}");
    }

    #[test]
    fn unknown_fields_and_types_are_refused() {
        for text in [
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","channel":"ledger","form":3}"#,
            r#"{"type":"publish","channel":"ledger"}"#,
            r#"{"channel":"ledger"}"#,
            r#"[]"#,
        ] {
            assert!(
                serde_json::from_str::<ClientMessage>(text).is_err(),
                "{text}"
            );
        }
    }
}
