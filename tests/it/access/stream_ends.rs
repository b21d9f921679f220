//! Live streams end with their credentials, and at once when something is taken, on every node.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::streams::subscribe;
use super::support::{Doors, PASSWORD, SignedIn};
use crate::realtime::server_sent::Reader;
use crate::realtime::support::{Client, until};

/// A stream is to end within this time after what ends it.
const AT_ONCE: Duration = Duration::from_secs(2);

impl Doors {
    async fn end_session(&self, of: &SignedIn) {
        let path = format!("/v1/me/sessions/{}", of.session);
        self.call(Method::DELETE, &path, Some(&of.access), None)
            .await
            .expect(204);
    }

    async fn session_is_over(&self, session: &str) -> bool {
        sqlx::query_scalar("SELECT expires_at < now() FROM identity.session WHERE id = $1::uuid")
            .bind(session)
            .fetch_one(self.node.node.database.pool())
            .await
            .unwrap()
    }
}

async fn still_there(client: &mut Client) {
    client.send(json!({ "type": "ping", "id": 7 })).await;
    client.expect("pong").await;
}

async fn closed_at_once(client: &mut Client, since: Instant) -> (u16, String) {
    let (code, reason, _) = client.closed().await;
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    (code, reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_takes_its_streams_with_it_on_every_node() {
    let doors = Doors::open().await;
    let other = doors.another_node().await;
    let asha = doors.customer("asha@example.org").await;
    let wallet = doors.wallet_of(&asha).await;
    doors.deposit(&wallet).await;
    let again = doors.sign_in("asha@example.org", PASSWORD).await;
    let again = SignedIn::of(&again.expect(201));
    let channel = format!("wallet:{wallet}");
    let mut sockets = Vec::new();
    let mut readers = Vec::new();
    for node in [doors.here(), other.address] {
        let socket = doors.try_follow(node, "", Some(&asha.access)).await;
        let mut socket = socket.unwrap();
        socket.subscribe(&channel).await;
        sockets.push(socket);
        let query = format!("?channel={channel}");
        let mut reader = Reader::of(doors.read(node, &query, &asha.access).await);
        assert_eq!(reader.next().await.unwrap().event, "snapshot");
        readers.push(reader);
    }
    // Another session of the same person goes on.
    let mut bystander = doors.follow(&again.access).await;
    bystander.subscribe(&channel).await;
    let since = Instant::now();
    doors.end_session(&asha).await;
    for socket in &mut sockets {
        let closed = closed_at_once(socket, since).await;
        assert_eq!(closed, (4501, "credential_revoked".to_owned()));
    }
    for reader in &mut readers {
        let last = reader.expect("error", None).await;
        assert_eq!(last["code"], "credential_revoked");
        assert!(reader.next().await.is_none());
        assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    }
    still_there(&mut bystander).await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_on_a_stream_from_when_it_is_given_until_it_is_taken() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let wallet = doors.wallet_of(&asha).await;
    doors.deposit(&wallet).await;
    let channel = format!("wallet:{wallet}");
    let mut client = doors.follow(&asha.access).await;
    client.subscribe(&channel).await;
    let refused = subscribe(&mut client, "ledger", None).await;
    assert_eq!(refused["code"], "forbidden");
    let subject = asha.subject();
    doors.give_role(&subject, "auditor", None).await.expect(204);
    let mut patience = 200;
    while subscribe(&mut client, "ledger", None).await["type"] != "snapshot" {
        patience -= 1;
        assert!(patience > 0, "the role never counts");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let since = Instant::now();
    doors.take_role(&subject, "auditor").await.expect(204);
    let ended = client.expect("error").await;
    assert_eq!(
        (&ended["channel"], &ended["code"]),
        (&json!("ledger"), &json!("forbidden"))
    );
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    // What is their own goes on.
    let position = doors.deposit(&wallet).await;
    let event = client.expect("event").await;
    assert_eq!(
        (&event["channel"], &event["position"]),
        (&json!(channel), &json!(position))
    );
    let query = format!("?channel={channel}&after={position}");
    let mut reader = Reader::of(doors.read(doors.here(), &query, &asha.access).await);
    reader.expect("resumed", Some(position)).await;
    let since = Instant::now();
    doors.take_role(&subject, "customer").await.expect(204);
    let closed = closed_at_once(&mut client, since).await;
    assert_eq!(closed, (4503, "forbidden".to_owned()));
    assert_eq!(reader.expect("error", None).await["code"], "forbidden");
    assert!(reader.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_and_a_blocked_person_are_cut_off() {
    let doors = Doors::open().await;
    let auditor = json!({ "kind": "api_key", "name": "a", "roles": [{ "role": "auditor" }] });
    let (id, key) = doors.machine(auditor).await;
    let mut client = doors.follow(&key).await;
    client.subscribe("ledger").await;
    let since = Instant::now();
    let revoke = format!("/v1/machines/{id}/revoke");
    doors
        .post(&revoke, &doors.admin, json!({}))
        .await
        .expect(204);
    let closed = closed_at_once(&mut client, since).await;
    assert_eq!(closed, (4501, "credential_revoked".to_owned()));

    let asha = doors.customer("asha@example.org").await;
    let mut client = doors.follow(&asha.access).await;
    let since = Instant::now();
    let block = format!("/v1/people/{}/block", asha.person);
    doors
        .post(&block, &doors.admin, json!({}))
        .await
        .expect(204);
    assert_eq!(closed_at_once(&mut client, since).await.0, 4501);
    let refused = doors.try_follow(doors.here(), "", Some(&asha.access)).await;
    assert_eq!(refused.err().unwrap().code, "credential_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_credential_after_a_warning() {
    let doors = Doors::open().await;
    let expires_at = Utc::now() + TimeDelta::milliseconds(1_500);
    let body = json!({ "kind": "api_key", "name": "a", "roles": [{ "role": "auditor" }],
                       "expires_at": expires_at.to_rfc3339() });
    let (_, key) = doors.machine(body).await;
    let mut client = doors.follow(&key).await;
    let mut reader = Reader::of(doors.read(doors.here(), "", &key).await);
    let warning = client.expect("credential_expiring").await;
    let left = warning["expires_in_ms"].as_u64().unwrap();
    assert!((1..=1_500).contains(&left), "{left}");
    let (code, reason, _) = client.closed().await;
    assert_eq!((code, reason.as_str()), (4401, "credential_expired"));
    let overdue = Utc::now() - expires_at;
    assert!(
        overdue >= TimeDelta::zero() && overdue < TimeDelta::seconds(1),
        "{overdue}"
    );
    let mut kinds = Vec::new();
    let mut last = Value::Null;
    while let Some(sent) = reader.next().await {
        kinds.push(sent.event);
        last = sent.data;
    }
    assert_eq!(kinds, ["snapshot", "credential_expiring", "error"]);
    assert_eq!(last["code"], "credential_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_token_of_the_same_person_goes_on_and_no_other_does() {
    let doors = Doors::open().await;
    let (asha, ravi) = (
        doors.customer("asha@example.org").await,
        doors.customer("ravi@example.org").await,
    );
    let newer = doors.sign_in("asha@example.org", PASSWORD).await;
    let newer = SignedIn::of(&newer.expect(201));
    // The first session ends by itself soon.
    sqlx::query("UPDATE identity.session SET expires_at = now() + '1500 ms' WHERE id = $1::uuid")
        .bind(&asha.session)
        .execute(doors.node.node.database.pool())
        .await
        .unwrap();
    let mut client = doors.follow(&asha.access).await;
    client.expect("credential_expiring").await;
    for (token, code) in [
        (ravi.access.as_str(), "credential_of_another"),
        (doors.admin.as_str(), "credential_of_another"),
        ("nonsense", "credential_invalid"),
        (asha.refresh.as_str(), "credential_invalid"),
        ("", "credential_invalid"),
        (&"a".repeat(9_000), "credential_invalid"),
    ] {
        client
            .send(json!({ "type": "authenticate", "id": 3, "token": token }))
            .await;
        let refused = client.expect_error(code).await;
        assert_eq!(refused["id"], 3);
    }
    client
        .send(json!({ "type": "authenticate", "id": 4, "token": newer.access }))
        .await;
    let answer = client.expect("authenticated").await;
    assert_eq!(answer["id"], 4);
    let left = answer["expires_in_ms"].as_u64().unwrap();
    assert!(left > 200_000, "{left}");
    until("the first session is over", || async {
        doors.get("/v1/me", &asha.access).await.status == 401
            || doors.session_is_over(&asha.session).await
    })
    .await;
    still_there(&mut client).await;
    // From now on it is the newer session that counts.
    let since = Instant::now();
    doors.end_session(&newer).await;
    assert_eq!(closed_at_once(&mut client, since).await.0, 4501);
}

/// Without the look at the generation, a role that is taken between the question and the subscription
/// would leave the channel followed for ever.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_role_taken_while_subscribing_leaves_nothing_followed() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let (wallet, subject) = (doors.wallet_of(&asha).await, asha.subject());
    for _ in 0..8 {
        doors.give_role(&subject, "auditor", None).await.expect(204);
        let mut client = doors.follow(&asha.access).await;
        let (taken, answer) = tokio::join!(
            doors.take_role(&subject, "auditor"),
            subscribe(&mut client, "ledger", None)
        );
        taken.expect(204);
        if answer["type"] == "snapshot" {
            client.expect_error("forbidden").await;
        } else {
            assert_eq!(answer["code"], "forbidden", "{answer}");
        }
        doors.deposit(&wallet).await;
        // An event of the ledger would come before this.
        still_there(&mut client).await;
    }
}

/// Without listening before asking, a session that ends in between would leave its stream open.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_session_that_ends_while_connecting_leaves_no_stream() {
    let doors = Doors::open().await;
    let other = doors.another_node().await;
    doors.customer("asha@example.org").await;
    for _ in 0..8 {
        let session = doors.sign_in("asha@example.org", PASSWORD).await;
        let session = SignedIn::of(&session.expect(201));
        // The other node remembers the token.
        let first = doors.try_follow(other.address, "", Some(&session.access));
        let mut first = first.await.unwrap();
        let (connected, ()) = tokio::join!(
            doors.try_follow(other.address, "", Some(&session.access)),
            doors.end_session(&session)
        );
        let since = Instant::now();
        assert_eq!(closed_at_once(&mut first, since).await.0, 4501);
        match connected {
            Ok(mut client) => assert_eq!(closed_at_once(&mut client, since).await.0, 4501),
            Err(refused) => assert_eq!(refused.code, "credential_invalid"),
        }
    }
    other.stop().await;
}

/// Without asking again, the end of the session before would close a client that has gone on to a newer
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_renewal_is_not_undone_by_the_end_of_the_session_before() {
    let doors = Doors::open().await;
    doors.customer("asha@example.org").await;
    let sign_in = async || {
        let session = doors.sign_in("asha@example.org", PASSWORD).await;
        SignedIn::of(&session.expect(201))
    };
    for _ in 0..8 {
        let (before, after) = (sign_in().await, sign_in().await);
        let mut client = doors.follow(&before.access).await;
        let renewing = async {
            client
                .send(json!({ "type": "authenticate", "token": after.access }))
                .await;
            client.answer_or_close().await
        };
        let (answer, ()) = tokio::join!(renewing, doors.end_session(&before));
        if answer.is_some_and(|answer| answer["type"] == "authenticated") {
            still_there(&mut client).await;
        }
        doors.end_session(&after).await;
    }
}
