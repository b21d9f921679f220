//! What identity providers told, and were told, of a person who is erased.

use connectors::simulators::CaseChoice;
use serde_json::json;
use uuid::Uuid;

use super::support::{ALL, World, submission, ways_in};
use crate::harness::node::TestNode;
use crate::payments::support::eventually;

/// A case of an owner that is handed to all providers.
async fn submitted(node: &TestNode, owner: &str) -> String {
    let body = json!({ "owner": owner, "tier": "full" });
    let case = node.post("/cases", body).await.expect(201).id();
    let path = format!("/cases/{case}/submit");
    node.post(&path, submission(&ALL)).await.expect(200);
    case
}

/// Erases an owner with the cases that are in review, and waits until every step was taken.
async fn erase(world: &World, node: &TestNode, owner: &str) {
    let body = json!({ "reason": "requested", "cases_in_review": "close" });
    let path = format!("/owners/{owner}/profile/erase");
    let tombstone = node.post(&path, body).await.expect(200).position();
    eventually("the erasure is followed", || async {
        let followed: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM workflows.checkpoint \
             WHERE process = 'erasure' AND ledger = $1 AND position >= $2",
        )
        .bind(&world.ledger)
        .bind(tombstone)
        .fetch_optional(world.pool())
        .await
        .unwrap();
        followed
    })
    .await;
}

/// The webhooks whose content is kept.
async fn kept(world: &World) -> Vec<Uuid> {
    sqlx::query_scalar("SELECT id FROM workflows.webhook WHERE body IS NOT NULL ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap()
}

/// How many ways in to checks of a case are kept.
async fn entries(world: &World, case: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM workflows.identity_check WHERE case_id = $1 AND entry IS NOT NULL",
    )
    .bind(case.parse::<Uuid>().unwrap())
    .fetch_one(world.pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_about_an_erased_person_are_forgotten_and_nobody_elses() {
    let (world, node) = World::start().await;
    let ravis = submitted(&node, "ravi").await;
    for provider in ALL {
        let check = world.opened(&ravis, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
    }
    world.becomes(&node, &ravis, "approved").await;
    world.processed().await;
    let of_ravi = kept(&world).await;
    assert!(of_ravi.len() >= ALL.len(), "{of_ravi:?}");

    let ashas = submitted(&node, "asha").await;
    for provider in ALL {
        let check = world.opened(&ashas, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
    }
    world.becomes(&node, &ashas, "approved").await;
    world.processed().await;
    assert!(kept(&world).await.len() > of_ravi.len());

    erase(&world, &node, "asha").await;
    assert_eq!(kept(&world).await, of_ravi);
    node.node.stop().await;
}

/// Providers have their decision under way, and tell of it behind the erasure.
#[tokio::test(flavor = "multi_thread")]
async fn what_providers_tell_of_an_erased_person_is_forgotten_as_it_comes() {
    let (world, node) = World::start().await;
    let ravis = submitted(&node, "ravi").await;
    ways_in(&node, &ravis, &ALL).await;
    let case = submitted(&node, "asha").await;
    ways_in(&node, &case, &ALL).await;
    assert_eq!(entries(&world, &case).await, 3);
    let mut checks = Vec::new();
    for provider in ALL {
        checks.push((provider, world.opened(&case, provider).await));
    }
    world.processed().await;
    let of_ravi = kept(&world).await.len();
    erase(&world, &node, "asha").await;
    let seen = world.settled(&node, &case).await;
    assert_eq!(entries(&world, &case).await, 0, "{seen}");
    assert_eq!(entries(&world, &ravis).await, 3);
    let noted: i64 =
        sqlx::query_scalar("SELECT count(*) FROM workflows.identity_person WHERE case_id = $1")
            .bind(case.parse::<Uuid>().unwrap())
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(noted, 0);

    let events = world.events(&case).await;
    let before = world.webhooks("").await.len();
    for (provider, check) in checks {
        world.ends(provider, &check, CaseChoice::Approve);
    }
    world.processed().await;
    assert!(
        world.webhooks("").await.len() >= before + ALL.len(),
        "nothing was told"
    );
    assert!(kept(&world).await.len() <= of_ravi, "content is kept");
    assert_eq!(world.webhooks("parked").await, []);
    let after = world.events(&case).await.split_off(events.len());
    assert!(!after.is_empty());
    assert!(
        after.iter().all(|name| name == "FindingNoted"),
        "an erased person's case goes no further: {after:?}"
    );
    let seen = world.settled(&node, &case).await;
    assert_eq!(seen["status"], "rejected");
    assert_eq!(world.grants(&node).await, json!([]));
    node.node.stop().await;
}
