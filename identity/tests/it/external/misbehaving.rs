//! Issuers, or who stands between, that answer what they should not.

use std::error::Error;
use std::fmt::Write;
use std::time::{Duration, Instant};

use identity::external::ExternalFault;
use serde_json::json;

use super::local_issuer::{KEYS, LocalIssuer, METADATA};
use crate::harness::server::Server;

/// The whole chain of causes.
async fn refused(issuer: &LocalIssuer) -> String {
    let token = issuer.token();
    let fault = match issuer.client().verify_access_token(&token).await {
        Ok(identity) => panic!("accepted {identity:?}"),
        Err(fault) => fault,
    };
    assert!(
        matches!(fault, ExternalFault::IssuerUnavailable { .. }),
        "{fault:?}"
    );
    let mut chain = fault.to_string();
    let mut cause: Option<&dyn Error> = fault.source();
    while let Some(error) = cause {
        write!(chain, ": {error}").unwrap();
        cause = error.source();
    }
    chain
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let issuer = LocalIssuer::start().await;
    let slash = format!("{}/", issuer.name());
    for name in [
        slash.as_str(),
        "https://id.example.org",
        "",
        &issuer.name().to_uppercase(),
    ] {
        issuer.publish_metadata(&json!({"issuer": name}));
        assert!(refused(&issuer).await.contains("its issuer is"), "{name}");
    }
    for changes in [
        json!({"issuer": null}),
        json!({"issuer": 1}),
        json!({"jwks_uri": null}),
    ] {
        issuer.publish_metadata(&changes);
        assert!(
            refused(&issuer).await.contains("cannot be read"),
            "{changes}"
        );
    }
    assert_eq!(issuer.server.count(KEYS), 0);
}

#[tokio::test]
async fn addresses_are_https_or_on_this_machine() {
    let issuer = LocalIssuer::start().await;
    for url in [
        "http://keys.example.org/",
        "file:///etc/passwd",
        "keys",
        "",
        "http://127.0.0.1@x/",
    ] {
        for member in ["jwks_uri", "authorization_endpoint", "token_endpoint"] {
            issuer.publish_metadata(&json!({member: url}));
            assert!(refused(&issuer).await.contains(member), "{member} {url}");
        }
    }
    assert_eq!(issuer.server.count(KEYS), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let issuer = LocalIssuer::start().await;
    let other = Server::start().await;
    other.answer_json(METADATA, &issuer.metadata(&json!({})), "");
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let to_other = format!("location: {}{METADATA}\r\n", other.url);
        issuer
            .server
            .answer(METADATA, answer(status, &to_other, ""));
        assert!(refused(&issuer).await.contains(&status[..3]), "{status}");
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn answers_are_bounded_in_size() {
    let issuer = LocalIssuer::start().await;
    let long = json!({"padding": "x".repeat(300_000)});
    issuer.publish_metadata(&long);
    assert!(refused(&issuer).await.contains("longer than"));
    issuer.publish_metadata(&json!({}));
    issuer.server.answer_json(KEYS, &long, "");
    assert!(refused(&issuer).await.contains("longer than"));
    // A length that is not told, and one that is a lie.
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(300_000));
    issuer.server.answer(KEYS, endless);
    assert!(refused(&issuer).await.contains("longer than"));
    issuer.server.answer(
        KEYS,
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"keys\":[",
    );
    assert!(refused(&issuer).await.contains("broken"));
    let headers = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(2_000_000));
    issuer.server.answer(KEYS, headers);
    assert!(refused(&issuer).await.contains("cannot be reached"));
}

#[tokio::test]
async fn answers_are_bounded_in_time() {
    let issuer = LocalIssuer::start().await;
    issuer.server.hold();
    let started = Instant::now();
    assert!(refused(&issuer).await.contains("took longer"));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_is_no_key_set_is_refused() {
    let issuer = LocalIssuer::start().await;
    let key = issuer.signer.public_key().to_jwk();
    for body in [
        "<html>maintenance</html>".to_owned(),
        String::new(),
        "{}".to_owned(),
        json!({"keys": {}}).to_string(),
        json!({"keys": [key, key]}).to_string(),
    ] {
        issuer.server.answer(KEYS, answer("200 OK", "", &body));
        assert!(refused(&issuer).await.contains("cannot be read"), "{body}");
    }
    for status in [
        "404 Not Found",
        "500 Oh",
        "204 No Content",
        "206 Partial Content",
    ] {
        issuer.server.answer(KEYS, answer(status, "", ""));
        assert!(refused(&issuer).await.contains(&status[..3]), "{status}");
    }
    issuer.server.answer(KEYS, "SSH-2.0-OpenSSH_9.2\r\n");
    assert!(refused(&issuer).await.contains("cannot be reached"));
    issuer.server.answer(KEYS, "");
    assert!(refused(&issuer).await.contains("cannot be reached"));
}

/// Keys that are good stay while the issuer talks nonsense.
#[tokio::test]
async fn nonsense_does_not_replace_keys() {
    let issuer = LocalIssuer::start().await;
    let client = issuer.client();
    let token = issuer.token();
    client.verify_access_token(&token).await.unwrap();
    issuer.server.answer(KEYS, answer("200 OK", "", "<html>"));
    issuer.clock.age(3_600);
    client.verify_access_token(&token).await.unwrap();
    assert_eq!(issuer.server.count(KEYS), 2);
}
