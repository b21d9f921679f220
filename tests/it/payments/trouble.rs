//! Providers that are down, slow, or answer nonsense.

use connectors::simulators::{Chances, PayerChoice};

use super::support::{World, balance};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_sent_to_the_next_provider_when_the_first_is_down() {
    let (world, node) = World::start().await;
    world.razorpay.control().set_down(true);
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 500).await;
    let session = world.page(payment, "stripe").await;
    world
        .stripe
        .control()
        .pay(&session, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    assert_eq!(
        world.events("payment", payment).await[..3],
        ["PaymentCreated", "PaymentRerouted", "PaymentAwaitingPayer"]
    );
    let fallback: String = sqlx::query_scalar(
        "SELECT payload::jsonb #>> '{PaymentRerouted,route,fallback,from}' FROM daybook.events \
         WHERE ledger = $1 AND event_type = 'PaymentRerouted'",
    )
    .bind(&world.ledger)
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert_eq!(fallback, "razorpay");
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "500.00");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_leads_to_the_next_provider_and_nothing_else() {
    let (world, node) = World::start().await;
    world.razorpay.control().set_chances(Chances {
        nonsense: 1_000,
        ..Chances::default()
    });
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 40).await;
    let session = world.page(payment, "stripe").await;
    world
        .stripe
        .control()
        .pay(&session, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "40.00");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_fails_when_nobody_makes_a_page() {
    let (world, node) = World::start().await;
    world.razorpay.control().set_down(true);
    world.stripe.control().set_down(true);
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 40).await;
    world.event("payment", payment, "PaymentFailed").await;
    node.node.stop().await;
}
