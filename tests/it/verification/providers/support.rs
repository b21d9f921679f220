//! A node with accounts at simulated identity providers, and what a test does with it.

use std::sync::Arc;
use std::time::Duration;

use connectors::identity_providers::digio::{DigioProvider, DigioSettings};
use connectors::identity_providers::onfido::{OnfidoProvider, OnfidoSettings};
use connectors::identity_providers::sumsub::{SumsubDigest, SumsubProvider, SumsubSettings};
use connectors::identity_providers::{CallPolicy, EntryKind, IdentityProvider, SecretRing};
use connectors::secret::Secret;
use connectors::simulators::digio::{DigioAccount, DigioSimulator};
use connectors::simulators::onfido::{OnfidoAccount, OnfidoSimulator};
use connectors::simulators::sumsub::{SumsubAccount, SumsubSimulator};
use connectors::simulators::{CaseChoice, Chances, IdentitySimulator, WebhookTiming};
use daybook::cli::Role as Part;
use daybook::node::{IdentityOptions, NodeOptions, PaymentOptions};
use identity::secret::MasterKey;
use ledger_core::LedgerName;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;
use workflows::webhooks::WebhookSettings;
use workflows::{IdentityAccount, IdentityAccounts, Levels};

use crate::harness::node::{Reply, TestNode, master_key, new_ledger_name, options};
use crate::harness::{TestDatabase, shared_nats_url};
use crate::payments::support::eventually;

const FORM: &str = "application/x-www-form-urlencoded";
pub const ALL: [&str; 3] = ["digio", "onfido", "sumsub"];
pub const SECRET: &str = "the webhooks' secret";
pub const SECRET_BEFORE: &str = "the secret before";
pub const APP_TOKEN: &str = "sbx:app-token-of-a-test";
pub const SECRET_KEY: &str = "secret-key-of-a-test";
pub const API_TOKEN: &str = "api-token-of-a-test";
pub const CLIENT_SECRET: &str = "client-secret-of-a-test";
pub const LEVEL: &str = "a level";
pub const WORKFLOW: &str = "5f0e6f9c-6c9e-4f6e-9d56-0a7c4a1b2c3d";
/// Quick enough for a test, and not so quick that it takes all of the machine.
pub const POLLING: Duration = Duration::from_millis(200);

/// The providers and the database of one test; nodes come and go.
pub struct World {
    pub sumsub: SumsubSimulator,
    pub onfido: OnfidoSimulator,
    pub digio: DigioSimulator,
    pub database: TestDatabase,
    pub ledger: String,
    /// What all nodes seal with.
    pub master_key: Arc<MasterKey>,
    polling: Option<Duration>,
}

impl World {
    /// Without `polling`, providers are asked so seldom that only their webhooks tell anything.
    pub async fn new(polling: Option<Duration>) -> Self {
        let webhooks = WebhookTiming {
            first_pause: Duration::from_millis(50),
            attempts: 12,
            longest_hold: Duration::from_millis(200),
        };
        let sumsub = SumsubSimulator::start(SumsubAccount {
            app_token: Secret::new(APP_TOKEN),
            secret_key: Secret::new(SECRET_KEY),
            levels: vec![LEVEL.to_owned()],
            webhook_digest: SumsubDigest::Sha256,
            seed: 7,
            webhooks,
        });
        let onfido = OnfidoSimulator::start(OnfidoAccount {
            api_token: Secret::new(API_TOKEN),
            workflows: vec![WORKFLOW.parse().unwrap()],
            seed: 8,
            webhooks,
        });
        let digio = DigioSimulator::start(DigioAccount {
            client_id: "client".to_owned(),
            client_secret: Secret::new(CLIENT_SECRET),
            templates: vec![LEVEL.to_owned()],
            seed: 9,
            webhooks,
        });
        Self {
            sumsub: sumsub.await.unwrap(),
            onfido: onfido.await.unwrap(),
            digio: digio.await.unwrap(),
            database: TestDatabase::create().await,
            ledger: new_ledger_name(),
            master_key: Arc::new(master_key()),
            polling,
        }
    }

    pub async fn start() -> (Self, TestNode) {
        let world = Self::new(None).await;
        let node = world.node(&Part::ALL).await;
        (world, node)
    }

    pub async fn start_asking() -> (Self, TestNode) {
        let world = Self::new(Some(POLLING)).await;
        let node = world.node(&Part::ALL).await;
        (world, node)
    }

    /// A node with some parts, to which webhooks go from now on.
    pub async fn node(&self, parts: &[Part]) -> TestNode {
        self.node_with(parts, |_| {}).await
    }

    pub async fn node_with(
        &self,
        parts: &[Part],
        change: impl FnOnce(&mut NodeOptions),
    ) -> TestNode {
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let mut options = NodeOptions {
            roles: parts.to_vec(),
            identity: self.options(),
            payments: PaymentOptions {
                webhooks: WebhookSettings {
                    first_pause: Duration::from_millis(50),
                    interval: Duration::from_millis(50),
                    ..WebhookSettings::default()
                },
                ..PaymentOptions::default()
            },
            ..options(&self.database.url, nats)
        };
        options.access.master_key = Arc::clone(&self.master_key);
        change(&mut options);
        let node = TestNode::named(options, None, &self.ledger).await;
        let rules = json!({ "other_assets": "unlimited" });
        let tier = node.client.put(node.at("/tiers/full")).json(&rules);
        if parts.contains(&Part::Api) {
            node.send(tier).await.expect(200);
        }
        self.send_webhooks_to(&node, SECRET);
        node
    }

    pub fn send_webhooks_to(&self, node: &TestNode, secret: &str) {
        for provider in ALL {
            let url = node.url(&format!("/v1/webhooks/{provider}/main"));
            self.control(provider)
                .set_webhook(&url, &[Secret::new(secret)]);
        }
    }

    pub fn options(&self) -> IdentityOptions {
        let accounts = ALL.map(|provider| self.account(provider));
        IdentityOptions {
            accounts: IdentityAccounts::try_new(accounts.to_vec()).unwrap(),
            polling: self.polling,
        }
    }

    pub fn account(&self, provider: &str) -> IdentityAccount {
        let calls = CallPolicy {
            first_pause: Duration::from_millis(20),
            time_limit: Duration::from_secs(2),
            ..CallPolicy::default()
        };
        let secrets = ring(&[SECRET, SECRET_BEFORE]);
        let (level, identity_provider): (_, Arc<dyn IdentityProvider>) = match provider {
            "sumsub" => {
                let settings = SumsubSettings {
                    base_url: self.sumsub.url().parse().unwrap(),
                    app_token: Secret::new(APP_TOKEN),
                    secret_key: Secret::new(SECRET_KEY),
                    webhook_secrets: secrets,
                    webhook_digest: SumsubDigest::Sha256,
                    calls,
                };
                (LEVEL, Arc::new(SumsubProvider::try_new(settings).unwrap()))
            }
            "onfido" => {
                let settings = OnfidoSettings {
                    base_url: self.onfido.url().parse().unwrap(),
                    api_token: Secret::new(API_TOKEN),
                    webhook_tokens: secrets,
                    calls,
                };
                (
                    WORKFLOW,
                    Arc::new(OnfidoProvider::try_new(settings).unwrap()),
                )
            }
            _ => {
                let settings = DigioSettings {
                    base_url: self.digio.url().parse().unwrap(),
                    gateway_url: self.digio.url(),
                    client_id: "client".to_owned(),
                    client_secret: Secret::new(CLIENT_SECRET),
                    webhook_secrets: secrets,
                    calls,
                };
                (LEVEL, Arc::new(DigioProvider::try_new(settings).unwrap()))
            }
        };
        IdentityAccount {
            ledger: self.ledger(),
            endpoint: "main".to_owned(),
            identity_provider,
            levels: Levels::of_all(level),
            entry: EntryKind::Page,
        }
    }

    pub fn control(&self, provider: &str) -> Arc<dyn IdentitySimulator> {
        match provider {
            "sumsub" => self.sumsub.control(),
            "onfido" => self.onfido.control(),
            "digio" => self.digio.control(),
            other => panic!("nobody is called {other}"),
        }
    }

    pub fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    pub fn ledger(&self) -> LedgerName {
        self.ledger.parse().unwrap()
    }

    /// A case about Asha.
    pub async fn case(&self, node: &TestNode) -> String {
        let body = json!({ "owner": "asha", "tier": "full" });
        node.post("/cases", body).await.expect(201).id()
    }

    /// A case about Asha that is handed to providers.
    pub async fn submitted(&self, node: &TestNode, providers: &[&str]) -> String {
        let case = self.case(node).await;
        self.submit(node, &case, providers).await.expect(200);
        case
    }

    pub async fn submit(&self, node: &TestNode, case: &str, providers: &[&str]) -> Reply {
        let path = format!("/cases/{case}/submit");
        node.post(&path, submission(providers)).await
    }

    /// What a provider calls the check of a case that was begun last, once it is open.
    pub async fn opened(&self, case: &str, provider: &str) -> String {
        eventually("a check is open", || async {
            self.checks(case, provider).await.last().cloned().flatten()
        })
        .await
    }

    /// What a provider calls the checks of a case, those begun first first.
    pub async fn checks(&self, case: &str, provider: &str) -> Vec<Option<String>> {
        sqlx::query_scalar(
            "SELECT provider_case FROM workflows.identity_check \
             WHERE case_id = $1 AND provider = $2 ORDER BY submission",
        )
        .bind(case.parse::<Uuid>().unwrap())
        .bind(provider)
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Something happens at a provider.
    pub fn decide(&self, provider: &str, check: &str, choice: CaseChoice) {
        let done = self.control(provider).decide(check, choice);
        assert!(done, "{provider} cannot {choice:?}");
    }

    /// The person hands in, and somebody decides.
    pub fn ends(&self, provider: &str, check: &str, choice: CaseChoice) {
        self.decide(provider, check, CaseChoice::Submit);
        self.decide(provider, check, choice);
    }

    /// Waits until a case is in a state.
    pub async fn becomes(&self, node: &TestNode, case: &str, status: &str) -> Value {
        let path = format!("/cases/{case}");
        eventually(status, || async {
            let seen = node.get(&path).await;
            (seen.body["status"] == status).then_some(seen.body)
        })
        .await
    }

    /// A case as it stands when everything is done that is due.
    pub async fn settled(&self, node: &TestNode, case: &str) -> Value {
        self.processed().await;
        let head = self.head().await;
        node.get(&format!("/cases/{case}?min_position={head}"))
            .await
            .expect(200)
            .body
    }

    pub async fn head(&self) -> i64 {
        sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = $1")
            .bind(&self.ledger)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    /// The tiers that stand granted to Asha.
    pub async fn grants(&self, node: &TestNode) -> Value {
        let head = self.head().await;
        let path = format!("/owners/asha/limits?min_position={head}");
        let limits = node.get(&path).await;
        match limits.code() {
            // Who has neither wallets nor a tier is nobody.
            "owner_not_found" => json!([]),
            _ => limits.expect(200).body["grants"].clone(),
        }
    }

    /// The names of a case's events, in order.
    pub async fn events(&self, case: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT event_type FROM daybook.events WHERE ledger = $1 AND aggregate_id = $2 \
             AND aggregate_type = 'verification_case' ORDER BY sequence",
        )
        .bind(&self.ledger)
        .bind(case)
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Stored webhooks in a status, and why; all when it is empty.
    pub async fn webhooks(&self, status: &str) -> Vec<(Uuid, Option<String>)> {
        sqlx::query_as(
            "SELECT webhook_id, reason FROM workflows.webhook_state \
             WHERE $1 = '' OR status = $1 ORDER BY webhook_id",
        )
        .bind(status)
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Waits until every webhook that is under way has been dealt with.
    pub async fn processed(&self) {
        self.sumsub.webhooks_settled().await;
        self.onfido.webhooks_settled().await;
        self.digio.webhooks_settled().await;
        eventually("all webhooks processed", || async {
            let waiting = self.webhooks("waiting").await.len();
            let confirming = self.webhooks("confirming").await.len();
            (waiting + confirming == 0).then_some(())
        })
        .await;
    }

    pub fn misbehave(&self, chances: Chances) {
        for provider in ALL {
            self.control(provider).set_chances(chances);
        }
    }
}

/// What a browser does with a way in: opens the page, and chooses what becomes of the case.
pub async fn walk_in(node: &TestNode, seen: &Value, provider: &str, choice: &str) {
    let entries = seen["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["provider"] == provider);
    let entry = entry.unwrap_or_else(|| panic!("no way in: {seen}"));
    assert_eq!(entry["kind"], "page");
    let url = entry["url"].as_str().unwrap();
    let page = node.client.get(url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let form = format!("choice={choice}");
    let answer = client
        .post(url)
        .header(CONTENT_TYPE, FORM)
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303, "{answer:?}");
    let back = answer.headers()["location"].to_str().unwrap();
    assert!(back.starts_with("https://shop.example/done"), "{back}");
}

/// Waits until a case has ways in at all of these.
pub async fn ways_in(node: &TestNode, case: &str, providers: &[&str]) -> Value {
    let path = format!("/cases/{case}");
    eventually("ways in", || async {
        // The read model follows.
        let seen = node.get(&path).await.body;
        let entries = seen["entries"].as_array()?.clone();
        let has = |provider: &&str| entries.iter().any(|entry| entry["provider"] == **provider);
        providers.iter().all(has).then_some(seen)
    })
    .await
}

pub fn submission(providers: &[&str]) -> Value {
    json!({
        "providers": providers,
        "person": {
            "given_name": "Ashalata",
            "family_name": "Rao-Deshpande",
            "email": "asha.rao@example.org",
        },
        "return_url": "https://shop.example/done",
    })
}

pub fn ring(secrets: &[&str]) -> SecretRing {
    SecretRing::try_new(secrets.iter().copied().map(Secret::new).collect()).unwrap()
}
