//! Forks over REST and on the command line.

use std::time::Duration;

use event_store::LogReader;
use serde_json::{Value, json};

use crate::harness::TestDatabase;
use crate::harness::node::{Reply, TestNode};
use crate::harness::program::program;
use crate::harness::servers::{new_folder, shared_nats_url};

async fn complete(node: &TestNode, fork: &str) -> Value {
    for _ in 0..1_000 {
        let found = node.get(&format!("/forks/{fork}")).await.expect(200).body;
        if found["state"] != "building" {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{fork} is not built");
}

fn invalid(reply: Reply, pointer: &str) {
    let reply = reply.expect(400);
    assert_eq!(reply.code(), "invalid_request");
    let errors = reply.body["errors"].as_array().unwrap();
    assert!(
        errors.iter().any(|error| error["pointer"] == pointer),
        "{pointer} in {errors:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_asked_for_built_and_read_like_any_ledger() {
    let node = TestNode::start().await;
    let asha = node.funded("asha", "100.00").await;
    let bela = node.funded("bela", "100.00").await;
    let at = node.get("").await.expect(200).body["as_of"]
        .as_i64()
        .unwrap();
    let (asha_holder, bela_holder) = (format!("wallet:{asha}"), format!("wallet:{bela}"));
    let sent = node
        .transfer(&asha_holder, &bela_holder, "60.00")
        .await
        .expect(201);
    let spent = node
        .transfer(&bela_holder, "system:cash", "150.00")
        .await
        .expect(201);
    let name = format!("stricter_{}", node.ledger);
    let body = json!({
        "name": name,
        "position": at,
        "rules": { "tiers": [{ "tier": "small", "rules": {
            "other_assets": "unlimited",
            "assets": [{ "asset": "INR", "outgoing": { "per_transaction": "50.00" } }],
        } }], "default_tier": "small" },
    });
    let asked = node.post("/forks", body.clone()).await.expect(202).body;
    assert_eq!(asked["source"], json!(node.ledger));
    let again = node.post("/forks", body.clone()).await.expect(202).body;
    assert_eq!(again["created_at"], asked["created_at"]);
    // What is told of the rules asks for the same.
    let mut told = body.clone();
    told["rules"] = asked["rules"].clone();
    let told = node.post("/forks", told).await.expect(202).body;
    assert_eq!(told["created_at"], asked["created_at"]);
    let fork = complete(&node, &name).await;
    assert_eq!(fork["state"], "complete", "{fork}");
    assert_eq!(
        fork["differences"],
        json!({ "refused": 2, "changed": 0, "fell_away": 0, "left_out": 0 })
    );
    let differences = node
        .get(&format!("/forks/{name}/differences?limit=1"))
        .await
        .expect(200)
        .body;
    let first = &differences["items"][0];
    assert_eq!(first["source_position"], json!(sent.position()));
    assert_eq!(first["outcome"], "refused");
    assert_eq!(first["refusal"]["code"], "transaction_limit_exceeded");
    assert_eq!(first["refusal"]["context"]["requested"], "60.00");
    let cursor = differences["next_cursor"].as_str().unwrap();
    let next = node
        .get(&format!(
            "/forks/{name}/differences?limit=1&cursor={cursor}"
        ))
        .await
        .expect(200)
        .body;
    assert_eq!(next["items"][0]["source_position"], json!(spent.position()));
    assert_eq!(next["next_cursor"], Value::Null);
    let balances = node
        .get(&format!("/forks/{name}/balances"))
        .await
        .expect(200)
        .body;
    let of = |account: &str| {
        let items = balances["items"].as_array().unwrap();
        let found = items
            .iter()
            .find(|item| item["account"] == account)
            .unwrap();
        found["difference"].clone()
    };
    assert_eq!(of(&format!("{asha_holder}:INR")), "60.00");
    assert_eq!(of("system:cash:INR"), "-150.00");

    // It is a ledger to whoever reads.
    let head = fork["head"].as_i64().unwrap();
    let of_fork = |path: &str| format!("/v1/ledgers/{name}{path}");
    let read = async |path: String| node.send(node.client.get(node.url(&path))).await;
    let balance = of_fork(&format!(
        "/accounts/{asha_holder}:INR/balance?min_position={head}&wait_ms=10000"
    ));
    assert_eq!(read(balance).await.expect(200).body["balance"], "100.00");
    let trial = read(of_fork(&format!(
        "/trial-balance?min_position={head}&wait_ms=10000"
    )))
    .await;
    trial.expect(200);
    let explained = of_fork(&format!(
        "/accounts/{asha_holder}:INR/explanation?min_position={head}"
    ));
    read(explained).await.expect(200);
    for path in ["/events", "/tiers", "/accounts", "/books?format=csv"] {
        let reply = read(of_fork(path)).await;
        assert!(reply.status < 500, "{path}: {reply:?}");
    }
    let list = node.get("/forks").await.expect(200).body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);

    // And nothing happens in it.
    let post = async |path: &str, body: Value| {
        let path = of_fork(path);
        node.send(node.client.post(node.url(&path)).json(&body))
            .await
    };
    for (path, body) in [
        ("/wallets", json!({ "owner": "asha" })),
        ("/checkpoints", json!({})),
        ("/forks", json!({ "name": "deeper" })),
    ] {
        let refused = post(path, body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "ledger_is_sandbox"),
            "{path}"
        );
    }
    let opened = node
        .client
        .post(node.url("/v1/ledgers"))
        .json(&json!({ "name": name }));
    assert_eq!(
        node.send(opened).await.expect(409).code(),
        "ledger_is_sandbox"
    );

    // Nobody is told of it: there is no stream, though that of the source is there.
    let nats = async_nats::connect(shared_nats_url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(nats);
    let mut names = Vec::new();
    let mut streams = jetstream.stream_names();
    while let Some(stream) = futures_util::StreamExt::next(&mut streams).await {
        names.push(stream.unwrap());
    }
    assert!(
        names.iter().any(|stream| stream.ends_with(&node.ledger)),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|stream| stream.contains(&name)),
        "{names:?}"
    );
    let live = node
        .client
        .get(node.url(&format!("/v1/ledgers/{name}/stream/events?channel=log")));
    assert_eq!(node.send(live).await.status, 404);
    // Nor is it sealed.
    let sealed = read(of_fork("/checkpoints")).await.expect(200).body;
    assert_eq!(sealed["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_accepted_is_named() {
    let node = TestNode::start().await;
    node.funded("asha", "1.00").await;
    let ask = async |rules: Value| {
        node.post("/forks", json!({ "name": "a", "rules": rules }))
            .await
    };
    let limits =
        json!({ "other_assets": "unlimited", "assets": [{ "asset": "INR", "per_day": "1" }] });
    for (rules, pointer) in [
        (json!({ "tier": [] }), "/rules/tier"),
        (
            json!({ "tiers": [{ "tier": "a", "rules": limits }] }),
            "/rules/tiers/0/rules/assets/0/per_day",
        ),
        (
            json!({ "account_fees": [{ "account": "fees", "percent": "-1" }] }),
            "/rules/account_fees/0/percent",
        ),
        (
            json!({ "account_fees": [{ "account": "fees", "percent": 1 }] }),
            "/rules/account_fees/0/percent",
        ),
        (
            json!({ "account_fees": [
                { "account": "fees", "percent": "1" }, { "account": "fees", "percent": "2" }] }),
            "/rules/account_fees/1/account",
        ),
        (
            json!({ "provider_fees": [{ "provider": "stripe", "percent": "1",
                "fixed": [{ "asset": "INR", "amount": "-1" }] }] }),
            "/rules/provider_fees/0/fixed/0/amount",
        ),
    ] {
        invalid(ask(rules).await, pointer);
    }
    let beyond = node
        .post("/forks", json!({ "name": "a", "position": 1_000_000 }))
        .await;
    assert_eq!(beyond.expect(422).code(), "fork_position_out_of_range");
    let taken = node.post("/forks", json!({ "name": node.ledger })).await;
    assert_eq!(taken.expect(409).code(), "ledger_name_taken");
    assert_eq!(
        node.get("/forks/nobody").await.expect(404).code(),
        "fork_not_found"
    );
    assert_eq!(
        node.get("/forks/nobody/differences")
            .await
            .expect(404)
            .code(),
        "fork_not_found"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_what_comes_out_otherwise() {
    let test = TestDatabase::create().await;
    let bench = crate::harness::Bench::over(test.database.clone()).await;
    let asha = bench.funded_wallet("100.00").await;
    let bela = ledger_core::WalletId::new(uuid::Uuid::now_v7());
    bench
        .carry_out([crate::harness::begin_wallet_of(bela, "bela")])
        .await;
    let at = bench.head().await.value();
    bench
        .carry_out([
            crate::harness::transfer(asha, bela, "60.00"),
            crate::harness::transfer(asha, bela, "40.00"),
        ])
        .await;
    let folder = new_folder("rules");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("rules.toml");
    std::fs::write(
        &file,
        r#"
default_tier = "small"

[[tiers]]
tier = "small"
rules = { other_assets = "unlimited", assets = [
  { asset = "INR", outgoing = { per_transaction = "50.00" } },
] }
"#,
    )
    .unwrap();
    let run = async |name: &str, rules: &std::path::Path, more: &[&str]| {
        let mut command = program(&test.url);
        command.args(["what-if", "--ledger", "main", "--name", name]);
        command.args(["--position", &at.to_string(), "--rules"]);
        command.arg(rules).args(more);
        command.output().await.unwrap()
    };
    let told = run("cli", &file, &[]).await;
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    assert!(
        text.contains("1 refused, 0 changed, 0 fell away, 0 left out"),
        "{text}"
    );
    assert!(text.contains("transaction_limit_exceeded"), "{text}");
    assert!(
        text.contains(&format!("wallet:{asha}:INR  0.00  60.00  (60.00)")),
        "{text}"
    );
    // Once more, as JSON.
    let told = run("cli", &file, &["--json"]).await;
    let lines: Vec<Value> = String::from_utf8(told.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["fork"]["state"], "complete");
    assert_eq!(lines[1]["difference"]["outcome"], "refused");
    assert_eq!(lines.len(), 4);
    let head = LogReader::new(test.database.pool().clone())
        .head("cli".parse().unwrap())
        .await;
    assert!(head.unwrap().unwrap().is_sandbox);
    std::fs::write(&file, "[[tiers]]\ntier = \"small\"\nlimit = 3\n").unwrap();
    let refused = run("other", &file, &[]).await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("limit"), "{said}");
}
