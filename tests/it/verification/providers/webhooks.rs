//! What comes to the webhooks' addresses of identity providers: twice, late, out of order, forged, never.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::simulators::{CaseChoice, Chances};
use daybook::cli::Role as Part;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::support::{ALL, SECRET_BEFORE, World};
use crate::harness::node::{Reply, TestNode};

/// A webhook as it came, from the desk of operators.
async fn came(node: &TestNode, provider: &str) -> (Vec<(String, String)>, Vec<u8>) {
    let list = node.url(&format!("/v1/webhook-deliveries?provider={provider}"));
    let list = node.send(node.client.get(list)).await.expect(200).body;
    // What tells of the end; webhooks overtake each other.
    let ends = ["Reviewed", "workflow_run.completed", "approved", "REJECTED"];
    let tells = |item: &&Value| {
        let kind = item["event_type"].as_str().unwrap();
        ends.iter().any(|end| kind.contains(end))
    };
    let newest = list["items"].as_array().unwrap().iter().find(tells);
    let id = newest.unwrap()["id"].as_str().unwrap();
    let content = node.url(&format!("/v1/webhook-deliveries/{id}/content"));
    let content = node.send(node.client.get(content)).await.expect(200).body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = content["headers"].as_array().unwrap().iter();
    let headers = headers.map(|header| (text(&header["name"]), text(&header["value"])));
    let headers = headers.filter(|(name, _)| name.starts_with("x-") || name == "content-type");
    let body = STANDARD.decode(text(&content["body_base64"])).unwrap();
    (headers.collect(), body)
}

async fn deliver(
    node: &TestNode,
    provider: &str,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> Reply {
    let path = format!("/v1/webhooks/{provider}/main");
    let mut request = node.client.post(node.url(&path)).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    node.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_changes_nothing() {
    let (world, node) = World::start().await;
    for provider in ALL {
        let case = world.submitted(&node, &[provider]).await;
        let check = world.opened(&case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
        world.becomes(&node, &case, "approved").await;
        world.processed().await;
        let (events, stored) = (world.events(&case).await, world.webhooks("").await.len());
        let (headers, body) = came(&node, provider).await;
        for _ in 0..3 {
            let reply = deliver(&node, provider, &headers, body.clone()).await;
            assert_eq!(reply.expect(200).body["receipt"], "duplicate");
        }
        world.processed().await;
        assert_eq!(world.webhooks("").await.len(), stored);
        assert_eq!(world.events(&case).await, events, "{provider}");
    }
    node.node.stop().await;
}

/// Sent several times, overtaking each other, some with a wrong signature first: the case ends as it does.
#[tokio::test(flavor = "multi_thread")]
async fn out_of_order_ends_the_same() {
    let (world, node) = World::start().await;
    world.misbehave(Chances {
        webhook_duplicate: 500,
        webhook_reorder: 700,
        webhook_wrong_signature: 500,
        ..Chances::default()
    });
    let mut cases = Vec::new();
    for _ in 0..4 {
        for (provider, choice, expected) in [
            ("sumsub", CaseChoice::Approve, "approved"),
            ("onfido", CaseChoice::RejectFinal, "rejected"),
            ("digio", CaseChoice::Approve, "approved"),
        ] {
            let case = world.submitted(&node, &[provider]).await;
            let check = world.opened(&case, provider).await;
            world.ends(provider, &check, choice);
            cases.push((case, provider, expected));
        }
    }
    for (case, provider, expected) in &cases {
        world.becomes(&node, case, expected).await;
        let seen = world.settled(&node, case).await;
        assert_eq!(seen["status"], *expected, "{provider}");
    }
    assert_eq!(world.webhooks("parked").await, []);
    node.node.stop().await;
}

/// Stored while nobody processes, and processed when everything has been otherwise for long: what is true
/// now counts.
#[tokio::test(flavor = "multi_thread")]
async fn late_ones_are_overtaken_by_what_is_true_now() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.processed().await;
    node.node.stop().await;
    let storing = world.node(&[Part::Api]).await;
    world.ends("sumsub", &check, CaseChoice::RejectFinal);
    world.decide("sumsub", &check, CaseChoice::Approve);
    world.sumsub.webhooks_settled().await;
    assert!(!world.webhooks("waiting").await.is_empty());
    storing.node.stop().await;
    let node = world.node(&Part::ALL).await;
    world.becomes(&node, &case, "approved").await;
    let seen = world.settled(&node, &case).await;
    assert_eq!(
        seen["status"], "approved",
        "an older rejection contradicts nothing: {seen}"
    );
    node.node.stop().await;
}

/// A genuine approval that is kept back and handed in after the decision was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_before_approves_nobody() {
    let (world, node) = World::start().await;
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.processed().await;
    world.misbehave(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.decide("sumsub", &check, CaseChoice::Reset);
    let told = genuine_approval(&check);
    let reply = deliver(&node, "sumsub", &told.0, told.1).await;
    assert_eq!(reply.expect(200).body["receipt"], "stored");
    let seen = world.settled(&node, &case).await;
    assert_eq!(seen["status"], "submitted", "{seen}");
    assert_eq!(world.grants(&node).await, json!([]));
    node.node.stop().await;
}

/// An approval that Sumsub's secret has signed, a moment ago.
fn genuine_approval(check: &str) -> (Vec<(String, String)>, Vec<u8>) {
    use hmac::{Hmac, KeyInit, Mac};
    let now = chrono::Utc::now()
        .format("%Y-%m-%d %H:%M:%S%.3f")
        .to_string();
    let body = json!({
        "applicantId": check,
        "inspectionId": check,
        "applicantType": "individual",
        "correlationId": "req-of-a-test",
        "levelName": super::support::LEVEL,
        "sandboxMode": true,
        "type": "applicantReviewed",
        "reviewResult": { "reviewAnswer": "GREEN" },
        "reviewStatus": "completed",
        "createdAtMs": now,
        "clientId": "ours",
    });
    let body = body.to_string().into_bytes();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(super::support::SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let digest = mac.finalize().into_bytes();
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = [
        ("content-type", "application/json"),
        ("x-payload-digest", &*digest),
        ("x-payload-digest-alg", "HMAC_SHA256_HEX"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (headers.to_vec(), body)
}

/// What is not genuine is refused with a code, and nothing is stored.
#[tokio::test(flavor = "multi_thread")]
async fn forged_ones_are_refused_and_not_stored() {
    let (world, node) = World::start().await;
    for provider in ALL {
        let case = world.submitted(&node, &[provider]).await;
        let check = world.opened(&case, provider).await;
        world.ends(provider, &check, CaseChoice::RejectFinal);
        world.becomes(&node, &case, "rejected").await;
        world.processed().await;
        let (headers, body) = came(&node, provider).await;
        let stored = world.webhooks("").await.len();
        let forged = String::from_utf8(body.clone()).unwrap();
        let forged = forged
            .replace("FINAL", "RETRY")
            .replace("declined", "approved")
            .replace("rejected", "approved")
            .replace("REJECTED", "APPROVED");
        assert_ne!(forged.as_bytes(), &body[..]);
        let unsigned: Vec<_> = headers
            .iter()
            .filter(|(name, _)| name == CONTENT_TYPE.as_str())
            .cloned()
            .collect();
        for (headers, body) in [(&headers, forged.into_bytes()), (&unsigned, body.clone())] {
            let refused = deliver(&node, provider, headers, body).await.expect(401);
            assert_eq!(refused.code(), "webhook_signature_invalid", "{provider}");
        }
        let path = format!("/v1/webhooks/{provider}/somebody");
        let nowhere = node.client.post(node.url(&path)).body(body);
        assert_eq!(node.send(nowhere).await.status, 404);
        assert_eq!(world.webhooks("").await.len(), stored);
        assert_eq!(world.settled(&node, &case).await["status"], "rejected");
    }
    node.node.stop().await;
}

/// Webhooks that never come: whoever asks finds out.
#[tokio::test(flavor = "multi_thread")]
async fn lost_ones_are_asked_for() {
    let (world, node) = World::start_asking().await;
    world.misbehave(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    for provider in ALL {
        let case = world.submitted(&node, &[provider]).await;
        let check = world.opened(&case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
        let seen = world.becomes(&node, &case, "approved").await;
        assert_eq!(seen["providers"][0]["reference"], check);
    }
    let (case, rejected) = (
        world.submitted(&node, &["onfido"]).await,
        world.submitted(&node, &["sumsub"]).await,
    );
    let check = world.opened(&case, "onfido").await;
    world.decide("onfido", &check, CaseChoice::Expire);
    world.becomes(&node, &case, "expired").await;
    let check = world.opened(&rejected, "sumsub").await;
    world.ends("sumsub", &check, CaseChoice::RejectRetry);
    world.becomes(&node, &rejected, "retry_allowed").await;
    // Asking goes on while the person may try again.
    world.ends("sumsub", &check, CaseChoice::Approve);
    world.becomes(&node, &rejected, "approved").await;
    assert_eq!(world.webhooks("").await, []);
    node.node.stop().await;
}

/// While a secret is replaced, both count; afterwards the old one does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_secret_counts_while_it_is_replaced() {
    let (world, node) = World::start().await;
    world.send_webhooks_to(&node, SECRET_BEFORE);
    for provider in ALL {
        let case = world.submitted(&node, &[provider]).await;
        let check = world.opened(&case, provider).await;
        world.ends(provider, &check, CaseChoice::Approve);
        world.becomes(&node, &case, "approved").await;
    }
    world.processed().await;
    let stored = world.webhooks("").await.len();
    world.send_webhooks_to(&node, "a secret that nobody was told of");
    let case = world.submitted(&node, &["sumsub"]).await;
    let check = world.opened(&case, "sumsub").await;
    world.ends("sumsub", &check, CaseChoice::Approve);
    let deliveries = || world.control("sumsub").deliveries();
    crate::payments::support::eventually("it is refused", || async {
        let refused = deliveries()
            .iter()
            .any(|delivery| delivery.status == Some(401));
        refused.then_some(())
    })
    .await;
    assert_eq!(world.webhooks("").await.len(), stored);
    node.node.stop().await;
}

/// A decision about somebody whom we have not handed over: kept for a person, and no case of ours changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_for_an_unknown_case_waits_for_a_person() {
    let world = World::new(None).await;
    let (elsewhere, theirs) = World::start().await;
    let case = elsewhere.submitted(&theirs, &ALL).await;
    let mut checks = Vec::new();
    for provider in ALL {
        checks.push((provider, elsewhere.opened(&case, provider).await));
    }
    elsewhere.processed().await;
    // Another installation with the same accounts, whose webhooks come to us.
    let accounts = elsewhere.options().accounts;
    let mut moved = Vec::new();
    for (_, account) in accounts.all() {
        let mut account = account.clone();
        account.ledger = world.ledger();
        moved.push(account);
    }
    let accounts = workflows::IdentityAccounts::try_new(moved).unwrap();
    let node = world
        .node_with(&Part::ALL, |options| options.identity.accounts = accounts)
        .await;
    elsewhere.send_webhooks_to(&node, super::support::SECRET);
    for (provider, check) in &checks {
        elsewhere.ends(provider, check, CaseChoice::Approve);
    }
    crate::payments::support::eventually("all are parked", || async {
        let parked = world.webhooks("parked").await;
        let unknown = |(_, reason): &&(_, Option<String>)| {
            reason.as_deref() == Some("identity_check_unknown")
        };
        (parked.iter().filter(unknown).count() >= 3).then_some(())
    })
    .await;
    let cases: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM daybook.events WHERE aggregate_type = 'verification_case'",
    )
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert_eq!(cases, 0);
    node.node.stop().await;
    theirs.node.stop().await;
}
