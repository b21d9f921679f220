//! Calls to the HTTPS interfaces of outside systems.
//!
//! What a call promises: one time limit over all of it; an answer of at most [`MAX_ANSWER_BYTES`], unless
//! the caller reads reports;
//! no redirect is followed, because the credentials would go along; no proxy is taken from the
//! environment; certificates are checked against the roots of this machine; and without TLS nothing
//! leaves this machine.
//!
//! It is made of hyper and rustls with ring. reqwest 0.13 has TLS with aws-lc-rs or without any
//! provider, and the latter makes every `reqwest::Client` of the program panic until one is installed.

mod base_url;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};

pub(crate) use base_url::is_this_machine;
pub use base_url::{BaseUrl, BaseUrlError};

/// The longest answer that is read unless the caller says otherwise, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long an idle connection is kept.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Why a call has no answer. Whether it was carried out is not known.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The request cannot be written down.
    #[error("the request cannot be made")]
    Request(#[source] hyper::http::Error),
    /// The other side did not answer in time.
    #[error("there was no answer within {} ms", time_limit.as_millis())]
    TimedOut {
        /// The time it had.
        time_limit: Duration,
    },
    /// No connection, or it broke before an answer came.
    #[error("there is no connection")]
    Connection(#[source] hyper_util::client::legacy::Error),
    /// The answer broke off or is too long.
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OutboundError {
    /// Whether it is certain that the other side never saw the request.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        match self {
            Self::Request(_) => true,
            Self::Connection(source) => source.is_connect(),
            Self::TimedOut { .. } | Self::Answer(_) => false,
        }
    }
}

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum OutboundStartError {
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// This machine has no root certificates.
    #[error("the root certificates of this machine cannot be read; install ca-certificates")]
    RootCertificates(#[source] std::io::Error),
}

/// A pool of connections to one outside system.
#[derive(Debug, Clone)]
pub(crate) struct OutboundClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    longest_answer: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl OutboundClient {
    pub(crate) fn try_new(base_url: &BaseUrl) -> Result<Self, OutboundStartError> {
        Ok(Self::with_tls(base_url, tls_config(base_url)?))
    }

    fn with_tls(base_url: &BaseUrl, tls: ClientConfig) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = if base_url.is_secure() {
            builder.https_only()
        } else {
            builder.https_or_http()
        };
        let connector = builder.enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .build(connector);
        Self {
            client,
            longest_answer: MAX_ANSWER_BYTES,
        }
    }

    /// Reads answers of up to so many bytes, where lists of many rows come.
    pub(crate) fn with_longest_answer(mut self, bytes: usize) -> Self {
        self.longest_answer = bytes;
        self
    }

    /// Sends a request and reads the whole answer within the time limit.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        time_limit: Duration,
    ) -> Result<Answer, OutboundError> {
        tokio::time::timeout(time_limit, self.exchange(request))
            .await
            .unwrap_or(Err(OutboundError::TimedOut { time_limit }))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, OutboundError> {
        let response = self
            .client
            .request(request)
            .await
            .map_err(OutboundError::Connection)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.longest_answer)
            .collect()
            .await
            .map_err(OutboundError::Answer)?
            .to_bytes();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

/// Plain calls stay on this machine and need no roots, which a small container may not have.
fn tls_config(base_url: &BaseUrl) -> Result<ClientConfig, OutboundStartError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(OutboundStartError::Tls)?;
    let builder = if base_url.is_secure() {
        builder
            .with_native_roots()
            .map_err(OutboundStartError::RootCertificates)?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

/// Named here, so that it does not hang on what else the program installs.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Fields as `application/x-www-form-urlencoded`, which is also the form of a query.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

impl Answer {
    /// The `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        Some(
            date.duration_since(SystemTime::now())
                .unwrap_or(Duration::ZERO),
        )
    }
}
