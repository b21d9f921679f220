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

use std::collections::BTreeMap;

use ledger_core::{AccountId, LedgerName, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::published::PublishedEvent;

/// A message from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Follow a channel: from a snapshot, or from where the client stopped.
    Subscribe {
        /// The client's own number for this request; the answer carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// What to follow: `ledger`, `wallet:<uuid>` or `account:<account>`.
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
    /// Ask for a `pong`, for clients that cannot send WebSocket pings.
    Ping {
        /// The client's own number for this request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
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
        /// The accounts of the channel; none for `ledger`.
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

/// Why something was refused. Codes are stable and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The frame is not a message of the protocol.
    MalformedMessage,
    /// There is no ledger of that name.
    LedgerNotFound,
    /// The text is not a channel.
    UnknownChannel,
    /// There is no such wallet or account.
    ChannelNotFound,
    /// The connection follows that channel already; it goes on doing so.
    AlreadySubscribed,
    /// The connection does not follow that channel.
    NotSubscribed,
    /// The connection follows as many channels as it may.
    TooManySubscriptions,
    /// The position is of another epoch, ahead of the log or too far back: subscribe without
    /// `after`, or page through the events over HTTP.
    UnrecoverablePosition,
    /// The server can no longer say which events concern the channel: subscribe again without
    /// `after`.
    ResyncRequired,
    /// The state or the log cannot be read at the moment.
    Unavailable,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 10] = [
        Self::MalformedMessage,
        Self::LedgerNotFound,
        Self::UnknownChannel,
        Self::ChannelNotFound,
        Self::AlreadySubscribed,
        Self::NotSubscribed,
        Self::TooManySubscriptions,
        Self::UnrecoverablePosition,
        Self::ResyncRequired,
        Self::Unavailable,
    ];

    /// The code as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedMessage => "malformed_message",
            Self::LedgerNotFound => "ledger_not_found",
            Self::UnknownChannel => "unknown_channel",
            Self::ChannelNotFound => "channel_not_found",
            Self::AlreadySubscribed => "already_subscribed",
            Self::NotSubscribed => "not_subscribed",
            Self::TooManySubscriptions => "too_many_subscriptions",
            Self::UnrecoverablePosition => "unrecoverable_position",
            Self::ResyncRequired => "resync_required",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::MalformedMessage
            | Self::LedgerNotFound
            | Self::UnknownChannel
            | Self::ChannelNotFound
            | Self::AlreadySubscribed
            | Self::NotSubscribed
            | Self::TooManySubscriptions
            | Self::UnrecoverablePosition
            | Self::ResyncRequired => false,
        }
    }
}

/// Why the server closes a WebSocket. Codes from 4000 to 4499 ask the client to connect again and
/// resume; from 4500 on, connecting again leads to the same end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed first; answered in kind.
    Normal,
    /// A frame that is not text.
    NotText,
    /// A text frame that is not UTF-8, or a broken frame.
    Broken,
    /// A frame or message above 64 KiB.
    TooBig,
    /// The server stops.
    Shutdown,
    /// The client does not read as fast as events come.
    SlowConsumer,
    /// Nothing was heard of the client for too long.
    Silent,
    /// The stream failed on the server's side.
    Fault,
    /// There is no such ledger.
    LedgerNotFound,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Normal,
        Self::NotText,
        Self::Broken,
        Self::TooBig,
        Self::Shutdown,
        Self::SlowConsumer,
        Self::Silent,
        Self::Fault,
        Self::LedgerNotFound,
    ];

    /// The WebSocket close code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::NotText => 1003,
            Self::Broken => 1002,
            Self::TooBig => 1009,
            Self::Shutdown => 4001,
            Self::SlowConsumer => 4008,
            Self::Silent => 4009,
            Self::Fault => 4011,
            Self::LedgerNotFound => 4504,
        }
    }

    /// The text that goes with the code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::NotText => "not_text",
            Self::Broken => "broken_frame",
            Self::TooBig => "message_too_big",
            Self::Shutdown => "server_shutdown",
            Self::SlowConsumer => "slow_consumer",
            Self::Silent => "silent",
            Self::Fault => "fault",
            Self::LedgerNotFound => "ledger_not_found",
        }
    }
}

/// What precedes an event's own JSON in a [`ServerMessage::Event`]; [`EVENT_END`] follows it.
///
/// An event is serialised once and sent to many channels of many connections.
#[must_use]
pub fn event_start(channel: &Channel, position: Position, prev: Position) -> String {
    // Channels are written without characters that JSON would escape.
    format!(
        "{{\"type\":\"event\",\"channel\":\"{channel}\",\"position\":{position},\"prev\":{prev},\"event\":"
    )
}

/// What follows an event's own JSON in a [`ServerMessage::Event`].
pub const EVENT_END: &str = "}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_event_message_is_the_typed_one() {
        let json = r#"{"ledger":"main","position":9,"recorded_at":"2026-01-31T12:00:00.000000Z","aggregate_type":"ledger","aggregate_id":"main","sequence":3,"type":"AssetRegistered","version":"1","data":{"asset":{}},"metadata":{"command_id":"0190b8a2-5b7e-7c3d-8f00-0000000000aa"}}"#;
        let channel: Channel = "account:system:cash:INR".parse().unwrap();
        let (position, prev) = (Position::START.plus(9), Position::START.plus(4));
        let typed = ServerMessage::Event {
            channel,
            position,
            prev,
            event: serde_json::from_str(json).unwrap(),
        };
        let written = format!("{}{json}{EVENT_END}", event_start(&channel, position, prev));
        assert_eq!(written, serde_json::to_string(&typed).unwrap());
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
