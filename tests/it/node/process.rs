//! The `daybook` program is killed under load.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use event_store::LogReader;
use ledger_core::{Event, Position, transaction::TransactionEvent};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{TestDatabase, shared_nats_url};

async fn serve(database_url: &str, nats_url: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", database_url)
        .env("NATS_URL", nats_url)
        .env("DAYBOOK__AUTH__MODE", "open")
        .env("RUST_LOG", "warn")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the program serves");
        if let Some(url) = line.strip_prefix("Daybook serves ") {
            break url.trim_end_matches('/').to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, url)
}

/// `kill -9` again and again. Each deposit of a caller has its own key and is retried until it is
/// acknowledged; afterwards each is in the log exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn race_kill_9_under_load_loses_nothing_and_repeats_nothing() {
    const CALLERS: usize = 8;
    const KILLS: usize = 3;
    let database = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let ledger = "killed";
    let (mut child, url) = serve(&database.url, nats).await;
    let address = Arc::new(std::sync::Mutex::new(url));
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let base =
        move |address: &std::sync::Mutex<String>| format!("{}/v1/ledgers", address.lock().unwrap());
    client
        .post(base(&address))
        .json(&json!({ "name": ledger }))
        .send()
        .await
        .unwrap();
    let wallet: Value = client
        .post(format!("{}/{ledger}/wallets", base(&address)))
        .json(&json!({ "owner": "asha" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let wallet = format!("wallet:{}", wallet["id"].as_str().unwrap());

    let (stop, acknowledged) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicI64::new(0)),
    );
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (client, address, wallet) = (client.clone(), Arc::clone(&address), wallet.clone());
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let body = json!({ "reference": format!("{caller}-{number}"), "postings": [
                        { "source": "system:cash", "destination": wallet, "asset": "INR", "amount": "1.00" }
                    ] });
                    loop {
                        let sent = client
                            .post(format!("{}/{ledger}/transactions", base(&address)))
                            .header("idempotency-key", format!("{caller}-{number}"))
                            .json(&body)
                            .send()
                            .await;
                        match sent {
                            Ok(reply) if reply.status() == 201 => {
                                acknowledged.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Ok(reply) => assert_eq!(reply.status(), 503),
                            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                        }
                    }
                }
            })
        })
        .collect();
    for _ in 0..KILLS {
        let before = acknowledged.load(Ordering::Relaxed);
        while acknowledged.load(Ordering::Relaxed) < before + 40 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().await.unwrap();
        let (next, url) = serve(&database.url, nats).await;
        child = next;
        *address.lock().unwrap() = url;
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }

    let mut references: Vec<String> = Vec::new();
    let reader = LogReader::new(database.database.pool().clone());
    let mut after = Position::START;
    loop {
        let events = reader
            .read(ledger.parse().unwrap(), after, 1_000)
            .await
            .unwrap();
        let Some(last) = events.last() else { break };
        after = Position::try_new(last.position).unwrap();
        for event in events {
            if let Event::Transaction(TransactionEvent::TransactionPosted { reference, .. }) =
                event.decode().unwrap().event
            {
                references.push(reference.unwrap().as_str().to_owned());
            }
        }
    }
    let total = references.len();
    references.sort();
    references.dedup();
    assert_eq!(references.len(), total, "a command took effect twice");
    assert_eq!(
        i64::try_from(total).unwrap(),
        acknowledged.load(Ordering::Relaxed)
    );
}

/// Traces leave by OTLP when an endpoint is configured; what is left leaves when the program ends.
#[tokio::test(flavor = "multi_thread")]
async fn traces_are_sent_to_a_configured_collector() {
    let collector = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let database = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", &database.url)
        .env("NATS_URL", nats)
        .env("DAYBOOK__AUTH__MODE", "open")
        .env("DAYBOOK__TELEMETRY__OTLP_ENDPOINT", &endpoint)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the program serves");
        if let Some(url) = line.strip_prefix("Daybook serves ") {
            break url.to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    reqwest::get(format!("{url}v1/ledgers")).await.unwrap();
    let received = tokio::spawn(async move {
        let (mut stream, _) = collector.accept().await.unwrap();
        let mut request = vec![0; 16_384];
        let mut read = 0;
        while !request[..read].windows(7).any(|word| word == b"daybook") {
            let count = tokio::io::AsyncReadExt::read(&mut stream, &mut request[read..])
                .await
                .unwrap();
            assert!(count > 0, "the exporter hung up");
            read += count;
        }
        assert!(request.starts_with(b"POST /v1/traces"));
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, reply)
            .await
            .unwrap();
    });
    tokio::time::timeout(Duration::from_secs(30), received)
        .await
        .expect("traces arrive")
        .unwrap();
}
