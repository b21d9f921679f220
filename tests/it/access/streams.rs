//! Live streams: who follows what.

use std::net::SocketAddr;

use identity::permission::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, http};

use super::support::{Doors, SignedIn};
use crate::harness::node::transfer_body;
use crate::realtime::server_sent::Reader;
use crate::realtime::support::Client;

/// Status and code of a handshake that was refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    pub challenge: Option<String>,
}

impl Doors {
    pub fn here(&self) -> SocketAddr {
        self.node.node.address
    }

    /// A WebSocket to a node, with a query and a credential.
    pub async fn try_follow(
        &self,
        node: SocketAddr,
        query: &str,
        credential: Option<&str>,
    ) -> Result<Client, Refused> {
        let url = format!("ws://{node}{}{query}", self.at("/stream"));
        let mut request = url.into_client_request().unwrap();
        if let Some(credential) = credential {
            let value = format!("Bearer {credential}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        match connect_async(request).await {
            Ok((socket, _)) => {
                let mut client = Client {
                    socket,
                    welcome: Value::Null,
                };
                client.welcome = client.expect("welcome").await;
                Ok(client)
            }
            Err(tungstenite::Error::Http(response)) => Err(refused(&response)),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn follow(&self, credential: &str) -> Client {
        let here = self.here();
        self.try_follow(here, "", Some(credential)).await.unwrap()
    }

    pub async fn read(&self, node: SocketAddr, query: &str, credential: &str) -> reqwest::Response {
        let url = format!("http://{node}{}{query}", self.at("/stream/events"));
        let request = self.node.client.get(url).bearer_auth(credential);
        request.send().await.unwrap()
    }

    /// A wallet of a customer's own.
    pub async fn wallet_of(&self, customer: &SignedIn) -> String {
        let me = self.get("/v1/me", &customer.access).await.expect(200);
        let body = json!({ "owner": me.body["owner"] });
        let wallet = self
            .post(&self.at("/wallets"), &customer.access, body)
            .await;
        wallet.expect(201).id()
    }

    /// Puts a rupee into a wallet; the position.
    pub async fn deposit(&self, wallet: &str) -> i64 {
        let body = transfer_body("system:cash", &format!("wallet:{wallet}"), "1.00");
        let posted = self
            .post(&self.at("/transactions"), &self.admin, body)
            .await;
        let position = posted.expect(201).position();
        // What is followed from a snapshot is followed from after this.
        let path = format!("/wallets/{wallet}/accounts?min_position={position}");
        self.get(&self.at(&path), &self.admin).await.expect(200);
        position
    }

    /// A key of a machine and the machine's id.
    pub async fn machine(&self, body: Value) -> (String, String) {
        let made = self.post("/v1/machines", &self.admin, body).await;
        let made = made.expect(201);
        let secret = made.body["secret"].as_str().unwrap();
        (made.id(), secret.to_owned())
    }
}

fn refused(response: &http::Response<Option<Vec<u8>>>) -> Refused {
    let body = response.body().as_deref().unwrap_or_default();
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let challenge = response.headers().get("www-authenticate");
    Refused {
        status: response.status().as_u16(),
        code: problem["code"].as_str().unwrap_or_default().to_owned(),
        challenge: challenge.map(|text| text.to_str().unwrap().to_owned()),
    }
}

/// The answer to a subscription; events of other channels may come before it.
pub async fn subscribe(client: &mut Client, channel: &str, after: Option<i64>) -> Value {
    let id = uuid::Uuid::new_v4().as_u64_pair().0 >> 12;
    client
        .send(json!({ "type": "subscribe", "id": id, "channel": channel, "after": after }))
        .await;
    loop {
        let message = client.answer().await;
        if message["id"] == id {
            return message;
        }
        assert_eq!(message["type"], "event", "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_anything_without_saying_who_they_are() {
    let doors = Doors::open().await;
    let here = doors.here();
    let nothing = json!({ "kind": "api_key", "name": "a", "roles": [] });
    let (_, nothing) = doors.machine(nothing).await;
    let narrow = json!({ "kind": "api_key", "name": "b", "roles": [{ "role": "service" }],
                         "scopes": ["wallets.read"] });
    let (_, narrow) = doors.machine(narrow).await;
    for (credential, status, code) in [
        (None, 401, "unauthenticated"),
        (Some("nonsense"), 401, "credential_invalid"),
        (Some(nothing.as_str()), 403, "forbidden"),
        (Some(narrow.as_str()), 403, "scope_missing"),
    ] {
        let refused = doors.try_follow(here, "", credential).await.err().unwrap();
        assert_eq!((refused.status, refused.code.as_str()), (status, code));
        assert_eq!(refused.challenge.is_some(), status == 401, "{refused:?}");
        let reply = doors.at("/stream/events");
        let reply = doors.call(Method::GET, &reply, credential, None).await;
        assert_eq!((reply.status, reply.code()), (status, code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_follow_what_is_theirs_and_nothing_else_exists() {
    let doors = Doors::open().await;
    let (asha, ravi) = (
        doors.customer("asha@example.org").await,
        doors.customer("ravi@example.org").await,
    );
    let (own, other) = (doors.wallet_of(&asha).await, doors.wallet_of(&ravi).await);
    let start = doors.deposit(&own).await;
    let mut client = doors.follow(&asha.access).await;
    let nowhere = "0190b8a2-5b7e-7c3d-8f00-000000000001";
    for (channel, code) in [
        (format!("wallet:{other}"), "channel_not_found"),
        (format!("wallet:{nowhere}"), "channel_not_found"),
        (format!("account:wallet:{other}:INR"), "channel_not_found"),
        ("account:system:cash:INR".to_owned(), "channel_not_found"),
        ("ledger".to_owned(), "forbidden"),
    ] {
        for after in [None, Some(0)] {
            let answer = subscribe(&mut client, &channel, after).await;
            assert_eq!(answer["code"], code, "{channel} {answer}");
        }
        let query = format!("?channel={channel}");
        let response = doors.read(doors.here(), &query, &asha.access).await;
        let status = if code == "forbidden" { 403 } else { 404 };
        assert_eq!(response.status(), status, "{channel}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code);
    }
    let channel = format!("wallet:{own}");
    let replay = json!({ "type": "replay", "channel": channel });
    client.send(replay).await;
    client.expect_error("forbidden").await;
    let resumed = subscribe(&mut client, &channel, Some(start)).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    let account = subscribe(&mut client, &format!("account:{channel}:INR"), None).await;
    assert_eq!(account["type"], "snapshot", "{account}");
    client
        .send(json!({ "type": "unsubscribe", "channel": format!("account:{channel}:INR") }))
        .await;
    client.expect("unsubscribed").await;
    // Somebody else's event is between the two.
    doors.deposit(&other).await;
    let end = doors.deposit(&own).await;
    assert_eq!(client.follow(&channel, start, end).await, [end]);
    let query = format!("?channel={channel}&after={}", start - 1);
    let mut reader = Reader::of(doors.read(doors.here(), &query, &asha.access).await);
    reader.expect("resumed", Some(start - 1)).await;
    reader.expect("event", Some(start)).await;
    reader.expect("event", Some(end)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_follow_the_ledger_and_support_follows_every_wallet() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let wallet = doors.wallet_of(&asha).await;
    doors.deposit(&wallet).await;
    let auditor = doors.node.key(&[Role::Auditor]).await;
    let mut client = doors.follow(&auditor).await;
    let snapshot = client.subscribe("ledger").await;
    let start = snapshot["as_of"].as_i64().unwrap();
    let end = doors.deposit(&wallet).await;
    client.follow("ledger", start, end).await;
    let replay = json!({ "type": "replay", "channel": format!("wallet:{wallet}"), "after": start });
    client.send(replay.clone()).await;
    client.expect("replay_started").await;
    assert_eq!(client.expect("replayed").await["position"], end);
    client.expect("replay_ended").await;
    let support = doors.node.key(&[Role::Support]).await;
    let mut client = doors.follow(&support).await;
    client.subscribe(&format!("wallet:{wallet}")).await;
    let answer = subscribe(&mut client, "ledger", None).await;
    assert_eq!(answer["code"], "forbidden");
    client.send(replay).await;
    client.expect_error("forbidden").await;
    // A role in one ledger says nothing in another.
    doors
        .post("/v1/ledgers", &doors.admin, json!({ "name": "elsewhere" }))
        .await
        .expect(201);
    let roles = json!([{ "role": "auditor", "ledger": "elsewhere" }]);
    let body = json!({ "kind": "api_key", "name": "c", "roles": roles });
    let (_, elsewhere) = doors.machine(body).await;
    let refused = doors.try_follow(doors.here(), "", Some(&elsewhere)).await;
    assert_eq!(refused.err().unwrap().code, "forbidden");
}
