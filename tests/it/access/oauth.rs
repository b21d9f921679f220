//! Tokens for programs, by the standards of OAuth 2.0.

use identity::permission::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::Doors;
use crate::harness::node::Reply;

struct Client {
    id: String,
    secret: String,
}

impl Client {
    async fn make(doors: &Doors, scopes: Option<Value>) -> Self {
        let mut body = json!({ "kind": "client", "name": "shop",
                               "roles": [{ "role": "service", "ledger": doors.node.ledger }] });
        if let Some(scopes) = scopes {
            body["scopes"] = scopes;
        }
        let made = doors
            .post("/v1/machines", &doors.admin, body)
            .await
            .expect(201);
        Self {
            id: made.body["id"].as_str().unwrap().to_owned(),
            secret: made.body["secret"].as_str().unwrap().to_owned(),
        }
    }

    /// A form sent with the client's credentials by HTTP Basic.
    async fn send(&self, doors: &Doors, path: &str, form: &[(&str, &str)]) -> Reply {
        let request = doors
            .node
            .client
            .post(doors.node.url(path))
            .basic_auth(&self.id, Some(&self.secret));
        doors.node.send(with_form(request, form)).await
    }

    async fn token(&self, doors: &Doors, scope: Option<&str>) -> Reply {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(scope.map(|scope| ("scope", scope)));
        self.send(doors, "/oauth/token", &form).await
    }
}

/// None of the values needs to be escaped but spaces.
fn with_form(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let fields: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")))
        .collect();
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(fields.join("&"))
}

async fn post_form(doors: &Doors, path: &str, form: &[(&str, &str)]) -> Reply {
    let request = doors.node.client.post(doors.node.url(path));
    doors.node.send(with_form(request, form)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_a_token_uses_it_and_gives_it_back() {
    let doors = Doors::open().await;
    let client = Client::make(&doors, None).await;
    let issued = client
        .token(&doors, Some("wallets.open wallets.read"))
        .await
        .expect(200);
    assert_eq!(issued.headers["cache-control"], "no-store");
    assert_eq!(issued.body["token_type"], "Bearer");
    assert_eq!(issued.body["scope"], "wallets.open wallets.read");
    assert_eq!(issued.body["expires_in"], 300);
    let token = issued.body["access_token"].as_str().unwrap().to_owned();
    let wallet = json!({ "owner": "shop" });
    doors
        .post(&doors.at("/wallets"), &token, wallet.clone())
        .await
        .expect(201);
    let outside = doors
        .get(&doors.at("/trial-balance"), &token)
        .await
        .expect(403);
    assert_eq!(outside.body["code"], "scope_missing");

    let told = client
        .send(&doors, "/oauth/introspect", &[("token", &token)])
        .await
        .expect(200);
    assert_eq!(told.body["active"], true);
    assert_eq!(told.body["client_id"], client.id);
    assert_eq!(told.body["scope"], "wallets.open wallets.read");

    post_form(&doors, "/oauth/revoke", &[("token", &token)])
        .await
        .expect(200);
    let refused = doors
        .post(&doors.at("/wallets"), &token, wallet.clone())
        .await;
    assert_eq!(refused.expect(401).body["code"], "credential_invalid");
    let told = client
        .send(&doors, "/oauth/introspect", &[("token", &token)])
        .await
        .expect(200);
    assert_eq!(told.body, json!({ "active": false }));
    // Another of the same client is as good as before, until the client is revoked.
    let next = client.token(&doors, None).await.expect(200);
    let next = next.body["access_token"].as_str().unwrap().to_owned();
    doors
        .post(&doors.at("/wallets"), &next, wallet.clone())
        .await
        .expect(201);
    let path = format!("/v1/machines/{}/revoke", client.id);
    doors
        .call(Method::POST, &path, Some(&doors.admin), None)
        .await
        .expect(204);
    doors
        .post(&doors.at("/wallets"), &next, wallet)
        .await
        .expect(401);
    let refused = client.token(&doors, None).await.expect(401);
    assert_eq!(refused.body["error"], "invalid_client");
    assert!(
        refused.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_those_of_the_standard() {
    let doors = Doors::open().await;
    let client = Client::make(&doors, Some(json!(["wallets.read"]))).await;
    for (scope, error) in [
        ("wallets.open", "invalid_scope"),
        ("everything", "invalid_scope"),
        (" ", "invalid_scope"),
    ] {
        let refused = client.token(&doors, Some(scope)).await.expect(400);
        assert_eq!(refused.body["error"], error, "{scope}");
    }
    let issued = client.token(&doors, None).await.expect(200);
    assert_eq!(issued.body["scope"], "wallets.read");
    for (form, status, error) in [
        (vec![], 400, "invalid_request"),
        (
            vec![("grant_type", "password")],
            400,
            "unsupported_grant_type",
        ),
        (
            vec![("grant_type", "refresh_token")],
            400,
            "invalid_request",
        ),
        (
            vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", "unknown"),
            ],
            400,
            "invalid_grant",
        ),
        (
            vec![("grant_type", "client_credentials")],
            401,
            "invalid_client",
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", client.id.as_str()),
                ("client_secret", "wrong"),
            ],
            401,
            "invalid_client",
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", "nobody"),
                ("client_secret", "wrong"),
            ],
            401,
            "invalid_client",
        ),
    ] {
        let refused = post_form(&doors, "/oauth/token", &form).await;
        assert_eq!(refused.status, status, "{form:?}: {}", refused.body);
        assert_eq!(refused.body["error"], error, "{form:?}");
    }
    let twice = client
        .send(
            &doors,
            "/oauth/token",
            &[("grant_type", "client_credentials"), ("client_secret", "x")],
        )
        .await;
    assert_eq!(twice.expect(401).body["error"], "invalid_client");
    for form in [vec![("token", "")], vec![]] {
        let refused = post_form(&doors, "/oauth/revoke", &form).await;
        assert_eq!(refused.expect(400).body["error"], "invalid_request");
    }
    post_form(&doors, "/oauth/revoke", &[("token", "unknown")])
        .await
        .expect(200);
    post_form(&doors, "/oauth/revoke", &[("token", "un.kno.wn")])
        .await
        .expect(200);
    post_form(&doors, "/oauth/introspect", &[("token", "x")])
        .await
        .expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_and_ends_at_the_token_endpoint() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", asha.refresh.as_str()),
    ];
    let next = post_form(&doors, "/oauth/token", &form).await.expect(200);
    let access = next.body["access_token"].as_str().unwrap();
    doors.get("/v1/me", access).await.expect(200);
    let refresh = next.body["refresh_token"].as_str().unwrap();
    post_form(&doors, "/oauth/revoke", &[("token", refresh)])
        .await
        .expect(200);
    doors.get("/v1/me", access).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_can_verify_a_token_by_the_published_keys() {
    let doors = Doors::open().await;
    let client = Client::make(&doors, None).await;
    let issued = client.token(&doors, None).await.expect(200);
    let token = issued.body["access_token"].as_str().unwrap();
    let auditor = doors.node.key(&[Role::Auditor]).await;
    let metadata = doors
        .get("/.well-known/oauth-authorization-server", &auditor)
        .await;
    let metadata = metadata.expect(200).body;
    let keys = doors
        .node
        .client
        .get(metadata["jwks_uri"].as_str().unwrap());
    let keys = doors.node.send(keys).await.expect(200).body;
    let set = identity::jwt::KeySet::try_from_json(keys.to_string().as_bytes()).unwrap();
    let issuer = metadata["issuer"].as_str().unwrap();
    let policy = identity::jwt::Policy::access_token(issuer, vec![issuer.to_owned()]);
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap();
    let claims = identity::jwt::verify(token, &set, &policy, now).unwrap();
    assert_eq!(claims.subject, format!("machine:{}", client.id));
    assert!(
        keys["keys"][0]["d"].is_null(),
        "the private key is published"
    );
    let later = now + 301;
    let strict = identity::jwt::Policy {
        leeway_seconds: 0,
        ..policy
    };
    assert!(identity::jwt::verify(token, &set, &strict, later).is_err());
}
