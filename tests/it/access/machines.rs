//! Keys and clients.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Doors, SignedIn};

async fn make(doors: &Doors, body: Value) -> (String, String) {
    let made = doors
        .post("/v1/machines", &doors.admin, body)
        .await
        .expect(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    (
        made.body["id"].as_str().unwrap().to_owned(),
        made.body["secret"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_roles_and_scopes_say_until_it_is_revoked() {
    let doors = Doors::open().await;
    let roles = json!([{ "role": "service", "ledger": doors.node.ledger }]);
    let (id, key) = make(
        &doors,
        json!({ "kind": "api_key", "name": "shop", "roles": roles,
                "scopes": ["wallets.open", "wallets.read"] }),
    )
    .await;
    assert!(key.starts_with("dbk_"), "{key}");
    let wallet = json!({ "owner": "shop" });
    doors
        .post(&doors.at("/wallets"), &key, wallet.clone())
        .await
        .expect(201);
    let outside = doors
        .get(&doors.at("/trial-balance"), &key)
        .await
        .expect(403);
    assert_eq!(outside.body["code"], "scope_missing");
    let elsewhere = doors
        .post("/v1/ledgers", &key, json!({ "name": "x" }))
        .await;
    assert_eq!(elsewhere.expect(403).body["code"], "forbidden");

    let listed = doors.get("/v1/machines", &doors.admin).await.expect(200);
    let shown = listed.body["items"][0].clone();
    assert_eq!(
        (shown["id"].as_str(), shown["name"].as_str()),
        (Some(id.as_str()), Some("shop"))
    );
    assert!(shown["used_at"].is_string(), "{shown}");
    assert!(
        !listed.body.to_string().contains(&key[15..]),
        "the secret is shown again"
    );
    assert!(key.contains(shown["prefix"].as_str().unwrap()));

    let path = format!("/v1/machines/{id}/revoke");
    doors
        .call(Method::POST, &path, Some(&doors.admin), None)
        .await
        .expect(204);
    let refused = doors.post(&doors.at("/wallets"), &key, wallet).await;
    assert_eq!(refused.expect(401).body["code"], "credential_invalid");
    doors
        .call(Method::POST, &path, Some(&doors.admin), None)
        .await
        .expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_at_its_time() {
    let doors = Doors::open().await;
    let (_, key) = make(
        &doors,
        json!({ "kind": "api_key", "name": "past", "roles": [{ "role": "auditor" }],
                "expires_at": "2020-01-01T00:00:00Z" }),
    )
    .await;
    doors.get("/v1/me", &key).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_key_is_nowhere_in_the_database() {
    let doors = Doors::open().await;
    let roles = json!([{ "role": "auditor" }]);
    let (_, key) = make(
        &doors,
        json!({ "kind": "api_key", "name": "a", "roles": roles }),
    )
    .await;
    let (_, secret) = make(
        &doors,
        json!({ "kind": "client", "name": "b", "roles": roles }),
    )
    .await;
    let person = doors.register("asha@example.org").await;
    let code = doors.codes.take("asha@example.org").await;
    doors.verify(&person, &code).await.expect(204);
    let asha = doors
        .sign_in("asha@example.org", super::support::PASSWORD)
        .await;
    let asha = SignedIn::of(&asha.expect(201));
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT machine::text FROM identity.machine \
         UNION ALL SELECT record::text FROM identity.record \
         UNION ALL SELECT person::text FROM identity.person \
         UNION ALL SELECT code::text FROM identity.code \
         UNION ALL SELECT refresh_token::text FROM identity.refresh_token \
         UNION ALL SELECT signing_key::text FROM identity.signing_key",
    )
    .fetch_all(doors.node.node.database.pool())
    .await
    .unwrap();
    let all = rows.join("\n");
    assert!(all.contains("argon2id") && rows.len() > 6);
    for secret in [&key[15..], &secret, &asha.refresh, super::support::PASSWORD] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(!all.contains(&format!(",{code},")), "{code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_machines_are_named() {
    let doors = Doors::open().await;
    for body in [
        json!({ "kind": "robot", "name": "a", "roles": [] }),
        json!({ "kind": "client", "name": "", "roles": [] }),
        json!({ "kind": "client", "name": "a", "roles": [{ "role": "root" }] }),
        json!({ "kind": "client", "name": "a", "roles": [], "scopes": ["everything"] }),
        json!({ "kind": "client", "name": "a", "roles": [], "scopes": [] }),
        json!({ "kind": "client", "name": "a" }),
    ] {
        let refused = doors.post("/v1/machines", &doors.admin, body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.body);
        assert_eq!(refused.body["code"], "invalid_request");
    }
}
