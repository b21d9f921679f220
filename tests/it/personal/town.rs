//! A `daybook serve` of its own that says as much as it can, its gateways, and somebody who lives there.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::simulators::{PayerChoice, Rewriting};
use hmac::{Hmac, KeyInit, Mac};
use identity::permission::Role;
use identity::secret::new_master_key;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use super::support::PHONE;
use crate::access::secrets_in_logs::caller::Provider;
use crate::access::support::PASSWORD;
use crate::harness::TestDatabase;
use crate::harness::node::{identities, make_key, new_ledger_name};
use crate::harness::program::{Program, program};
use crate::harness::rows::every_row;
use crate::harness::servers::shared_nats_url;
use crate::payments::browser;
use crate::payments::proof::gateways::{Gateways, LEDGER, STRIPE_SECRET};

pub struct Town {
    pub database: TestDatabase,
    pub ledger: String,
    pub program: Program,
    /// An administrator.
    pub admin: String,
    /// A machine of compliance, which is asked for no second factor.
    pub compliance: String,
    gateways: Gateways,
    messages: Arc<Provider>,
    client: reqwest::Client,
    folder: TempDir,
    listen: String,
    variables: Vec<(&'static str, String)>,
}

/// Somebody who lives there.
pub struct Resident {
    pub person: String,
    pub access: String,
    pub wallet: String,
}

impl Town {
    pub async fn open() -> Self {
        let database = TestDatabase::create().await;
        let (gateways, folder) = (Gateways::start(7).await, tempfile::tempdir().unwrap());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap().to_string();
        drop(free);
        let ledger = new_ledger_name();
        let settings = gateways.settings(&format!("http://{listen}"));
        let settings = settings.replace(
            &format!("ledger = \"{LEDGER}\""),
            &format!("ledger = \"{ledger}\""),
        );
        std::fs::write(folder.path().join("town.toml"), settings).unwrap();
        let messages = Arc::new(Provider::default());
        let text = str::to_owned;
        let variables = vec![
            (
                "DAYBOOK__AUTH__MASTER_KEY",
                new_master_key().unwrap().to_string(),
            ),
            ("DAYBOOK__MESSAGING__SMS", text("msg91")),
            (
                "DAYBOOK__MESSAGING__MSG91__BASE_URL",
                messages.start().await,
            ),
            ("DAYBOOK__MESSAGING__MSG91__AUTHKEY", text("an-authkey")),
            ("DAYBOOK__MESSAGING__MSG91__TEMPLATE_ID", text("template-7")),
        ];
        let program = serve(&database, &folder, &listen, &variables).await;
        let people = identities(database.database.pool());
        let this = Self {
            admin: make_key(&people, &[Role::Admin]).await,
            compliance: make_key(&people, &[Role::Compliance]).await,
            client: reqwest::Client::new(),
            database,
            ledger,
            program,
            gateways,
            messages,
            folder,
            listen,
            variables,
        };
        let url = this.program.url.clone();
        this.gateways.tell(&[url.clone(), url]);
        let body = json!({ "name": this.ledger });
        this.ok(Method::POST, "/v1/ledgers", &this.admin, body)
            .await;
        this
    }

    /// Starts the program again that was killed.
    pub async fn restart(&mut self) {
        self.program = serve(&self.database, &self.folder, &self.listen, &self.variables).await;
    }

    /// The program with the town's settings, to be given something else to do.
    pub fn command(&self) -> Command {
        let mut command = program(&self.database.url);
        command
            .arg("--config")
            .arg(self.folder.path().join("town.toml"))
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .current_dir(self.folder.path());
        command
    }

    pub fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    /// A path in the ledger.
    pub fn at(&self, path: &str) -> String {
        format!("/v1/ledgers/{}{path}", self.ledger)
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        credential: &str,
        body: Value,
    ) -> (u16, String) {
        let url = format!("{}{path}", self.program.url);
        let mut request = self.client.request(method, url);
        if !credential.is_empty() {
            request = request.bearer_auth(credential);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    }

    pub async fn ok(&self, method: Method, path: &str, credential: &str, body: Value) -> Value {
        let (status, text) = self.call(method, path, credential, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub async fn post(&self, path: &str, credential: &str, body: Value) -> Value {
        self.ok(Method::POST, path, credential, body).await
    }

    pub async fn get(&self, path: &str, credential: &str) -> Value {
        self.ok(Method::GET, path, credential, Value::Null).await
    }

    /// Somebody registers with her phone, signs in, has just given a second factor, and opens a wallet.
    pub async fn resident(&self) -> Resident {
        let body = json!({ "phone": PHONE, "password": PASSWORD });
        let registered = self.post("/v1/people", "", body.clone()).await;
        let person = registered["id"].as_str().unwrap().to_owned();
        let code = self.messages.next().await;
        let verification = format!("/v1/people/{person}/verification");
        self.post(&verification, "", json!({ "code": code })).await;
        let session = self.post("/v1/sessions", "", body).await;
        sqlx::query("UPDATE identity.session SET second_factor_at = now()")
            .execute(self.pool())
            .await
            .unwrap();
        let access = session["access_token"].as_str().unwrap().to_owned();
        let wallet = self.wallet(&person, &access).await;
        Resident {
            person,
            access,
            wallet,
        }
    }

    pub async fn wallet(&self, owner: &str, credential: &str) -> String {
        let body = json!({ "owner": owner });
        let wallet = self.post(&self.at("/wallets"), credential, body).await;
        wallet["id"].as_str().unwrap().to_owned()
    }

    /// A deposit whose payer is named, and its page.
    pub async fn deposit(&self, wallet: &str, provider: &str, payer: &Value) -> (String, String) {
        let body = json!({
            "wallet": wallet, "asset": "INR", "amount": "500.00", "provider": provider,
            "payer": payer, "return_url": "https://shop.example/done",
        });
        let made = self.post(&self.at("/deposits"), &self.admin, body).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/deposits/{id}?min_position={}", made["position"]);
        let path = self.at(&path);
        for _ in 0..1_000 {
            let seen = self.get(&path, &self.admin).await;
            if let Some(page) = seen["checkout_url"].as_str() {
                return (id, page.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{id} has no page");
    }

    /// A deposit that is paid and credited.
    pub async fn paid(&self, wallet: &str, provider: &str, payer: &Value) {
        let (id, page) = self.deposit(wallet, provider, payer).await;
        let checkout: String = sqlx::query_scalar(
            "SELECT provider_checkout FROM workflows.checkout \
             WHERE payment_id = $1::uuid AND action IS NOT NULL",
        )
        .bind(&id)
        .fetch_one(self.pool())
        .await
        .unwrap();
        if provider == "payu" {
            browser::hand_over(&self.client, &page).await;
        }
        let gateway = self.gateways.of(provider);
        if provider == "razorpay" {
            gateway.rewrite(Some(said_by(payer.clone())));
        }
        gateway.pay(&checkout, PayerChoice::Pay).unwrap();
        let path = self.at(&format!("/deposits/{id}"));
        for _ in 0..1_000 {
            if self.get(&path, &self.admin).await["captured"].is_object() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{id} is not captured");
    }

    /// Stripe tells of a customer, which is about no payment.
    pub async fn hear_of_customer(&self, customer: &Value) {
        let event = json!({
            "id": format!("evt_{}", Uuid::new_v4().simple()), "object": "event",
            "api_version": "2025-09-30.clover", "created": chrono::Utc::now().timestamp(),
            "type": "customer.updated", "livemode": false, "data": { "object": customer },
        });
        let (time, body) = (chrono::Utc::now().timestamp(), event.to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(STRIPE_SECRET.as_bytes()).unwrap();
        mac.update(format!("{time}.{body}").as_bytes());
        let digits = mac.finalize().into_bytes();
        let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
        let url = format!("{}/v1/webhooks/stripe/main", self.program.url);
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", format!("t={time},v1={digits}"));
        let status = request.body(body).send().await.unwrap().status();
        assert_eq!(status.as_u16(), 200);
    }

    /// Waits until all that was told is dealt with.
    pub async fn settled(&self) {
        self.gateways.razorpay.webhooks_settled().await;
        self.gateways.stripe.webhooks_settled().await;
        self.gateways.payu.webhooks_settled().await;
        let waiting = "SELECT NOT EXISTS (SELECT FROM workflows.webhook_state \
                       WHERE status NOT IN ('applied', 'of_no_concern'))";
        self.until(waiting).await;
    }

    /// Waits until a query is true.
    pub async fn until(&self, query: &str) {
        for _ in 0..3_000 {
            let is_true: bool = sqlx::query_scalar(query)
                .fetch_one(self.pool())
                .await
                .unwrap();
            if is_true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {query}");
    }

    /// Waits until every step of the erasure of this position is taken.
    pub async fn erased(&self, tombstone: i64) {
        let ledger = &self.ledger;
        self.until(&format!(
            "SELECT EXISTS (SELECT FROM workflows.checkpoint WHERE process = 'erasure' \
             AND ledger = '{ledger}' AND position >= {tombstone})"
        ))
        .await;
    }

    /// All that providers told and is kept, as who may see it sees it; by provider.
    pub async fn kept_content(&self) -> Vec<(String, String)> {
        let webhooks: Vec<(Uuid, String, String)> =
            sqlx::query_as("SELECT id, provider, event_type FROM workflows.webhook")
                .fetch_all(self.pool())
                .await
                .unwrap();
        let mut kept = Vec::new();
        for (id, provider, kind) in webhooks {
            let path = format!("/v1/webhook-deliveries/{id}/content");
            let (status, text) = self
                .call(Method::GET, &path, &self.admin, Value::Null)
                .await;
            if status == 404 {
                assert!(text.contains("webhook_forgotten"), "{text}");
                continue;
            }
            assert_eq!(status, 200, "{text}");
            let content: Value = serde_json::from_str(&text).unwrap();
            let body = STANDARD.decode(content["body_base64"].as_str().unwrap());
            let body = String::from_utf8(body.unwrap()).unwrap();
            kept.push((format!("{provider}'s {kind}"), body));
        }
        kept
    }

    /// Everything in the stream of the ledger, subjects, headers and messages.
    pub async fn messages(&self, until: i64) -> Vec<(String, String)> {
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let jetstream = jetstream::new(async_nats::connect(nats).await.unwrap());
        let stream = jetstream.get_stream(format!("DAYBOOK_{}", self.ledger));
        let stream = stream.await.unwrap();
        let mut messages = Vec::new();
        for sequence in 1..=until {
            let message = loop {
                match stream.direct_get(u64::try_from(sequence).unwrap()).await {
                    Ok(message) => break message,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            };
            let text = String::from_utf8(message.payload.to_vec()).unwrap();
            messages.push((format!("NATS {}", message.subject), text));
            let headers = format!("{:?}", message.headers);
            messages.push(("NATS headers".to_owned(), headers));
        }
        messages
    }

    /// Every row of every table.
    pub async fn rows(&self) -> Vec<(String, String)> {
        every_row(&mut self.database.superuser().await).await
    }

    /// Every read model's rows.
    pub async fn read_models(&self) -> BTreeMap<String, Vec<String>> {
        let mut models: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, row) in self.rows().await {
            if table.starts_with("read_models.") {
                models.entry(table).or_default().push(row);
            }
        }
        for rows in models.values_mut() {
            rows.sort_unstable();
        }
        models
    }
}

/// Razorpay tells what the payer says on its page; the simulator's payers all say the same.
fn said_by(payer: Value) -> Rewriting {
    Rewriting::new(move |body| say(body, &payer))
}

fn say(body: &mut Value, payer: &Value) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.is_string()) {
                    ("email", true) => *value = payer["email"].clone(),
                    ("contact", true) => *value = payer["phone"].clone(),
                    _ => say(value, payer),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| say(item, payer)),
        _ => {}
    }
}

async fn serve(
    database: &TestDatabase,
    folder: &TempDir,
    listen: &str,
    variables: &[(&'static str, String)],
) -> Program {
    let mut command = program(&database.url);
    command
        .arg("--config")
        .arg(folder.path().join("town.toml"))
        .env("RUST_LOG", "trace")
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .current_dir(folder.path());
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    Program::serve_at(listen, command, nats).await
}
