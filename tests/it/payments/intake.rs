//! What comes to a webhook's address, genuine or not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::simulators::PayerChoice;
use serde_json::{Value, json};

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
    let deliveries = (0..10).map(|_| deliver(&node, PATH, &headers, body.clone()));
    for reply in futures_util::future::join_all(deliveries).await {
        assert_eq!(reply.expect(200).body["receipt"], "duplicate");
    }
    // Under an id that no signature covers it is stored, and still changes nothing.
    let renamed: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "x-razorpay-event-id" => (name.clone(), "evt_of_somebody_else".to_owned()),
            _ => (name.clone(), value.clone()),
        })
        .collect();
    let reply = deliver(&node, PATH, &renamed, body.clone()).await;
    assert_eq!(reply.expect(200).body["receipt"], "stored");
    world.processed().await;
    assert_eq!(world.webhooks("").await.len(), stored + 1);
    assert_eq!(world.count("PaymentCaptured").await, events);
    assert_eq!(world.count("UnexpectedPaymentCaptured").await, 0);
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_genuine_is_refused_and_not_stored() {
    let (world, node) = World::start().await;
    let (headers, body) = genuine(&world, &node).await;
    let stored = world.webhooks("").await.len();
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
    node.node.stop().await;
}

/// Money that somebody paid at the provider for something that we never asked for.
#[tokio::test(flavor = "multi_thread")]
async fn money_of_an_unknown_payment_goes_to_suspense() {
    let (world, node) = World::start().await;
    let order = node
        .client
        .post(format!("{}/v1/orders", world.razorpay.url()))
        .basic_auth("rzp_test_1DP5mmOlF5G5ag", Some("a key secret"))
        .json(&json!({ "amount": 12_300, "currency": "INR", "receipt": "somebody-elses-order" }))
        .send()
        .await
        .unwrap();
    let order: Value = order.json().await.unwrap();
    let id = order["id"].as_str().unwrap_or_else(|| panic!("{order}"));
    world.razorpay.control().pay(id, PayerChoice::Pay);
    eventually("an order that was made by hand is captured", || async {
        let books = world.razorpay.control().books();
        let captured = books.payments.iter().any(|payment| payment.captured > 0);
        if !captured {
            // An order without automatic capture waits for the merchant.
            let payment = books.payments.first()?.payment_id.clone();
            let url = format!("{}/v1/payments/{payment}/capture", world.razorpay.url());
            let capture = node
                .client
                .post(url)
                .basic_auth("rzp_test_1DP5mmOlF5G5ag", Some("a key secret"))
                .json(&json!({ "amount": 12_300, "currency": "INR" }));
            capture.send().await.unwrap();
            return None;
        }
        Some(())
    })
    .await;
    eventually("suspense", || async {
        (world.count("UnexpectedPaymentCaptured").await == 1).then_some(())
    })
    .await;
    assert_eq!(balance(&world, &node, "system:suspense").await, "123.00");
    node.node.stop().await;
}
