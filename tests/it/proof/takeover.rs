//! A node stops answering without being dead, and comes back with an old idea of the world.

use std::time::{Duration, Instant};

use reqwest::Client;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::nodes::{NodeProcess, Servers};
use crate::harness::{TestDatabase, shared_nats_url};

/// How soon another node must take over.
const TAKEOVER: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
/// Senders that keep the node at work, so that it is paused in the middle of something.
const SENDERS: usize = 4;
const LEDGER: &str = "takeover";

struct Caller {
    http: Client,
}

impl Caller {
    async fn post(&self, node: &NodeProcess, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/ledgers{path}", node.address);
        let response = self.http.post(url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn wallet(&self, node: &NodeProcess) -> String {
        let path = format!("/{LEDGER}/wallets");
        let (status, opened) = self.post(node, &path, &json!({ "owner": "asha" })).await;
        assert_eq!(status, 201, "{opened}");
        format!("wallet:{}", opened["id"].as_str().unwrap())
    }

    async fn pay(&self, node: &NodeProcess, from: &str, to: &str, amount: &str) -> (u16, Value) {
        let path = format!("/{LEDGER}/transactions");
        self.post(node, &path, &payment(from, to, amount)).await
    }
}

fn payment(from: &str, to: &str, amount: &str) -> Value {
    json!({ "postings": [
        { "source": from, "destination": to, "asset": "INR", "amount": amount }
    ] })
}

/// The node that writes is paused under load: another accepts commands within two seconds. What was
/// sent to the paused node meanwhile, it decides after it is woken, and not by what it knew before.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_paused_node_is_replaced_and_writes_nothing_wrong_when_it_wakes() {
    let database = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let servers = Servers {
        database_url: database.url.clone(),
        nats_url: nats.to_owned(),
    };
    let mut nodes = [
        NodeProcess::start(&servers).await,
        NodeProcess::start(&servers).await,
    ];
    let caller = Caller {
        http: Client::builder()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap(),
    };
    let (status, _) = caller.post(&nodes[0], "", &json!({ "name": LEDGER })).await;
    assert_eq!(status, 201);
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let [writer, other] = &nodes;
        let (writer, other) = if round % 2 == 0 {
            (writer, other)
        } else {
            (other, writer)
        };
        let took = pause_and_wake(&caller, writer, other).await;
        slowest = slowest.max(took);
    }
    eprintln!("proof: slowest takeover {} ms", slowest.as_millis());
    for node in &mut nodes {
        node.assert_alive();
        assert!(node.alarms.lock().unwrap().is_empty());
    }
}

/// One round; tells how long it took the other node to accept a command.
async fn pause_and_wake(caller: &Caller, writer: &NodeProcess, other: &NodeProcess) -> Duration {
    let (rich, poor) = (caller.wallet(writer).await, caller.wallet(writer).await);
    assert_eq!(caller.pay(writer, "system:cash", &rich, "100").await.0, 201);
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| send_on_and_on(caller, writer))
        .collect();
    for _ in 0..5 {
        assert_eq!(
            caller
                .pay(writer, "system:cash", "system:fees", "1")
                .await
                .0,
            201
        );
    }
    writer.signal(Signal::STOP);
    let paused = Instant::now();
    let (status, spent) = caller.pay(other, &rich, &poor, "100").await;
    let took = paused.elapsed();
    assert_eq!(status, 201, "{spent}");
    assert!(took < TAKEOVER, "the other node took over after {took:?}");
    // The paused node's kernel takes these in; it will read them when it wakes, knowing of 100.
    let late =
        futures_util::future::join_all((0..3).map(|_| caller.pay(writer, &rich, &poor, "100")));
    let woken = async {
        // Longer than any lease of two seconds.
        tokio::time::sleep(Duration::from_millis(2_200).saturating_sub(paused.elapsed())).await;
        writer.signal(Signal::CONT);
    };
    let (late, ()) = futures_util::future::join(late, woken).await;
    for (status, answer) in late {
        assert_eq!(
            (status, answer["code"].as_str()),
            (422, Some("insufficient_funds")),
            "{answer}"
        );
    }
    for sender in senders {
        sender.abort();
    }
    // Both serve, and agree.
    for node in [writer, other] {
        assert_eq!(caller.pay(node, &poor, &rich, "50").await.0, 201);
    }
    let (status, answer) = caller.pay(other, &poor, &rich, "0.01").await;
    assert_eq!(
        (status, answer["context"]["available"].as_str()),
        (422, Some("0.00")),
        "{answer}"
    );
    took
}

fn send_on_and_on(caller: &Caller, node: &NodeProcess) -> tokio::task::JoinHandle<()> {
    let url = format!("{}/v1/ledgers/{LEDGER}/transactions", node.address);
    let http = caller.http.clone();
    tokio::spawn(async move {
        loop {
            let body = payment("system:cash", "system:fees", "1");
            drop(http.post(&url).json(&body).send().await);
        }
    })
}
