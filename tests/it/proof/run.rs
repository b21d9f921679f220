//! One run: set up, clients and chaos at once, then judgement.

#![allow(
    clippy::print_stderr,
    reason = "a run tells its seed and what came of it"
)]

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::chaos::Chaos;
use super::checker::{Violation, check};
use super::client::Wire;
use super::history::{Answer, History, Operation, Position, account_of, amount_in, hundredths};
use super::log::{self, ASSETS, Commit};
use super::model::Timeline;
use super::nodes::{NodeProcess, Servers};
use super::plan::Plan;
use crate::harness::{OwnPostgres, shared_nats_url};

const NODES: usize = 3;
const CLIENTS: usize = 16;
const WALLETS: usize = 6;
const LEDGER: &str = "proof";
/// The first wallet may be overdrawn a little.
const OVERDRAFT: &str = "30.00";
const VIOLATIONS_SHOWN: usize = 12;

pub fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}

/// Says the seed when the run fails, wherever it does.
struct SaySeed(u64);

impl Drop for SaySeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("proof: to try again: DAYBOOK_PROOF_SEED={}", self.0);
        }
    }
}

/// Runs and judges.
pub async fn run(seed: u64, length: Duration) {
    eprintln!(
        "proof: DAYBOOK_PROOF_SEED={seed} for {} s",
        length.as_secs()
    );
    let _say = SaySeed(seed);
    let started = Instant::now();
    let postgres = OwnPostgres::start().await;
    let nats_url = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let servers = Servers {
        database_url: postgres.server.database_url("postgres"),
        nats_url: nats_url.to_owned(),
    };
    let starting = (0..NODES).map(|_| NodeProcess::start(&servers));
    let nodes = futures_util::future::join_all(starting).await;
    let mut chaos = Chaos::new(seed, nodes, postgres);
    let wire = Wire::new(chaos.addresses(), LEDGER, length);
    let (wallets, mut history) = set_up(&wire).await;
    let prepared = started.elapsed();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let plan = Plan::new(seed, client, CLIENTS, NODES, &wallets);
            tokio::spawn(wire.clone().follow(plan, history.begins_after))
        })
        .collect();
    chaos.run(wire.until).await;
    for client in clients {
        history.operations.extend(client.await.unwrap());
    }
    let answered = started.elapsed();
    chaos.assert_sound().await;
    let shown = balances(&wire, history.begins_after).await;
    let log = log::read(&servers.database_url, LEDGER).await;
    let (timeline, violations) = check(&history, &log);
    let head = log.last().unwrap().last();
    eprintln!(
        "proof: {}; positions {head}; {}",
        tally(&history, &log),
        chaos.account()
    );
    explain(&history, &violations);
    agree(&shown, &timeline);
    verify(&servers).await;
    chaos.assert_sound().await;
    eprintln!(
        "proof: set up in {} ms, all answered after {} ms, proved after {} ms",
        prepared.as_millis(),
        answered.as_millis(),
        started.elapsed().as_millis()
    );
}

/// Opens the ledger and gives each wallet something.
async fn set_up(wire: &Wire) -> (Vec<String>, History) {
    let mut history = History::default();
    let ledgers = wire.url(0, "").replace(&format!("/{LEDGER}"), "");
    post(wire, &ledgers, json!({ "name": LEDGER })).await;
    let mut wallets = Vec::new();
    for number in 0..WALLETS {
        let mut body = json!({ "owner": format!("owner-{number}") });
        if number == 0 {
            body["overdrafts"] =
                json!([{ "asset": "INR", "policy": "up_to", "amount": OVERDRAFT }]);
        }
        let opened = post(wire, &wire.url(0, "/wallets"), body).await;
        let wallet = format!("wallet:{}", opened["id"].as_str().unwrap());
        let postings = ASSETS.map(|asset| {
            json!({ "source": "system:cash", "destination": wallet, "asset": asset, "amount": "100" })
        });
        let funded = post(
            wire,
            &wire.url(0, "/transactions"),
            json!({ "postings": postings }),
        )
        .await;
        history.begins_after = funded["position"].as_i64().unwrap();
        wallets.push(wallet);
    }
    // A read that names no position may be older than the wallets, and is then refused as rightly as
    // any other answer of an older state; what is refused has no position to judge it by.
    for wallet in &wallets {
        let position = history.begins_after;
        let seen = wire.url(
            0,
            &format!("/accounts/{wallet}:INR?min_position={position}"),
        );
        let response = wire.http.get(&seen).send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
    }
    let overdraft = hundredths(OVERDRAFT).unwrap();
    history.overdrafts = vec![(account_of(&wallets[0], "INR"), overdraft)];
    (wallets, history)
}

async fn post(wire: &Wire, url: &str, body: Value) -> Value {
    let response = wire.http.post(url).json(&body).send().await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    response.json().await.unwrap()
}

/// Says what went wrong, with what is known of the operations concerned.
fn explain(history: &History, violations: &[Violation]) {
    for violation in violations.iter().take(VIOLATIONS_SHOWN) {
        eprintln!("proof: {violation:?}");
        let said = format!("{violation:?}");
        let concerned = |operation: &&Operation| {
            said.contains(&format!("\"{}\"", operation.name))
                || said.contains(&format!("\"{}/", operation.name))
        };
        for operation in history.operations.iter().filter(concerned) {
            eprintln!("proof:   {operation:?}");
        }
    }
    assert!(
        violations.is_empty(),
        "{} violations, see above",
        violations.len()
    );
}

/// What each node shows of all accounts at the end.
async fn balances(wire: &Wire, seen: Position) -> Vec<Value> {
    let mut shown = Vec::new();
    for node in 0..NODES {
        let path = format!("/accounts?limit=1000&min_position={seen}&wait_ms=10000");
        let request = wire.http.get(wire.url(node, &path));
        let response = request.timeout(Duration::from_secs(20)).send().await;
        shown.push(response.unwrap().json().await.unwrap());
    }
    shown
}

/// Every node shows what the model has at the position it names. That may be before the end of the
/// log: what a client gave up on can still be on its way.
fn agree(shown: &[Value], timeline: &Timeline) {
    for body in shown {
        let as_of = body["as_of"].as_i64().unwrap_or_else(|| panic!("{body}"));
        let rows = body["items"].as_array().unwrap();
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for row in rows {
            let name = row["account"].as_str().unwrap();
            let credits = amount_in(row, "credits").unwrap();
            let balance = credits - amount_in(row, "debits").unwrap();
            *sums.entry(row["asset"].as_str().unwrap()).or_default() += balance;
            let right = timeline.account(name, as_of);
            let found = (balance, amount_in(row, "reserved").unwrap());
            assert_eq!(found, (right.balance, right.reserved), "{name} at {as_of}");
        }
        assert!(rows.len() >= WALLETS * ASSETS.len());
        let conserved = sums.values().all(|sum| *sum == 0);
        assert!(conserved, "money is not conserved: {sums:?}");
    }
}

/// `daybook verify`, while all nodes are up.
async fn verify(servers: &Servers) {
    let output = servers
        .command(&["verify", "--ledger", LEDGER])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "daybook verify: {} {said}",
        output.status
    );
}

/// The run in numbers.
fn tally(history: &History, log: &[Commit]) -> String {
    let written: HashSet<&str> = log
        .iter()
        .map(|commit| commit.request_id.as_str())
        .collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_node = [0; NODES];
    let attempts = || {
        let operations = history.operations.iter();
        operations.flat_map(|operation| &operation.attempts)
    };
    for attempt in attempts() {
        by_node[attempt.node] += usize::from(matches!(attempt.answer, Answer::Accepted { .. }));
        let done = written.contains(attempt.request_id.as_str());
        *counts.entry(kind_of(&attempt.answer, done)).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    format!(
        "{} operations, {} attempts: {}; accepted by node {by_node:?}; longest time without \
         acknowledgement {} ms",
        history.operations.len(),
        attempts().count(),
        counts.join(", "),
        longest_silence(history).as_millis()
    )
}

fn kind_of(answer: &Answer, done: bool) -> String {
    match answer {
        Answer::Accepted { replayed, .. } => {
            let kind = if *replayed { "replayed" } else { "accepted" };
            kind.to_owned()
        }
        Answer::Refused(refusal) => {
            let name = format!("{refusal:?}");
            let name = name.split([' ', '(', '{']).next().unwrap_or_default();
            format!("refused {name}")
        }
        Answer::Tried { .. } => "tried".to_owned(),
        Answer::Seen { .. } => "balances".to_owned(),
        Answer::Denied(code) => format!("denied {code}"),
        Answer::Unknown(why) if done => format!("unknown but done ({why})"),
        Answer::Unknown(why) => format!("unknown ({why})"),
        Answer::Strange(_) => "strange".to_owned(),
    }
}

fn longest_silence(history: &History) -> Duration {
    let attempts = history
        .operations
        .iter()
        .flat_map(|operation| &operation.attempts);
    let mut times: Vec<u64> = attempts
        .filter(|attempt| matches!(attempt.answer, Answer::Accepted { .. }))
        .map(|attempt| attempt.completed)
        .collect();
    times.sort_unstable();
    let silences = times.windows(2).map(|pair| pair[1] - pair[0]);
    Duration::from_nanos(silences.max().unwrap_or_default())
}
