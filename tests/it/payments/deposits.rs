//! Deposits: a page is opened, somebody pays, and a webhook or a question tells.

use std::time::Duration;

use connectors::secret::Secret;
use connectors::simulators::{Chances, PayerChoice};
use daybook::cli::Role as Part;

use super::support::{RAZORPAY_SECRET_BEFORE, World, balance, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_credits_the_wallet_and_refers_to_itself() {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 500).await;
    let order = world.page(payment, "razorpay").await;
    world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "500.00");
    let action: serde_json::Value =
        sqlx::query_scalar("SELECT action FROM workflows.checkout WHERE payment_id = $1")
            .bind(payment.as_uuid())
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(action["kind"], "form", "{action}");
    let causes: Vec<String> = sqlx::query_scalar(
        "SELECT metadata->>'causation_id' FROM daybook.events \
         WHERE ledger = $1 AND event_type = 'PaymentCaptured'",
    )
    .bind(&world.ledger)
    .fetch_all(world.pool())
    .await
    .unwrap();
    let stored = world.webhooks("applied").await;
    assert!(
        stored.iter().any(|(id, _)| causes[0] == id.to_string()),
        "{causes:?}"
    );
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disorder_repeats_and_wrong_signatures_change_nothing() {
    let (world, node) = World::start().await;
    world.razorpay.control().set_chances(Chances {
        webhook_duplicate: 1_000,
        webhook_reorder: 1_000,
        webhook_wrong_signature: 1_000,
        ..Chances::default()
    });
    let wallet = node.wallet("ravi").await;
    for (amount, choice) in [
        (100, PayerChoice::Pay),
        (20, PayerChoice::FailThenPay),
        (7, PayerChoice::Fail),
    ] {
        let payment = world.deposit(&node, &wallet, amount).await;
        let order = world.page(payment, "razorpay").await;
        world.razorpay.control().pay(&order, choice).unwrap();
        if choice == PayerChoice::FailThenPay {
            world
                .razorpay
                .control()
                .advance(Duration::from_secs(24 * 60 * 60));
        }
        world.delivered().await;
    }
    world.processed().await;
    assert_eq!(world.webhooks("parked").await, []);
    let captured: u64 = world
        .razorpay
        .control()
        .books()
        .payments
        .iter()
        .map(|payment| payment.captured)
        .sum();
    let holder = format!("wallet:{wallet}");
    let expected = format!("{}.00", captured / 100);
    assert_eq!(balance(&world, &node, &holder).await, expected);
    assert!(captured >= 100_00, "{captured}");
    let forged = world.razorpay.control().deliveries();
    let forged = forged.iter().filter(|delivery| delivery.is_forged);
    assert!(forged.clone().count() > 0);
    for delivery in forged {
        assert_eq!(delivery.status, Some(401));
    }
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_being_replaced_still_counts() {
    let (world, node) = World::start().await;
    let address = node.url("/v1/webhooks/razorpay/main");
    let before = Secret::new(RAZORPAY_SECRET_BEFORE);
    world.razorpay.control().set_webhook(&address, &[before]);
    let wallet = node.wallet("mina").await;
    let payment = world.deposit(&node, &wallet, 10).await;
    let order = world.page(payment, "razorpay").await;
    world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_webhooks_the_provider_is_asked() {
    let world = World::new(Some(Duration::from_millis(300))).await;
    let node = world.node(&Part::ALL).await;
    world.razorpay.control().set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let wallet = node.wallet("tara").await;
    let payment = world.deposit(&node, &wallet, 60).await;
    let order = world.page(payment, "razorpay").await;
    world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    assert_eq!(world.webhooks("").await, []);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "60.00");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_than_ours_is_held_in_suspense() {
    let world = World::new(Some(Duration::from_secs(2))).await;
    let node = world.node(&Part::ALL).await;
    world.razorpay.control().set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let wallet = node.wallet("uma").await;
    let payment = world.deposit(&node, &wallet, 90).await;
    let order = world.page(payment, "razorpay").await;
    let paid = world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.razorpay.misreport_payment(&paid, Some(40_00), None);
    world.event("payment", payment, "PaymentCaptured").await;
    assert_eq!(balance(&world, &node, "system:suspense").await, "40.00");
    let holder = format!("wallet:{wallet}");
    let at = format!("/accounts/{holder}:INR");
    let reply = node.get(&at).await;
    assert!(
        reply.status == 404 || reply.body["balance"] == "0.00",
        "{reply:?}"
    );
    node.node.stop().await;
}

/// Stored by a node that dies before it processes anything; applied once by the next.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_a_node_died_is_applied_once() {
    let (world, first) = World::start().await;
    let wallet = first.wallet("lila").await;
    let payment = world.deposit(&first, &wallet, 80).await;
    let order = world.page(payment, "razorpay").await;
    first.node.stop().await;

    let storing = world.node(&[Part::Api]).await;
    world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.delivered().await;
    let waiting = world.webhooks("waiting").await;
    assert!(!waiting.is_empty());
    assert_eq!(world.count("PaymentCaptured").await, 0);
    // Somebody had begun with them and died: their lease is over soon.
    sqlx::query("UPDATE workflows.webhook_state SET attempts = 1, due_at = now() + interval '1 s'")
        .execute(world.pool())
        .await
        .unwrap();
    storing.node.stop().await;

    let last = world.node(&Part::ALL).await;
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    assert_eq!(world.count("PaymentCaptured").await, 1);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &last, &holder).await, "80.00");
    last.node.stop().await;
}

/// Two nodes process and follow the same ledger: everything happens once.
#[tokio::test(flavor = "multi_thread")]
async fn race_two_nodes_open_one_page_and_credit_once() {
    let (world, one) = World::start().await;
    let two = world.node(&Part::ALL).await;
    let wallet = one.wallet("noor").await;
    let mut payments = Vec::new();
    for amount in 1..=10 {
        payments.push(world.deposit(&one, &wallet, amount).await);
    }
    for payment in &payments {
        let order = world.page(*payment, "razorpay").await;
        world
            .razorpay
            .control()
            .pay(&order, PayerChoice::Pay)
            .unwrap();
    }
    eventually("all captured", || async {
        (world.count("PaymentCaptured").await == 10).then_some(())
    })
    .await;
    world.processed().await;
    assert_eq!(world.razorpay.control().books().payments.len(), 10);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &two, &holder).await, "55.00");
    one.node.stop().await;
    two.node.stop().await;
}
