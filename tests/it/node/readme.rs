//! The README's session is run as it stands.

use std::sync::Arc;

use daybook::simulators::{IdentitySimulators, Simulators};
use identity::secret::{MasterKey, new_master_key};
use tokio::process::Command;

use crate::harness::node::TestNode;

const README: &str = include_str!("../../../README.md");

/// The shell blocks of the README, in order.
fn shell_blocks() -> Vec<&'static str> {
    README
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_in_the_readme_works_as_it_stands() {
    let simulators = Simulators::start().await.unwrap();
    let payments = simulators.options("main".parse().unwrap()).unwrap();
    let checkers = IdentitySimulators::start().await.unwrap();
    let identity = checkers.options("main".parse().unwrap()).unwrap();
    let master_key = new_master_key().unwrap();
    let mut nats = String::new();
    let (node, admin) = TestNode::asking(|options, _| {
        options.payments = payments;
        options.identity = identity;
        options.access.master_key = Arc::new(MasterKey::from_text(&master_key).unwrap());
        nats.clone_from(&options.nats_url);
    })
    .await;
    let address = node.url("/").parse().unwrap();
    simulators.send_webhooks_to(&address);
    checkers.send_webhooks_to(&address);
    let blocks = shell_blocks();
    let [start, session, live, deposit, case, replay, export] = blocks.as_slice() else {
        panic!("the README has other blocks than this test knows: {blocks:#?}")
    };
    assert!(start.contains("./dev up") && start.contains("./dev test"));

    let address = node.node.address.to_string();
    let live = live.trim_end().replace("curl -sN", "curl -sN --max-time 3");
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("admin.key");
    std::fs::write(&key, admin).unwrap();
    let exported = folder.path().join("export");
    let script =
        format!("set -eu\n{session}\n{live} || true\n{deposit}\n{case}\n{replay}\n{export}\n")
            .replace("127.0.0.1:8080", &address)
            .replace(".daybook/data/admin.key", &key.display().to_string())
            .replace(".daybook/main-export", &exported.display().to_string())
            .replace("./dev daybook", env!("CARGO_BIN_EXE_daybook"));
    let ran = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .env("DATABASE_URL", &node.database_url)
        .env("NATS_URL", &nats)
        .env("DAYBOOK__AUTH__MASTER_KEY", &*master_key)
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(!told.contains("problem"), "{told}");
    assert!(
        told.contains(r#""closing_balance":"149.50""#) || told.contains("as_of"),
        "{told}"
    );
    assert!(told.contains("HoldCaptured"), "{told}");
    let mut pages = told
        .lines()
        .filter(|line| line.starts_with("http://127.0.0.1:"));
    for provider in ["Razorpay", "Sumsub"] {
        let page = pages.next().unwrap_or_else(|| panic!("{provider}: {told}"));
        let page = reqwest::get(page).await.unwrap();
        assert!(page.text().await.unwrap().contains(provider));
    }
    assert!(told.contains("everything is right"), "{told}");
}
