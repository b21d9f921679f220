//! A whole node in this process, and an HTTP client for it.

use std::sync::Arc;
use std::time::Duration;

use audit::sealer::SealSettings;
use command_api::EdgeSettings;
use command_api::access::four_eyes::FourEyes;
use daybook::cli::Role as Part;
use daybook::node::{
    AccessMode, AccessOptions, AuditOptions, DocumentOptions, IdentityOptions, Node, NodeOptions,
    PaymentOptions, PersonKeys,
};
use documents::{DocumentSettings, StorageSettings};
use event_store::Database;
use event_store::executor::ExecutorSettings;
use identity::authenticate::Authenticator;
use identity::delivery::NoDelivery;
use identity::identities::{Identities, IdentitySettings, SystemClock};
use identity::machines::{MachineKind, NewMachine};
use identity::permission::Role;
use identity::principal::{Grant, Ledgers};
use identity::secret::{MasterKey, new_master_key};
use identity::session_policy::SessionPolicies;
use identity::subject::Subject;
use identity::tokens::Tokens;
use metrics_exporter_prometheus::PrometheusBuilder;
use realtime_bridge::BridgeSettings;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use workflows::onboarding::OnboardingSettings;
use workflows::verification::VerificationSettings;

use super::TestDatabase;
use super::servers::{new_folder, shared_nats_url};

/// A running node with one open ledger of a name no other test uses.
pub struct TestNode {
    pub node: Node,
    pub ledger: String,
    pub client: reqwest::Client,
    pub database_url: String,
    /// What the node seals its secrets with.
    pub master_key: Arc<MasterKey>,
}

/// A reply, read.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("none")
    }

    pub fn id(&self) -> String {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {self:?}"))
            .to_owned()
    }

    pub fn position(&self) -> i64 {
        self.body["position"]
            .as_i64()
            .unwrap_or_else(|| panic!("no position: {self:?}"))
    }

    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

pub fn options(database_url: &str, nats_url: &str) -> NodeOptions {
    NodeOptions {
        database_url: database_url.to_owned(),
        connections: 12,
        nats_url: nats_url.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        roles: Part::ALL.to_vec(),
        executor: ExecutorSettings {
            patience: Duration::from_millis(500),
            ..ExecutorSettings::default()
        },
        bridge: BridgeSettings::default(),
        access: AccessOptions {
            mode: AccessMode::Open,
            master_key: Arc::new(master_key()),
            person_keys: PersonKeys::Kept {
                previous: Vec::new(),
            },
            issuer: None,
            delivery: Arc::new(NoDelivery),
            issuers: None,
            sessions: SessionPolicies::default(),
            second_factors: Vec::new(),
            four_eyes: FourEyes::default(),
            mailbox: None,
        },
        // All tests come from one address: those about limits set their own.
        edge: EdgeSettings::default(),
        payments: PaymentOptions::default(),
        verification: VerificationSettings::default(),
        identity: IdentityOptions::default(),
        onboarding: OnboardingSettings::default(),
        documents: DocumentOptions {
            storage: StorageSettings::Folder(new_folder("documents")),
            settings: DocumentSettings::default(),
        },
        // Tests seal when they want to.
        audit: AuditOptions {
            seals: SealSettings {
                interval: Duration::from_secs(3_600),
                ..SealSettings::default()
            },
            folder: None,
            witnesses: Vec::new(),
        },
    }
}

/// A name that no other test uses.
pub fn new_ledger_name() -> String {
    let mut name = uuid::Uuid::new_v4().simple().to_string();
    name.truncate(16);
    format!("l{name}")
}

/// The people and machines in a database, for an interface without a node.
pub fn authenticator(pool: &PgPool) -> Authenticator {
    let identities = identities(pool);
    let tokens = Tokens::new(identities.clone());
    Authenticator::start(identities, tokens, None, CancellationToken::new())
}

/// The people and machines in a database; who has sealed what in it is somebody else.
pub fn identities(pool: &PgPool) -> Identities {
    Identities::new(
        pool.clone(),
        Arc::new(master_key()),
        Arc::new(NoDelivery),
        Arc::new(SystemClock),
        IdentitySettings {
            issuer: "http://daybook.example".to_owned(),
            audience: "http://daybook.example".to_owned(),
            access_token_lifetime: Duration::from_secs(300),
            sessions: SessionPolicies::default(),
            second_factors: Vec::new(),
        },
    )
}

/// A new key of a machine with these roles in all ledgers.
pub async fn make_key(identities: &Identities, roles: &[Role]) -> String {
    let grants = roles.iter().map(|role| Grant {
        role: *role,
        ledgers: Ledgers::All,
    });
    let new = NewMachine {
        kind: MachineKind::ApiKey,
        name: "a test".to_owned(),
        scopes: Vec::new(),
        grants: grants.collect(),
        expires_at: None,
    };
    let by = Subject::External(uuid::Uuid::nil());
    identities
        .make_machine(new, by)
        .await
        .unwrap()
        .secret
        .to_string()
}

/// A new master key.
pub fn master_key() -> MasterKey {
    MasterKey::from_text(&new_master_key().unwrap()).unwrap()
}

impl TestNode {
    pub async fn start() -> Self {
        let url = TestDatabase::create().await.url;
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        Self::over(&url, nats).await
    }

    pub async fn over(database_url: &str, nats_url: &str) -> Self {
        let options = options(database_url, nats_url);
        Self::named(options, None, &new_ledger_name()).await
    }

    /// A node whose callers have to say who they are, and an administrator's key; what it is to be may
    /// depend on its ledger's name.
    pub async fn asking(configure: impl FnOnce(&mut NodeOptions, &str)) -> (Self, String) {
        let url = TestDatabase::create().await.url;
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let mut options = options(&url, nats);
        options.access.mode = AccessMode::Required;
        let ledger = new_ledger_name();
        configure(&mut options, &ledger);
        let database = Database::connect(&url, 2).await.unwrap();
        let key = make_key(&identities(database.pool()), &[Role::Admin]).await;
        (Self::named(options, Some(&key), &ledger).await, key)
    }

    /// A node with an open ledger of this name; `key` is who opens it, unless it is open.
    pub async fn named(options: NodeOptions, key: Option<&str>, ledger: &str) -> Self {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let database_url = options.database_url.clone();
        let master_key = Arc::clone(&options.access.master_key);
        let node = Node::start(options, metrics).await.unwrap();
        let this = Self {
            node,
            ledger: ledger.to_owned(),
            client: patient_client(),
            database_url,
            master_key,
        };
        let body = json!({ "name": this.ledger });
        let mut opening = this.client.post(this.url("/v1/ledgers")).json(&body);
        if let Some(key) = key {
            opening = opening.bearer_auth(key);
        }
        let opened = this.send(opening).await;
        if opened.code() != "ledger_exists" {
            opened.expect(201);
        }
        this
    }

    /// A new key of a machine with these roles in all ledgers.
    pub async fn key(&self, roles: &[Role]) -> String {
        make_key(self.node.authenticator.identities(), roles).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.node.address)
    }

    /// The URL of something in the ledger.
    pub fn at(&self, path: &str) -> String {
        self.url(&format!("/v1/ledgers/{}{path}", self.ledger))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply {
            status,
            headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.client.get(self.at(path))).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.client.post(self.at(path)).json(&body)).await
    }

    /// A body sent as it is.
    pub async fn post_text(&self, path: &str, body: impl Into<String>) -> Reply {
        let request = self
            .client
            .post(self.at(path))
            .header("content-type", "application/json")
            .body(body.into());
        self.send(request).await
    }

    pub async fn wallet(&self, owner: &str) -> String {
        self.post("/wallets", json!({ "owner": owner }))
            .await
            .expect(201)
            .id()
    }

    pub async fn transfer(&self, source: &str, destination: &str, amount: &str) -> Reply {
        self.post("/transactions", transfer_body(source, destination, amount))
            .await
    }

    /// A wallet with rupees in it.
    pub async fn funded(&self, owner: &str, amount: &str) -> String {
        let wallet = self.wallet(owner).await;
        let funded = self
            .transfer("system:cash", &format!("wallet:{wallet}"), amount)
            .await
            .expect(201);
        let position = funded.position();
        // Read models follow; what a test reads next is to show the money.
        self.get(&format!(
            "/accounts/wallet:{wallet}:INR?min_position={position}"
        ))
        .await
        .expect(200);
        wallet
    }
}

/// A client for which a reply that never comes is a failure, and not a test that never ends.
fn patient_client() -> reqwest::Client {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(120));
    client.build().unwrap()
}

pub fn transfer_body(source: &str, destination: &str, amount: &str) -> Value {
    json!({ "postings": [
        { "source": source, "destination": destination, "asset": "INR", "amount": amount }
    ] })
}
