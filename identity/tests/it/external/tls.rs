//! Issuers over HTTPS.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use identity::external::{ExternalIssuers, HttpClient, HttpFault, IssuerSettings, RoleMapping};
use identity::jwt::{Signer, jwks};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::harness::clock::SetClock;
use crate::harness::tokens::{AUDIENCE, claims_of, good_claims, merged};
use identity::external::Clock;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server's TLS with a certificate for this name.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Starts an issuer whose certificate is for a name; returns its own name, which is of localhost.
async fn start(acceptor: TlsAcceptor, signer: &Signer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let metadata = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
    let keys = jwks(&[signer.public_key().clone()]);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust us hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap();
            let body = if request[..length].starts_with(b"GET /keys ") {
                keys.to_string()
            } else {
                metadata.to_string()
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    issuer
}

/// What becomes of a good token of an issuer; the last cause of a failure.
async fn outcome(issuer: &str, signer: &Signer, http: HttpClient) -> Result<(), String> {
    let clock = SetClock::now();
    let now = clock.unix_seconds();
    let times = json!({"iat": now, "nbf": now, "exp": now + 60});
    let token = signer
        .sign(&claims_of(merged(good_claims(issuer), &times)))
        .unwrap();
    let roles = RoleMapping {
        claim: "groups".to_owned(),
        roles: BTreeMap::new(),
    };
    let settings = IssuerSettings::new(issuer, vec![AUDIENCE.to_owned()], roles);
    let client = ExternalIssuers::try_with_clock(vec![settings], http, clock).unwrap();
    let Err(fault) = client.verify_access_token(&token).await else {
        return Ok(());
    };
    let mut cause: &dyn Error = &fault;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Err(cause.to_string())
}

#[tokio::test]
async fn servers_are_who_an_authority_says() {
    let (authority, other) = (Authority::new(), Authority::new());
    let signer = Signer::generate().unwrap();
    let client = |authority: &Authority| {
        HttpClient::try_with_authorities(authority.0.pem().as_bytes()).unwrap()
    };
    let good = start(authority.acceptor("localhost"), &signer).await;
    assert_eq!(outcome(&good, &signer, client(&authority)).await, Ok(()));
    for http in [client(&other), HttpClient::try_new().unwrap()] {
        let fault = outcome(&good, &signer, http).await.unwrap_err();
        assert!(fault.contains("invalid peer certificate"), "{fault}");
    }
    let misnamed = start(authority.acceptor("id.example.org"), &signer).await;
    let fault = outcome(&misnamed, &signer, client(&authority))
        .await
        .unwrap_err();
    assert!(fault.contains("not valid for name"), "{fault}");
}

#[test]
fn authorities_are_certificates() {
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    for pem in [garbled, cut] {
        let fault = HttpClient::try_with_authorities(pem.as_bytes()).unwrap_err();
        assert!(matches!(fault, HttpFault::Authorities(_)), "{fault:?}");
    }
}
