//! Cases that several providers look at.

use connectors::simulators::CaseChoice;
use serde_json::json;

use super::support::{ALL, World, ways_in};

#[tokio::test(flavor = "multi_thread")]
async fn all_have_to_approve() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &ALL).await;
    ways_in(&node, &case, &ALL).await;
    for (index, provider) in ALL.into_iter().enumerate() {
        let check = world.opened(&case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
        world.processed().await;
        let seen = world.settled(&node, &case).await;
        let expected = if index == 2 { "approved" } else { "submitted" };
        let status = seen["status"].as_str().unwrap();
        // Digio has people look at everything.
        assert!(
            status == expected || (index == 0 && status == "in_review"),
            "{seen}"
        );
    }
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_disagree_leave_it_to_staff() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["onfido", "sumsub"]).await;
    let onfido = world.opened(&case, "onfido").await;
    let sumsub = world.opened(&case, "sumsub").await;
    world.ends("sumsub", &sumsub, CaseChoice::Approve);
    world.processed().await;
    world.ends("onfido", &onfido, CaseChoice::RejectFinal);
    let seen = world.becomes(&node, &case, "in_review").await;
    assert_eq!(seen["review_cause"], "disagreement");
    assert_eq!(seen.get("granted"), None);
    assert_eq!(
        seen.get("entries"),
        None,
        "the person has nothing more to do: {seen}"
    );
    // No later word of a provider decides it.
    world.decide("sumsub", &sumsub, CaseChoice::RejectFinal);
    assert_eq!(world.settled(&node, &case).await["status"], "in_review");
    node.post(&format!("/cases/{case}/approve"), json!({}))
        .await
        .expect(200);
    let seen = world.settled(&node, &case).await;
    assert_eq!(seen["status"], "approved");
    node.node.stop().await;
}
