//! From a case that is handed over to an approval, at each provider.

use connectors::identity_providers::EntryKind;
use connectors::simulators::CaseChoice;
use daybook::cli::Role as Part;
use serde_json::{Value, json};
use workflows::IdentityAccounts;

use super::support::{ALL, World, submission, walk_in, ways_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_passes_on_each_providers_page() {
    let (world, node) = World::start().await;
    for provider in ALL {
        let case = world.submitted(&node, &[provider]).await;
        let seen = ways_in(&node, &case, &[provider]).await;
        assert_eq!(seen["status"], "submitted");
        walk_in(&node, &seen, provider, "approve").await;
        let seen = world.becomes(&node, &case, "approved").await;
        assert_eq!(seen["granted"], "full");
        let check = world.opened(&case, provider).await;
        assert_eq!(seen["providers"][0]["reference"], check);
        assert_eq!(seen["decision"]["finding"]["provider"], provider);
        assert_eq!(
            seen.get("entries"),
            None,
            "nobody needs it any more: {seen}"
        );
        let grants = world.grants(&node).await;
        let granted = json!({ "tier": "full", "source": "case", "case": case });
        assert!(grants.as_array().unwrap().contains(&granted), "{grants}");
        let seen = world.settled(&node, &case).await;
        assert_eq!(seen["status"], "approved");
    }
    assert_eq!(world.webhooks("parked").await, []);
    let noted: i64 = sqlx::query_scalar("SELECT count(*) FROM workflows.identity_person")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(noted, 0, "what was noted of the person is forgotten");
    node.node.stop().await;
}

/// Of a person a provider is told what it demands, and the log nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_person_is_in_the_database() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &ALL).await;
    ways_in(&node, &case, &ALL).await;
    for provider in ALL {
        let check = world.opened(&case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
    }
    world.becomes(&node, &case, "approved").await;
    world.settled(&node, &case).await;
    for table in [
        "daybook.events",
        "workflows.identity_check",
        "workflows.identity_person",
        "workflows.webhook",
        "workflows.webhook_state",
        "graphile_worker._private_jobs",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(&format!("SELECT t::text FROM {table} AS t"))
            .fetch_all(world.pool())
            .await
            .unwrap();
        for word in [
            "Ashalata",
            "Rao-Deshpande",
            "asha.rao@example.org",
            "shop.example",
        ] {
            assert!(!rows.concat().contains(word), "{word} is in {table}");
        }
    }
    node.node.stop().await;
}

/// A token for the provider's software instead of a page.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_a_way_in() {
    let world = World::new(None).await;
    let accounts = ALL.map(|provider| {
        let mut account = world.account(provider);
        account.entry = EntryKind::Token;
        account
    });
    let accounts = IdentityAccounts::try_new(accounts.to_vec()).unwrap();
    let node = world
        .node_with(&Part::ALL, |options| options.identity.accounts = accounts)
        .await;
    let case = world.submitted(&node, &ALL).await;
    let seen = ways_in(&node, &case, &ALL).await;
    for entry in seen["entries"].as_array().unwrap() {
        assert_eq!(entry["kind"], "token", "{entry}");
        assert!(!entry["token"].as_str().unwrap().is_empty());
        assert_eq!(entry.get("url"), None);
        assert!(entry["expires_at"].is_string());
    }
    node.node.stop().await;
}

/// The same request under the same key is one asking.
#[tokio::test(flavor = "multi_thread")]
async fn handing_over_twice_asks_once() {
    let (world, node) = World::start().await;
    let case = world.case(&node).await;
    let path = format!("/cases/{case}/submit");
    for _ in 0..3 {
        let request = node
            .client
            .post(node.at(&path))
            .header("idempotency-key", "k1");
        node.send(request.json(&submission(&ALL))).await.expect(200);
    }
    // Under no key, and to nobody new, it says nothing new.
    world.submit(&node, &case, &ALL).await.expect(200);
    ways_in(&node, &case, &ALL).await;
    for provider in ALL {
        assert_eq!(world.control(provider).cases().len(), 1, "{provider}");
        assert_eq!(world.checks(&case, provider).await.len(), 1);
    }
    assert_eq!(world.events(&case).await, ["CaseOpened", "CaseSubmitted"]);
    node.node.stop().await;
}

/// Without what a provider demands it is not asked, and whoever asks is told at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_demands_is_missing() {
    let (world, node) = World::start().await;
    let case = world.case(&node).await;
    let path = format!("/cases/{case}/submit");
    let person =
        |person: Value, provider: &str| json!({ "providers": [provider], "person": person });
    for (body, code) in [
        (json!({ "providers": ["onfido"] }), "person_name_missing"),
        (
            person(json!({ "given_name": "Asha" }), "onfido"),
            "person_name_missing",
        ),
        (json!({ "providers": ["digio"] }), "person_contact_missing"),
        (
            json!({ "providers": ["persona"] }),
            "identity_provider_not_configured",
        ),
        (
            person(json!({ "email": "not an address" }), "digio"),
            "invalid_request",
        ),
        (
            person(
                json!({ "given_name": "<b>", "family_name": "Rao" }),
                "onfido",
            ),
            "invalid_request",
        ),
        (
            json!({ "providers": ["sumsub"], "return_url": "javascript:alert(1)" }),
            "invalid_request",
        ),
    ] {
        let refused = node.post(&path, body.clone()).await;
        assert_eq!(refused.code(), code, "{body}: {refused:?}");
        let told = refused.body.to_string();
        assert!(!told.contains("not an address"), "{told}");
    }
    assert_eq!(world.events(&case).await, ["CaseOpened"]);
    // Sumsub asks people itself.
    node.post(&path, json!({ "providers": ["sumsub"] }))
        .await
        .expect(200);
    world.opened(&case, "sumsub").await;
    node.node.stop().await;
}
