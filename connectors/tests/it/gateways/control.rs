//! The simulators' control interface, as another process uses it.

use connectors::gateways::Gateway;
use serde_json::{Value, json};

use super::instamojo_support::{By, instamojo};
use super::payu_support::payu;
use super::receiver::{Receiver, command, open};
use super::support::{WEBHOOK_SECRET, checkout, razorpay, stripe};

#[tokio::test]
async fn a_simulator_is_told_over_http() {
    let (simulator, gateway) = razorpay().await;
    let receiver = Receiver::start().await;
    let base = format!("{}/_simulator", simulator.url());
    let tell = |path: &str, body: Value| {
        let url = format!("{base}/{path}");
        async move { command(&url, &body).await }
    };
    let webhook = json!({"url": receiver.url(), "secrets": [WEBHOOK_SECRET]});
    assert_eq!(tell("webhook", webhook).await, 204);
    assert_eq!(
        tell("webhook", json!({"url": "x", "secrets": []})).await,
        400
    );
    assert_eq!(
        tell("chances", json!({"webhook_duplicate": 1000})).await,
        204
    );
    assert_eq!(
        tell("chances", json!({"webhook_duplicat": 1000})).await,
        400
    );
    assert_eq!(
        tell("faults", json!({"fault": "fail_afterwards", "requests": 1})).await,
        204
    );
    assert_eq!(
        tell("faults", json!({"fault": "explode", "requests": 1})).await,
        400
    );
    let opened = gateway
        .create_checkout(&checkout("control 1", 50_000))
        .await
        .unwrap();
    let pay = json!({"checkout_id": opened.checkout_id, "choice": "pay"});
    assert_eq!(tell("pay", pay.clone()).await, 200);
    assert_eq!(tell("pay", pay).await, 409);
    assert_eq!(tell("refunds", json!({"is_held": true})).await, 204);
    assert_eq!(tell("advance", json!({"seconds": 60})).await, 204);
    assert_eq!(tell("settle", json!({"day": "2026-11-20"})).await, 200);
    let books: Value = serde_json::from_str(&open(&format!("{base}/books")).await.html).unwrap();
    assert_eq!(books["payments"][0]["captured"], 50_000);
    let dispute = json!({"payment_id": books["payments"][0]["payment_id"]});
    assert_eq!(tell("dispute", dispute).await, 200);
    assert_eq!(
        tell("move", json!({"dispute_id": "disp_0", "status": "won"})).await,
        409
    );
    assert_eq!(tell("move", json!({"status": "won"})).await, 400);
    simulator.webhooks_settled().await;
    let told = open(&format!("{base}/deliveries")).await.html;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(told["deliveries"].as_array().unwrap().len() > 5, "{told}");
    assert_eq!(
        (&told["under_way"], &told["dropped"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(tell("down", json!({"is_down": true})).await, 204);
    assert!(
        gateway
            .create_checkout(&checkout("control 2", 50_000))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn all_have_it() {
    let (stripe, _) = stripe().await;
    let (payu, _) = payu().await;
    let (instamojo, _) = instamojo(By::Keys).await;
    for url in [stripe.url(), payu.url(), instamojo.url()] {
        let books = open(&format!("{url}/_simulator/books")).await;
        let books: Value = serde_json::from_str(&books.html).unwrap();
        assert_eq!(books["payments"], json!([]));
    }
}
