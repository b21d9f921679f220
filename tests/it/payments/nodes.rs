//! Nodes that lose their database, stall, are set up differently, or work on while a provider is slow.

use std::time::{Duration, Instant};

use connectors::simulators::{Fault, PayerChoice};
use daybook::cli::Role as Part;
use ledger_core::PaymentId;
use serde_json::{Value, json};
use workflows::jobs::Job;

use super::support::{World, balance, eventually};
use crate::harness::node::TestNode;

/// A query that is cut off ends the library's worker: another has to take its place.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_on_after_a_connection_was_lost_in_a_query() {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    let mut administrator = world.administrator().await;
    let mut tx = world.pool().begin().await.unwrap();
    // Whoever looks for jobs waits for this lock, in the middle of a query.
    sqlx::query("LOCK TABLE graphile_worker._private_jobs IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    let begun = Instant::now();
    let mut cut = 0;
    while cut == 0 {
        cut = sqlx::query_scalar::<_, i64>(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut administrator)
        .await
        .unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "nobody looks for jobs"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tx.rollback().await.unwrap();
    let payment = world.deposit(&node, &wallet, 500).await;
    world.page(payment, "razorpay").await;
    node.node.stop().await;
}

/// A node that was not told of an account yet leaves its webhooks and payments to those that were.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_an_account_leaves_it_to_others() {
    let world = World::new(None).await;
    let older = |payments: &mut daybook::node::PaymentOptions| {
        payments.accounts = world.accounts_at(&["stripe"]);
    };
    let old = world.node_with(&Part::ALL, older).await;
    let wallet = old.wallet("asha").await;
    let payment = world.deposit(&old, &wallet, 500).await;
    eventually("a try without the account", || tried(&world)).await;
    assert_eq!(world.events("payment", payment).await, ["PaymentCreated"]);
    old.node.stop().await;

    let new = world.node(&Part::ALL).await;
    let order = world.page(payment, "razorpay").await;
    new.node.stop().await;
    let storing = world.node(&[Part::Api]).await;
    let control = world.razorpay.control();
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.delivered().await;
    storing.node.stop().await;

    let old = world.node_with(&Part::ALL, older).await;
    // It looks every 50 ms.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.webhooks("parked").await, []);
    assert!(!world.webhooks("waiting").await.is_empty());
    old.node.stop().await;
    let new = world.node(&Part::ALL).await;
    world.event("payment", payment, "PaymentCaptured").await;
    new.node.stop().await;
}

async fn tried(world: &World) -> Option<()> {
    let tries: Option<i16> = sqlx::query_scalar(
        "SELECT max(attempts) FROM graphile_worker._private_jobs JOIN \
         graphile_worker._private_tasks AS tasks ON tasks.id = task_id \
         WHERE identifier = 'open_checkout' AND last_error IS NOT NULL",
    )
    .fetch_one(world.pool())
    .await
    .unwrap();
    tries.filter(|tries| *tries > 0).map(drop)
}

/// An order that was made by hand at Razorpay, paid and captured: money of no payment of ours.
pub async fn money_of_nobody(world: &World, node: &TestNode) -> String {
    let asked = |path: String, body: Value| {
        let url = format!("{}{path}", world.razorpay.url());
        let request = node.client.post(url);
        let request = request.basic_auth("rzp_test_1DP5mmOlF5G5ag", Some("a key secret"));
        request.json(&body).send()
    };
    let body = json!({ "amount": 12_300, "currency": "INR", "receipt": "somebody-elses-order" });
    let order = asked("/v1/orders".to_owned(), body).await.unwrap();
    let order: Value = order.json().await.unwrap();
    let id = order["id"].as_str().unwrap_or_else(|| panic!("{order}"));
    world.razorpay.control().pay(id, PayerChoice::Pay).unwrap();
    eventually("an order that was made by hand is captured", || async {
        let books = world.razorpay.control().books();
        let payment = books.payments.first()?.clone();
        if payment.captured > 0 {
            return Some(payment.payment_id);
        }
        // An order without automatic capture waits for the merchant.
        let path = format!("/v1/payments/{}/capture", payment.payment_id);
        let body = json!({ "amount": 12_300, "currency": "INR" });
        asked(path, body).await.unwrap();
        None
    })
    .await
}

/// A node that stalls in the middle of a webhook comes back when another has dealt with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_verdict_changes_nothing() {
    let (world, node) = World::start().await;
    let mut tx = world.pool().begin().await.unwrap();
    // Whose the money is, is looked up here.
    sqlx::query("LOCK TABLE workflows.provider_link IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    money_of_nobody(&world, &node).await;
    world.delivered().await;
    // Others that came a moment later wait for it to end.
    eventually("a webhook that somebody has begun with", || async {
        let begun: i64 =
            sqlx::query_scalar("SELECT count(*) FROM workflows.webhook_state WHERE attempts > 0")
                .fetch_one(world.pool())
                .await
                .unwrap();
        (begun > 0).then_some(())
    })
    .await;
    // Another has tried it again meanwhile, and is done.
    sqlx::query("UPDATE workflows.webhook_state SET status = 'of_no_concern', attempts = 2")
        .execute(world.pool())
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let all = world.webhooks("").await.len();
    assert_eq!(world.webhooks("of_no_concern").await.len(), all);
    assert!(all > 0);
    node.node.stop().await;
}

/// What was to be confirmed and is settled by now is not touched by a job that comes late.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_confirmation_changes_nothing() {
    let (world, node) = World::start().await;
    money_of_nobody(&world, &node).await;
    eventually("suspense", || async {
        (world.count("UnexpectedPaymentCaptured").await == 1).then_some(())
    })
    .await;
    world.processed().await;
    let (settled, _) = world.webhooks("applied").await[0];
    sqlx::query(
        "UPDATE workflows.webhook_state SET status = 'of_no_concern' WHERE webhook_id = $1",
    )
    .bind(settled)
    .execute(world.pool())
    .await
    .unwrap();
    world.job(Job::ConfirmWebhook { webhook: settled }).await;
    world.idle().await;
    let still = world.webhooks("of_no_concern").await;
    assert!(still.iter().any(|(id, _)| *id == settled), "{still:?}");
    assert_eq!(balance(&world, &node, "system:suspense").await, "123.00");
    node.node.stop().await;
}

/// A provider that answers late holds up its own payments alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_provider_leaves_room_for_others() {
    let (world, node) = World::start().await;
    let faults = world.razorpay.control();
    faults
        .faults()
        .arm(&Fault::Delay(Duration::from_millis(1_500)), 500);
    let wallet = node.wallet("asha").await;
    let mut slow: Vec<PaymentId> = Vec::new();
    for _ in 0..40 {
        slow.push(world.deposit(&node, &wallet, 10).await);
    }
    // All that can be under way at the slow one is.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let quick = world.deposit_at("stripe", &node, &wallet, 10).await;
    world.page(quick, "stripe").await;
    let taken = begun.elapsed();
    let opened = world.count("PaymentAwaitingPayer").await;
    assert!(
        opened < 20,
        "{opened} pages were opened before it, in {taken:?}"
    );
    node.node.stop().await;
}

/// A node that died after it had written down where a page is, and before it could say so: the page counts,
/// and no provider is asked for another. Some tell where a page is only once.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_written_down_is_kept_though_its_node_died() {
    let world = World::new(None).await;
    let storing = world.node(&[Part::Api]).await;
    let wallet = storing.wallet("asha").await;
    let payment = world.deposit(&storing, &wallet, 500).await;
    let closes = chrono::Utc::now() + chrono::TimeDelta::minutes(20);
    let written = sqlx::query(
        "UPDATE workflows.checkout SET provider = 'razorpay', \
             provider_checkout = 'order_WrittenDown01', expires_at = $2, \
             action = '{\"kind\": \"redirect\", \"url\": \"https://pay.example/1\"}' \
         WHERE payment_id = $1",
    )
    .bind(payment.as_uuid())
    .bind(closes)
    .execute(world.pool())
    .await
    .unwrap();
    assert_eq!(written.rows_affected(), 1);
    storing.node.stop().await;

    let node = world.node(&Part::ALL).await;
    assert_eq!(world.page(payment, "razorpay").await, "order_WrittenDown01");
    world.idle().await;
    let asked = world.razorpay.received();
    let made = asked.iter().filter(|asked| asked.starts_with("POST"));
    assert_eq!(made.count(), 0, "{asked:#?}");
    assert_eq!(
        world.events("payment", payment).await,
        ["PaymentCreated", "PaymentAwaitingPayer"]
    );
    let told: Value = sqlx::query_scalar(
        "SELECT payload::jsonb -> 'PaymentAwaitingPayer' FROM daybook.events \
         WHERE ledger = $1 AND event_type = 'PaymentAwaitingPayer'",
    )
    .bind(&world.ledger)
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert_eq!(told["order"], "order_WrittenDown01");
    let until: chrono::DateTime<chrono::Utc> =
        told["expires_at"].as_str().unwrap().parse().unwrap();
    assert!((until - closes).abs() < chrono::TimeDelta::milliseconds(1));
    node.node.stop().await;
}
