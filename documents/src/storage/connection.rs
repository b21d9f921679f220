//! Connections to a server that speaks S3.
//!
//! They are made of hyper and rustls with ring, as all connections of Daybook are: certificates are checked against
//! the roots of this machine, no redirect is followed, no proxy is taken from the environment, and without TLS
//! nothing leaves this machine.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::settings::S3Settings;

/// How long an idle connection is kept.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(5);

/// Why a server cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The address is none.
    #[error("documents.s3.endpoint is no `https://host[:port]`")]
    Endpoint,
    /// Documents and credentials would travel in the clear.
    #[error(
        "documents.s3.endpoint begins with https://, or with http:// when its host is this machine"
    )]
    NotSecure,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// This machine has no root certificates.
    #[error("the root certificates of this machine cannot be read; install ca-certificates")]
    RootCertificates(#[source] std::io::Error),
}

/// Whether connections are secure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Tls,
    /// On this machine.
    None,
}

fn security(endpoint: Option<&str>) -> Result<Security, ConnectionError> {
    let Some(endpoint) = endpoint else {
        return Ok(Security::Tls);
    };
    let url: Url = endpoint.parse().map_err(|_| ConnectionError::Endpoint)?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let (Some(host), true) = (url.host(), is_plain) else {
        return Err(ConnectionError::Endpoint);
    };
    match url.scheme() {
        "https" => Ok(Security::Tls),
        "http" if is_this_machine(&host) => Ok(Security::None),
        "http" => Err(ConnectionError::NotSecure),
        _ => Err(ConnectionError::Endpoint),
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

/// Makes connections to one server.
#[derive(Debug)]
pub(super) struct Connector {
    security: Security,
    tls: ClientConfig,
    time_limit: Duration,
}

impl Connector {
    pub(super) fn try_new(settings: &S3Settings) -> Result<Self, ConnectionError> {
        let security = security(settings.endpoint.as_deref())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ConnectionError::Tls)?;
        let builder = match security {
            Security::Tls => builder
                .with_native_roots()
                .map_err(ConnectionError::RootCertificates)?,
            // A small container may have none.
            Security::None => builder.with_root_certificates(RootCertStore::empty()),
        };
        Ok(Self {
            security,
            tls: builder.with_no_client_auth(),
            time_limit: settings.time_limit,
        })
    }

    pub(super) fn allows_http(&self) -> bool {
        self.security == Security::None
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECTING));
        let builder = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone());
        let builder = match self.security {
            Security::Tls => builder.https_only(),
            Security::None => builder.https_or_http(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .build(builder.enable_http1().wrap_connector(tcp));
        Ok(HttpClient::new(Connection {
            client,
            time_limit: self.time_limit,
        }))
    }
}

struct Connection {
    client: Client<HttpsConnector<TcpConnector>, HttpRequestBody>,
    time_limit: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection(S3)")
    }
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answered = tokio::time::timeout(self.time_limit, self.client.request(request)).await;
        let response = answered
            .map_err(|elapsed| HttpError::new(HttpErrorKind::Timeout, elapsed))?
            .map_err(|error| HttpError::new(kind(&error), error))?;
        let (head, body) = response.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// What the library repeats by itself: a connection that was not made, or that ended before the answer.
fn kind(error: &hyper_util::client::legacy::Error) -> HttpErrorKind {
    if error.is_connect() {
        return HttpErrorKind::Connect;
    }
    let cause = error
        .source()
        .and_then(|source| source.downcast_ref::<hyper::Error>());
    match cause {
        Some(cause) if cause.is_timeout() => HttpErrorKind::Timeout,
        Some(cause) if cause.is_closed() || cause.is_incomplete_message() => HttpErrorKind::Request,
        Some(_) | None => HttpErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_nothing_leaves_this_machine() {
        for endpoint in [
            Some("http://127.0.0.1:9000"),
            Some("http://localhost:9000/"),
            Some("http://[::1]:9000"),
        ] {
            assert_eq!(security(endpoint).unwrap(), Security::None, "{endpoint:?}");
        }
        for endpoint in [None, Some("https://s3.example"), Some("https://127.0.0.1")] {
            assert_eq!(security(endpoint).unwrap(), Security::Tls, "{endpoint:?}");
        }
        for endpoint in [
            "http://s3.example",
            "http://10.0.0.1:9000",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "https://key:secret@s3.example",
            "https://s3.example?a=1",
            "s3.example",
            "",
        ] {
            assert!(security(Some(endpoint)).is_err(), "{endpoint}");
        }
    }
}
