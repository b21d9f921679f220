//! What operators do: replay webhooks, retry and discard dead jobs.

use connectors::simulators::PayerChoice;
use daybook::settings::Settings;
use uuid::Uuid;

use super::support::{World, balance, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_applies_what_was_parked_and_nothing_twice() {
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
    let events = world.events("payment", payment).await;
    // As if all of it had been given up.
    sqlx::query("UPDATE workflows.webhook_state SET status = 'parked', reason = 'a test'")
        .execute(world.pool())
        .await
        .unwrap();
    let list = node.url("/v1/webhook-deliveries?status=parked");
    let list = node.send(node.client.get(list)).await.expect(200);
    let items = list.body["items"].as_array().unwrap().clone();
    assert!(items.len() > 1, "{items:?}");
    for item in &items {
        let id = item["id"].as_str().unwrap();
        let replay = node.url(&format!("/v1/webhook-deliveries/{id}/replay"));
        let replayed = node.send(node.client.post(replay)).await.expect(200);
        assert_eq!(replayed.body["replays"], 1, "{replayed:?}");
    }
    world.processed().await;
    assert_eq!(world.webhooks("parked").await, []);
    assert_eq!(world.events("payment", payment).await, events);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "500.00");
    let unknown = node.url(&format!("/v1/webhook-deliveries/{}/replay", Uuid::nil()));
    let reply = node.send(node.client.post(unknown)).await.expect(404);
    assert_eq!(reply.code(), "webhook_not_found");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_job_is_listed_retried_and_discarded() {
    let (world, node) = World::start().await;
    let payload = format!(
        r#"{{"job":"watch_payout","ledger":"{}","payout":"no uuid","round":0}}"#,
        world.ledger
    );
    sqlx::query(
        "SELECT graphile_worker.add_job('watch_payout', $1::json, max_attempts => 1, \
         job_key => 'a test')",
    )
    .bind(payload)
    .execute(world.pool())
    .await
    .unwrap();
    let dead = || async {
        let list = node.url("/v1/jobs?state=dead&task=watch_payout");
        let list = node.send(node.client.get(list)).await.expect(200);
        list.body["items"].get(0).cloned()
    };
    let job = eventually("a dead job", dead).await;
    assert_eq!(job["attempts"], 1, "{job}");
    assert!(job["last_error"].is_string(), "{job}");
    let number = job["number"].as_i64().unwrap();
    let at = |what: &str| node.url(&format!("/v1/jobs/{number}/{what}"));
    node.send(node.client.post(at("retry"))).await.expect(200);
    eventually("a dead job again", dead).await;
    node.send(node.client.post(at("discard"))).await.expect(200);
    let gone = node.send(node.client.post(at("retry"))).await.expect(404);
    assert_eq!(gone.code(), "job_not_found");
    node.node.stop().await;
}

#[test]
fn accounts_and_rules_are_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("daybook.toml");
    let text = r#"
        [[payments.accounts]]
        ledger = "main"
        endpoint = "shop"
        provider = "razorpay"
        key_id = "rzp_test_1DP5mmOlF5G5ag"
        key_secrets = ["one"]
        webhook_secrets = ["two", "three"]

        [[payments.routing]]
        name = "rupees"
        direction = "in"
        assets = ["INR"]
        most = "50000"
        choices = [{ provider = "razorpay", share = 3 }, { provider = "stripe", share = 1 }]
    "#;
    std::fs::write(&file, text).unwrap();
    let settings = Settings::load(Some(&file)).unwrap();
    let options = settings.payments.options().unwrap();
    assert!(options.accounts.at("razorpay", "shop").is_some());
    assert!(options.accounts.at("razorpay", "other").is_none());
    let shown = format!("{settings:?}");
    for secret in ["\"one\"", "\"two\"", "\"three\""] {
        assert!(!shown.contains(secret), "{shown}");
    }
    std::fs::write(
        &file,
        text.replace("endpoint = \"shop\"", "endpoint = \"shop\"\nodd = 1"),
    )
    .unwrap();
    assert!(Settings::load(Some(&file)).is_err());
    std::fs::write(&file, text.replace("\"shop\"", "\"Shop/1\"")).unwrap();
    let settings = Settings::load(Some(&file)).unwrap();
    assert!(settings.payments.options().is_err());
}
