//! The HTTP side of a simulator: a free port, forms, and faults with codes.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderMap, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Body, Endpoint, IntoEndpoint, IntoResponse, Request, Response};
use serde_json::Value;
use tokio::sync::oneshot;

use super::front::{Front, Reply, lock};

/// How many requests are remembered.
const REMEMBERED: usize = 2_000;

type Received = Arc<Mutex<VecDeque<String>>>;

/// A running server; dropping it stops it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    received: Received,
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
        let received = Received::default();
        let endpoint = Uninterrupted {
            endpoint: Arc::new(endpoint.into_endpoint()),
            received: Arc::clone(&received),
        };
        tokio::spawn(server.run_with_graceful_shutdown(endpoint, ends, Some(Duration::ZERO)));
        Ok(Self {
            address,
            received,
            _stop: stop,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last requests, oldest first: the first line, headers and body of each.
    pub(super) fn received(&self) -> Vec<String> {
        lock(&self.received).iter().cloned().collect()
    }
}

/// Carries requests out to their end though whoever asked has gone, as providers do.
struct Uninterrupted<E> {
    endpoint: Arc<E>,
    received: Received,
}

impl<E: Endpoint + 'static> Endpoint for Uninterrupted<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let request = remembered(request, &self.received).await?;
        let endpoint = Arc::clone(&self.endpoint);
        let work = async move { endpoint.call(request).await.map(E::Output::into_response) };
        // It fails only when the work panics.
        let failed = |_| poem::Error::from_status(StatusCode::INTERNAL_SERVER_ERROR);
        tokio::spawn(work).await.map_err(failed)?
    }
}

/// Writes a request down before it is answered.
async fn remembered(request: Request, received: &Received) -> poem::Result<Request> {
    let (parts, body) = request.into_parts();
    let body = body.into_bytes().await?;
    let mut text = format!("{} {}\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(&body));
    let mut received = lock(received);
    if received.len() == REMEMBERED {
        received.pop_front();
    }
    received.push_back(text);
    drop(received);
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// How a provider words an error with a code.
pub(super) type ErrorBody = fn(status: StatusCode, code: u32, message: &str) -> Value;

/// A [`Front`] for providers whose errors have codes.
#[derive(Debug)]
pub(super) struct Desk(Front);

/// The codes that a provider gives to a failure and to a rate limit of its own.
pub(super) struct Voice {
    pub error: ErrorBody,
    pub failed: u32,
    pub limited: u32,
}

impl Default for Desk {
    fn default() -> Self {
        Self(Front::new(0, |_, _| Value::Null))
    }
}

impl Deref for Desk {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.0
    }
}

impl Desk {
    /// Answers one request with `work`, or wrongly if a fault is armed.
    pub(super) async fn answer(&self, voice: &Voice, work: impl FnOnce() -> Reply) -> Response {
        let words = |status, code: Option<u32>, message: &str| {
            let own = match status {
                StatusCode::TOO_MANY_REQUESTS => voice.limited,
                _ => voice.failed,
            };
            (voice.error)(status, code.unwrap_or(own), message)
        };
        self.0.answer_in_words(&words, work).await
    }
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
