//! Bad input, bounds, and how connections end.

use std::time::Duration;

use futures_util::StreamExt;
use realtime_bridge::BridgeSettings;
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::support::{Client, NatsServer, RunningBridge, SOON, TestLog, until};

async fn bridge_with(settings: BridgeSettings) -> (NatsServer, TestLog, RunningBridge) {
    let (server, log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let bridge = log.bridge(&nats, settings).await;
    (server, log, bridge)
}

/// The status and problem code of a handshake that is refused.
async fn refusal(request: impl IntoClientRequest + Unpin) -> (u16, String) {
    match connect_async(request).await {
        Err(Error::Http(response)) => {
            let status = response.status().as_u16();
            let body = response.body().clone().unwrap_or_default();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["status"], status);
            (status, problem["code"].as_str().unwrap().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_get_a_code_and_the_connection_goes_on() {
    let (_server, mut log, bridge) = bridge_with(BridgeSettings {
        max_subscriptions: 2,
        max_replay_positions: 5,
        ring_events: 5,
        ..BridgeSettings::default()
    })
    .await;
    let wallet = log.open_wallet().await;
    log.deposit(wallet, 10).await;
    let mut client = bridge.client().await;
    for text in ["", "{", "null", "[1]", r#"{"type":"publish"}"#, "\u{0}"] {
        client.send_text(text).await;
        client.expect_error("malformed_message").await;
    }
    for (message, code) in [
        (json!({ "channel": "payments" }), "unknown_channel"),
        (json!({ "channel": "wallet:7" }), "unknown_channel"),
        (
            json!({ "channel": "account:system:nobody:INR" }),
            "channel_not_found",
        ),
        (
            json!({ "channel": "ledger", "after": -1 }),
            "malformed_message",
        ),
        (
            json!({ "channel": "ledger", "after": "1" }),
            "malformed_message",
        ),
        (
            json!({ "channel": "ledger", "after": 13 }),
            "unrecoverable_position",
        ),
        (
            json!({ "channel": "ledger", "after": i64::MAX }),
            "unrecoverable_position",
        ),
        (
            json!({ "channel": "ledger", "after": 6 }),
            "unrecoverable_position",
        ),
        (
            json!({ "channel": "ledger", "after": 12, "epoch": "x" }),
            "unrecoverable_position",
        ),
    ] {
        let mut message = message;
        message["type"] = json!("subscribe");
        client.send(message).await;
        let error = client.expect_error(code).await;
        assert_eq!(error["temporary"], false);
    }
    client.resume("ledger", 7).await;
    client.follow("ledger", 7, 12).await;
    client.subscribe("account:system:cash:INR").await;
    client
        .send(json!({ "type": "subscribe", "channel": "account:system:fees:INR" }))
        .await;
    client.expect_error("too_many_subscriptions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_too_big_or_no_text_end_the_connection() {
    let (_server, _log, bridge) = bridge_with(BridgeSettings::default()).await;
    let mut client = bridge.client().await;
    client.send_text(&" ".repeat(64 << 10)).await;
    client.expect_error("malformed_message").await;
    client.send_text(&" ".repeat((64 << 10) + 1)).await;
    assert_eq!(client.closed().await.0, 1009);

    // Said by the header alone; the body never comes.
    let mut client = bridge.client().await;
    let sending =
        futures_util::SinkExt::send(&mut client.socket, Message::text("x".repeat(50 << 20)));
    let _ = tokio::time::timeout(Duration::from_millis(300), sending).await;
    let mut code = None;
    while let Ok(Some(Ok(frame))) =
        tokio::time::timeout(Duration::from_secs(5), client.socket.next()).await
    {
        if let Message::Close(Some(close)) = frame {
            code = Some(u16::from(close.code));
        }
    }
    assert_eq!(code, Some(1009));

    let mut client = bridge.client().await;
    futures_util::SinkExt::send(&mut client.socket, Message::binary(vec![1, 2]))
        .await
        .unwrap();
    assert_eq!(client.closed().await.0, 1003);
    let mut client = bridge.client().await;
    client.socket.close(None).await.unwrap();
    while let Some(Ok(_)) = client.socket.next().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_ledger_is_said_in_the_stream() {
    let (_server, _log, bridge) = bridge_with(BridgeSettings::default()).await;
    for name in ["nowhere", "No-Such", "%2e%2e", "x%20y"] {
        let url = format!("ws://{}/v1/ledgers/{name}/stream", bridge.address);
        let mut client = Client::connect(&url).await;
        client.expect_error("ledger_not_found").await;
        assert_eq!(client.closed().await.0, 4504, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_closed_and_resumes() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    let bridge = log
        .bridge(
            &nats,
            BridgeSettings {
                stall_timeout: Duration::from_millis(300),
                farewell_timeout: SOON,
                max_outbound_bytes: 64 << 10,
                ..BridgeSettings::default()
            },
        )
        .await;
    let mut client = bridge.client().await;
    client.subscribe("ledger").await;
    // More than the kernel's buffers of both sides take.
    log.deposit(wallet, 30_000).await;
    let feed_is_done = || async {
        let mut other = bridge.client().await;
        let head = other.welcome["head"].as_i64();
        other.socket.close(None).await.unwrap();
        head == Some(log.head())
    };
    until("the feed has everything", feed_is_done).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let (code, reason, last) = client.closed().await;
    assert_eq!((code, reason.as_str()), (4008, "slow_consumer"));
    let last = last.unwrap();
    assert!(last < log.head());
    // Elsewhere, where nothing is in memory, and with more patience: this machine may be busy.
    let settings = BridgeSettings {
        max_replay_positions: log.head(),
        ..BridgeSettings::default()
    };
    let bridge = log.bridge(&nats, settings).await;
    let mut client = bridge.client().await;
    client.resume("ledger", last).await;
    client.follow("ledger", last, log.head()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_never_heard_is_closed() {
    let (_server, _log, bridge) = bridge_with(BridgeSettings {
        heartbeat_interval: Duration::from_millis(50),
        pong_timeout: Duration::from_millis(100),
        ..BridgeSettings::default()
    })
    .await;
    let mut lively = bridge.client().await;
    let mut silent = bridge.client().await;
    // A client answers pings only while it reads.
    for _ in 0..10 {
        lively.expect("heartbeat").await;
    }
    let (code, reason, _) = silent.closed().await;
    assert_eq!((code, reason.as_str()), (4009, "silent"));
    lively.expect("heartbeat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_without_reading_the_answers_is_closed() {
    let (_server, _log, bridge) = bridge_with(BridgeSettings {
        stall_timeout: Duration::from_millis(300),
        max_outbound_bytes: 64 << 10,
        ..BridgeSettings::default()
    })
    .await;
    let mut client = bridge.client().await;
    let asking = async {
        loop {
            let ping = Message::text(r#"{"type":"ping","id":18446744073709551615}"#);
            if futures_util::SinkExt::send(&mut client.socket, ping)
                .await
                .is_err()
            {
                return;
            }
        }
    };
    // The server stops taking questions, and then the connection.
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_is_announced_and_waits_for_the_clients() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    let bridge = log.bridge(&nats, BridgeSettings::default()).await;
    let mut client = bridge.client().await;
    client.subscribe("ledger").await;
    log.deposit(wallet, 3).await;
    client.follow("ledger", 2, 5).await;
    let shutdown = tokio::spawn({
        let bridge = bridge.bridge.clone();
        async move { bridge.shutdown().await }
    });
    let farewell = client.expect("server_shutdown").await;
    assert!(farewell["reconnect_after_ms"].as_u64().unwrap() < 5_000);
    let (code, reason, _) = client.closed().await;
    assert_eq!((code, reason.as_str()), (4001, "server_shutdown"));
    assert_eq!(
        refusal(bridge.url()).await,
        (503, "shutting_down".to_owned())
    );
    while let Some(Ok(_)) = client.socket.next().await {}
    tokio::time::timeout(Duration::from_secs(3), shutdown)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_are_judged_before_they_become_clients() {
    let (_server, _log, bridge) = bridge_with(BridgeSettings {
        max_connections_per_address: 2,
        allowed_origins: vec!["https://console.example".to_owned()],
        ..BridgeSettings::default()
    })
    .await;
    let with_origin = |origin: &'static str| {
        let mut request = bridge.url().into_client_request().unwrap();
        let origin = HeaderValue::from_static(origin);
        request.headers_mut().insert("origin", origin);
        request
    };
    let refused = refusal(with_origin("https://evil.example")).await;
    assert_eq!(refused, (403, "origin_not_allowed".to_owned()));
    let (first, _) = connect_async(with_origin("https://console.example"))
        .await
        .unwrap();
    let _second = bridge.client().await;
    let refused = refusal(bridge.url()).await;
    assert_eq!(
        refused,
        (429, "too_many_connections_from_address".to_owned())
    );
    drop(first);
    until("the place is free again", || async {
        connect_async(bridge.url()).await.is_ok()
    })
    .await;
    let plain = reqwest::get(bridge.url().replace("ws://", "http://"))
        .await
        .unwrap();
    assert!([426, 429].contains(&plain.status().as_u16()));
}

/// The name of the protocol has no case, and some clients write it in capitals.
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_in_capitals_is_one() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_server, log, bridge) = bridge_with(BridgeSettings::default()).await;
    let mut socket = tokio::net::TcpStream::connect(&bridge.address)
        .await
        .unwrap();
    let request = format!(
        "GET /v1/ledgers/{}/stream HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: WEBSOCKET\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        log.ledger, bridge.address
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}
