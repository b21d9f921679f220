//! A process that ends without warning between asking a provider and writing its answer down.

use std::path::Path;
use std::time::{Duration, Instant};

use connectors::simulators::{CaseChoice, Fault};
use identity::permission::Role;
use identity::secret::new_master_key;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::support::{
    ALL, API_TOKEN, APP_TOKEN, CLIENT_SECRET, LEVEL, SECRET, SECRET_KEY, WORKFLOW, World,
    submission,
};
use crate::harness::node::{identities, make_key};
use crate::harness::program::{Program, program};
use crate::harness::shared_nats_url;
use crate::payments::support::eventually;

/// The file by which the program knows the providers.
fn settings(world: &World) -> String {
    format!(
        r#"
[verification]
polling_ms = 300
[[verification.accounts]]
ledger = "main"
endpoint = "main"
provider = "sumsub"
level = "{LEVEL}"
base_url = "{sumsub}"
app_token = "{APP_TOKEN}"
secret_key = "{SECRET_KEY}"
webhook_secrets = ["{SECRET}"]
[[verification.accounts]]
ledger = "main"
endpoint = "main"
provider = "onfido"
levels = {{ full = "{WORKFLOW}" }}
base_url = "{onfido}"
api_token = "{API_TOKEN}"
webhook_tokens = ["{SECRET}"]
[[verification.accounts]]
ledger = "main"
endpoint = "main"
provider = "digio"
level = "{LEVEL}"
base_url = "{digio}"
gateway_url = "{digio}"
client_id = "client"
client_secret = "{CLIENT_SECRET}"
webhook_secrets = ["{SECRET}"]
"#,
        sumsub = world.sumsub.url(),
        onfido = world.onfido.url(),
        digio = world.digio.url(),
    )
}

async fn start(world: &World, folder: &Path) -> Program {
    let mut command = program(&world.database.url);
    command
        .arg("--config")
        .arg(folder.join("node.toml"))
        .env("RUST_LOG", "warn")
        .env("DAYBOOK__AUTH__MASTER_KEY_FILE", folder.join("master.key"))
        .current_dir(folder);
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    Program::serve(command, nats).await
}

struct Caller<'a> {
    client: Client,
    key: &'a str,
}

impl Caller<'_> {
    async fn call(&self, node: &Program, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/v1/ledgers{path}", node.url);
        let request = self.client.request(method, url).bearer_auth(self.key);
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    async fn seen(&self, node: &Program, case: &str) -> Value {
        let path = format!("/main/cases/{case}");
        self.call(node, Method::GET, &path, Value::Null).await
    }
}

/// Webhooks are lost as well: nobody serves when they come.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_asking_and_writing_down() {
    let world = World::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("master.key"), new_master_key().unwrap()).unwrap();
    std::fs::write(folder.path().join("node.toml"), settings(&world)).unwrap();
    let key = make_key(&identities(world.pool()), &[Role::Admin]).await;
    let caller = Caller {
        client: Client::new(),
        key: &key,
    };
    let mut node = start(&world, folder.path()).await;
    caller
        .call(&node, Method::POST, "", json!({ "name": "main" }))
        .await;
    let rules = json!({ "other_assets": "unlimited" });
    caller
        .call(&node, Method::PUT, "/main/tiers/full", rules)
        .await;
    let mut cases = Vec::new();
    for provider in ALL {
        // It does what it is asked, and answers when the process is gone.
        let slow = Fault::Delay(Duration::from_secs(20));
        let control = world.control(provider);
        if provider == "onfido" {
            // The applicant is answered; the run is not.
            control.faults().arm(&Fault::Delay(Duration::ZERO), 1);
        }
        control.faults().arm(&slow, 1);
        let body = json!({ "owner": "asha", "tier": "full" });
        let case = caller.call(&node, Method::POST, "/main/cases", body).await;
        let case = case["id"].as_str().unwrap().to_owned();
        let path = format!("/main/cases/{case}/submit");
        let body = submission(&[provider]);
        caller.call(&node, Method::POST, &path, body).await;
        eventually("the provider has done it", || async {
            let cases = world.control(provider).cases();
            (!cases.is_empty()).then_some(())
        })
        .await;
        cases.push((provider, case));
    }
    node.kill().await;
    for (provider, case) in &cases {
        let checks = world.checks(case, provider).await;
        assert_eq!(checks, [None], "begun, and not written down: {provider}");
        world.control(provider).faults().disarm();
    }
    let node = start(&world, folder.path()).await;
    let begun = Instant::now();
    for (provider, case) in &cases {
        // Whoever takes the jobs of a dead worker waits half a minute for it.
        loop {
            let seen = caller.seen(&node, case).await;
            if seen["entries"].is_array() {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "{provider}: {seen}"
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let made = world.control(provider).cases().len();
        match *provider {
            "digio" => assert!((1..=2).contains(&made), "{made}"),
            _ => assert_eq!(made, 1, "{provider}"),
        }
        let check = world.opened(case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
    }
    for (provider, case) in &cases {
        eventually("approved", || async {
            let seen = caller.seen(&node, case).await;
            (seen["status"] == "approved").then_some(())
        })
        .await;
        let begun = world.checks(case, provider).await;
        assert_eq!(begun.len(), 1, "{provider}");
    }
}
