//! Reading, with everything that makes reading safe.

use serde_json::Value;

use crate::harness::node::TestNode;

/// Every command's position can be read back at once.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_read_that_passes_the_position_sees_the_write() {
    let node = TestNode::start().await;
    let wallet = node.wallet("asha").await;
    let account = format!("/accounts/wallet:{wallet}:INR");
    for number in 1..=30 {
        let reply = node
            .transfer("system:cash", &format!("wallet:{wallet}"), "1.00")
            .await;
        let position = reply.expect(201).position();
        let read = node
            .get(&format!("{account}?min_position={position}"))
            .await
            .expect(200);
        assert_eq!(read.body["balance"], format!("{number}.00"));
        assert!(read.body["as_of"].as_i64().unwrap() >= position);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_walk_a_list_without_gaps_or_repeats() {
    let node = TestNode::start().await;
    let wallet = node.wallet("asha").await;
    let mut position = 0;
    for _ in 0..7 {
        let reply = node
            .transfer("system:cash", &format!("wallet:{wallet}"), "1.00")
            .await;
        position = reply.expect(201).position();
    }
    for path in [
        "/transactions".to_owned(),
        format!("/accounts/wallet:{wallet}:INR/statement"),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = node
                .get(&format!("{path}?limit=3&min_position={position}{cursor}"))
                .await
                .expect(200);
            let items = page.body["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["position"].as_i64().unwrap()));
            match &page.body["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 7, "{path}: {seen:?}");
        assert_eq!(seen.len(), 7, "{path}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_describes_itself() {
    let node = TestNode::start().await;
    let live = node
        .send(node.client.get(node.url("/health/live")))
        .await
        .expect(200);
    assert_eq!(live.body["status"], "live");
    let ready = node
        .send(node.client.get(node.url("/health/ready")))
        .await
        .expect(200);
    assert_ne!(ready.body["status"], "failed", "{ready:?}");
    let document = node
        .client
        .get(node.url("/openapi.yaml"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(document, command_api::openapi_yaml());
    let docs = node.client.get(node.url("/docs")).send().await.unwrap();
    assert_eq!(docs.status(), 200);
    assert_eq!(
        node.client
            .get(node.url("/metrics"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let echoed = node
        .client
        .get(node.at("/wallets"))
        .header("x-request-id", "mine-1");
    assert_eq!(node.send(echoed).await.headers["x-request-id"], "mine-1");
}
