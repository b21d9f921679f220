//! A node that asks who somebody is, and people to ask.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use command_api::EdgeSettings;
use daybook::node::{AccessMode, AccessOptions, Node, NodeOptions};
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError, NoDelivery, Reminder};
use identity::permission::Role;
use identity::principal::{Grant, Ledgers};
use identity::subject::Subject;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::node::{Reply, TestNode, options};
use crate::harness::servers::shared_nats_url;

pub const PASSWORD: &str = "seven lamps over the harbour";

/// Keeps the codes and the reminders that would be sent.
#[derive(Debug, Default)]
pub struct KeptCodes(Mutex<Vec<CodeMessage>>, Mutex<Vec<Reminder>>);

#[async_trait]
impl CodeDelivery for KeptCodes {
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }

    async fn remind(&self, reminder: &Reminder) -> Result<(), DeliveryError> {
        self.1.lock().unwrap().push(reminder.clone());
        Ok(())
    }
}

impl KeptCodes {
    /// Takes the code that is sent to an address out; it may still be on its way.
    pub async fn take(&self, address: &str) -> String {
        for _ in 0..500 {
            if let Some(code) = self.taken(address) {
                return code;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no code was sent to {address}")
    }

    fn taken(&self, address: &str) -> Option<String> {
        let mut sent = self.0.lock().unwrap();
        let place = sent
            .iter()
            .rposition(|message| message.to.as_str() == address)?;
        Some(sent.remove(place).code.reveal().to_owned())
    }

    /// How many are there for an address.
    pub fn to(&self, address: &str) -> usize {
        let sent = self.0.lock().unwrap();
        sent.iter()
            .filter(|sent| sent.to.as_str() == address)
            .count()
    }

    /// The reminders that went out, in order.
    pub fn reminders(&self) -> Vec<Reminder> {
        self.1.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

pub struct Doors {
    pub node: TestNode,
    pub admin: String,
    pub codes: Arc<KeptCodes>,
}

/// Somebody who has signed in.
pub struct SignedIn {
    pub person: String,
    pub session: String,
    pub access: String,
    pub refresh: String,
}

impl Doors {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A node with other options of access.
    pub async fn with(configure: impl FnOnce(&mut AccessOptions)) -> Self {
        Self::configured(|options, _| configure(&mut options.access)).await
    }

    /// A node behind an edge of these settings.
    pub async fn open_at(edge: EdgeSettings) -> Self {
        Self::configured(|options, _| options.edge = edge).await
    }

    /// A node with other options, which may depend on its ledger's name.
    pub async fn configured(configure: impl FnOnce(&mut NodeOptions, &str)) -> Self {
        let codes = Arc::new(KeptCodes::default());
        let delivery = Arc::clone(&codes);
        let (node, admin) = TestNode::asking(|options, ledger| {
            options.access.delivery = delivery;
            configure(options, ledger);
        })
        .await;
        Self { node, admin, codes }
    }

    /// Gives a role past the door, where it may need two.
    pub async fn employ(&self, who: &SignedIn, role: Role) {
        let identities = self.node.node.authenticator.identities();
        let by = Subject::External(Uuid::nil());
        identities
            .give_role(who.subject().parse().unwrap(), everywhere(role), by)
            .await
            .unwrap();
    }

    /// Takes a role past the door.
    pub async fn dismiss(&self, who: &SignedIn, role: Role) {
        let identities = self.node.node.authenticator.identities();
        let by = Subject::External(Uuid::nil());
        identities
            .take_role(who.subject().parse().unwrap(), everywhere(role), by)
            .await
            .unwrap();
    }

    /// As if somebody had just given their second factor, before the node has seen their token.
    pub async fn step_up(&self, who: &SignedIn) {
        sqlx::query("UPDATE identity.session SET second_factor_at = now() WHERE id = $1::uuid")
            .bind(&who.session)
            .execute(self.node.node.database.pool())
            .await
            .unwrap();
    }

    /// A second node of the same deployment.
    pub async fn another_node(&self) -> Node {
        self.another_node_with(|_| {}).await
    }

    /// The same with other options.
    pub async fn another_node_with(&self, configure: impl FnOnce(&mut NodeOptions)) -> Node {
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let mut options = options(&self.node.database_url, nats);
        options.access.mode = AccessMode::Required;
        options.access.delivery = Arc::new(NoDelivery);
        options.access.master_key = Arc::clone(&self.node.master_key);
        options.access.issuer = Some(format!("http://{}", self.node.node.address));
        configure(&mut options);
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        Node::start(options, metrics).await.unwrap()
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        credential: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        let mut request = self.node.client.request(method, self.node.url(path));
        if let Some(credential) = credential {
            request = request.bearer_auth(credential);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.node.send(request).await
    }

    pub async fn get(&self, path: &str, credential: &str) -> Reply {
        self.call(Method::GET, path, Some(credential), None).await
    }

    pub async fn post(&self, path: &str, credential: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(credential), Some(body))
            .await
    }

    /// A post of somebody who is nobody yet.
    pub async fn ask(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, None, Some(body)).await
    }

    pub async fn register(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": PASSWORD });
        let registered = self.ask("/v1/people", body).await.expect(202);
        registered.body["id"].as_str().unwrap().to_owned()
    }

    pub async fn verify(&self, person: &str, code: &str) -> Reply {
        let path = format!("/v1/people/{person}/verification");
        self.ask(&path, json!({ "code": code })).await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "password": password });
        self.ask("/v1/sessions", body).await
    }

    /// Somebody who registers, verifies and signs in.
    pub async fn customer(&self, email: &str) -> SignedIn {
        let person = self.register(email).await;
        let code = self.codes.take(email).await;
        self.verify(&person, &code).await.expect(204);
        SignedIn::of(&self.sign_in(email, PASSWORD).await.expect(201))
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        let body = json!({ "refresh_token": token });
        self.ask("/v1/sessions/refresh", body).await
    }

    pub async fn give_role(&self, subject: &str, role: &str, ledger: Option<&str>) -> Reply {
        let ledger = ledger.map_or(String::new(), |ledger| format!("?ledger={ledger}"));
        let path = format!("/v1/subjects/{subject}/roles/{role}{ledger}");
        self.call(Method::PUT, &path, Some(&self.admin), None).await
    }

    pub async fn take_role(&self, subject: &str, role: &str) -> Reply {
        let path = format!("/v1/subjects/{subject}/roles/{role}");
        self.call(Method::DELETE, &path, Some(&self.admin), None)
            .await
    }

    /// A path in the node's ledger.
    pub fn at(&self, path: &str) -> String {
        format!("/v1/ledgers/{}{path}", self.node.ledger)
    }

    /// What was recorded of a subject, newest first.
    pub async fn records(&self, subject: &str) -> Vec<String> {
        let path = format!("/v1/access-records?about={subject}");
        let records = self.get(&path, &self.admin).await.expect(200);
        records.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

const fn everywhere(role: Role) -> Grant {
    Grant {
        role,
        ledgers: Ledgers::All,
    }
}

impl SignedIn {
    pub fn of(reply: &Reply) -> Self {
        let text = |name: &str| reply.body[name].as_str().unwrap().to_owned();
        Self {
            person: text("person_id"),
            session: text("session_id"),
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    pub fn subject(&self) -> String {
        format!("person:{}", self.person)
    }
}
