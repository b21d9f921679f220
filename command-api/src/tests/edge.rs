//! The outermost layer.

use poem::endpoint::make_sync;
use poem::http::StatusCode;
use poem::test::TestClient;
use poem::{Response, Route, RouteMethod};

use super::server::{Server, problem};
use crate::edge::{EdgeSettings, edge};
use crate::operations::observed;

#[tokio::test]
async fn a_panic_is_a_coded_answer_inside_and_outside_of_a_route() {
    fn panic(_: poem::Request) -> Response {
        panic!("for the test")
    }
    let routes = Route::new()
        .at(
            "/inside",
            RouteMethod::new().get(observed("/inside", make_sync(panic))),
        )
        .at("/outside", make_sync(panic));
    let client = TestClient::new(edge(routes, EdgeSettings::default()));
    for path in ["/inside", "/outside"] {
        let response = client.get(path).send().await;
        response.assert_status(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = problem(response).await;
        assert_eq!(problem["code"], "internal_fault");
        assert!(!problem["detail"].as_str().unwrap().contains("for the test"));
    }
}

#[tokio::test]
async fn request_ids_are_taken_over_only_when_they_are_well_formed() {
    let server = Server::accepting();
    let given = |id: &str| {
        let request = server.client.get("/health/live").header("X-Request-Id", id);
        async move {
            let response = request.send().await;
            response.0.header("X-Request-Id").unwrap().to_owned()
        }
    };
    assert_eq!(given("abc-1").await, "abc-1");
    assert_ne!(given("with space").await, "with space");
    let long = "x".repeat(129);
    assert_ne!(given(&long).await, long);
}

#[tokio::test]
async fn an_unreachable_database_is_retryable() {
    let server = Server::accepting();
    let response = server.client.get("/v1/ledgers/main/events").send().await;
    response.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.0.header("Retry-After").is_some());
    let problem = problem(response).await;
    assert_eq!(problem["code"], "log_unavailable");
    assert_eq!(problem["retryable"], true);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_take_it() {
    let server = Server::accepting();
    let request = |encoding: &'static str| {
        server
            .client
            .get("/openapi.json")
            .header("Accept-Encoding", encoding)
            .send()
    };
    request("br, gzip")
        .await
        .assert_header("Content-Encoding", "gzip");
    for plain in ["gzip;q=0", "identity"] {
        let response = request(plain).await;
        assert!(response.0.header("Content-Encoding").is_none());
    }
}

#[tokio::test]
async fn browsers_are_told_what_they_may_do_with_each_response() {
    let server = Server::accepting();
    for (path, scripts) in [
        ("/", true),
        ("/docs", true),
        ("/openapi.json", false),
        ("/v1/nonsense", false),
        ("/health/live", false),
    ] {
        let response = server.client.get(path).send().await.0;
        let header = |name: &str| response.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert_eq!(policy.contains("script-src"), scripts, "{path}: {policy}");
    }
}
