//! The session in `docs/ONBOARDING.md` is run as it stands.

use std::sync::Arc;

use connectors::messaging::Mailbox;
use tokio::process::Command;

use crate::harness::node::TestNode;

const DOCUMENT: &str = include_str!("../../../docs/ONBOARDING.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_session_in_the_document_works_as_it_stands() {
    let mailbox = Arc::new(Mailbox::new());
    let kept = Arc::clone(&mailbox);
    let (node, admin) = TestNode::asking(|options, _| {
        options.access.delivery = kept.clone();
        options.access.mailbox = Some(kept);
    })
    .await;
    let blocks = DOCUMENT.split("```sh\n").skip(1);
    let blocks: Vec<&str> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("admin.key");
    std::fs::write(&key, admin).unwrap();
    let script = format!("set -eu\n{}", blocks.join("\n"))
        .replace("127.0.0.1:8080", &node.node.address.to_string())
        .replace(".daybook/data/admin.key", &key.display().to_string());
    let ran = Command::new("timeout")
        .args(["90", "bash", "-c", &script])
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    let trouble = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}\n{trouble}");
    assert!(!told.contains("problem"), "{told}");
    assert!(told.contains(r#""status":"completed""#), "{told}");
    assert!(told.contains("OnboardingCompleted"), "{told}");
}
