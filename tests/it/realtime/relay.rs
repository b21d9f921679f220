//! The stream is the log, whatever happens to either.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, Info, Stream};
use ledger_core::Position;
use realtime_bridge::{RelaySettings, RelayState};
use serde_json::Value;

use super::support::{NatsServer, TestLog, until};

async fn stream(jetstream: &Context, log: &TestLog) -> Option<Stream<Info>> {
    let name = format!("DAYBOOK_{}", log.ledger);
    jetstream.get_stream(name).await.ok()
}

async fn last_sequence(jetstream: &Context, log: &TestLog) -> i64 {
    match stream(jetstream, log).await {
        Some(stream) => i64::try_from(stream.cached_info().state.last_sequence).unwrap(),
        None => -1,
    }
}

async fn caught_up(jetstream: &Context, log: &TestLog) -> Stream<Info> {
    until("the stream is at the log's head", || async {
        last_sequence(jetstream, log).await == log.head()
    })
    .await;
    stream(jetstream, log).await.unwrap()
}

fn epoch(stream: &Stream<Info>) -> String {
    stream.cached_info().config.metadata["daybook_epoch"].clone()
}

/// Every message that the stream has is the event at that position, from `first` to the head.
async fn assert_is_the_log(jetstream: &Context, log: &TestLog, first: i64) -> Stream<Info> {
    let stream = caught_up(jetstream, log).await;
    let state = &stream.cached_info().state;
    assert_eq!(i64::try_from(state.first_sequence).unwrap(), first);
    assert_eq!(
        i64::try_from(state.messages).unwrap(),
        log.head() - first + 1
    );
    for event in log.events().await {
        if event.position < first {
            continue;
        }
        let sequence = u64::try_from(event.position).unwrap();
        let message = stream.direct_get(sequence).await.unwrap();
        let published: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(published["position"], event.position);
        assert_eq!(published["ledger"], log.ledger.as_str());
        assert_eq!(published["type"], event.event_type);
        let payload: Value = serde_json::from_str(&event.payload).unwrap();
        assert_eq!(published["data"], payload[&event.event_type]);
        let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
        assert_eq!(id, format!("{}-{}", log.ledger, event.position));
        assert_eq!(
            message.subject.as_str(),
            format!(
                "daybook.{}.{}.{}.{}",
                log.ledger, event.aggregate_type, event.aggregate_id, event.event_type
            )
        );
    }
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_are_positions_one_by_one_and_in_batches() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let relay = log.relay(&server.connect().await);
    let wallet = log.open_wallet().await;
    caught_up(&jetstream, &log).await;
    for _ in 0..5 {
        log.deposit(wallet, 1).await;
    }
    caught_up(&jetstream, &log).await;
    log.deposit(wallet, 1_300).await;
    assert_is_the_log(&jetstream, &log, 1).await;
    let status = relay.relay.status();
    assert!(status.is_healthy());
    until("the status says so", || async {
        let status = relay.relay.status();
        status.ledgers.len() == 1
            && status.ledgers[0].state == RelayState::Following
            && status.ledgers[0].published.value() == log.head()
            && status.ledgers[0].lag_positions() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_stopped_midway_is_continued_by_the_next() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let nats = server.connect().await;
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 4_000).await;
    let relay = log.relay(&nats);
    until("some are relayed", || async {
        last_sequence(&jetstream, &log).await > 0
    })
    .await;
    drop(relay);
    log.deposit(wallet, 10).await;
    let _relay = log.relay(&nats);
    assert_is_the_log(&jetstream, &log, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_nats_midway_stops_only_the_stream_and_heals() {
    let (mut server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 4_000).await;
    let relay = log.relay(&nats);
    let jetstream = server.jetstream().await;
    until("some are relayed", || async {
        last_sequence(&jetstream, &log).await > 0
    })
    .await;
    server.kill();
    log.deposit(wallet, 50).await;
    until("the status says that it fails", || async {
        !relay.relay.status().is_healthy()
    })
    .await;
    assert!(relay.relay.status().ledgers[0].lag_positions() > 0);
    server.restart().await;
    assert_is_the_log(&server.jetstream().await, &log, 1).await;
    until("the status says that it follows", || async {
        relay.relay.status().is_healthy()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_stream_is_made_again_with_the_same_epoch() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let _relay = log.relay(&server.connect().await);
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 30).await;
    let before = epoch(&caught_up(&jetstream, &log).await);
    let name = format!("DAYBOOK_{}", log.ledger);
    jetstream.delete_stream(&name).await.unwrap();
    // While nothing happens, and by a write that finds nobody on its subject.
    assert_is_the_log(&jetstream, &log, 1).await;
    jetstream.delete_stream(&name).await.unwrap();
    log.deposit(wallet, 2).await;
    let stream = assert_is_the_log(&jetstream, &log, 1).await;
    assert_eq!(epoch(&stream), before);
}

/// Makes the stream by hand, unprotected, with copies of the first messages of the relay's own.
async fn copy_of_the_first(jetstream: &Context, log: &TestLog, count: u64) -> Stream<Info> {
    let original = caught_up(jetstream, log).await;
    let mut messages = Vec::new();
    for sequence in 1..=count {
        messages.push(original.direct_get(sequence).await.unwrap());
    }
    let config = Config {
        name: original.cached_info().config.name.clone(),
        subjects: original.cached_info().config.subjects.clone(),
        metadata: original.cached_info().config.metadata.clone(),
        ..Config::default()
    };
    jetstream.delete_stream(&config.name).await.unwrap();
    let copy = jetstream.create_stream(config).await.unwrap();
    for message in messages {
        let mut headers = HeaderMap::new();
        let id = message.headers.get("Nats-Msg-Id").unwrap().clone();
        headers.insert("Nats-Msg-Id", id);
        jetstream
            .publish_with_headers(message.subject, headers, message.payload)
            .await
            .unwrap()
            .await
            .unwrap();
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_tail_or_was_purged_goes_on() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let nats = server.connect().await;
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 30).await;
    let relay = log.relay(&nats);
    let before = epoch(&caught_up(&jetstream, &log).await);
    relay.stop().await;

    copy_of_the_first(&jetstream, &log, 12).await;
    let relay = log.relay(&nats);
    let stream = assert_is_the_log(&jetstream, &log, 1).await;
    assert_eq!(epoch(&stream), before);
    // The relay's own streams cannot be purged or picked holes into.
    assert!(stream.purge().await.is_err());
    assert!(stream.delete_message(3).await.is_err());
    relay.stop().await;

    copy_of_the_first(&jetstream, &log, 12)
        .await
        .purge()
        .await
        .unwrap();
    let _relay = log.relay(&nats);
    let stream = assert_is_the_log(&jetstream, &log, 13).await;
    assert_eq!(epoch(&stream), before);
    assert!(stream.cached_info().config.deny_purge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ahead_of_a_restored_log_gets_the_next_epoch() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let nats = server.connect().await;
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 30).await;
    let relay = log.relay(&nats);
    let before = epoch(&caught_up(&jetstream, &log).await);
    relay.stop().await;

    let mut restored = log.restored_to(10).await;
    restored.deposit(wallet, 3).await;
    let relay = restored.relay(&nats);
    until("the stream is made anew", || async {
        last_sequence(&jetstream, &restored).await == 13
    })
    .await;
    let after = epoch(&assert_is_the_log(&jetstream, &restored, 1).await);
    assert_eq!(after, before.replace(".0", ".1"));
    relay.stop().await;

    // Restored again, and as long as the stream by now, so that only the text tells.
    let mut restored = restored.restored_to(10).await;
    restored.deposit(wallet, 3).await;
    let _relay = restored.relay(&nats);
    until("the stream is made anew again", || async {
        let stream = stream(&jetstream, &restored).await;
        stream.is_some_and(|stream| epoch(&stream) == before.replace(".0", ".2"))
    })
    .await;
    assert_is_the_log(&jetstream, &restored, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_log_of_the_same_name_is_replaced() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let nats = server.connect().await;
    let _wallet = log.open_wallet().await;
    let config = Config {
        name: format!("DAYBOOK_{}", log.ledger),
        subjects: vec![format!("daybook.{}.>", log.ledger)],
        metadata: [("daybook_epoch".to_owned(), "somebody.7".to_owned())].into(),
        ..Config::default()
    };
    jetstream.create_stream(config).await.unwrap();
    let subject = format!("daybook.{}.x", log.ledger);
    let sent = jetstream.publish(subject, "old".into()).await.unwrap();
    sent.await.unwrap();
    let _relay = log.relay(&nats);
    let stream = assert_is_the_log(&jetstream, &log, 1).await;
    assert!(epoch(&stream).ends_with(".0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_slipped_in_is_driven_out() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let _relay = log.relay(&server.connect().await);
    let wallet = log.open_wallet().await;
    caught_up(&jetstream, &log).await;
    let subject = format!("daybook.{}.wallet.x.Forged", log.ledger);
    let sent = jetstream.publish(subject, "{}".into()).await.unwrap();
    sent.await.unwrap();
    log.deposit(wallet, 3).await;
    until("the stream is made anew", || async {
        let stream = stream(&jetstream, &log).await;
        stream.is_some_and(|stream| epoch(&stream).ends_with(".1"))
    })
    .await;
    assert_is_the_log(&jetstream, &log, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn race_two_relays_write_one_log_once() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let _first = log.relay(&server.connect().await);
    let _second = log.relay(&server.connect().await);
    let wallet = log.open_wallet().await;
    for count in [1, 3, 700, 2, 19, 20, 21, 1_500, 1, 1, 1] {
        log.deposit(wallet, count).await;
    }
    let stream = assert_is_the_log(&jetstream, &log, 1).await;
    assert!(epoch(&stream).ends_with(".0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_stream_of_a_long_log_begins_near_its_head() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let jetstream = server.jetstream().await;
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 98).await;
    let settings = RelaySettings {
        rebuild_positions: 40,
        ..RelaySettings::default()
    };
    let _relay = log.relay_with(&server.connect().await, settings);
    assert_is_the_log(&jetstream, &log, 61).await;
    log.deposit(wallet, 5).await;
    assert_is_the_log(&jetstream, &log, 61).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_that_is_not_there_yet_is_no_reason_not_to_start() {
    let (mut server, mut log) = (NatsServer::start().await, TestLog::new().await);
    server.kill();
    let nats = realtime_bridge::Nats::connect(&server.url(), Duration::from_millis(50))
        .await
        .unwrap();
    let relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 3).await;
    until("the ledger is found", || async {
        !relay.relay.status().ledgers.is_empty()
    })
    .await;
    server.restart().await;
    assert_is_the_log(&server.jetstream().await, &log, 1).await;
    let head = log.reader.head(log.ledger).await.unwrap().unwrap().position;
    assert_eq!(head, Position::START.plus(5));
}
