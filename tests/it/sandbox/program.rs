//! Forks by the `daybook` program: a process that is killed, and names that are nobody's to take.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use daybook::node::{Node, NodeError};
use daybook::settings::Settings;
use event_store::sandbox::{Sandbox, SandboxState, Sandboxes};
use ledger_core::WalletId;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use tokio::process::Command;
use uuid::Uuid;

use super::building::said;
use super::support::{Built, ledger};
use crate::harness::node::{TestNode, new_ledger_name, options};
use crate::harness::program::program;
use crate::harness::servers::{new_folder, shared_nats_url};
use crate::harness::{Bench, TestDatabase, begin_wallet_of, deposit, submission, transfer};

const RULES: &str = r#"
default_tier = "small"
[[tiers]]
tier = "small"
rules = { other_assets = "unlimited", assets = [
  { asset = "INR", outgoing = { per_transaction = "50.00" } },
] }
"#;

fn written(name: &str, text: &str) -> PathBuf {
    let folder = new_folder(name);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("file.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn what_if(database_url: &str, name: &str, position: i64, rules: &Path) -> Command {
    let mut command = program(database_url);
    command.args(["what-if", "--ledger", "main", "--name", name]);
    command.args(["--position", &position.to_string(), "--rules"]);
    command.arg(rules).stdout(Stdio::null());
    command
}

async fn found(test: &TestDatabase, name: &str) -> Option<Sandbox> {
    let sandboxes = Sandboxes::new(test.database.pool().clone());
    sandboxes.find(ledger(name)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_again_and_again_writes_the_same_fork() {
    let test = TestDatabase::create().await;
    let bench = Bench::over(test.database.clone()).await;
    let (asha, bela) = (WalletId::new(Uuid::now_v7()), WalletId::new(Uuid::now_v7()));
    let begun = [
        begin_wallet_of(asha, "asha"),
        begin_wallet_of(bela, "bela"),
        deposit(asha, "1000000.00"),
    ];
    bench.carry_out(begun).await;
    let mut at = 0;
    for round in 0..12 {
        if round == 4 {
            at = bench.head().await.value();
        }
        let amounts = (0..1_000).map(|number| if number % 100 == 7 { "60.00" } else { "0.01" });
        let mut many = submission(deposit(bela, "0.01"));
        many.commands = amounts.map(|amount| transfer(asha, bela, amount)).collect();
        bench.submit(many).await.unwrap();
    }
    let rules = written("killed", RULES);
    let done = what_if(&test.url, "whole", at, &rules).status().await;
    assert!(done.unwrap().success());

    // Each is killed as soon as it has written anything.
    let (mut killed, mut done) = (0, false);
    while !done {
        let before = found(&test, "pieces").await.map(|fork| fork.reached);
        let mut process = what_if(&test.url, "pieces", at, &rules).spawn().unwrap();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                assert!(status.success());
                done = true;
                break;
            }
            let now = found(&test, "pieces").await.map(|fork| fork.reached);
            if now > before {
                process.kill().await.unwrap();
                killed += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(killed >= 3, "{killed}");
    let look = async |name: &str| {
        let row = found(&test, name).await.unwrap();
        assert_eq!(row.state, SandboxState::Complete);
        Built::look(test.database.pool(), row).await
    };
    let (whole, pieces) = (look("whole").await, look("pieces").await);
    assert_eq!(whole.row.refused, 80);
    assert_eq!(said(&pieces).await, said(&whole).await);
}

/// A file in which an account at a provider, where nobody is, is for a ledger.
fn accounts_of(ledger: &str) -> PathBuf {
    let text = format!(
        r#"
        [[payments.accounts]]
        ledger = "{ledger}"
        endpoint = "shop"
        provider = "razorpay"
        base_url = "http://127.0.0.1:9/"
        key_id = "rzp_test_forks"
        key_secrets = ["one"]
        webhook_secrets = ["two"]
        "#
    );
    written("accounts", &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_ledger_that_a_provider_knows_is_nobodys_to_take() {
    let test = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let fork = new_ledger_name();
    let file = accounts_of(&fork);
    let payments = || Settings::load(Some(&file)).unwrap().payments.options();
    let configured = || {
        let mut configured = options(&test.url, nats);
        configured.payments = payments().unwrap();
        configured
    };
    let node = TestNode::named(configured(), None, "main").await;
    let ask = json!({ "name": fork });
    let refused = node.post("/forks", ask.clone()).await.expect(409);
    assert_eq!(refused.code(), "ledger_name_taken");
    let refused = program(&test.url)
        .arg("--config")
        .arg(&file)
        .args([
            "what-if",
            "--ledger",
            "main",
            "--name",
            &fork,
            "--position",
            "1",
        ])
        .output()
        .await
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("is taken"), "{told}");
    assert!(found(&test, &fork).await.is_none());
    node.node.stop().await;

    // Nor is an account configured for a fork that there is.
    let plain = TestNode::named(options(&test.url, nats), None, "main").await;
    plain.post("/forks", ask).await.expect(202);
    plain.node.stop().await;
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let started = Node::start(configured(), metrics).await;
    assert!(
        matches!(&started, Err(NodeError::AccountOfSandbox(of)) if of.as_str() == fork),
        "{:?}",
        started.err()
    );
}
