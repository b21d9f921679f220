//! What a provider has taken and never settles becomes a break, which ends when it is settled after all.

use chrono::{Days, Utc};
use connectors::simulators::PayerChoice;
use daybook::cli::Role as Part;
use ledger_core::payment::PaymentAction;
use ledger_core::{PaymentId, RefundId};
use serde_json::Value;
use uuid::Uuid;

use super::support::{World, eventually};
use crate::harness::node::TestNode;

async fn captured(
    world: &World,
    node: &TestNode,
    wallet: &str,
    amount: u32,
) -> (PaymentId, String) {
    let payment = world.deposit(node, wallet, amount).await;
    let order = world.page(payment, "razorpay").await;
    let control = world.razorpay.control();
    let attempt = control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    (payment, attempt)
}

async fn refunded(world: &World, node: &TestNode, payment: PaymentId, rupees: u32) {
    let refund = PaymentAction::RequestRefund {
        refund: RefundId::new(Uuid::now_v7()),
        amount: Some(rupees.into()),
        reason: None,
    };
    let before = world.count("RefundSucceeded").await;
    world.payment(node, payment, refund).await;
    eventually("the refund", || async {
        (world.count("RefundSucceeded").await > before).then_some(())
    })
    .await;
    world.processed().await;
}

/// Everything that has happened has happened three weeks ago.
async fn three_weeks_pass(world: &World) {
    let mut superuser = world.database.superuser().await;
    // Nobody may change the log; only by this it gets old in a test.
    sqlx::query("SET session_replication_role = replica")
        .execute(&mut superuser)
        .await
        .unwrap();
    sqlx::query("UPDATE daybook.events SET recorded_at = recorded_at - interval '21 days'")
        .execute(&mut superuser)
        .await
        .unwrap();
}

/// All breaks, once the reports up to now were read by a node that has just started.
async fn breaks(world: &World, node: &TestNode) -> Vec<Value> {
    eventually("the reports are read", || async {
        let day: Option<chrono::NaiveDate> = sqlx::query_scalar(
            "SELECT (payload ->> 'day')::date FROM graphile_worker._private_jobs \
             WHERE key LIKE 'settlements/%/razorpay' AND run_at > now()",
        )
        .fetch_optional(world.pool())
        .await
        .unwrap();
        day
    })
    .await;
    let head: i64 =
        sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = $1")
            .bind(&world.ledger)
            .fetch_one(world.pool())
            .await
            .unwrap();
    let path = format!("/settlement-breaks?min_position={head}");
    let list = node.get(&path).await.expect(200);
    list.body["items"].as_array().unwrap().clone()
}

/// Ends the node and begins another, which reads the reports of the last days again.
async fn again(world: &World, node: TestNode) -> TestNode {
    node.node.stop().await;
    // As if the next report was due: the chain begins anew where it always begins.
    sqlx::query(
        "DELETE FROM graphile_worker._private_jobs WHERE key LIKE 'settlements/%' \
         AND locked_at IS NULL",
    )
    .execute(world.pool())
    .await
    .unwrap();
    world.node(&Part::ALL).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_report_has_is_a_break_until_one_has_it() {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    let (whole, settled) = captured(&world, &node, &wallet, 500).await;
    refunded(&world, &node, whole, 50).await;
    let day = Utc::now().date_naive() - Days::new(3);
    let control = world.razorpay.control();
    control.settle(day).unwrap();
    // What comes after the batch is in none: a capture, and a refund of what was settled.
    let (payment, missing) = captured(&world, &node, &wallet, 300).await;
    refunded(&world, &node, whole, 20).await;
    assert_eq!(breaks(&world, &node).await, Vec::<Value>::new());

    // Not yet: a provider has time.
    let node = again(&world, node).await;
    assert_eq!(breaks(&world, &node).await, Vec::<Value>::new());
    three_weeks_pass(&world).await;
    let mut node = again(&world, node).await;
    for round in ["at first", "again"] {
        let mut found = breaks(&world, &node).await;
        found.sort_by_key(|found| found["ours"].as_str().map(str::to_owned));
        assert_eq!(found.len(), 2, "{round}: {found:?}");
        for found in &found {
            assert_eq!(found["kind"], "missing_in_report", "{round}");
            assert_eq!(found["status"], "open", "{round}");
        }
        let [refund, capture] = found.as_slice() else {
            panic!()
        };
        assert_eq!(refund["ours"], "20.00");
        assert_eq!(refund["deposit"], whole.to_string());
        assert_eq!(capture["ours"], "300.00");
        assert_eq!(capture["subject"], missing.as_str());
        assert_eq!(capture["deposit"], payment.to_string());
        assert!(
            found
                .iter()
                .all(|found| found["subject"] != settled.as_str())
        );
        node = again(&world, node).await;
    }
    let batch = control.settle(day).unwrap();
    let node = again(&world, node).await;
    let found = breaks(&world, &node).await;
    assert_eq!(found.len(), 2, "{found:?}");
    for found in &found {
        assert_eq!(found["status"], "resolved", "{found}");
        assert_eq!(found["resolution"], format!("settled in {batch}"));
        assert_eq!(found["resolved_by"], "system:payments");
    }
    // A settlement that stands for what was in none has moved nothing.
    let moved: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM daybook.events WHERE ledger = $1 \
         AND event_type = 'SettlementRecorded' \
         AND payload::jsonb #>> '{SettlementRecorded,batch}' LIKE 'unsettled-%' \
         AND payload::jsonb #> '{SettlementRecorded,transaction}' IS NOT NULL",
    )
    .bind(&world.ledger)
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert_eq!(moved, 0);
    node.node.stop().await;
}
