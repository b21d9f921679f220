//! What comes to a webhook's address, genuine or not.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::simulators::PayerChoice;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::nodes::money_of_nobody;
use super::support::{World, balance, eventually};
use crate::harness::node::{Reply, TestNode};

/// A genuine webhook, as an operator sees its content.
async fn genuine(world: &World, node: &TestNode) -> (Vec<(String, String)>, Vec<u8>) {
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(node, &wallet, 500).await;
    let order = world.page(payment, "razorpay").await;
    world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    let list = node.url("/v1/webhook-deliveries?provider=razorpay&status=applied");
    let list = node.send(node.client.get(list)).await.expect(200);
    let captured = list.body["items"].as_array().unwrap().iter();
    let captured = captured
        .clone()
        .find(|item| item["event_type"] == "payment.captured");
    let id = captured.unwrap()["id"].as_str().unwrap();
    let content = node.url(&format!("/v1/webhook-deliveries/{id}/content"));
    let content = node.send(node.client.get(content)).await.expect(200).body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = content["headers"].as_array().unwrap().iter();
    let headers = headers.map(|header| (text(&header["name"]), text(&header["value"])));
    let headers = headers.filter(|(name, _)| name.starts_with("x-") || name == "content-type");
    let body = STANDARD.decode(text(&content["body_base64"])).unwrap();
    (headers.collect(), body)
}

async fn deliver(
    node: &TestNode,
    path: &str,
    headers: &[(String, String)],
    body: impl Into<reqwest::Body>,
) -> Reply {
    let mut request = node.client.post(node.url(path)).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    node.send(request).await
}

const PATH: &str = "/v1/webhooks/razorpay/main";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_webhook_ten_times_changes_nothing() {
    let (world, node) = World::start().await;
    let (headers, body) = genuine(&world, &node).await;
    let stored = world.webhooks("").await.len();
    let events = world.count("PaymentCaptured").await;
    let clearing = balance(&world, &node, "system:gateway_clearing.razorpay").await;
    let deliveries = (0..10).map(|_| deliver(&node, PATH, &headers, body.clone()));
    for reply in futures_util::future::join_all(deliveries).await {
        assert_eq!(reply.expect(200).body["receipt"], "duplicate");
    }
    // An id that no signature covers makes no other webhook of it.
    let renamed: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "x-razorpay-event-id" => (name.clone(), "evt_of_somebody_else".to_owned()),
            _ => (name.clone(), value.clone()),
        })
        .collect();
    let reply = deliver(&node, PATH, &renamed, body.clone()).await;
    assert_eq!(reply.expect(200).body["receipt"], "duplicate");
    world.processed().await;
    assert_eq!(world.webhooks("").await.len(), stored);
    assert_eq!(world.count("PaymentCaptured").await, events);
    assert_eq!(world.count("UnexpectedPaymentCaptured").await, 0);
    let after = balance(&world, &node, "system:gateway_clearing.razorpay").await;
    assert_eq!(after, clearing);
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_genuine_is_refused_and_not_stored() {
    let (world, node) = World::start().await;
    let (headers, body) = genuine(&world, &node).await;
    let stored = world.webhooks("").await.len();
    let head = |world: &World| {
        let (pool, ledger) = (world.pool().clone(), world.ledger.clone());
        async move {
            sqlx::query_scalar::<_, i64>(
                "SELECT position FROM daybook.ledger_head WHERE ledger = $1",
            )
            .bind(ledger)
            .fetch_one(&pool)
            .await
            .unwrap()
        }
    };
    let before = head(&world).await;
    let without = |dropped: &str| -> Vec<(String, String)> {
        let kept = headers.iter().filter(|(name, _)| name != dropped);
        kept.cloned().collect()
    };
    let with = |changed: &str, value: &str| -> Vec<(String, String)> {
        let mut all = without(changed);
        all.push((changed.to_owned(), value.to_owned()));
        all
    };
    let truncated = body[..body.len() - 1].to_vec();
    let mut other = body.clone();
    other.push(b' ');
    let signature = "x-razorpay-signature";
    let cases = [
        ("truncated", headers.clone(), truncated, 401),
        ("changed", headers.clone(), other, 401),
        ("empty", headers.clone(), Vec::new(), 401),
        ("unsigned", without(signature), body.clone(), 401),
        ("odd signature", with(signature, "abc"), body.clone(), 401),
        (
            "forged",
            with(signature, &"0".repeat(64)),
            body.clone(),
            401,
        ),
        (
            "other type",
            with("content-type", "text/plain"),
            body.clone(),
            415,
        ),
        ("huge", headers.clone(), vec![b'x'; 300 * 1024], 413),
    ];
    for (what, headers, body, status) in cases {
        let reply = deliver(&node, PATH, &headers, body).await;
        assert_eq!(reply.status, status, "{what}: {reply:?}");
        if status == 401 {
            assert_eq!(reply.code(), "webhook_signature_invalid", "{what}");
        }
    }
    for path in [
        "/v1/webhooks/razorpay/other",
        "/v1/webhooks/payu/main",
        "/v1/webhooks/no-such/main",
    ] {
        let reply = deliver(&node, path, &headers, body.clone())
            .await
            .expect(404);
        assert_eq!(reply.code(), "webhook_endpoint_not_found");
    }
    assert_eq!(world.webhooks("").await.len(), stored);
    // Nothing was appended, so no balance is another.
    assert_eq!(head(&world).await, before);
    node.node.stop().await;
}

/// Money that somebody paid at the provider for something that we never asked for.
#[tokio::test(flavor = "multi_thread")]
async fn money_of_an_unknown_payment_goes_to_suspense() {
    let (world, node) = World::start().await;
    money_of_nobody(&world, &node).await;
    eventually("suspense", || async {
        (world.count("UnexpectedPaymentCaptured").await == 1).then_some(())
    })
    .await;
    assert_eq!(balance(&world, &node, "system:suspense").await, "123.00");
    node.node.stop().await;
}

/// Whoever opens a request to a public address and sends nothing is not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (world, node) = World::start().await;
    let head = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: daybook\r\ncontent-length: 100\r\n\r\n{{")
    };
    let first_line = async |path: &str| {
        let mut connection = TcpStream::connect(node.node.address).await.unwrap();
        let request = head(path);
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        let mut reader = BufReader::new(connection);
        let read = tokio::time::timeout(Duration::from_secs(20), reader.read_line(&mut line));
        read.await.expect("it is waited for").unwrap();
        line
    };
    // Nobody has this address: nothing is read.
    let begun = Instant::now();
    let unknown = first_line("/v1/webhooks/razorpay/other").await;
    assert!(unknown.contains(" 404 "), "{unknown}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let known = first_line(PATH).await;
    assert!(known.contains(" 408 "), "{known}");
    drop(world);
    node.node.stop().await;
}
