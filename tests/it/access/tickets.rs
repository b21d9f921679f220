//! Tickets: how a browser opens a live stream.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Doors, SignedIn};
use crate::realtime::server_sent::Reader;

async fn ticket(doors: &Doors, credential: &str) -> String {
    let made = doors
        .call(Method::POST, "/v1/stream-tickets", Some(credential), None)
        .await
        .expect(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    assert_eq!(made.body["expires_in"], 30);
    made.body["ticket"].as_str().unwrap().to_owned()
}

/// The code of the answer to a ticket, if it is refused.
async fn refusal(doors: &Doors, query: &str, credential: Option<&str>) -> String {
    let here = doors.node.node.address;
    let refused = doors.try_follow(here, query, credential).await;
    refused.err().unwrap().code
}

async fn asha(doors: &Doors) -> SignedIn {
    doors.customer("asha@example.org").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_stream_on_any_node() {
    let doors = Doors::open().await;
    let other = doors.another_node().await;
    let asha = asha(&doors).await;
    let wallet = doors.wallet_of(&asha).await;
    let channel = format!("wallet:{wallet}");
    let query = format!("?ticket={}", ticket(&doors, &asha.access).await);
    let mut client = doors.try_follow(other.address, &query, None).await.unwrap();
    client.subscribe(&channel).await;
    client
        .send(json!({ "type": "subscribe", "channel": "ledger" }))
        .await;
    client.expect_error("forbidden").await;
    // Neither here nor there a second time.
    assert_eq!(refusal(&doors, &query, None).await, "credential_invalid");
    let again = doors.try_follow(other.address, &query, None).await;
    let again = again.err().unwrap();
    assert_eq!(again.status, 401);
    assert!(again.challenge.unwrap().contains("invalid_token"));

    let ticket = ticket(&doors, &asha.access).await;
    let path = doors.at(&format!("/stream/events?channel={channel}&ticket={ticket}"));
    let url = format!("http://{}{path}", other.address);
    let mut reader = Reader::of(reqwest::get(&url).await.unwrap());
    assert_eq!(reader.next().await.unwrap().event, "snapshot");
    let again: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    assert_eq!(again["code"], "credential_invalid");

    // Both end with the session that the tickets were made in.
    doors
        .call(Method::DELETE, "/v1/me/sessions", Some(&asha.access), None)
        .await
        .expect(204);
    assert_eq!(client.closed().await.0, 4501);
    let last = reader.expect("error", None).await;
    assert_eq!(last["code"], "credential_revoked");
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_are_past_or_no_tickets_open_nothing() {
    let doors = Doors::open().await;
    let asha = asha(&doors).await;
    let pool = doors.node.node.database.pool();
    let past = ticket(&doors, &asha.access).await;
    let rows: Vec<String> = sqlx::query_scalar(
        "UPDATE identity.stream_ticket SET expires_at = now() RETURNING stream_ticket::text",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].contains(&past), "the ticket itself is kept");
    let long = "a".repeat(5_000);
    for wrong in ["", "nonsense", &past, &asha.access, &doors.admin, &long] {
        let code = refusal(&doors, &format!("?ticket={wrong}"), None).await;
        assert_eq!(code, "credential_invalid", "{wrong}");
    }
    // What was never used is forgotten with the next one.
    ticket(&doors, &asha.access).await;
    let unused = ticket(&doors, &asha.access).await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.stream_ticket")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(kept, 2);
    // Nothing but a stream.
    let refused = doors.get("/v1/me", &unused).await;
    assert_eq!(refused.expect(401).body["code"], "credential_invalid");
    let query = format!("?ticket={unused}");
    for (query, credential) in [
        (query.clone(), Some(asha.access.as_str())),
        (format!("{query}&ticket={unused}"), None),
    ] {
        assert_eq!(
            refusal(&doors, &query, credential).await,
            "malformed_request"
        );
    }
    doors
        .call(Method::DELETE, "/v1/me/sessions", Some(&asha.access), None)
        .await
        .expect(204);
    assert_eq!(refusal(&doors, &query, None).await, "credential_invalid");
    let nobody = doors.ask("/v1/stream-tickets", json!({})).await;
    assert_eq!(nobody.expect(401).body["code"], "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machines_ticket_is_as_narrow_as_its_key() {
    let doors = Doors::open().await;
    let body = json!({ "kind": "api_key", "name": "shop", "roles": [{ "role": "service" }],
                       "scopes": ["wallets.read", "accounts.read", "transactions.read"] });
    let made = doors.post("/v1/machines", &doors.admin, body).await;
    let made = made.expect(201);
    let key = made.body["secret"].as_str().unwrap();
    let query = format!("?ticket={}", ticket(&doors, key).await);
    let here = doors.node.node.address;
    let mut client = doors.try_follow(here, &query, None).await.unwrap();
    client.subscribe("account:system:cash:INR").await;
    client
        .send(json!({ "type": "subscribe", "channel": "ledger" }))
        .await;
    client.expect_error("forbidden").await;
    let revoke = format!("/v1/machines/{}/revoke", made.id());
    doors
        .post(&revoke, &doors.admin, json!({}))
        .await
        .expect(204);
    assert_eq!(client.closed().await.0, 4501);
}

/// Without deleting and reading in one statement, both would find it.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_ticket_that_comes_twice_lets_one_in() {
    let doors = Doors::open().await;
    let other = doors.another_node().await;
    let asha = asha(&doors).await;
    for _ in 0..10 {
        let query = format!("?ticket={}", ticket(&doors, &asha.access).await);
        let (one, two) = tokio::join!(
            doors.try_follow(doors.node.node.address, &query, None),
            doors.try_follow(other.address, &query, None)
        );
        assert_ne!(one.is_ok(), two.is_ok());
        let refused = one.err().or(two.err()).unwrap();
        assert_eq!(refused.code, "credential_invalid");
    }
    other.stop().await;
}

/// A client's access token, and what `/oauth/revoke` takes to end it.
async fn client_token(doors: &Doors) -> (String, impl AsyncFnOnce()) {
    let body = json!({ "kind": "client", "name": "shop", "roles": [{ "role": "service" }] });
    let made = doors.post("/v1/machines", &doors.admin, body).await;
    let made = made.expect(201).body;
    let (id, secret) = (made["id"].clone(), made["secret"].clone());
    let form = |path: &str, body: String| {
        doors
            .node
            .client
            .post(doors.node.url(path))
            .basic_auth(id.as_str().unwrap(), secret.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    };
    let asked = form("/oauth/token", "grant_type=client_credentials".to_owned());
    let answer = doors.node.send(asked).await.expect(200);
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    let revoke = form("/oauth/revoke", format!("token={token}"));
    let revoke = async move || {
        doors.node.send(revoke).await.expect(200);
    };
    (token, revoke)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_of_a_client_opens_nothing_and_ends_what_it_opened() {
    let doors = Doors::open().await;
    let other = doors.another_node().await;
    let (token, revoke) = client_token(&doors).await;
    let kept = ticket(&doors, &token).await;
    let mut streams = Vec::new();
    for address in [doors.node.node.address, other.address] {
        let mut stream = doors.try_follow(address, "", Some(&token)).await.unwrap();
        stream.subscribe("ledger").await;
        streams.push(stream);
    }
    revoke().await;
    for stream in &mut streams {
        let (code, reason, _) = stream.closed().await;
        assert_eq!((code, reason.as_str()), (4501, "credential_revoked"));
    }
    let query = format!("?ticket={kept}");
    assert_eq!(refusal(&doors, &query, None).await, "credential_invalid");
    other.stop().await;
}
