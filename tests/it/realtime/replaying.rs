//! The past told again on a WebSocket.

use std::time::Duration;

use realtime_bridge::BridgeSettings;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{Client, NatsServer, RunningBridge, TestLog};

/// The positions that a replay tells, and how it ends.
async fn told(client: &mut Client, channel: &str) -> (Vec<i64>, Value) {
    let mut positions = Vec::new();
    loop {
        let message = client.answer().await;
        match message["type"].as_str() {
            Some("replayed") => {
                assert_eq!(message["channel"], channel, "{message}");
                assert_eq!(message["event"]["position"], message["position"]);
                positions.push(message["position"].as_i64().unwrap());
            }
            Some("replay_ended") => return (positions, message),
            _ => panic!("{message}"),
        }
    }
}

async fn replay(client: &mut Client, request: Value) -> Value {
    client.send(request).await;
    client.expect("replay_started").await
}

/// A log of three deposits into each of two wallets, by turns.
async fn begun() -> (NatsServer, TestLog, RunningBridge, String) {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let (wallet, other) = (log.open_wallet().await, log.open_wallet().await);
    for _ in 0..3 {
        log.deposit(wallet, 1).await;
        log.deposit(other, 1).await;
    }
    let bridge = log.bridge(&nats, BridgeSettings::default()).await;
    (server, log, bridge, format!("wallet:{wallet}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_of_any_channel_is_told_again_and_can_be_taken_up() {
    let (_server, log, bridge, wallet) = begun().await;
    let head = log.head();
    let mut client = bridge.client().await;
    let request = json!({ "type": "replay", "id": 5, "channel": "ledger" });
    let started = replay(&mut client, request).await;
    assert_eq!(
        (&started["after"], &started["until"]),
        (&json!(0), &json!(head))
    );
    assert_eq!(started["epoch"], client.welcome["epoch"]);
    let (positions, ended) = told(&mut client, "ledger").await;
    assert_eq!(positions, (1..=head).collect::<Vec<_>>());
    let end = json!({ "type": "replay_ended", "id": 5, "channel": "ledger", "position": head });
    assert_eq!(ended, end);

    let request = json!({ "type": "replay", "channel": wallet });
    replay(&mut client, request).await;
    let (all, ended) = told(&mut client, &wallet).await;
    assert_eq!(all.len(), 4, "its opening and three deposits");
    assert_eq!(ended["position"], head);

    // In two parts it is the same.
    let until = all[1];
    let request = json!({ "type": "replay", "channel": wallet, "until": until });
    replay(&mut client, request).await;
    let (mut parts, ended) = told(&mut client, &wallet).await;
    assert_eq!(ended["position"], until);
    let request =
        json!({ "type": "replay", "channel": wallet, "after": until, "until": 1_i64 << 40 });
    let started = replay(&mut client, request).await;
    assert_eq!(started["until"], head, "no further than the log");
    parts.extend(told(&mut client, &wallet).await.0);
    assert_eq!(parts, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_as_long_as_it_took_or_a_part_of_it() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let wallet = log.open_wallet().await;
    let after = log.head();
    for _ in 0..4 {
        log.deposit(wallet, 1).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let recorded = log.events().await;
    let time = |position: i64| {
        let event = recorded.iter().find(|event| event.position == position);
        event.unwrap().recorded_at
    };
    let took = (time(log.head()) - time(after + 1)).to_std().unwrap();
    assert!(took >= Duration::from_millis(1200));
    let bridge = log.bridge(&nats, BridgeSettings::default()).await;
    let mut client = bridge.client().await;
    let mut seconds = async |speed: Value, longest_pause: Value| {
        let request = json!({
            "type": "replay", "channel": "ledger", "after": after,
            "speed": speed, "longest_pause_ms": longest_pause,
        });
        replay(&mut client, request).await;
        let begun = Instant::now();
        let (positions, _) = told(&mut client, "ledger").await;
        assert_eq!(positions.len(), 4);
        begun.elapsed()
    };
    let real = seconds(json!(1), Value::Null).await;
    assert!(real >= took.mul_f64(0.95), "{real:?} of {took:?}");
    let fourfold = seconds(json!(4), Value::Null).await;
    assert!(fourfold >= took.mul_f64(0.2), "{fourfold:?} of {took:?}");
    assert!(fourfold < real, "{fourfold:?}, in real time {real:?}");
    let hurried = seconds(json!(1), json!(10)).await;
    assert!(hurried < real.mul_f64(0.7), "{hurried:?}");
    let at_once = seconds(Value::Null, Value::Null).await;
    assert!(at_once < real.mul_f64(0.7), "{at_once:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replay_at_a_time_and_it_can_be_stopped_while_others_are_followed() {
    let (_server, mut log, bridge, wallet) = begun().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let opened = log.open_wallet().await;
    let mut client = bridge.client().await;
    client.subscribe(&wallet).await;
    client.send(json!({ "type": "stop_replay", "id": 1 })).await;
    let error = client.expect_error("no_replay").await;
    assert_eq!(error["id"], 1);
    let head = log.head();
    let slow =
        json!({ "type": "replay", "id": 2, "channel": "ledger", "after": head - 2, "speed": 1 });
    replay(&mut client, slow.clone()).await;
    // In front of the last event is a pause, in which the client asks on.
    assert_eq!(client.expect("replayed").await["position"], head - 1);
    client.send(slow).await;
    let error = client.expect_error("replay_running").await;
    assert_eq!(error["id"], 2);
    client.send(json!({ "type": "stop_replay" })).await;
    let ended = client.expect("replay_ended").await;
    assert_eq!(ended["position"], head - 1);
    assert_eq!(ended.get("code"), None);
    log.deposit(opened, 1).await;
    for request in [
        json!({ "type": "replay", "channel": "ledger", "speed": 0 }),
        json!({ "type": "replay", "channel": "ledger", "speed": 1_000_001 }),
        json!({ "type": "replay", "channel": "ledger", "speed": 0.5 }),
        json!({ "type": "replay", "channel": "ledger", "after": -1 }),
        json!({ "type": "replay", "channel": "ledger", "until": -1 }),
    ] {
        client.send(request).await;
        client.expect_error("malformed_message").await;
    }
    client
        .send(json!({ "type": "replay", "channel": "everything" }))
        .await;
    client.expect_error("unknown_channel").await;
    client
        .send(json!({ "type": "replay", "channel": "ledger", "after": 1_i64 << 40 }))
        .await;
    client.expect_error("unrecoverable_position").await;
}
