//! Pages of other origins: those that are configured, and nobody else.

use command_api::EdgeSettings;
use command_api::edge::cors::Cors;
use command_api::limits::{Allowance, LimitSettings};
use reqwest::{Method, Response};
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::support::Doors;
use crate::harness::TestDatabase;
use crate::harness::program::Program;
use crate::harness::servers::shared_nats_url;

const CONSOLE: &str = "https://console.example";

fn edge() -> EdgeSettings {
    EdgeSettings {
        cors: Cors::try_new(&[CONSOLE.to_owned(), "http://localhost:5173".to_owned()]).unwrap(),
        ..EdgeSettings::default()
    }
}

fn header(response: &Response, name: &str) -> String {
    let values = response.headers().get_all(name).iter();
    let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
    values.join(", ")
}

fn names(response: &Response, name: &str) -> Vec<String> {
    let text = header(response, name).to_lowercase();
    text.split(',').map(|one| one.trim().to_owned()).collect()
}

fn cors_headers(response: &Response) -> Vec<String> {
    let names = response.headers().keys().map(ToString::to_string);
    names
        .filter(|name| name.starts_with("access-control"))
        .collect()
}

async fn preflight(doors: &Doors, path: &str, origin: &str) -> Response {
    let request = doors
        .node
        .client
        .request(Method::OPTIONS, doors.node.url(path))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,idempotency-key",
        );
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_before_anybody_is_asked_who_they_are() {
    let doors = Doors::open_at(edge()).await;
    for path in [
        doors.at("/transactions"),
        "/v1/sessions".to_owned(),
        "/metrics".to_owned(),
    ] {
        let answer = preflight(&doors, &path, CONSOLE).await;
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(header(&answer, "access-control-allow-origin"), CONSOLE);
        let methods = names(&answer, "access-control-allow-methods");
        for method in ["get", "post", "put", "delete"] {
            assert!(methods.contains(&method.to_owned()), "{methods:?}");
        }
        let headers = names(&answer, "access-control-allow-headers");
        for name in [
            "authorization",
            "content-type",
            "idempotency-key",
            "x-request-id",
        ] {
            assert!(headers.contains(&name.to_owned()), "{headers:?}");
        }
        assert!(names(&answer, "vary").contains(&"origin".to_owned()));
        assert!(answer.headers().contains_key("access-control-max-age"));
        assert!(
            !answer
                .headers()
                .contains_key("access-control-allow-credentials")
        );
    }
    for origin in [
        "https://evil.example",
        "https://console.example.evil.example",
        "https://CONSOLE.example",
        "http://console.example",
        "https://console.example:8443",
        "null",
        "*",
    ] {
        let answer = preflight(&doors, &doors.at("/transactions"), origin).await;
        assert_eq!(answer.status(), 405, "{origin}");
        assert!(cors_headers(&answer).is_empty(), "{origin}");
        assert!(names(&answer, "vary").contains(&"origin".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_may_call_read_answers_and_refusals() {
    let mut limits = LimitSettings::OFF;
    limits.key.commands = Allowance {
        requests: 2,
        seconds: 3_600,
    };
    let doors = Doors::open_at(EdgeSettings { limits, ..edge() }).await;
    let post = |origin: Option<&'static str>| {
        let request = doors
            .node
            .client
            .post(doors.node.url(&doors.at("/wallets")))
            .bearer_auth(&doors.admin)
            .json(&json!({ "owner": "asha" }));
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
        .send()
    };
    // One of two was used to open the ledger.
    for expected in [201, 429] {
        let answer = post(Some(CONSOLE)).await.unwrap();
        assert_eq!(answer.status(), expected);
        assert_eq!(header(&answer, "access-control-allow-origin"), CONSOLE);
        assert!(
            !answer
                .headers()
                .contains_key("access-control-allow-credentials")
        );
        let exposed = names(&answer, "access-control-expose-headers");
        for name in [
            "ratelimit",
            "ratelimit-policy",
            "x-request-id",
            "retry-after",
            "location",
        ] {
            assert!(exposed.contains(&name.to_owned()), "{exposed:?}");
        }
        assert!(answer.headers().contains_key("ratelimit"));
    }
    let unknown = doors
        .node
        .client
        .get(doors.node.url("/v1/ledgers"))
        .header("origin", CONSOLE);
    let unknown = unknown.send().await.unwrap();
    assert_eq!(unknown.status(), 401);
    assert_eq!(header(&unknown, "access-control-allow-origin"), CONSOLE);
    for origin in [None, Some("https://evil.example")] {
        let answer = post(origin).await.unwrap();
        assert!(cors_headers(&answer).is_empty(), "{origin:?}");
        assert!(names(&answer, "vary").contains(&"origin".to_owned()));
    }
    // What a response depends on already is still said.
    let compressed = doors
        .node
        .client
        .get(doors.node.url("/openapi.json"))
        .header("accept-encoding", "gzip")
        .header("origin", CONSOLE);
    let vary = names(&compressed.send().await.unwrap(), "vary");
    assert_eq!(vary, ["accept-encoding", "origin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_origins_browsers_are_told_nothing() {
    let doors = Doors::open().await;
    let answer = preflight(&doors, &doors.at("/transactions"), CONSOLE).await;
    assert_eq!(answer.status(), 405);
    assert!(cors_headers(&answer).is_empty());
    let answer = doors
        .node
        .client
        .get(doors.node.url("/health/live"))
        .header("origin", CONSOLE);
    let answer = answer.send().await.unwrap();
    assert!(cors_headers(&answer).is_empty());
    assert!(!answer.headers().contains_key("vary"));
}

/// The same list of the settings: `daybook` gives it to both.
#[tokio::test(flavor = "multi_thread")]
async fn live_streams_are_for_the_same_origins() {
    let database = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let mut child = Program::start(
        &database.url,
        nats,
        &[
            ("DAYBOOK__AUTH__MODE", "open"),
            ("DAYBOOK__HTTP__ALLOWED_ORIGINS", CONSOLE),
        ],
    )
    .await;
    let client = reqwest::Client::new();
    let ledgers = format!("{}/v1/ledgers", child.url);
    let made = client
        .post(&ledgers)
        .json(&json!({ "name": "main" }))
        .header("origin", CONSOLE);
    let made = made.send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(header(&made, "access-control-allow-origin"), CONSOLE);
    // And the default limits are told.
    let told = header(&made, "ratelimit");
    assert!(told.starts_with("\"address.commands\";r="), "{told}");
    let stream = format!("{}/main/stream", ledgers.replacen("http", "ws", 1));
    for (origin, may) in [(CONSOLE, true), ("https://evil.example", false)] {
        let mut request = stream.as_str().into_client_request().unwrap();
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        assert_eq!(connect_async(request).await.is_ok(), may, "{origin}");
    }
    child.stop().await;
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let refused = |origin: &str| Cors::try_new(&[origin.to_owned()]).is_err();
    for origin in [
        "*",
        "",
        "null",
        "console.example",
        "https://console.example/",
        "https://console.example/app",
        "https://console.example:443",
        "https://CONSOLE.example",
        "https://*.example",
        "https://user@console.example",
        "ftp://console.example",
        "https://console.example, https://other.example",
    ] {
        assert!(refused(origin), "{origin}");
    }
    for origin in [
        CONSOLE,
        "http://localhost:5173",
        "https://xn--bcher-kva.example",
        "http://[::1]:8080",
    ] {
        assert!(!refused(origin), "{origin}");
    }
}
