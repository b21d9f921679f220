//! The REST interface over real read models and a real log.

use std::collections::BTreeSet;
use std::sync::Arc;

use audit::sealer::{SealSettings, Sealer};
use command_api::access::Access;
use command_api::health::Component;
use command_api::{Api, ApiDependencies};
use daybook::node::SealedWebhooks;
use documents::{DocumentSettings, Documents, ObjectStorage, StorageSettings};
use event_store::LogSignal;
use event_store::executor::{ExecutorSettings, Executors};
use metrics_exporter_prometheus::PrometheusBuilder;
use poem::Server;
use poem::listener::{Acceptor, Listener, TcpListener};
use projections::runner::prepare;
use projections::{AccountsReadModel, ProjectionStatus, Projectors, Queries};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use workflows::routing::Router;
use workflows::webhooks::{Senders, WebhookSettings, Webhooks};

use crate::harness::TestDatabase;
use crate::harness::node::{authenticator, master_key};
use crate::harness::servers::new_folder;

/// A node that serves REST on a port of its own.
struct Node {
    base: String,
    client: Client,
    _database: TestDatabase,
    _projectors: Projectors,
}

/// Documents that nobody brings.
fn no_documents(pool: &PgPool) -> Documents {
    let folder = StorageSettings::Folder(new_folder("documents"));
    let storage = ObjectStorage::open(&folder).unwrap();
    Documents::new(pool.clone(), storage, None, DocumentSettings::default())
}

impl Node {
    async fn start() -> Self {
        let test_database = TestDatabase::create().await;
        let database = test_database.database.clone();
        prepare(&database).await.unwrap();
        let signal = LogSignal::start(&database, CancellationToken::new());
        let status = ProjectionStatus::default();
        let projectors = Projectors::start(&database, &signal, status.clone());
        let executors = Executors::new(
            database.clone(),
            signal,
            Arc::new(AccountsReadModel::new(database.pool().clone())),
            ExecutorSettings::default(),
        );
        let api = Api::new(ApiDependencies {
            router: Router::default(),
            commands: Arc::new(executors),
            queries: Queries::new(&database, status),
            authenticator: authenticator(database.pool()),
            access: Access::Open,
            pool: database.pool().clone(),
            webhooks: Webhooks::start(
                Senders::default(),
                database.pool().clone(),
                Arc::new(SealedWebhooks(Arc::new(master_key()))),
                WebhookSettings::default(),
                CancellationToken::new(),
            ),
            readiness: Arc::new(Vec::<Component>::new),
            public_url: "https://daybook.example/".parse().unwrap(),
            onboarding_contacts: BTreeSet::new(),
            vault: None,
            sealer: Sealer::new(database.pool(), None, SealSettings::default()),
            documents: no_documents(database.pool()),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
        });
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(api));
        Self {
            base: format!("http://{address}"),
            client: Client::new(),
            _database: test_database,
            _projectors: projectors,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {reply}");
        reply
    }

    async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let (status, problem) = self.call(method, path, body).await;
        assert!(!status.is_success(), "{path}: {problem}");
        (
            status.as_u16(),
            problem["code"].as_str().unwrap().to_owned(),
        )
    }
}

fn transfer(from: &str, to: &str, amount: &str) -> Value {
    json!({ "postings": [
        { "source": from, "destination": to, "asset": "INR", "amount": amount },
    ]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_lives_over_rest() {
    let node = Node::start().await;
    node.post("/v1/ledgers", json!({ "name": "main" })).await;
    let opened = node
        .post(
            "/v1/ledgers/main/wallets",
            json!({ "owner": "asha", "overdrafts": [
                { "asset": "USD", "policy": "up_to", "amount": "5" },
            ]}),
        )
        .await;
    let id = opened["id"].as_str().unwrap().to_owned();
    let wallet = format!("wallet:{id}");
    let seen = |reply: &Value| format!("min_position={}", reply["position"]);

    let deposit = transfer("system:cash", &wallet, "100");
    let posted = node.post("/v1/ledgers/main/transactions", deposit).await;
    let fresh = seen(&posted);
    let account = node
        .get(&format!("/v1/ledgers/main/accounts/{wallet}:INR?{fresh}"))
        .await;
    assert_eq!(account["balance"], "100.00");
    assert_eq!(account["available"], "100.00");
    assert!(account["as_of"].as_i64().unwrap() >= posted["position"].as_i64().unwrap());
    let unmoved = node
        .get(&format!("/v1/ledgers/main/accounts/{wallet}:USD"))
        .await;
    assert_eq!(unmoved["balance"], "0.00");
    assert_eq!(unmoved["available"], "5.00");

    let hold = node
        .post(
            "/v1/ledgers/main/holds",
            json!({
                "source": wallet, "asset": "INR", "amount": "30", "destination": "system:fees",
            }),
        )
        .await;
    let hold_path = format!("/v1/ledgers/main/holds/{}", hold["id"].as_str().unwrap());
    let captured = node
        .post(&format!("{hold_path}/capture"), json!({ "amount": "20.5" }))
        .await;
    let fresh = seen(&captured);
    let view = node.get(&format!("{hold_path}?{fresh}")).await;
    assert_eq!(view["status"], "captured");
    assert_eq!(view["captured"], "20.50");

    let statement = node
        .get(&format!(
            "/v1/ledgers/main/accounts/{wallet}:INR/statement?{fresh}&limit=1"
        ))
        .await;
    assert_eq!(statement["closing_balance"], "79.50");
    assert_eq!(statement["items"][0]["balance_after"], "100.00");
    let cursor = statement["next_cursor"].as_str().unwrap();
    let rest = node
        .get(&format!(
            "/v1/ledgers/main/accounts/{wallet}:INR/statement?limit=1&cursor={cursor}"
        ))
        .await;
    assert_eq!(rest["items"][0]["balance_after"], "79.50");
    assert!(rest["next_cursor"].is_null());
    let of_wallet = node
        .get(&format!("/v1/ledgers/main/wallets/{id}/statement?limit=1"))
        .await;
    assert_eq!(of_wallet["items"][0]["next_cursor"], cursor);

    let reverted = node
        .post(
            &format!(
                "/v1/ledgers/main/transactions/{}/revert",
                captured["transaction"].as_str().unwrap()
            ),
            json!({ "effective_at": "2026-01-01T00:00:00Z" }),
        )
        .await;
    let fresh = seen(&reverted);
    let path = format!(
        "/v1/ledgers/main/transactions/{}?{fresh}",
        reverted["id"].as_str().unwrap()
    );
    let transaction = node.get(&path).await;
    assert_eq!(transaction["reverts"], captured["transaction"]);
    assert_eq!(transaction["effective_at"], "2026-01-01T00:00:00.000000Z");
    let before = node
        .get(&format!(
            "/v1/ledgers/main/accounts/{wallet}:INR/balance?position={}",
            captured["position"]
        ))
        .await;
    assert_eq!(before["balance"], "79.50");
    // As it was known before the revert that counts earlier than everything, and since.
    let statement = format!("/v1/ledgers/main/accounts/{wallet}:INR/statement");
    for (cut, opening, entries) in [
        (format!("position={}", captured["position"]), "0.00", 2),
        (
            format!("recorded_at={}", captured["recorded_at"].as_str().unwrap()),
            "0.00",
            2,
        ),
        (fresh.clone(), "20.50", 2),
    ] {
        let from = "from=2026-01-01T00:00:00.000001Z";
        let told = node.get(&format!("{statement}?{from}&{cut}")).await;
        assert_eq!(told["opening_balance"], opening, "{cut}");
        assert_eq!(told["items"].as_array().unwrap().len(), entries, "{cut}");
        let path = format!("/v1/ledgers/main/wallets/{id}/statement?{from}&{cut}");
        assert_eq!(
            node.get(&path).await["items"][0]["opening_balance"],
            opening
        );
    }

    let trial = node
        .get(&format!("/v1/ledgers/main/trial-balance?{fresh}"))
        .await;
    assert_eq!(trial["items"][0]["difference"], "0.00");
    for (axes, debits) in [
        (
            "effective_at=2026-01-01T00:00:00Z".to_owned(),
            Some("20.50"),
        ),
        ("effective_at=2025-01-01T00:00:00Z".to_owned(), None),
        (
            format!(
                "effective_at=2026-01-01T00:00:00Z&position={}",
                captured["position"]
            ),
            None,
        ),
        (format!("position={}", captured["position"]), Some("120.50")),
        (
            "effective_at=2190-01-01T00:00:00Z".to_owned(),
            Some("141.00"),
        ),
    ] {
        let trial = node
            .get(&format!("/v1/ledgers/main/trial-balance?{axes}&{fresh}"))
            .await;
        let items = trial["items"].as_array().unwrap();
        let rupees = items.iter().find(|item| item["asset"] == "INR");
        assert_eq!(
            rupees.map(|rupees| (&rupees["debits"], &rupees["credits"])),
            debits
                .map(|debits| (json!(debits), json!(debits)))
                .as_ref()
                .map(|(one, other)| (one, other)),
            "{axes}: {trial}"
        );
    }
    for path in [
        "/v1/ledgers".to_owned(),
        "/v1/ledgers/main".to_owned(),
        "/v1/ledgers/main/assets".to_owned(),
        "/v1/ledgers/main/assets/JPY".to_owned(),
        "/v1/ledgers/main/system-accounts".to_owned(),
        format!("/v1/ledgers/main/wallets?owner=asha&status=open&{fresh}"),
        format!("/v1/ledgers/main/wallets/{id}?{fresh}"),
        format!("/v1/ledgers/main/wallets/{id}/accounts?{fresh}"),
        format!("/v1/ledgers/main/accounts?limit=2&{fresh}"),
        format!("/v1/ledgers/main/transactions?holder={wallet}&{fresh}"),
        format!("/v1/ledgers/main/holds?status=captured&{fresh}"),
        format!("/v1/ledgers/main/owners/asha/statistics?{fresh}"),
        format!("/v1/ledgers/main/activity?by=day&{fresh}"),
        "/health/ready".to_owned(),
    ] {
        let answer = node.get(&path).await;
        let items = answer["items"].as_array();
        assert!(
            items.is_none_or(|items| !items.is_empty()),
            "{path}: {answer}"
        );
    }

    let lines = node
        .client
        .get(format!("{}/v1/ledgers/main/events?after=1", node.base))
        .send()
        .await
        .unwrap();
    assert_eq!(
        lines.headers()["Daybook-As-Of"],
        reverted["position"].to_string().as_str()
    );
    let lines = lines.text().await.unwrap();
    let count = i64::try_from(lines.lines().count()).unwrap();
    assert_eq!(count, reverted["position"].as_i64().unwrap() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_over_rest_has_its_code() {
    let node = Node::start().await;
    let (get, post) = (|| Method::GET, || Method::POST);
    let transactions = "/v1/ledgers/main/transactions";
    let unknown = "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001";
    assert_eq!(
        node.refused(
            post(),
            transactions,
            Some(transfer("system:cash", "system:fees", "1"))
        )
        .await,
        (404, "ledger_not_found".to_owned())
    );
    node.post("/v1/ledgers", json!({ "name": "main" })).await;
    let opened = node
        .post("/v1/ledgers/main/wallets", json!({ "owner": "asha" }))
        .await;
    let wallet = format!("wallet:{}", opened["id"].as_str().unwrap());
    let cases = [
        (
            transfer("system:cash", unknown, "1"),
            404,
            "account_not_found",
        ),
        (
            transfer(&wallet, "system:cash", "1"),
            422,
            "insufficient_funds",
        ),
        (
            transfer("system:cash", "system:cash", "1"),
            422,
            "same_source_and_destination",
        ),
        (
            transfer("system:cash", &wallet, "1.001"),
            422,
            "amount_too_many_decimals",
        ),
        (json!({ "postings": [] }), 422, "no_postings"),
    ];
    for (body, status, code) in cases {
        assert_eq!(
            node.refused(post(), transactions, Some(body)).await,
            (status, code.to_owned())
        );
    }
    for (path, status, code) in [
        ("/v1/ledgers/other".to_owned(), 404, "ledger_not_found"),
        (
            "/v1/ledgers/main/assets/NOPE".to_owned(),
            404,
            "asset_not_found",
        ),
        (
            format!("/v1/ledgers/main/accounts/{unknown}:INR"),
            404,
            "account_not_found",
        ),
        (
            format!("/v1/ledgers/main/accounts/{unknown}:INR/statement"),
            404,
            "account_not_found",
        ),
        (
            format!("/v1/ledgers/main/accounts/{wallet}:NOPE/statement"),
            404,
            "asset_not_found",
        ),
        (
            format!("/v1/ledgers/main/wallets/{}", &unknown[7..]),
            404,
            "wallet_not_found",
        ),
        (
            "/v1/ledgers/main/owners/nobody/statistics".to_owned(),
            404,
            "owner_not_found",
        ),
        (
            "/v1/ledgers/main/wallets?min_position=999".to_owned(),
            409,
            "position_unknown",
        ),
        (
            "/v1/ledgers/main/events?min_position=999".to_owned(),
            409,
            "position_unknown",
        ),
        (
            "/v1/ledgers/main?min_position=999".to_owned(),
            409,
            "position_unknown",
        ),
        (
            "/v1/ledgers/main/wallets?min_position=-1".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "/v1/ledgers/main/wallets?cursor=AAAAAAAAAAAAAAAA".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "/v1/ledgers/main/wallets?limit=1001".to_owned(),
            400,
            "invalid_request",
        ),
    ] {
        assert_eq!(
            node.refused(get(), &path, None).await,
            (status, code.to_owned()),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_has_one_effect() {
    let node = Node::start().await;
    node.post("/v1/ledgers", json!({ "name": "main" })).await;
    let path = format!("{}/v1/ledgers/main/transactions", node.base);
    let send = |amount: &'static str, key: Option<&'static str>, id: Option<&'static str>| {
        let mut body = transfer("system:cash", "system:fees", amount);
        if let Some(id) = id {
            body["id"] = json!(id);
        }
        let mut request = node.client.post(&path).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        async move {
            let response = request.send().await.unwrap();
            let replayed = response.headers().contains_key("Idempotent-Replayed");
            (
                response.status().as_u16(),
                replayed,
                response.json::<Value>().await.unwrap(),
            )
        }
    };
    for (key, id) in [
        (Some("k-1"), None),
        (None, Some("0190b8a2-5b7e-7c3d-8f00-0000000000a1")),
    ] {
        let (status, replayed, first) = send("1.50", key, id).await;
        assert_eq!((status, replayed), (201, false));
        let (status, replayed, again) = send("1.5", key, id).await;
        assert_eq!((status, replayed), (201, true));
        assert_eq!(again, first);
        let (status, _, problem) = send("2", key, id).await;
        assert_eq!(status, 422);
        assert_eq!(problem["code"], "idempotency_key_reused");
    }
}
