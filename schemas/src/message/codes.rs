//! Why something is refused, and why a connection ends: stable codes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// The client may not follow the channel (any more). What belongs to somebody else is answered as
    /// if it did not exist.
    Forbidden,
    /// A replay is under way on the connection: stop it first.
    ReplayRunning,
    /// No replay is under way on the connection.
    NoReplay,
    /// A credential sent with `authenticate` is not valid; the connection goes on under the one before.
    CredentialInvalid,
    /// A credential sent with `authenticate` is somebody else's; the connection goes on under the one
    /// before.
    CredentialOfAnother,
    /// The credential has expired; server-sent events end after this.
    CredentialExpired,
    /// The credential was revoked, its session has ended or its holder was blocked; server-sent events
    /// end after this.
    CredentialRevoked,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 17] = [
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
        Self::Forbidden,
        Self::ReplayRunning,
        Self::NoReplay,
        Self::CredentialInvalid,
        Self::CredentialOfAnother,
        Self::CredentialExpired,
        Self::CredentialRevoked,
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
            Self::Forbidden => "forbidden",
            Self::ReplayRunning => "replay_running",
            Self::NoReplay => "no_replay",
            Self::CredentialInvalid => "credential_invalid",
            Self::CredentialOfAnother => "credential_of_another",
            Self::CredentialExpired => "credential_expired",
            Self::CredentialRevoked => "credential_revoked",
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
            | Self::ResyncRequired
            | Self::Forbidden
            | Self::ReplayRunning
            | Self::NoReplay
            | Self::CredentialInvalid
            | Self::CredentialOfAnother
            | Self::CredentialExpired
            | Self::CredentialRevoked => false,
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
    /// The credential has expired: connect again with a newer one.
    CredentialExpired,
    /// The credential was revoked, its session has ended or its holder was blocked.
    CredentialRevoked,
    /// The credential's holder may no longer follow anything in this ledger.
    Forbidden,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::Normal,
        Self::NotText,
        Self::Broken,
        Self::TooBig,
        Self::Shutdown,
        Self::SlowConsumer,
        Self::Silent,
        Self::Fault,
        Self::LedgerNotFound,
        Self::CredentialExpired,
        Self::CredentialRevoked,
        Self::Forbidden,
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
            Self::CredentialExpired => 4401,
            Self::CredentialRevoked => 4501,
            Self::Forbidden => 4503,
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
            Self::CredentialExpired => "credential_expired",
            Self::CredentialRevoked => "credential_revoked",
            Self::Forbidden => "forbidden",
        }
    }
}
