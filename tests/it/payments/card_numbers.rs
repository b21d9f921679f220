//! Card numbers do not get in, whoever says them.
//!
//! Four simulated providers put a card number wherever they have room for words: in webhooks, answers,
//! errors and reports. A real `daybook serve`, which says as much as it can, takes, gives back and pays out
//! money through them. Then the number is looked for in all that it asked, in all that it wrote, and in
//! every row of every table, which is where events are.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Days, Utc};
use connectors::simulators::{Fault, PayerChoice, Rewriting};
use identity::permission::Role;
use identity::secret::new_master_key;
use reqwest::{Client, StatusCode};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use super::proof::gateways::{Gateways, LEDGER};
use crate::harness::TestDatabase;
use crate::harness::node::{identities, make_key, transfer_body};
use crate::harness::program::{Program, program};
use crate::harness::rows::{every_row, hexadecimal};
use crate::harness::servers::shared_nats_url;

/// A number that networks publish for tests.
const CARD: &str = "4111111111111111";
const BLANKS: &str = "4111 1111 1111 1111";
const DASHES: &str = "4111-1111-1111-1111";

/// Where providers have room for words, whether they document it or not. Ids, addresses, amounts, states
/// and our own references are theirs to say and ours to keep.
const WORDS: &[&str] = &[
    "arn",
    "bank",
    "bank_arn",
    "bank_code",
    "bank_ref_no",
    "bank_ref_num",
    "bankcode",
    "billing_instrument",
    "buyer",
    "buyer_name",
    "buyer_phone",
    "card_id",
    "card_issuer",
    "card_network",
    "card_no",
    "card_type",
    "cardnum",
    "contact",
    "decline_code",
    "description",
    "email",
    "error_code",
    "error_description",
    "error_reason",
    "error_source",
    "error_step",
    "error_Message",
    "failure_code",
    "failure_message",
    "failure_reason",
    "field1",
    "field2",
    "field9",
    "issuer",
    "name",
    "name_on_card",
    "narration",
    "network_code",
    "payment_source",
    "PG_TYPE",
    "phone",
    "reason",
    "reason_code",
    "receipt_email",
    "refund_mode",
    "remark",
    "rrn",
    "settlement_utr",
    "mer_utr_note",
    "statement_descriptor",
    "utr",
    "UTR_no",
    "vpa",
    "wallet",
];

/// A number wherever there is room, and where there was none.
fn leak() -> Rewriting {
    Rewriting::new(put_in)
}

fn put_in(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let is_room = value.is_null() || value.is_string() || value.is_number();
                if WORDS.contains(&name.as_str()) && is_room {
                    *value = json!(words_for(name));
                } else {
                    put_in(value);
                }
            }
            // Rows under their numbers are a list, and have no room for words.
            let is_list = fields.keys().any(|name| name.parse::<u64>().is_ok());
            if fields.len() > 3 && !is_list {
                add_card(fields);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(put_in),
        _ => {}
    }
}

fn words_for(name: &str) -> String {
    let is_sentence = ["description", "message", "Message", "remark", "field9"]
        .iter()
        .any(|end| name.ends_with(end));
    match is_sentence {
        true => format!("the card {CARD} ({BLANKS}, {DASHES}) was declined"),
        false => CARD.to_owned(),
    }
}

/// Fields that no documentation has.
fn add_card(fields: &mut Map<String, Value>) {
    for name in [
        "cardnum",
        "card_number",
        "name_on_card",
        "field4",
        "remarks",
    ] {
        fields.entry(name).or_insert_with(|| json!(words_for(name)));
    }
}

struct Shop {
    gateways: Gateways,
    database: TestDatabase,
    client: Client,
    key: String,
    folder: TempDir,
    listen: String,
    program: Program,
}

impl Shop {
    async fn open() -> Self {
        let database = TestDatabase::create().await;
        let folder = tempfile::tempdir().unwrap();
        let gateways = Gateways::start(7).await;
        std::fs::write(folder.path().join("master.key"), new_master_key().unwrap()).unwrap();
        // Some providers are told where webhooks go when they are asked for a page.
        let listen = free_address();
        let settings = gateways.settings(&format!("http://{listen}"));
        std::fs::write(folder.path().join("shop.toml"), settings).unwrap();
        let people = identities(database.database.pool());
        let key = make_key(&people, &[Role::Admin]).await;
        let program = serve(&listen, &database.url, &folder).await;
        let this = Self {
            gateways,
            database,
            client: Client::new(),
            key,
            folder,
            listen,
            program,
        };
        this.listen();
        let body = json!({ "name": LEDGER });
        this.send("/v1/ledgers", body, 201).await;
        this
    }

    /// Webhooks go to the program that runs now.
    fn listen(&self) {
        let url = self.program.url.clone();
        self.gateways.tell(&[url.clone(), url]);
    }

    /// Ends the program and begins it anew; what it has written.
    async fn restart(&mut self) -> String {
        let written = self.program.stop().await;
        self.program = serve(&self.listen, &self.database.url, &self.folder).await;
        self.listen();
        written
    }

    async fn send(&self, path: &str, body: Value, status: u16) -> Value {
        let request = self.client.post(format!("{}{path}", self.program.url));
        let sent = request.bearer_auth(&self.key).json(&body).send();
        let reply = sent.await.unwrap();
        let found = reply.status().as_u16();
        let text = reply.text().await.unwrap();
        assert_eq!(found, status, "{path} {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let path = format!("/v1/ledgers/{LEDGER}{path}");
        self.send(&path, body, 201).await
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let url = format!("{}/v1/ledgers/{LEDGER}{path}", self.program.url);
        let sent = self.client.get(url).bearer_auth(&self.key).send();
        sent.await.unwrap().text().await.unwrap()
    }

    /// Whether webhooks of a provider have a number in them, as who may see their content sees it.
    async fn was_told(&self, provider: &str) -> bool {
        let ids: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM workflows.webhook WHERE provider = $1")
                .bind(provider)
                .fetch_all(self.pool())
                .await
                .unwrap();
        for id in ids {
            let url = format!("{}/v1/webhook-deliveries/{id}/content", self.program.url);
            let sent = self.client.get(url).bearer_auth(&self.key).send();
            let content: Value = sent.await.unwrap().json().await.unwrap();
            let body = STANDARD.decode(content["body_base64"].as_str().unwrap());
            if String::from_utf8_lossy(&body.unwrap()).contains(CARD) {
                return true;
            }
        }
        false
    }

    fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    /// A deposit that somebody pays at one provider, or fails to; the provider's id of the payment.
    async fn deposit(&self, wallet: &str, provider: &str, choice: PayerChoice) -> (String, String) {
        let body = json!({
            "wallet": wallet, "asset": "INR", "amount": "500.00", "provider": provider,
            "payer": { "name": "Asha Rao", "email": "asha@example.com", "phone": "+919000090000" },
            "return_url": "https://shop.example/done",
        });
        let made = self.post("/deposits", body).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let open = self
            .until(&id, |seen| seen["checkout_url"].is_string())
            .await;
        let checkout: String = sqlx::query_scalar(
            "SELECT provider_checkout FROM workflows.checkout \
             WHERE payment_id = $1::uuid AND action IS NOT NULL",
        )
        .bind(&id)
        .fetch_one(self.pool())
        .await
        .unwrap();
        if provider == "payu" {
            super::browser::hand_over(&self.client, open["checkout_url"].as_str().unwrap()).await;
        }
        let attempt = self.gateways.of(provider).pay(&checkout, choice).unwrap();
        (id, attempt)
    }

    async fn until(&self, deposit: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            self.let_time_pass().await;
            let seen = self.get(&format!("/deposits/{deposit}")).await;
            if is_so(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "{seen}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn happens(&self, event: &str, times: i64) {
        let begun = Instant::now();
        loop {
            self.let_time_pass().await;
            let found: i64 =
                sqlx::query_scalar("SELECT count(*) FROM daybook.events WHERE event_type = $1")
                    .bind(event)
                    .fetch_one(self.pool())
                    .await
                    .unwrap();
            if found >= times {
                return;
            }
            if begun.elapsed() > Duration::from_secs(90) {
                panic!("{event}: {found}, {:?}", self.failures().await);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// What jobs fail for.
    async fn failures(&self) -> Vec<(Option<String>, String)> {
        sqlx::query_as(
            "SELECT key, last_error FROM graphile_worker._private_jobs \
             WHERE last_error IS NOT NULL",
        )
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Whatever waits for its time is due.
    async fn let_time_pass(&self) {
        for statement in [
            "UPDATE graphile_worker._private_jobs SET run_at = now() \
             WHERE run_at > now() AND attempts < max_attempts AND locked_at IS NULL \
               AND key NOT LIKE 'settlements/%'",
            "UPDATE workflows.webhook_state SET due_at = now() \
             WHERE status = 'waiting' AND due_at > now() AND attempts = 0",
        ] {
            sqlx::query(statement).execute(self.pool()).await.unwrap();
        }
    }
}

fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

async fn serve(listen: &str, database_url: &str, folder: &TempDir) -> Program {
    let mut command = program(database_url);
    command
        .arg("--config")
        .arg(folder.path().join("shop.toml"))
        .env("RUST_LOG", "trace")
        .env(
            "DAYBOOK__AUTH__MASTER_KEY_FILE",
            folder.path().join("master.key"),
        )
        .current_dir(folder.path());
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    Program::serve_at(listen, command, nats).await
}

/// Takes in, gives back, disputes and pays out.
async fn trade(shop: &Shop) {
    let wallet = shop.post("/wallets", json!({ "owner": "asha" })).await;
    let wallet = wallet["id"].as_str().unwrap().to_owned();
    let given = transfer_body("system:cash", &format!("wallet:{wallet}"), "10000.00");
    shop.post("/transactions", given).await;
    for (_, gateway) in shop.gateways.all() {
        gateway.rewrite(Some(leak()));
    }
    let refused = Fault::Refuse {
        status: StatusCode::BAD_REQUEST,
        code: 0,
        message: words_for("message"),
    };
    for provider in ["razorpay", "stripe", "payu", "instamojo"] {
        let gateway = shop.gateways.of(provider);
        shop.deposit(&wallet, provider, PayerChoice::Fail).await;
        let (paid, attempt) = shop.deposit(&wallet, provider, PayerChoice::Pay).await;
        shop.until(&paid, |seen| seen["captured"].is_object()).await;
        // The first answer is a refusal in the provider's words.
        gateway.faults().arm(&refused, 1);
        let path = format!("/deposits/{paid}/refunds");
        shop.post(&path, json!({ "amount": "10.00" })).await;
        let (paid, _) = shop.deposit(&wallet, provider, PayerChoice::Pay).await;
        shop.until(&paid, |seen| seen["captured"].is_object()).await;
        let path = format!("/deposits/{paid}/refunds");
        shop.post(&path, json!({ "amount": "20.00" })).await;
        gateway.dispute(&attempt);
    }
    let beneficiaries = format!("/wallets/{wallet}/beneficiaries");
    let account = json!({
        "kind": "bank_account", "holder_name": "Asha Rao", "routing_code": "HDFC0000001",
        "account_number": "1121431121541121",
    });
    let added = shop.post(&beneficiaries, account).await;
    let beneficiary = added["id"].as_str().unwrap();
    let other = make_key(&identities(shop.pool()), &[Role::Admin]).await;
    let verify = format!(
        "{}/v1/ledgers/{LEDGER}{beneficiaries}/{beneficiary}/verify",
        shop.program.url
    );
    let verified = shop.client.post(verify).bearer_auth(other);
    let verified = verified.json(&json!({ "method": "penny drop" })).send();
    assert_eq!(verified.await.unwrap().status().as_u16(), 200);
    let payout = json!({ "wallet": wallet, "beneficiary": beneficiary, "asset": "INR",
                         "amount": "30.00" });
    shop.post("/payouts", payout).await;
    shop.happens("RefundSucceeded", 4).await;
    shop.happens("DisputeOpened", 2).await;
    shop.happens("PayoutSucceeded", 1).await;
}

/// Every payment that is told of, in a webhook, by itself or in a list, is of less than was asked for.
fn pay_less(body: &mut Value) {
    if body["entity"] == "payment" {
        body["amount"] = json!(400_00);
        body["fee"] = Value::Null;
        body["tax"] = Value::Null;
    }
    match body {
        Value::Object(fields) => fields.values_mut().for_each(pay_less),
        Value::Array(items) => items.iter_mut().for_each(pay_less),
        _ => {}
    }
}

/// Somebody pays something else than was asked for: people are told.
async fn pay_something_else(shop: &Shop) {
    let wallet = shop.post("/wallets", json!({ "owner": "ravi" })).await;
    let wallet = wallet["id"].as_str().unwrap().to_owned();
    let gateway = shop.gateways.of("razorpay");
    let change = |body: &mut Value| {
        put_in(body);
        pay_less(body);
    };
    gateway.rewrite(Some(Rewriting::new(change)));
    let (other, _) = shop.deposit(&wallet, "razorpay", PayerChoice::Pay).await;
    let seen = shop
        .until(&other, |seen| seen["captured"].is_object())
        .await;
    assert_eq!(seen["in_suspense"], true, "{seen}");
    gateway.rewrite(Some(leak()));
}

/// Where a number is in a text, in any way in which it can be written.
fn shows(text: &str) -> bool {
    let ways = [CARD, BLANKS, DASHES];
    ways.iter()
        .any(|way| text.contains(way) || text.contains(&hexadecimal(way)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_gets_nowhere_though_providers_say_it_everywhere() {
    let mut shop = Shop::open().await;
    trade(&shop).await;
    pay_something_else(&shop).await;
    let day = Utc::now().date_naive() - Days::new(3);
    // Otherwise what it pays us is a batch of the day on which it was earned, which is not over.
    shop.gateways.stripe.set_interval("daily");
    for (provider, gateway) in shop.gateways.all() {
        assert!(
            gateway.settle(day).is_some(),
            "{provider} has settled nothing"
        );
    }
    // A node that starts reads the reports of the last days.
    let mut log = shop.restart().await;
    shop.happens("SettlementRecorded", 4).await;
    for (provider, _) in shop.gateways.all() {
        assert!(
            shop.was_told(provider).await,
            "{provider} has told no number"
        );
    }
    // Operators and auditors see what is kept.
    let mut shown = String::new();
    for path in [
        "/deposits",
        "/refunds",
        "/disputes",
        "/payouts",
        "/settlements",
        "/settlement-breaks",
        "/events?after=0",
    ] {
        shown.push_str(&shop.text(path).await);
    }
    let kept = every_row(&mut shop.database.superuser().await).await;
    let asked: Vec<String> = [
        shop.gateways.razorpay.received(),
        shop.gateways.stripe.received(),
        shop.gateways.payu.received(),
        shop.gateways.instamojo.received(),
    ]
    .concat();
    log.push_str(&shop.program.stop().await);

    // The looking finds what is there, and there was something to be found.
    assert!(shows(&format!("x{CARD}x")) && shows(&hexadecimal(DASHES)));
    assert!(log.lines().count() > 1_000);
    assert!(asked.len() > 50, "{}", asked.len());
    assert!(kept.iter().any(|(table, _)| table == "workflows.webhook"));
    assert!(
        log.contains("money of a payment is held in suspense") && log.contains("amount_differs"),
        "nobody was told"
    );
    let mut found = Vec::new();
    let lines = log.lines().filter(|line| shows(line));
    found.extend(lines.map(|line| format!("the log: {line}")));
    let rows = kept.iter().filter(|(_, row)| shows(row));
    found.extend(rows.map(|(table, row)| format!("{table}: {row}")));
    let requests = asked.iter().filter(|request| shows(request));
    found.extend(requests.map(|request| format!("a request: {request}")));
    found.extend(shows(&shown).then(|| format!("an answer: {shown}")));
    assert!(found.is_empty(), "{} places: {found:#?}", found.len());
}
