//! What comes about when somebody is erased already, or is not finished then.

use std::sync::Arc;
use std::time::Duration;

use connectors::simulators::PayerChoice;
use event_store::LogSignal;
use ledger_core::profile::{CasesInReview, ErasureReason, ProfileAction};
use ledger_core::{Command, PaymentId};
use serde_json::json;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflows::WorkStatus;
use workflows::erasure::{Erasure, ErasureStep, ForgetPayers};

use super::keys::vault;
use crate::harness::node::TestNode;
use crate::payments::support::{World, eventually};

/// Asha has paid, and all that was told of it is dealt with.
async fn paid() -> (World, TestNode, PaymentId) {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 500).await;
    let page = world.page(payment, "razorpay").await;
    let control = world.razorpay.control();
    control.pay(&page, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    (world, node, payment)
}

async fn erase(world: &World, node: &TestNode, owner: &str) {
    let action = ProfileAction::Erase {
        reason: ErasureReason::Requested,
        cases: Vec::new(),
        in_review: CasesInReview::Prevent,
        by: "person:meera".parse().unwrap(),
    };
    let command = Command::Profile {
        owner: owner.parse().unwrap(),
        action: Box::new(action),
    };
    let tombstone = world.submit(node, command).await.position;
    followed(world, "erasure", tombstone.value()).await;
}

async fn followed(world: &World, process: &str, tombstone: i64) {
    eventually("the erasure is followed", || async {
        let followed: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM workflows.checkpoint WHERE process = $1 AND ledger = $2 \
             AND position >= $3",
        )
        .bind(process)
        .bind(&world.ledger)
        .bind(tombstone)
        .fetch_optional(world.pool())
        .await
        .unwrap();
        followed
    })
    .await;
}

/// The webhooks whose content is kept.
async fn kept(pool: &PgPool) -> Vec<Uuid> {
    sqlx::query_scalar("SELECT id FROM workflows.webhook WHERE body IS NOT NULL ORDER BY id")
        .fetch_all(pool)
        .await
        .unwrap()
}

/// What says that money has come is needed until it is taken in.
#[tokio::test(flavor = "multi_thread")]
async fn content_of_a_webhook_that_is_not_settled_is_forgotten_when_it_is() {
    let (world, node, _) = paid().await;
    let told = kept(world.pool()).await;
    let parked = told[0];
    sqlx::query("UPDATE workflows.webhook_state SET status = 'parked' WHERE webhook_id = $1")
        .bind(parked)
        .execute(world.pool())
        .await
        .unwrap();
    erase(&world, &node, "ravi").await;
    assert_eq!(
        kept(world.pool()).await,
        told,
        "of somebody else nothing is forgotten"
    );
    erase(&world, &node, "asha").await;
    assert_eq!(kept(world.pool()).await, [parked]);
    let replay = node.url(&format!("/v1/webhook-deliveries/{parked}/replay"));
    node.send(node.client.post(replay)).await.expect(200);
    eventually("forgotten", || async {
        kept(world.pool()).await.is_empty().then_some(())
    })
    .await;
    let names = "SELECT count(*) FROM workflows.webhook_name";
    let names: i64 = sqlx::query_scalar(names)
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(names, 0);
    node.node.stop().await;
}

/// A refund of what an erased person paid is told of with the same names.
#[tokio::test(flavor = "multi_thread")]
async fn content_of_a_webhook_that_comes_later_is_forgotten_when_it_is_settled() {
    let (world, node, payment) = paid().await;
    erase(&world, &node, "asha").await;
    assert_eq!(kept(world.pool()).await, Vec::<Uuid>::new());
    let before = world.webhooks("").await.len();
    let path = format!("/deposits/{payment}/refunds");
    node.post(&path, json!({ "amount": "10.00" }))
        .await
        .expect(201);
    world.event("payment", payment, "RefundSucceeded").await;
    world.processed().await;
    assert!(
        world.webhooks("").await.len() > before,
        "nothing was told of the refund"
    );
    assert_eq!(kept(world.pool()).await, Vec::<Uuid>::new());
    node.node.stop().await;
}

/// A request that was under way has noted its payer behind the erasure.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_down_meanwhile_is_forgotten_when_steps_are_taken_again() {
    let (world, node, _) = paid().await;
    erase(&world, &node, "asha").await;
    let payers = "SELECT count(*) FROM workflows.checkout WHERE payer_email IS NOT NULL";
    let payers = || async {
        sqlx::query_scalar::<_, i64>(payers)
            .fetch_one(world.pool())
            .await
            .unwrap()
    };
    assert_eq!(payers().await, 0);
    sqlx::query("UPDATE workflows.checkout SET payer_email = 'asha@example.com'")
        .execute(world.pool())
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let steps: Vec<Arc<dyn ErasureStep>> = vec![Arc::new(ForgetPayers(world.pool().clone()))];
    let again = Erasure::new(
        vault(world.pool(), &node.master_key, &[]),
        steps,
        world.pool().clone(),
        LogSignal::start(&world.database.database, stop.clone()),
        WorkStatus::default(),
        Duration::ZERO,
    );
    let again = tokio::spawn(again.run(stop.clone()));
    followed(&world, "erasure_again", 1).await;
    assert_eq!(payers().await, 0);
    stop.cancel();
    again.await.unwrap();
    node.node.stop().await;
}
