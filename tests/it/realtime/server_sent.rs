//! The same events for readers of server-sent events.

use std::collections::VecDeque;
use std::time::Duration;

use realtime_bridge::BridgeSettings;
use serde_json::Value;

use super::support::{NatsServer, SOON, TestLog};

/// A reader of server-sent events.
pub struct Reader {
    response: reqwest::Response,
    text: String,
    events: VecDeque<Sent>,
}

#[derive(Debug)]
pub struct Sent {
    pub id: Option<i64>,
    pub event: String,
    pub data: Value,
}

impl Reader {
    async fn open(url: &str, last_event_id: Option<i64>) -> Self {
        let mut request = reqwest::Client::new().get(url);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id.to_string());
        }
        Self::of(request.send().await.unwrap())
    }

    pub fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
            events: VecDeque::new(),
        }
    }

    /// The next event that is no heartbeat; `None` at the end.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            while let Some(event) = self.events.pop_front() {
                if event.event != "heartbeat" {
                    return Some(event);
                }
            }
            let chunk = tokio::time::timeout(SOON, self.response.chunk());
            let chunk = chunk.await.expect("nothing came").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                self.events.push_back(event);
            }
        }
    }

    pub async fn expect(&mut self, event: &str, id: Option<i64>) -> Value {
        let sent = self.next().await.expect("the stream has ended");
        assert_eq!((sent.event.as_str(), sent.id), (event, id), "{sent:?}");
        assert_eq!(sent.data["type"], event);
        sent.data
    }

    async fn follow(&mut self, from: i64, until: i64) {
        for position in from + 1..=until {
            let data = self.expect("event", Some(position)).await;
            assert_eq!(data["prev"], position - 1);
        }
    }
}

fn parse(block: &str) -> Sent {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.collect::<Vec<_>>().join("\n")
    };
    Sent {
        id: field("id: ").parse().ok(),
        event: field("event: "),
        data: serde_json::from_str(&field("data: ")).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_state_then_events_and_goes_on_where_it_was() {
    let (server, mut log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let _relay = log.relay(&nats);
    let wallet = log.open_wallet().await;
    let settings = BridgeSettings {
        heartbeat_interval: Duration::from_millis(50),
        max_replay_positions: 20,
        ring_events: 20,
        ..BridgeSettings::default()
    };
    let bridge = log.bridge(&nats, settings.clone()).await;
    let mut reader = Reader::open(&bridge.events_url(""), None).await;
    assert_eq!(
        reader.expect("snapshot", Some(2)).await["channel"],
        "ledger"
    );
    log.deposit(wallet, 5).await;
    reader.follow(2, 7).await;
    drop(reader);
    log.deposit(wallet, 5).await;
    let query = format!("?channel=wallet:{wallet}&after=3");
    let mut reader = Reader::open(&bridge.events_url(&query), Some(7)).await;
    reader.expect("resumed", Some(7)).await;
    reader.follow(7, 12).await;
    let ending = tokio::spawn(async move { bridge.stop().await });
    reader.expect("server_shutdown", None).await;
    assert!(reader.next().await.is_none());
    ending.await.unwrap();

    // Too far back: it is told so, and begins anew by itself.
    log.deposit(wallet, 30).await;
    let bridge = log.bridge(&nats, settings).await;
    let mut reader = Reader::open(&bridge.events_url(""), Some(12)).await;
    let error = reader.expect("error", None).await;
    assert_eq!(error["code"], "unrecoverable_position");
    reader.expect("snapshot", Some(42)).await;
    log.deposit(wallet, 1).await;
    reader.follow(42, 43).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_a_problem_with_a_code() {
    let (server, log) = (NatsServer::start().await, TestLog::new().await);
    let nats = server.connect().await;
    let bridge = log.bridge(&nats, BridgeSettings::default()).await;
    let nowhere = bridge
        .events_url("")
        .replace(log.ledger.as_str(), "nowhere");
    for (url, status, code) in [
        (nowhere, 404, "ledger_not_found"),
        (
            bridge.events_url("?channel=payments"),
            400,
            "unknown_channel",
        ),
        (
            bridge.events_url("?channel=account:system:nobody:INR"),
            404,
            "channel_not_found",
        ),
        (bridge.events_url("?after=-1"), 400, "malformed_request"),
        (bridge.events_url("?after=x"), 400, "malformed_request"),
        (
            bridge.events_url("?chanel=ledger"),
            400,
            "malformed_request",
        ),
    ] {
        let response = reqwest::get(&url).await.unwrap();
        assert_eq!(response.status(), status, "{url}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], code, "{url}");
    }
    let request = reqwest::Client::new().get(bridge.events_url(""));
    let response = request.header("last-event-id", "abc").send().await.unwrap();
    assert_eq!(response.status(), 400);
}
