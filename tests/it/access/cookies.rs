//! There are no cookies: nothing that a browser sends by itself shows who somebody is, so there is nothing
//! for another site to forge.

use reqwest::Method;
use serde_json::json;

use super::matrix::operations;
use super::support::Doors;

/// Names that sessions have elsewhere.
const NAMES: [&str; 5] = [
    "authorization",
    "access_token",
    "session",
    "token",
    "api_key",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_sets_a_cookie_or_takes_one_as_proof() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let mut wrong = Vec::new();
    let operations = operations(&doors).await;
    assert!(operations.len() > 60, "{}", operations.len());
    for operation in &operations {
        for (credential, refresh) in [(&doors.admin, &doors.admin), (&asha.access, &asha.refresh)] {
            let cookies = NAMES.map(|name| format!("{name}={credential}; refresh_token={refresh}"));
            let mut request = doors
                .node
                .client
                .request(operation.method.clone(), doors.node.url(&operation.path))
                .header("cookie", cookies.join("; "))
                .header("origin", "https://evil.example");
            if operation.method != Method::GET {
                request = request.json(&json!({}));
            }
            let reply = doors.node.send(request).await;
            let is_proof = operation.permission != "public" && reply.status != 401;
            if is_proof || reply.headers.contains_key("set-cookie") {
                wrong.push(format!("{}: {reply:?}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_tokens_sets_no_cookie_either() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let refreshed = doors.refresh(&asha.refresh).await.expect(201);
    assert!(!refreshed.headers.contains_key("set-cookie"));
    // Neither pages nor streams know cookies.
    for (path, expected) in [
        ("/metrics", 401),
        ("/docs", 200),
        ("/health/ready", 200),
        (&*doors.at("/stream/events"), 401),
        (&*doors.at("/stream"), 401),
    ] {
        let request = doors
            .node
            .client
            .get(doors.node.url(path))
            .header("cookie", format!("authorization=Bearer {}", doors.admin));
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), expected, "{path}");
        assert!(!reply.headers().contains_key("set-cookie"), "{path}");
    }
}
