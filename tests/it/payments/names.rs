//! Money whose names have not followed the log yet is taken in once all the same.

use std::time::Duration;

use connectors::gateways::{
    Money, Observation, PaymentObservation, PaymentStatus, Reported, currency,
};
use connectors::simulators::{Chances, PayerChoice};
use daybook::cli::Role as Part;
use sqlx::{Postgres, Transaction};
use workflows::observer::{Heard, Hearing, Observer, Source, Trust};

use super::support::{World, balance, provider};
use crate::harness::node::TestNode;

/// Whoever follows the log waits for as long as this is held.
async fn nobody_follows(world: &World) -> Transaction<'static, Postgres> {
    let mut tx = world.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE workflows.checkpoint IN EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx
}

/// What the provider says of a captured payment when it is asked, with its order's name or without.
fn captured(attempt: &str, order: Option<&str>) -> Observation {
    let asset = currency("INR").unwrap();
    let rupees = Money::from_minor_units(500_00, asset);
    Observation::Payment(PaymentObservation {
        payment_id: attempt.parse().unwrap(),
        checkout_id: order.map(|order| order.parse().unwrap()),
        reference: None,
        status: Reported::Known(PaymentStatus::Captured),
        provider_status: "captured".to_owned(),
        amount: rupees,
        captured: rupees,
        refunded: Money::zero(asset),
        charges: None,
        method: None,
        failure: None,
        created_at: None,
    })
}

async fn hear(world: &World, node: &TestNode, step: &str, said: Observation) -> Heard {
    let observer = Observer::new(world.pool().clone(), node.node.executors.clone());
    let source = Source {
        ledger: world.ledger(),
        provider: provider("razorpay"),
        trust: Trust::Fetched,
        hearing: Hearing::Step {
            name: step.to_owned(),
        },
    };
    observer.hear_all(&source, &[said]).await.unwrap()
}

/// A payment that is paid at the provider, which tells nobody.
async fn paid_unheard(world: &World, node: &TestNode, wallet: &str) -> (String, String) {
    let control = world.razorpay.control();
    control.set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let payment = world.deposit(node, wallet, 500).await;
    let order = world.page(payment, "razorpay").await;
    let attempt = control.pay(&order, PayerChoice::Pay).unwrap();
    (order, attempt)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_is_taken_in_is_nobodys_no_more() {
    // Nobody else asks how the payments are.
    let world = World::new(Some(Duration::from_secs(3_600))).await;
    let node = world.node(&Part::ALL).await;
    let wallet = node.wallet("asha").await;
    let (order, attempt) = paid_unheard(&world, &node, &wallet).await;
    let held = nobody_follows(&world).await;
    let named = captured(&attempt, Some(&order));
    hear(&world, &node, "named", named).await;
    assert_eq!(world.count("PaymentCaptured").await, 1);
    // A refund leads to its payment, and some providers do not name the order there.
    hear(&world, &node, "nameless", captured(&attempt, None)).await;
    assert_eq!(world.count("UnexpectedPaymentCaptured").await, 0);
    held.rollback().await.unwrap();
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "500.00");
    let clearing = balance(&world, &node, "system:gateway_clearing.razorpay").await;
    assert_eq!(clearing, "500.00");
    node.node.stop().await;
}

/// Many hear of the same money at once, half of them without a name: all of it is taken in once.
#[tokio::test(flavor = "multi_thread")]
async fn race_named_and_nameless_words_take_money_in_once() {
    // Nobody else asks how the payments are.
    let world = World::new(Some(Duration::from_secs(3_600))).await;
    let node = world.node(&Part::ALL).await;
    let wallet = node.wallet("asha").await;
    let mut paid = Vec::new();
    for _ in 0..6 {
        paid.push(paid_unheard(&world, &node, &wallet).await);
    }
    let held = nobody_follows(&world).await;
    let mut words = Vec::new();
    for (order, attempt) in &paid {
        for number in 0..6_u64 {
            let name = format!("{attempt}/{number}");
            let named = (number % 2 == 0).then_some(order.as_str());
            let said = captured(attempt, named);
            let (world, node) = (&world, &node);
            // Those without a name have less to look up: they wait, so that either may be first.
            let pause = Duration::from_millis(number * 60);
            words.push(async move {
                if named.is_none() {
                    tokio::time::sleep(pause).await;
                }
                hear(world, node, &name, said).await
            });
        }
    }
    for heard in futures_util::future::join_all(words).await {
        assert!(matches!(heard, Heard::Applied(_)), "{heard:?}");
    }
    held.rollback().await.unwrap();
    let expected = world.count("PaymentCaptured").await;
    let unexpected = world.count("UnexpectedPaymentCaptured").await;
    assert_eq!(expected + unexpected, 6, "{expected} and {unexpected}");
    let clearing = balance(&world, &node, "system:gateway_clearing.razorpay").await;
    assert_eq!(clearing, "3000.00");
    node.node.stop().await;
}
