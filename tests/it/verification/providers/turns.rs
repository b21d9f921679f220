//! What was decided is decided otherwise: other tries, resets, withdrawals.

use connectors::simulators::{CaseChoice, Chances};
use serde_json::json;

use super::support::{World, walk_in, ways_in};
use crate::payments::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn red_with_another_try_then_green() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.ends("sumsub", &check, CaseChoice::RejectRetry);
    let seen = world.becomes(&node, &case, "retry_allowed").await;
    assert_eq!(seen["decision"]["retry"], "allowed");
    assert!(!seen["decision"]["reasons"].as_array().unwrap().is_empty());
    // The same way in is good for the other try.
    let seen = ways_in(&node, &case, &["sumsub"]).await;
    walk_in(&node, &seen, "sumsub", "approve").await;
    world.becomes(&node, &case, "approved").await;
    assert_eq!(world.settled(&node, &case).await["granted"], "full");
    assert_eq!(world.control("sumsub").cases().len(), 1);
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn green_then_reset_then_green() {
    let (world, node) = World::start_asking().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.becomes(&node, &case, "approved").await;
    world.decide("sumsub", &check, CaseChoice::Reset);
    let seen = world.becomes(&node, &case, "opened").await;
    assert_eq!(seen.get("granted"), None);
    assert_eq!(world.grants(&node).await, json!([]));
    // The way in was forgotten with the approval: there is a new one.
    let seen = ways_in(&node, &case, &["sumsub"]).await;
    walk_in(&node, &seen, "sumsub", "approve").await;
    world.becomes(&node, &case, "approved").await;
    assert_eq!(world.control("sumsub").cases().len(), 1);
    node.node.stop().await;
}

/// That a decision was taken back is known by asking, too, while anything is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_taken_in_before_what_came_after_it() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.becomes(&node, &case, "approved").await;
    world.processed().await;
    // By the time that the webhook of the reset is looked at, the person has handed in again.
    world.sumsub.control().set_down(true);
    world.decide("sumsub", &check, CaseChoice::Reset);
    world.decide("sumsub", &check, CaseChoice::Submit);
    world.sumsub.control().set_down(false);
    let seen = world.becomes(&node, &case, "submitted").await;
    assert_eq!(seen.get("granted"), None);
    assert!(world.events(&case).await.contains(&"CaseReset".to_owned()));
    node.node.stop().await;
}

/// A run that was declined is over: another try is another check, and what is still said of the first is
/// of no concern.
#[tokio::test(flavor = "multi_thread")]
async fn another_check_takes_the_place_of_the_first() {
    let (world, node) = World::start().await;
    for (provider, count) in [("onfido", 2), ("sumsub", 2), ("digio", 2)] {
        let case = world.submitted(&node, &[provider]).await;
        let first = world.opened(&case, provider).await;
        world.ends(provider, &first, CaseChoice::RejectFinal);
        world.becomes(&node, &case, "rejected").await;
        world.processed().await;
        node.post(&format!("/cases/{case}/reset"), json!({}))
            .await
            .expect(200);
        world.submit(&node, &case, &[provider]).await.expect(200);
        world.becomes(&node, &case, "submitted").await;
        let second = eventually("another check", || async {
            let checks = world.checks(&case, provider).await;
            checks.get(1).cloned().flatten()
        })
        .await;
        assert_ne!(first, second);
        assert_eq!(world.control(provider).cases().len(), count, "{provider}");
        world.control(provider).say(&first, "whatever");
        world.processed().await;
        assert_eq!(world.settled(&node, &case).await["status"], "submitted");
        world.ends(provider, &second, CaseChoice::Approve);
        let seen = world.becomes(&node, &case, "approved").await;
        assert_eq!(seen["providers"][0]["reference"], second, "{provider}");
        assert_eq!(world.webhooks("parked").await, [], "{provider}");
    }
    node.node.stop().await;
}

/// What a provider does not carry out goes to staff, with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_at_a_provider_goes_to_staff() {
    let (world, node) = World::start().await;
    for (provider, choice, reason) in [
        ("onfido", CaseChoice::Fail, "FAILED_AT_PROVIDER"),
        ("digio", CaseChoice::Withdraw, "WITHDRAWN_AT_PROVIDER"),
    ] {
        let case = world.submitted(&node, &[provider]).await;
        let check = world.opened(&case, provider).await;
        if provider == "onfido" {
            world.decide(provider, &check, CaseChoice::Submit);
        }
        world.decide(provider, &check, choice);
        let seen = world.becomes(&node, &case, "in_review").await;
        assert_eq!(seen["review_cause"], "requested", "{provider}");
        let timeline = node
            .get(&format!("/cases/{case}/timeline"))
            .await
            .expect(200);
        assert!(timeline.body.to_string().contains(reason), "{timeline:?}");
    }
    node.node.stop().await;
}

/// An applicant who has passed and is removed does not keep what was granted.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_withdrawn_does_not_stand() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.becomes(&node, &case, "approved").await;
    world.misbehave(Chances::default());
    world.decide("sumsub", &check, CaseChoice::Withdraw);
    let seen = world.becomes(&node, &case, "in_review").await;
    assert_eq!(seen.get("granted"), None);
    assert_eq!(world.grants(&node).await, json!([]));
    node.node.stop().await;
}

/// A word that nobody documents changes nothing, and a person is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_nobody_knows_waits_for_a_person() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.processed().await;
    assert!(world.control("sumsub").say(&check, "pondering"));
    let seen = world.settled(&node, &case).await;
    assert_eq!(seen["status"], "submitted");
    let parked = world.webhooks("parked").await;
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].1.as_deref(), Some("identity_status_unknown"));
    node.node.stop().await;
}
