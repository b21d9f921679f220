//! Calls over TLS, and the parts of requests and answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Answer, BaseUrl, OutboundClient, form, provider};

/// A server for `localhost` with a certificate of an authority of its own, which is returned.
async fn secure_server() -> (SocketAddr, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(parameters, key);
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let read = stream.read(&mut [0; 1_024]).await.unwrap();
            assert!(read > 0, "a request came");
            let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    (address, authority)
}

async fn called(client: &OutboundClient, base_url: &BaseUrl) -> Result<Answer, String> {
    let request = Request::post(base_url.as_str())
        .body(Full::new(Bytes::from_static(b"a=b")))
        .unwrap();
    let outcome = client.send(request, Duration::from_secs(10)).await;
    outcome.map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn certificates_are_checked() {
    let (address, authority) = secure_server().await;
    let base_url: BaseUrl = format!("https://localhost:{}", address.port())
        .parse()
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let trusting = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let trusting = OutboundClient::with_tls(&base_url, trusting);
    let answer = called(&trusting, &base_url).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.body, "ok");

    // The same server under a name that its certificate does not bear.
    let other: BaseUrl = format!("https://127.0.0.1:{}", address.port())
        .parse()
        .unwrap();
    let error = called(&trusting, &other).await.unwrap_err();
    assert!(error.contains("NotValidForName"), "{error}");

    let usual = OutboundClient::try_new(&base_url).unwrap();
    let error = called(&usual, &base_url).await.unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn a_client_for_tls_never_speaks_without() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let secure: BaseUrl = format!("https://{address}").parse().unwrap();
    let plain: BaseUrl = format!("http://{address}").parse().unwrap();
    let client = OutboundClient::try_new(&secure).unwrap();
    assert!(called(&client, &plain).await.is_err());
    let accepted = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(accepted.is_err(), "a connection was made");
}

fn retry_after(text: &str) -> Option<Duration> {
    let value = HeaderValue::from_str(text).unwrap();
    let answer = Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        headers: HeaderMap::from_iter([(RETRY_AFTER, value)]),
        body: Bytes::new(),
    };
    answer.retry_after()
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(retry_after("30"), Some(Duration::from_secs(30)));
    assert_eq!(retry_after(" 0 "), Some(Duration::ZERO));
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(retry_after(past), Some(Duration::ZERO));
    let soon = SystemTime::now() + Duration::from_secs(60);
    let found = retry_after(&httpdate::fmt_http_date(soon)).unwrap();
    assert!((55..=60).contains(&found.as_secs()), "{found:?}");
    for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
        assert_eq!(retry_after(nonsense), None, "{nonsense}");
    }
}

#[test]
fn fields_are_encoded() {
    let text = form(&[("To", "+919876543210"), ("a b", "c&d=e\r\n")]);
    assert_eq!(text, "To=%2B919876543210&a+b=c%26d%3De%0D%0A");
}
