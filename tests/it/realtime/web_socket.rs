//! Snapshot, deltas and resumption, whatever happens to bridge, relay and NATS.

use std::time::Duration;

use async_nats::jetstream::Context;
use realtime_bridge::{BridgeSettings, RelaySettings};
use serde_json::{Value, json};

use super::support::{Client, NatsServer, TestLog, until};

fn settings() -> BridgeSettings {
    BridgeSettings {
        heartbeat_interval: Duration::from_millis(100),
        ..BridgeSettings::default()
    }
}

async fn relayed(jetstream: &Context, log: &TestLog) {
    let name = format!("DAYBOOK_{}", log.ledger);
    let head = u64::try_from(log.head()).unwrap();
    until("everything is relayed", || async {
        let stream = jetstream.get_stream(&name).await;
        stream.is_ok_and(|stream| stream.cached_info().state.last_sequence == head)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_seen_as_it_is_and_then_as_it_changes() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let (wallet, other) = (log.open_wallet().await, log.open_wallet().await);
    log.deposit(wallet, 3).await;
    log.hold(wallet, "2.00").await;
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    assert_eq!(client.welcome["ledger"], log.ledger.as_str());
    let channel = format!("wallet:{wallet}");
    let snapshot = client.subscribe(&channel).await;
    assert_eq!(snapshot["as_of"], 7);
    assert_eq!(snapshot["epoch"], client.welcome["epoch"]);
    assert_eq!(
        snapshot["balances"],
        json!([{
            "account": format!("wallet:{wallet}:INR"),
            "posted_debits": "0", "posted_credits": "3.00", "pending_debits": "2.00",
            "balance": "3.00", "available": "1.00",
        }])
    );
    log.deposit(other, 2).await;
    log.deposit(wallet, 1).await;
    log.deposit(other, 1).await;
    log.hold(wallet, "1.00").await;
    assert_eq!(client.follow(&channel, 7, 12).await, [10, 12]);

    let mut watcher = bridge.client().await;
    let snapshot = watcher.subscribe("ledger").await;
    assert_eq!(
        (&snapshot["as_of"], &snapshot["balances"]),
        (&json!(12), &json!([]))
    );
    log.deposit(other, 25).await;
    assert_eq!(watcher.follow("ledger", 12, 37).await.len(), 25);
    watcher.subscribe("account:system:cash:INR").await;
    log.hold(other, "1.00").await;
    log.deposit(other, 1).await;
    // The hold concerns only the wallet's own account.
    assert_eq!(watcher.expect("event").await["channel"], "ledger");
    let channels = [
        watcher.expect("event").await["channel"].clone(),
        watcher.expect("event").await["channel"].clone(),
    ];
    assert!(channels.contains(&json!("ledger")));
    assert!(channels.contains(&json!("account:system:cash:INR")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_follows_many_channels_and_leaves_them() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let (wallet, other) = (log.open_wallet().await, log.open_wallet().await);
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    let channel = format!("wallet:{wallet}");
    client.subscribe(&format!("wallet:{other}")).await;
    client
        .subscribe(&channel.to_uppercase().replace("WALLET", "wallet"))
        .await;
    client
        .send(json!({ "type": "subscribe", "id": 7, "channel": channel }))
        .await;
    let error = client.expect_error("already_subscribed").await;
    assert_eq!(
        (&error["id"], &error["channel"]),
        (&json!(7), &json!(channel))
    );
    log.deposit(wallet, 2).await;
    client.follow(&channel, 3, 5).await;
    client
        .send(json!({ "type": "unsubscribe", "id": 8, "channel": channel }))
        .await;
    assert_eq!(client.expect("unsubscribed").await["id"], 8);
    client
        .send(json!({ "type": "unsubscribe", "channel": channel }))
        .await;
    client.expect_error("not_subscribed").await;
    log.deposit(wallet, 1).await;
    log.deposit(other, 1).await;
    client.follow(&format!("wallet:{other}"), 3, 7).await;
    client.resume(&channel, 4).await;
    assert_eq!(client.follow(&channel, 4, 6).await, [5, 6]);
}

/// Where the events of the past come from, and what is therefore taken away before resuming.
async fn resume_across_a_restart(lose_the_stream: bool) {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    let channel = format!("wallet:{wallet}");
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    client.subscribe(&channel).await;
    log.deposit(wallet, 10).await;
    client.follow(&channel, 2, 12).await;
    bridge.stop().await;
    log.deposit(wallet, 1_200).await;
    let jetstream = server.jetstream().await;
    relayed(&jetstream, &log).await;
    if lose_the_stream {
        relay.stop().await;
        let name = format!("DAYBOOK_{}", log.ledger);
        jetstream.delete_stream(name).await.unwrap();
    }
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    client.resume(&channel, 12).await;
    log.deposit(wallet, 40).await;
    assert_eq!(client.follow(&channel, 12, 1_252).await.len(), 1_240);
    // The past is in nobody's memory, the present is: from both in one go.
    let mut second = bridge.client().await;
    second.resume("ledger", 0).await;
    log.deposit(wallet, 1).await;
    assert_eq!(second.follow("ledger", 0, 1_253).await.len(), 1_253);
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_after_a_restart_reads_jetstream() {
    resume_across_a_restart(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_without_a_stream_reads_postgres() {
    resume_across_a_restart(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_while_nats_is_dead_and_after_it_is_back() {
    let (mut server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    client.subscribe("ledger").await;
    log.deposit(wallet, 5).await;
    client.follow("ledger", 2, 7).await;
    server.kill();
    log.deposit(wallet, 30).await;
    client.follow("ledger", 7, 37).await;
    server.restart().await;
    for _ in 0..40 {
        log.deposit(wallet, 5).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.follow("ledger", 37, 237).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_while_the_relay_is_stopped() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    client.subscribe("ledger").await;
    log.deposit(wallet, 5).await;
    client.follow("ledger", 2, 7).await;
    relay.stop().await;
    log.deposit(wallet, 5).await;
    client.follow("ledger", 7, 12).await;
    let _relay = log.relay(&nats);
    log.deposit(wallet, 5).await;
    client.follow("ledger", 12, 17).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_say_how_far_each_channel_is() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let (wallet, other) = (log.open_wallet().await, log.open_wallet().await);
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    let channel = format!("wallet:{wallet}");
    client.subscribe(&channel).await;
    log.deposit(wallet, 1).await;
    client.follow(&channel, 3, 4).await;
    log.deposit(other, 4).await;
    let mut heartbeat = Value::Null;
    while heartbeat["head"] != 8 {
        heartbeat = client.expect("heartbeat").await;
    }
    assert_eq!(heartbeat["channels"], json!({ channel: 4 }));
    client.send(json!({ "type": "ping", "id": 1 })).await;
    assert_eq!(client.expect("pong").await["id"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_to_begin_anew_when_history_changes() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 10).await;
    let bridge = log.bridge(&nats, settings()).await;
    let mut client = bridge.client().await;
    client.subscribe("ledger").await;
    let old_epoch = client.welcome["epoch"].clone();
    // Somebody else's message makes the relay begin a new history.
    let jetstream = server.jetstream().await;
    relayed(&jetstream, &log).await;
    let subject = format!("daybook.{}.wallet.x.Forged", log.ledger);
    jetstream
        .publish(subject, "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let error = client.expect_error("resync_required").await;
    assert_eq!(error["channel"], "ledger");
    client
        .send(json!({ "type": "subscribe", "channel": "ledger", "after": 12, "epoch": old_epoch }))
        .await;
    client.expect_error("unrecoverable_position").await;
    let snapshot = client.subscribe("ledger").await;
    assert_ne!(snapshot["epoch"], old_epoch);
    log.deposit(wallet, 2).await;
    client.follow("ledger", 12, 14).await;
    drop(relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_costs_a_client_time_and_not_its_connection() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay_with(&nats, RelaySettings::default());
    let wallet = log.open_wallet().await;
    // Neither the queue nor the memory holds the burst.
    let settings = BridgeSettings {
        max_outbound_bytes: 64 << 10,
        ring_events: 500,
        ..settings()
    };
    let bridge = log.bridge(&nats, settings).await;
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..4 {
        let mut client = bridge.client().await;
        client.subscribe("ledger").await;
        clients.push(client);
    }
    log.deposit(wallet, 8_000).await;
    for client in &mut clients {
        assert_eq!(client.follow("ledger", 2, 8_002).await.len(), 8_000);
    }
}
