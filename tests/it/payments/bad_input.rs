//! Genuine words that make no sense, old ones, and providers that answer late, nonsense or not at all.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use connectors::simulators::{Chances, Fault, PayerChoice, Rewriting};
use daybook::cli::Role as Part;
use hmac::{Hmac, KeyInit, Mac};
use ledger_core::PaymentId;
use serde_json::{Value, json};
use sha2::Sha256;

use super::nodes::money_of_nobody;
use super::support::{STRIPE_SECRET, World, balance, eventually};
use crate::harness::node::{Reply, TestNode};

/// Says something else wherever a payment of Razorpay's has this field.
fn payments_with(field: &'static str, value: &'static str) -> Rewriting {
    fn change(body: &mut Value, field: &str, value: &str) {
        match body {
            Value::Object(fields) => {
                if fields.get("entity") == Some(&json!("payment")) {
                    fields.insert(field.to_owned(), json!(value));
                }
                fields
                    .values_mut()
                    .for_each(|inner| change(inner, field, value));
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|inner| change(inner, field, value)),
            _ => {}
        }
    }
    Rewriting::new(move |body| change(body, field, value))
}

/// A payment whose page is open, and its wallet.
async fn open(world: &World, node: &TestNode) -> (PaymentId, String, String) {
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(node, &wallet, 100).await;
    let order = world.page(payment, "razorpay").await;
    (payment, wallet, order)
}

/// What an account has, at the end of the log; nothing when it has nothing, or there is no such account.
async fn has(world: &World, node: &TestNode, account: &str) -> Option<String> {
    let head: i64 =
        sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = $1")
            .bind(&world.ledger)
            .fetch_one(world.pool())
            .await
            .unwrap();
    let path = format!("/accounts/{account}?min_position={head}");
    let reply = node.get(&path).await;
    let balance = reply.body["balance"].as_str();
    balance
        .filter(|balance| *balance != "0.00")
        .map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_currency_than_ours_is_held_in_suspense() {
    let (world, node) = World::start().await;
    let (payment, wallet, order) = open(&world, &node).await;
    let control = world.razorpay.control();
    control.rewrite(Some(payments_with("currency", "USD")));
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    let held = has(&world, &node, "system:suspense:USD").await;
    assert_eq!(held.as_deref(), Some("100.00"));
    for account in [
        format!("wallet:{wallet}:INR"),
        format!("wallet:{wallet}:USD"),
    ] {
        assert_eq!(has(&world, &node, &account).await, None, "{account}");
    }
    let reason: Value = sqlx::query_scalar(
        "SELECT payload::jsonb #> '{PaymentCaptured,suspended}' FROM daybook.events \
         WHERE ledger = $1 AND event_type = 'PaymentCaptured'",
    )
    .bind(&world.ledger)
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert_eq!(reason["asset_differs"]["expected"], "INR");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_nobody_has_documented_is_stored_and_changes_nothing() {
    let (world, node) = World::start().await;
    let (payment, wallet, order) = open(&world, &node).await;
    let events = world.events("payment", payment).await;
    let control = world.razorpay.control();
    control.rewrite(Some(payments_with("status", "teleported")));
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.processed().await;
    let parked = world.webhooks("parked").await;
    assert!(!parked.is_empty());
    for (_, reason) in &parked {
        assert_eq!(reason.as_deref(), Some("status_unknown"));
    }
    assert_eq!(world.webhooks("").await.len(), parked.len());
    assert_eq!(world.events("payment", payment).await, events);
    assert_eq!(has(&world, &node, "system:suspense:INR").await, None);

    // The word is documented by now: what was stored is what came, and the provider is right again.
    control.rewrite(None);
    control.advance(Duration::from_secs(1));
    let found = world.razorpay.control().books().payments[0]
        .payment_id
        .clone();
    assert!(found.starts_with("pay_"), "{found}");
    for (id, _) in parked {
        let replay = node.url(&format!("/v1/webhook-deliveries/{id}/replay"));
        node.send(node.client.post(replay)).await.expect(200);
    }
    world.processed().await;
    // Stored bytes say what they said.
    assert_eq!(world.events("payment", payment).await, events);
    world
        .job(workflows::jobs::Job::WatchPayment {
            ledger: world.ledger(),
            payment,
            round: 0,
        })
        .await;
    world.event("payment", payment, "PaymentCaptured").await;
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "100.00");
    node.node.stop().await;
}

/// The node stops waiting, and the provider has done it all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_answers_too_late_is_asked_once() {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    // Reports are asked for at the start.
    world.idle().await;
    let control = world.razorpay.control();
    // Looked for first, then asked for: both answers come after the two seconds that they are given.
    let late = Fault::Delay(Duration::from_secs(3));
    control.faults().arm(&late, 2);
    let payment = world.deposit(&node, &wallet, 100).await;
    let order = world.page(payment, "razorpay").await;
    assert_eq!(control.faults().armed(), 0);
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    let asked = world.razorpay.received();
    let orders = asked
        .iter()
        .filter(|asked| asked.starts_with("POST /v1/orders\n"));
    assert_eq!(orders.count(), 1, "{asked:#?}");
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "100.00");
    assert_eq!(world.count("PaymentCaptured").await, 1);
    node.node.stop().await;
}

/// Whoever has to be asked answers wrongly in every way: nothing is posted until it answers rightly.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_confirmed_moves_nothing() {
    let world = World::new(None).await;
    let storing = world.node(&[Part::Api]).await;
    money_of_nobody(&world, &storing).await;
    world.delivered().await;
    storing.node.stop().await;
    let control = world.razorpay.control();
    control.rewrite(Some(Rewriting::new(|body| {
        *body = json!({ "id": ["what"], "amount": 1e2, "status": 7 });
    })));
    control.set_chances(Chances {
        fail: 200,
        break_off: 200,
        nonsense: 200,
        delay: 200,
        ..Chances::default()
    });
    let node = world.node(&Part::ALL).await;
    for _ in 0..5 {
        eventually("a try that failed", || failed(&world)).await;
        due(&world).await;
    }
    control.set_down(true);
    due(&world).await;
    assert_eq!(world.count("UnexpectedPaymentCaptured").await, 0);
    assert_eq!(has(&world, &node, "system:suspense:INR").await, None);

    control.rewrite(None);
    control.set_chances(Chances::default());
    control.set_down(false);
    // Another node asks at once: this one has had enough of the provider for a while.
    node.node.stop().await;
    let node = world.node(&Part::ALL).await;
    due(&world).await;
    eventually("suspense", || async {
        (world.count("UnexpectedPaymentCaptured").await == 1).then_some(())
    })
    .await;
    eventually("all confirmed", || async {
        let left = world.webhooks("confirming").await.len() + world.webhooks("waiting").await.len();
        (left == 0).then_some(())
    })
    .await;
    assert_eq!(balance(&world, &node, "system:suspense").await, "123.00");
    node.node.stop().await;
}

/// Whether a question has failed, and waits for its next time.
async fn failed(world: &World) -> Option<()> {
    let failed: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM graphile_worker._private_jobs JOIN \
         graphile_worker._private_tasks AS tasks ON tasks.id = task_id \
         WHERE identifier = 'confirm_webhook' AND last_error IS NOT NULL AND locked_at IS NULL",
    )
    .fetch_one(world.pool())
    .await
    .unwrap();
    (failed > 0).then_some(())
}

/// Whatever waits for its time is due.
async fn due(world: &World) {
    sqlx::query(
        "UPDATE graphile_worker._private_jobs SET run_at = now() \
         WHERE run_at > now() AND attempts < max_attempts AND locked_at IS NULL",
    )
    .execute(world.pool())
    .await
    .unwrap();
}

/// A genuine event of Stripe's about a payment that was captured, under another id.
async fn stripe_event(world: &World, node: &TestNode) -> String {
    let wallet = node.wallet("asha").await;
    let payment = world.deposit_at("stripe", node, &wallet, 100).await;
    let session = world.page(payment, "stripe").await;
    let control = world.stripe.control();
    control.pay(&session, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    let list = node.url("/v1/webhook-deliveries?provider=stripe&status=applied");
    let list = node.send(node.client.get(list)).await.expect(200);
    let id = list.body["items"][0]["id"].as_str().unwrap().to_owned();
    let content = node.url(&format!("/v1/webhook-deliveries/{id}/content"));
    let content = node.send(node.client.get(content)).await.expect(200).body;
    let body = STANDARD.decode(content["body_base64"].as_str().unwrap());
    let mut event: Value = serde_json::from_slice(&body.unwrap()).unwrap();
    event["id"] = json!("evt_0123456789");
    event.to_string()
}

async fn deliver_signed_at(node: &TestNode, body: &str, seconds_ago: i64) -> Reply {
    let time = Utc::now().timestamp() - seconds_ago;
    let mut mac = Hmac::<Sha256>::new_from_slice(STRIPE_SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let request = node
        .client
        .post(node.url("/v1/webhooks/stripe/main"))
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", format!("t={time},v1={digits}"))
        .body(body.to_owned());
    node.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_webhook_of_stripes_is_refused_and_a_recent_one_says_nothing_new() {
    let (world, node) = World::start().await;
    let body = stripe_event(&world, &node).await;
    let stored = world.webhooks("").await.len();
    let clearing = balance(&world, &node, "system:gateway_clearing.stripe").await;
    // So old, or of a clock so far ahead, that nobody knows who has kept it.
    for seconds_ago in [3_600, 310, -310] {
        let reply = deliver_signed_at(&node, &body, seconds_ago).await;
        assert_eq!(reply.expect(401).code(), "webhook_signature_invalid");
    }
    assert_eq!(world.webhooks("").await.len(), stored);
    let reply = deliver_signed_at(&node, &body, 200).await.expect(200);
    assert_eq!(reply.body["receipt"], "stored");
    for _ in 0..10 {
        let reply = deliver_signed_at(&node, &body, 100).await.expect(200);
        assert_eq!(reply.body["receipt"], "duplicate");
    }
    world.processed().await;
    assert_eq!(world.webhooks("").await.len(), stored + 1);
    assert_eq!(world.webhooks("parked").await, []);
    assert_eq!(world.count("PaymentCaptured").await, 1);
    let after = balance(&world, &node, "system:gateway_clearing.stripe").await;
    assert_eq!(after, clearing);
    node.node.stop().await;
}
