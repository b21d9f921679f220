//! Providers that are down, slow, refuse or speak nonsense.

use connectors::simulators::{CaseChoice, Chances, Fault};
use daybook::cli::Role as Part;
use poem::http::StatusCode;
use serde_json::json;
use workflows::{IdentityAccounts, Levels};

use super::support::{ALL, World, ways_in};
use crate::payments::support::eventually;

/// The provider did what it was asked and its answer was lost: it is not asked for another, where it can tell
/// that there is one.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_makes_no_second_check() {
    let (world, node) = World::start().await;
    for (fault, number) in [
        (Fault::FailAfterwards, 1),
        (Fault::BreakOff, 2),
        (Fault::Nonsense, 3),
    ] {
        for provider in ALL {
            // Onfido makes an applicant, then the run; the others one thing first.
            let faults = world.control(provider);
            faults.faults().arm(&fault, 1);
            let case = world.submitted(&node, &[provider]).await;
            ways_in(&node, &case, &[provider]).await;
            let made = world.control(provider).cases().len();
            match provider {
                // It finds nothing by our reference: what is left behind expires, and nobody was told of it.
                "digio" => assert!(made >= number, "{made}"),
                _ => assert_eq!(made, number, "{provider} {fault:?}"),
            }
            let check = world.opened(&case, provider).await;
            world.ends(provider, &check, CaseChoice::Approve);
            world.becomes(&node, &case, "approved").await;
        }
    }
    // What was left behind at Digio ends, which is of no concern.
    for left in world.control("digio").cases() {
        world
            .control("digio")
            .decide(&left.case_id, CaseChoice::Expire);
    }
    world.processed().await;
    assert_eq!(world.webhooks("parked").await, []);
    node.node.stop().await;
}

/// Down when the case is handed over, and up again.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_asked_again() {
    let (world, node) = World::start().await;
    world.control("sumsub").set_down(true);
    let case = world.submitted(&node, &["sumsub"]).await;
    eventually("a try", || async {
        let tries: Option<i16> = sqlx::query_scalar(
            "SELECT max(attempts) FROM graphile_worker._private_jobs WHERE last_error IS NOT NULL",
        )
        .fetch_one(world.pool())
        .await
        .unwrap();
        tries.filter(|tries| *tries > 0)
    })
    .await;
    let seen = node.get(&format!("/cases/{case}")).await.expect(200).body;
    assert_eq!(
        (&seen["status"], seen.get("entries")),
        (&json!("submitted"), None)
    );
    world.control("sumsub").set_down(false);
    ways_in(&node, &case, &["sumsub"]).await;
    node.node.stop().await;
}

/// Everything goes wrong by chance, and every case ends as it does at its provider.
#[tokio::test(flavor = "multi_thread")]
async fn cases_end_whatever_goes_wrong() {
    let (world, node) = World::start_asking().await;
    world.misbehave(Chances {
        fail: 20,
        fail_afterwards: 20,
        break_off: 20,
        nonsense: 20,
        rate_limit: 20,
        webhook_drop: 200,
        webhook_duplicate: 200,
        webhook_reorder: 200,
        webhook_wrong_signature: 100,
        ..Chances::default()
    });
    let mut cases = Vec::new();
    for _ in 0..3 {
        for provider in ALL {
            cases.push((world.submitted(&node, &[provider]).await, provider));
        }
    }
    for (case, provider) in &cases {
        let check = world.opened(case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
    }
    for (case, _) in &cases {
        world.becomes(&node, case, "approved").await;
    }
    node.node.stop().await;
}

/// What a provider refuses for good goes to staff at once, with the code.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_goes_to_staff() {
    let (world, node) = World::start().await;
    let refusal = Fault::Refuse {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: 4_000,
        message: "Asha Rao is not to our liking".to_owned(),
    };
    for provider in ALL {
        world.control(provider).faults().arm(&refusal, 1);
        let case = world.submitted(&node, &[provider]).await;
        let seen = world.becomes(&node, &case, "in_review").await;
        assert_eq!(seen["review_cause"], "requested");
        let timeline = node
            .get(&format!("/cases/{case}/timeline"))
            .await
            .expect(200);
        let told = timeline.body.to_string();
        assert!(
            told.contains("identity_provider_refused"),
            "{provider}: {told}"
        );
        assert!(!told.contains("Asha Rao"), "{told}");
        world.control(provider).faults().disarm();
        let path = format!("/cases/{case}/approve");
        node.post(&path, json!({})).await.expect(200);
    }
    node.node.stop().await;
}

/// An approval for less than what was asked for is none.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_at_another_level_is_none() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.processed().await;
    sqlx::query("UPDATE workflows.identity_check SET level = 'a higher level'")
        .execute(world.pool())
        .await
        .unwrap();
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.processed().await;
    let reasons: Vec<_> = world.webhooks("parked").await;
    let differs =
        |(_, reason): &(_, Option<String>)| reason.as_deref() == Some("identity_level_differs");
    assert!(reasons.iter().any(differs), "{reasons:?}");
    assert_eq!(world.settled(&node, &case).await["status"], "submitted");
    assert_eq!(world.grants(&node).await, json!([]));
    node.node.stop().await;
}

/// A tier for which nothing is set up at the provider, as far as this node knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_know_the_level_leaves_it_to_others() {
    let world = World::new(None).await;
    let mut account = world.account("sumsub");
    account.levels = Levels::new(None, [("other".parse().unwrap(), "x".to_owned())].into());
    let accounts = IdentityAccounts::try_new(vec![account]).unwrap();
    let old = world
        .node_with(&Part::ALL, |options| options.identity.accounts = accounts)
        .await;
    let case = world.submitted(&old, &["sumsub"]).await;
    eventually("a try", || async {
        let error: Option<String> = sqlx::query_scalar(
            "SELECT last_error FROM graphile_worker._private_jobs WHERE last_error IS NOT NULL",
        )
        .fetch_optional(world.pool())
        .await
        .unwrap();
        error.filter(|error| error.contains("no level for the tier full"))
    })
    .await;
    assert!(world.control("sumsub").cases().is_empty());
    old.node.stop().await;
    let new = world.node(&Part::ALL).await;
    ways_in(&new, &case, &["sumsub"]).await;
    new.node.stop().await;
}
