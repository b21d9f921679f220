//! The HTTP side of a simulator: a free port, counted requests, faults, JSON.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::header::{CONTENT_TYPE, RETRY_AFTER};
use poem::http::{HeaderMap, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{IntoEndpoint, Response};
use serde_json::Value;
use tokio::sync::oneshot;

use super::faults::{Fault, Faults};

/// A running server; dropping it stops it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(super) async fn start<E>(endpoint: E) -> io::Result<Self>
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
        let address = acceptor
            .local_addr()
            .first()
            .and_then(|address| address.as_socket_addr().copied())
            .ok_or_else(|| io::Error::other("the server has no address"))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let ends = async move {
            // An error says that the sender was dropped, which is how it ends.
            let _ = stopped.await;
        };
        let server = poem::Server::new_with_acceptor(acceptor);
        let endpoint = endpoint.into_endpoint();
        tokio::spawn(server.run_with_graceful_shutdown(endpoint, ends, Some(Duration::ZERO)));
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// An answer of a provider.
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

/// How a provider words an error.
pub(super) type ErrorBody = fn(status: StatusCode, code: u32, message: &str) -> Value;

/// What all simulators have: faults, a count, a clock that can be put forward.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub faults: Faults,
    requests: AtomicU64,
    clock_ahead_ms: AtomicU64,
}

/// The codes that a provider gives to a failure and to a rate limit of its own.
pub(super) struct Voice {
    pub error: ErrorBody,
    pub failed: u32,
    pub limited: u32,
}

impl Desk {
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.clock_ahead_ms.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        let ahead = i64::try_from(self.clock_ahead_ms.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        TimeDelta::try_milliseconds(ahead)
            .and_then(|ahead| Utc::now().checked_add_signed(ahead))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Answers one request with `work`, or wrongly if a fault is armed.
    pub(super) async fn answer(&self, voice: &Voice, work: impl FnOnce() -> Reply) -> Response {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let error = |status: StatusCode, code, message: &str| Reply {
            status,
            body: (voice.error)(status, code, message),
        };
        let failed = || {
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                voice.failed,
                "Internal Server Error",
            )
        };
        match self.faults.take() {
            None => json(&work()),
            Some(Fault::Fail) => json(&failed()),
            Some(Fault::FailAfterwards) => {
                work();
                json(&failed())
            }
            Some(Fault::Delay(time)) => {
                let reply = work();
                tokio::time::sleep(time).await;
                json(&reply)
            }
            Some(Fault::RateLimit {
                retry_after_seconds,
            }) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut response = json(&error(status, voice.limited, "Too Many Requests"));
                if let Some(seconds) = retry_after_seconds {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
            Some(Fault::Refuse {
                status,
                code,
                message,
            }) => json(&error(status, code, &message)),
            Some(Fault::Nonsense | Fault::BreakOff) => {
                work();
                Response::builder()
                    .content_type("application/json")
                    .body(r#"{"id":["what"],"#)
            }
            Some(Fault::Page) => Response::builder()
                .content_type("text/html; charset=utf-8")
                .body("<!DOCTYPE html><title>Maintenance</title><p>We will be back soon."),
        }
    }
}

fn json(reply: &Reply) -> Response {
    Response::builder()
        .status(reply.status)
        .content_type("application/json")
        .body(reply.body.to_string())
}

/// The fields of a query or form; of a field that comes twice, the last.
pub(super) fn fields(encoded: &str) -> HashMap<String, String> {
    form_urlencoded::parse(encoded.as_bytes())
        .into_owned()
        .collect()
}

/// Whether the body is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}

/// A random code of so many digits.
pub(super) fn random_code(length: usize) -> String {
    std::iter::repeat_with(|| fastrand::digit(10))
        .take(length)
        .collect()
}
