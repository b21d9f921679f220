//! Servers die and come back; nothing that was acknowledged is lost.

use std::time::Duration;

use serde_json::json;

use crate::harness::OwnPostgres;
use crate::harness::node::TestNode;
use crate::harness::shared_nats_url;

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_commands_and_queries_go_on_and_the_stream_heals() {
    let mut nats = crate::harness::OwnNats::start().await;
    let database = crate::harness::TestDatabase::create().await;
    let node = TestNode::over(&database.url, &nats.server.url()).await;
    let wallet = node.funded("asha", "5.00").await;
    nats.server.kill().await.unwrap();
    let reply = node
        .transfer("system:cash", &format!("wallet:{wallet}"), "1.00")
        .await
        .expect(201);
    let position = reply.position();
    let account = format!("/accounts/wallet:{wallet}:INR?min_position={position}");
    assert_eq!(node.get(&account).await.expect(200).body["balance"], "6.00");
    node.send(node.client.get(node.url("/health/ready")))
        .await
        .expect(200);
    nats.server.restart().await.unwrap();
    let jetstream =
        async_nats::jetstream::new(async_nats::connect(nats.server.url()).await.unwrap());
    let stream = format!("DAYBOOK_{}", node.ledger);
    let healed = async {
        loop {
            if let Ok(stream) = jetstream.get_stream(&stream).await
                && i64::try_from(stream.cached_info().state.last_sequence).unwrap() == position
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), healed)
        .await
        .expect("the stream heals");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_requests_fail_retryably_and_the_node_recovers() {
    let mut postgres = OwnPostgres::start().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let node = TestNode::over(&postgres.server.database_url("postgres"), nats).await;
    let wallet = node.funded("asha", "5.00").await;
    postgres.server.kill().await.unwrap();
    let failed = node
        .transfer("system:cash", &format!("wallet:{wallet}"), "1.00")
        .await;
    assert_eq!(failed.status, 503, "{failed:?}");
    assert!(
        ["log_unavailable", "outcome_unknown"].contains(&failed.code()),
        "{failed:?}"
    );
    assert_eq!(failed.body["retryable"], true);
    assert!(failed.headers.contains_key("retry-after"));
    let read = node.get("/wallets").await;
    assert_eq!(
        (read.status, read.code()),
        (503, "log_unavailable"),
        "{read:?}"
    );
    node.send(node.client.get(node.url("/health/ready")))
        .await
        .expect(503);
    postgres.server.restart().await.unwrap();
    let recovered = async {
        loop {
            let pay = json!({ "postings": [{ "source": "system:cash",
                "destination": format!("wallet:{wallet}"), "asset": "INR", "amount": "2.00" }] });
            let request = node
                .client
                .post(node.at("/transactions"))
                .header("idempotency-key", "after")
                .json(&pay);
            let reply = node.send(request).await;
            if reply.status == 201 {
                return reply.position();
            }
            assert_eq!(reply.status, 503, "{reply:?}");
        }
    };
    let position = tokio::time::timeout(Duration::from_secs(20), recovered)
        .await
        .expect("it recovers");
    let account = format!("/accounts/wallet:{wallet}:INR?min_position={position}&wait_ms=10000");
    let read = node.get(&account).await;
    let balance = read.body["balance"].as_str().unwrap_or("none").to_owned();
    assert!(["7.00", "8.00"].contains(&balance.as_str()), "{read:?}");
}
