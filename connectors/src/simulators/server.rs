//! The HTTP side of a simulator: a free port, forms, and faults with codes.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderMap, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Endpoint, IntoEndpoint, IntoResponse, Request, Response};
use serde_json::Value;
use tokio::sync::oneshot;

use super::front::{Front, Reply};

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
        let endpoint = Uninterrupted(Arc::new(endpoint.into_endpoint()));
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

/// Carries requests out to their end though whoever asked has gone, as providers do.
struct Uninterrupted<E>(Arc<E>);

impl<E: Endpoint + 'static> Endpoint for Uninterrupted<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let endpoint = Arc::clone(&self.0);
        let work = async move { endpoint.call(request).await.map(E::Output::into_response) };
        // It fails only when the work panics.
        let failed = |_| poem::Error::from_status(StatusCode::INTERNAL_SERVER_ERROR);
        tokio::spawn(work).await.map_err(failed)?
    }
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
