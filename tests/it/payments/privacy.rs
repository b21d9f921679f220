//! What tells of people is sealed, and forgotten in time.

use std::time::Duration;

use connectors::simulators::PayerChoice;
use daybook::cli::Role as Part;
use ledger_core::PaymentId;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;
use workflows::retention::{Retention, RetentionSettings};

use super::support::{World, eventually};
use crate::harness::TestDatabase;
use crate::harness::node::{TestNode, new_ledger_name};

async fn paid(world: &World, node: &TestNode) -> PaymentId {
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(node, &wallet, 500).await;
    let order = world.page(payment, "razorpay").await;
    let control = world.razorpay.control();
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    payment
}

type Kept = (uuid::Uuid, Option<Vec<u8>>, Option<Vec<u8>>);

async fn kept(world: &World) -> Vec<Kept> {
    sqlx::query_as("SELECT id, headers, body FROM workflows.webhook ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_is_sealed_and_only_ever_forgotten() {
    let (world, node) = World::start().await;
    paid(&world, &node).await;
    let webhooks = kept(&world).await;
    assert!(!webhooks.is_empty());
    for (id, headers, body) in &webhooks {
        let stored = [headers.clone().unwrap(), body.clone().unwrap()].concat();
        for word in ["asha@example.com", "order_", "x-razorpay", "payment"] {
            assert!(!holds(&stored, word), "{word} is readable");
        }
        let path = node.url(&format!("/v1/webhook-deliveries/{id}/content"));
        let content = node.send(node.client.get(path)).await.expect(200);
        assert!(content.body["body_base64"].is_string());
    }
    let refused = [
        "UPDATE workflows.webhook SET event_type = 'x'",
        "UPDATE workflows.webhook SET body = 'x'",
        "UPDATE workflows.webhook SET headers = body, body = headers",
        "UPDATE workflows.webhook SET body = NULL, received_at = now()",
        "DELETE FROM workflows.webhook",
    ];
    let mut administrator = world.administrator().await;
    for statement in refused {
        let outcome = sqlx::query(statement).execute(world.pool()).await;
        assert!(outcome.is_err(), "{statement}");
        let outcome = sqlx::query(statement).execute(&mut administrator).await;
        assert!(outcome.is_err(), "{statement}");
    }
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_and_who_paid_are_forgotten_in_time() {
    let world = World::new(None).await;
    let node = world.node(&Part::ALL).await;
    let payment = paid(&world, &node).await;
    let open = world.deposit(&node, &node.wallet("ravi").await, 10).await;
    world.page(open, "razorpay").await;
    let parked = kept(&world).await[0].0;
    sqlx::query("UPDATE workflows.webhook_state SET status = 'parked' WHERE webhook_id = $1")
        .bind(parked)
        .execute(world.pool())
        .await
        .unwrap();
    // Its page has been closed for long.
    sqlx::query(
        "UPDATE workflows.checkout SET requested_at = now() - interval '40 days', \
         expires_at = now() - interval '31 days' WHERE payment_id = $1",
    )
    .bind(payment.as_uuid())
    .execute(world.pool())
    .await
    .unwrap();
    node.node.stop().await;

    let forgetful = world
        .node_with(&Part::ALL, |payments| {
            payments.retention = RetentionSettings {
                webhooks: Duration::ZERO,
                interval: Duration::from_millis(200),
                ..RetentionSettings::default()
            };
        })
        .await;
    let left = eventually("forgotten", || async {
        let all = kept(&world).await;
        let left = all
            .into_iter()
            .filter(|(_, headers, body)| headers.is_some() || body.is_some());
        let left: Vec<_> = left.map(|(id, ..)| id).collect();
        (left.len() == 1).then_some(left)
    })
    .await;
    assert_eq!(left, [parked]);
    let payers = eventually("the payer is forgotten", || async {
        let payers: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT payment_id FROM workflows.checkout")
                .fetch_all(world.pool())
                .await
                .unwrap();
        (payers.len() == 1).then_some(payers)
    })
    .await;
    assert_eq!(payers, [open.as_uuid()]);
    let settled = kept(&world).await[1].0;
    let at = |what: &str| forgetful.url(&format!("/v1/webhook-deliveries/{settled}/{what}"));
    let content = forgetful.send(forgetful.client.get(at("content"))).await;
    assert_eq!(content.expect(404).code(), "webhook_forgotten");
    let replay = forgetful.send(forgetful.client.post(at("replay"))).await;
    assert_eq!(replay.expect(404).code(), "webhook_forgotten");
    forgetful.node.stop().await;
}

/// What a service may do is less than what its database's owner may, who runs the other tests.
#[tokio::test(flavor = "multi_thread")]
async fn forgetting_needs_no_more_rights_than_a_service_has() {
    let database = TestDatabase::create().await;
    let ledger = new_ledger_name();
    let (case, check) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    for statement in [
        "INSERT INTO workflows.checkout (ledger, payment_id, noted_by, payer_email, requested_at, \
         expires_at) VALUES ($1, $2, $3, 'asha@example.com', now() - interval '400 days', \
         now() - interval '400 days')",
        "INSERT INTO workflows.identity_person (ledger, case_id, provider, noted_by, noted_at, sealed) \
         VALUES ($1, $2, 'onfido', $3, now() - interval '400 days', 'x')",
        "INSERT INTO workflows.identity_check (ledger, case_id, id, provider, submission, level, entry, \
         entry_expires_at) VALUES ($1, $2, $3, 'onfido', 1, 'a level', 'x', \
         now() - interval '400 days')",
    ] {
        sqlx::query(statement)
            .bind(&ledger)
            .bind(case)
            .bind(check)
            .execute(database.database.pool())
            .await
            .unwrap();
    }
    let service = PgPoolOptions::new().max_connections(2);
    let service = service.after_connect(|connection, _| {
        Box::pin(async move {
            sqlx::query("SET ROLE daybook_service")
                .execute(connection)
                .await
                .map(drop)
        })
    });
    let service = service.connect(&database.url).await.unwrap();
    let stop = CancellationToken::new();
    let retention = Retention::new(service, RetentionSettings::default());
    let running = tokio::spawn(retention.run(stop.clone()));
    for left in [
        "SELECT count(*) FROM workflows.checkout",
        "SELECT count(*) FROM workflows.identity_person",
        "SELECT count(*) FROM workflows.identity_check WHERE entry IS NOT NULL",
    ] {
        eventually(left, || async {
            let left: i64 = sqlx::query_scalar(left)
                .fetch_one(database.database.pool())
                .await
                .unwrap();
            (left == 0).then_some(())
        })
        .await;
    }
    stop.cancel();
    running.await.unwrap();
}
