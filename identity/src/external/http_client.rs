//! Requests to issuers: HTTPS with the system's certificates, bounded in size and time.
//!
//! This is hyper with rustls on *ring*, as the database and NATS clients use it. `reqwest` would bring
//! either a second cryptographic library in C or a provider that has to be installed for the whole
//! process before any client is made, also by those that never leave this machine.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

/// How long a request may take in all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may be.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpFault {
    /// The client's cryptography does not offer what TLS needs.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The certificates of authorities are no PEM, or no certificates.
    #[error("the certificates of authorities cannot be read")]
    Authorities(#[source] Box<dyn Error + Send + Sync>),
    /// The address is neither HTTPS nor on the loopback interface.
    #[error("the address must begin with https://, or be on this machine")]
    Insecure,
    /// The server could not be reached, or broke off.
    #[error("the server cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The answer broke off or is too long.
    #[error("the answer is broken or longer than {MAX_ANSWER_BYTES} bytes")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// The server took too long.
    #[error("the server took longer than {} s", TIMEOUT.as_secs())]
    TimedOut,
}

/// A client for issuers. Clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpClient {
    /// Trusts the system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others).
    ///
    /// # Errors
    /// [`HttpFault::Tls`].
    pub fn try_new() -> Result<Self, HttpFault> {
        Self::try_with_authorities(b"")
    }

    /// Trusts these authorities, certificates in PEM, besides the system's: an issuer inside a company
    /// often has an authority of its own. When there are none at all, only servers on this machine can
    /// be reached, over HTTP.
    ///
    /// # Errors
    /// [`HttpFault::Authorities`], [`HttpFault::Tls`].
    pub fn try_with_authorities(pem: &[u8]) -> Result<Self, HttpFault> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| HttpFault::Authorities(error.into()))?;
            let added = roots.add(certificate);
            added.map_err(|error| HttpFault::Authorities(error.into()))?;
        }
        if roots.is_empty() {
            tracing::warn!("no certificates of authorities are installed: HTTPS will fail");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(HttpFault::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { client })
    }

    /// The answer, whatever its status. Redirects are answers like others: none is followed, so no
    /// other server is ever asked.
    pub(super) async fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpFault> {
        let uri = request.uri().to_string();
        Url::parse(&uri)
            .ok()
            .filter(is_secure)
            .ok_or(HttpFault::Insecure)?;
        let request = request.map(|body| Full::new(Bytes::from(body)));
        tokio::time::timeout(TIMEOUT, self.exchange(request))
            .await
            .map_err(|_| HttpFault::TimedOut)?
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Vec<u8>>, HttpFault> {
        let answer = self
            .client
            .request(request)
            .await
            .map_err(HttpFault::Unreachable)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(HttpFault::Body)?;
        Ok(Response::from_parts(head, body.to_bytes().to_vec()))
    }
}

/// HTTPS, or HTTP to this machine.
pub(super) fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_secure;

    #[test]
    fn plain_http_is_for_this_machine() {
        for (url, expected) in [
            ("https://id.example.org/a", true),
            ("http://id.example.org/a", false),
            ("http://127.0.0.1:9/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]:9/", true),
            ("http://localhost:9/", true),
            ("http://localhost.example.org/", false),
            ("http://127.0.0.1.example.org/", false),
            ("http://127.0.0.1@example.org/", false),
            ("http://0.0.0.0/", false),
            ("ftp://localhost/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_secure(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
