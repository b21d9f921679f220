//! Why a request is refused before it becomes a stream: problem documents (RFC 9457).

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use schemas::ErrorCode;
use serde_json::json;

use super::gatekeeper::Denied;

/// How long to wait where nothing better is known.
const RETRY_AFTER_SECONDS: u64 = 5;

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Gate(denied)
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The bridge is closing.
    ShuttingDown,
    /// The page that connects is of another origin.
    OriginNotAllowed,
    /// Too many clients.
    TooManyConnections,
    /// Too many clients from one address.
    TooManyConnectionsFromAddress,
    /// Not a WebSocket handshake.
    NotAWebSocket,
    /// The query or a header cannot be read.
    MalformedRequest,
    /// The gatekeeper does not let it in.
    Gate(Denied),
    /// What the stream itself refuses.
    Stream(ErrorCode),
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::ShuttingDown | Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::TooManyConnectionsFromAddress | Self::Gate(Denied::TooOften(_)) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::NotAWebSocket => StatusCode::UPGRADE_REQUIRED,
            Self::MalformedRequest | Self::Gate(Denied::Malformed) => StatusCode::BAD_REQUEST,
            Self::Gate(Denied::Unauthenticated | Denied::CredentialInvalid) => {
                StatusCode::UNAUTHORIZED
            }
            Self::Gate(Denied::Forbidden | Denied::OutOfScope) => StatusCode::FORBIDDEN,
            Self::Gate(Denied::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Stream(code) => match code {
                ErrorCode::LedgerNotFound | ErrorCode::ChannelNotFound => StatusCode::NOT_FOUND,
                ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Forbidden | ErrorCode::CredentialOfAnother => StatusCode::FORBIDDEN,
                ErrorCode::CredentialInvalid
                | ErrorCode::CredentialExpired
                | ErrorCode::CredentialRevoked => StatusCode::UNAUTHORIZED,
                ErrorCode::MalformedMessage
                | ErrorCode::UnknownChannel
                | ErrorCode::AlreadySubscribed
                | ErrorCode::NotSubscribed
                | ErrorCode::TooManySubscriptions
                | ErrorCode::UnrecoverablePosition
                | ErrorCode::ResyncRequired
                | ErrorCode::ReplayRunning
                | ErrorCode::NoReplay => StatusCode::BAD_REQUEST,
            },
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::ShuttingDown => "shutting_down",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::TooManyConnections => "too_many_connections",
            Self::TooManyConnectionsFromAddress => "too_many_connections_from_address",
            Self::NotAWebSocket => "not_a_websocket",
            Self::MalformedRequest | Self::Gate(Denied::Malformed) => "malformed_request",
            Self::Gate(Denied::Unauthenticated) => "unauthenticated",
            Self::Gate(Denied::CredentialInvalid) => "credential_invalid",
            Self::Gate(Denied::Forbidden) => "forbidden",
            Self::Gate(Denied::OutOfScope) => "scope_missing",
            Self::Gate(Denied::TooOften(_)) => "too_many_requests",
            Self::Gate(Denied::Unavailable) => "log_unavailable",
            Self::Stream(code) => code.as_str(),
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::ShuttingDown => "The server is about to stop; connect again in a moment.",
            Self::OriginNotAllowed => "Pages of this origin may not connect.",
            Self::TooManyConnections => "The server has as many clients as it may.",
            Self::TooManyConnectionsFromAddress => "This address has as many clients as it may.",
            Self::NotAWebSocket => "This address speaks WebSocket, version 13.",
            Self::MalformedRequest => {
                "The query parameters are `channel`, `after` and `ticket`; `after` and `Last-Event-ID` are positions."
            }
            Self::Gate(Denied::Malformed) => "Give one credential: a header or a ticket.",
            Self::Gate(Denied::Unauthenticated) => {
                "Say who you are: `Authorization: Bearer …`, or `?ticket=` from a browser."
            }
            Self::Gate(Denied::CredentialInvalid) => "The credential is not valid.",
            Self::Gate(Denied::Forbidden) => "Nothing in this ledger is for you to follow.",
            Self::Gate(Denied::OutOfScope) => "The credential was not given this permission.",
            Self::Gate(Denied::TooOften(_)) => "Streams are opened too often; wait a while.",
            Self::Gate(Denied::Unavailable) => "The credential cannot be judged at the moment.",
            Self::Stream(code) => super::session::explanation(code),
        }
    }

    /// What a client has to do who is not known (RFC 6750, 3).
    const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Gate(Denied::Unauthenticated) => Some(r#"Bearer realm="daybook""#),
            Self::Gate(Denied::CredentialInvalid) => {
                Some(r#"Bearer realm="daybook", error="invalid_token""#)
            }
            _ => None,
        }
    }

    /// How long to wait before connecting again.
    fn retry_after_seconds(self) -> Option<u64> {
        match (self, self.status()) {
            (Self::Gate(Denied::TooOften(wait)), _) => Some(wait.as_secs().max(1)),
            (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
                Some(RETRY_AFTER_SECONDS)
            }
            _ => None,
        }
    }

    pub(super) fn into_response(self) -> Response {
        let status = self.status();
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": self.code(),
            "detail": self.detail(),
        });
        let mut response = body
            .to_string()
            .with_content_type("application/problem+json")
            .with_status(status)
            .into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge() {
            let challenge = header::HeaderValue::from_static(challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self == Self::NotAWebSocket {
            headers.insert(
                header::UPGRADE,
                header::HeaderValue::from_static("websocket"),
            );
        }
        response
    }
}
