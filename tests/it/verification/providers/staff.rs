//! Staff decide without any provider, and instead of one.

use connectors::simulators::CaseChoice;
use daybook::cli::Role as Part;
use ledger_core::verification::CaseAction;
use ledger_core::{CaseId, Command};
use serde_json::json;
use workflows::IdentityAccounts;

use super::support::World;
use crate::harness::node::TestNode;
use crate::harness::submission;
use crate::verification::support::received;

async fn receive(node: &TestNode, case: &str, action: CaseAction) {
    let command = Command::VerificationCase {
        case: case.parse::<CaseId>().unwrap(),
        action: Box::new(action),
    };
    let ledger = node.ledger.parse().unwrap();
    let outcome = node
        .node
        .executors
        .submit(ledger, submission(command))
        .await;
    assert_eq!(outcome.unwrap().refusal(), None);
}

/// On a node with accounts and on one without.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_needs_no_provider() {
    let world = World::new(None).await;
    for accounts in [world.options().accounts, IdentityAccounts::default()] {
        let node = world
            .node_with(&Part::ALL, |options| options.identity.accounts = accounts)
            .await;
        let case = world.case(&node).await;
        receive(&node, &case, received("passport", 1)).await;
        node.post(&format!("/cases/{case}/start-review"), json!({}))
            .await
            .expect(200);
        let approved = node
            .post(&format!("/cases/{case}/approve"), json!({}))
            .await;
        let position = approved.expect(200).position();
        let path = format!("/cases/{case}?min_position={position}");
        let seen = node.get(&path).await.expect(200).body;
        assert_eq!(seen["status"], "approved");
        node.node.stop().await;
    }
    assert!(world.control("sumsub").cases().is_empty());
}

/// Staff take a case from its provider, whose word is noted and decides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn staff_take_a_case_over() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    node.post(&format!("/cases/{case}/start-review"), json!({}))
        .await
        .expect(200);
    world.ends("sumsub", &check, CaseChoice::Approve);
    let seen = world.settled(&node, &case).await;
    assert_eq!(seen["status"], "in_review");
    assert_eq!(seen["providers"][0]["says"], "approved", "{seen}");
    let path = format!("/cases/{case}/reject");
    node.post(&path, json!({ "retry": "final" }))
        .await
        .expect(200);
    assert_eq!(world.settled(&node, &case).await["status"], "rejected");
    node.node.stop().await;
}

/// What a provider had decided before staff began anew is of no concern, though it is heard afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_reset_by_staff_is_over() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.processed().await;
    world.control("sumsub").set_down(true);
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.sumsub.webhooks_settled().await;
    node.post(&format!("/cases/{case}/reset"), json!({}))
        .await
        .expect(200);
    world.control("sumsub").set_down(false);
    let seen = world.settled(&node, &case).await;
    assert_eq!(seen["status"], "opened", "{seen}");
    assert_eq!(world.grants(&node).await, json!([]));
    node.node.stop().await;
}
