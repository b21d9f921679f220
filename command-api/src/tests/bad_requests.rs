//! Requests that must be refused, and what the caller is told.

use poem::http::StatusCode;
use serde_json::{Value, json};

use super::server::{Server, faults, json as json_request, problem};
use crate::strict_json::{BATCH_BODY_LIMIT, BODY_LIMIT, TRANSACTION_BODY_LIMIT};

const TRANSACTIONS: &str = "/v1/ledgers/main/transactions";
const WALLETS: &str = "/v1/ledgers/main/wallets";

fn posting() -> Value {
    json!({
        "source": "system:cash",
        "destination": "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001",
        "asset": "INR",
        "amount": "12.50",
    })
}

fn transaction(change: impl Fn(&mut Value)) -> String {
    let mut posting = posting();
    change(&mut posting);
    json!({ "postings": [posting] }).to_string()
}

async fn refused(path: &str, body: impl Into<String>) -> Value {
    let server = Server::accepting();
    let response = server.post(path, body).await;
    response.assert_status(StatusCode::BAD_REQUEST);
    assert!(
        server.submissions().is_empty(),
        "nothing may reach the ledger"
    );
    problem(response).await
}

#[tokio::test]
async fn every_way_to_write_an_amount_that_is_none_has_a_code() {
    let cases = [
        (json!("1e3"), "amount_malformed"),
        (json!("NaN"), "amount_malformed"),
        (json!("Infinity"), "amount_malformed"),
        (json!("+1"), "amount_malformed"),
        (json!("01"), "amount_malformed"),
        (json!("1."), "amount_malformed"),
        (json!(".5"), "amount_malformed"),
        (json!("1,000.00"), "amount_malformed"),
        (json!(" 1"), "amount_malformed"),
        (json!("١"), "amount_malformed"),
        (json!(""), "amount_malformed"),
        (json!("0"), "amount_not_positive"),
        (json!("0.00"), "amount_not_positive"),
        (json!("-0"), "amount_not_positive"),
        (json!("-5.00"), "amount_not_positive"),
        (json!("0.0000000000000000001"), "amount_too_many_decimals"),
        (json!("99999999999999999999999999999"), "amount_too_large"),
        (json!("9".repeat(5_000)), "amount_too_large"),
        (json!(12.5), "wrong_type"),
        (json!(12), "wrong_type"),
        (json!(null), "wrong_type"),
        (json!(true), "wrong_type"),
        (json!(["1"]), "wrong_type"),
        (json!({"value": "1"}), "wrong_type"),
    ];
    for (amount, code) in cases {
        let body = transaction(|posting| posting["amount"] = amount.clone());
        let problem = refused(TRANSACTIONS, body).await;
        assert_eq!(problem["code"], "invalid_request");
        assert_eq!(problem["retryable"], false);
        assert_eq!(
            faults(&problem),
            [format!("/postings/0/amount {code}")],
            "{amount}"
        );
    }
}

#[tokio::test]
async fn all_faults_of_a_body_are_named_at_once() {
    let body = r#"{
        "id": "not-a-uuid",
        "postings": [
            {"source": "cash", "destination": "system:fees", "asset": "inr", "amount": 3},
            {"source": "system:cash", "asset": "INR", "amount": "1", "ammount": "1", "amount": "2"},
            7
        ],
        "effective_at": "yesterday",
        "reference": "",
        "metadata": {"a": 1, "b": "x", "b": "y"},
        "colour": "blue"
    }"#;
    let problem = refused(TRANSACTIONS, body).await;
    let mut found = faults(&problem);
    found.sort();
    assert_eq!(
        found,
        [
            "/colour unknown_field",
            "/effective_at invalid_format",
            "/id invalid_format",
            "/metadata/a wrong_type",
            "/metadata/b duplicate_field",
            "/postings/0/amount wrong_type",
            "/postings/0/asset invalid_format",
            "/postings/0/source invalid_format",
            "/postings/1/ammount unknown_field",
            "/postings/1/amount duplicate_field",
            "/postings/1/destination missing_field",
            "/postings/2 wrong_type",
            "/reference invalid_format",
        ]
    );
}

#[tokio::test]
async fn texts_that_are_too_long_or_not_one_of_the_values_are_refused() {
    let long = "x".repeat(300);
    let problem = refused(
        WALLETS,
        json!({ "owner": long, "reference": long }).to_string(),
    )
    .await;
    assert_eq!(faults(&problem), ["/owner too_long", "/reference too_long"]);

    let metadata = json!({ "owner": "a", "metadata": { "k": "v".repeat(513) } });
    let problem = refused(WALLETS, metadata.to_string()).await;
    assert_eq!(faults(&problem), ["/metadata/k too_long"]);

    let many: serde_json::Map<String, Value> = (0..33)
        .map(|index| (index.to_string(), json!("v")))
        .collect();
    let problem = refused(
        WALLETS,
        json!({ "owner": "a", "metadata": many }).to_string(),
    )
    .await;
    assert_eq!(faults(&problem), ["/metadata too_many_items"]);

    let long_key = json!({ "owner": "a", "metadata": { "k".repeat(65): "v" } });
    let problem = refused(WALLETS, long_key.to_string()).await;
    assert_eq!(faults(&problem), ["/metadata invalid_format"]);

    let path = "/v1/ledgers/main/wallets/0190b8a2-5b7e-7c3d-8f00-000000000001/freeze";
    let problem = refused(path, r#"{"scope": "everything"}"#).await;
    assert_eq!(faults(&problem), ["/scope not_allowed"]);
}

#[tokio::test]
async fn fields_that_do_not_fit_together_are_refused() {
    let both = json!({ "postings": [posting()], "entries": [] }).to_string();
    assert_eq!(
        faults(&refused(TRANSACTIONS, both).await),
        ["/entries conflicting_fields"]
    );
    assert_eq!(
        faults(&refused(TRANSACTIONS, "{}").await),
        ["/postings missing_field"]
    );
    let overdrafts = json!({ "owner": "a", "overdrafts": [
        { "asset": "INR", "policy": "up_to" },
        { "asset": "USD", "policy": "unlimited", "amount": "5" },
        { "asset": "EUR", "policy": "forbidden" },
        { "asset": "EUR", "policy": "unlimited" },
    ]});
    assert_eq!(
        faults(&refused(WALLETS, overdrafts.to_string()).await),
        [
            "/overdrafts/0/amount missing_field",
            "/overdrafts/1/amount conflicting_fields",
            "/overdrafts/3/asset conflicting_fields",
        ]
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_is_told_where_it_breaks() {
    for body in [
        "",
        "{",
        "{} {}",
        "\u{feff}{}",
        "{\"owner\": \"\\ud800\"}",
        "nonsense",
    ] {
        let problem = refused(WALLETS, body).await;
        assert_eq!(problem["code"], "malformed_json", "{body:?}");
    }
    let server = Server::accepting();
    let response = server
        .client
        .post(WALLETS)
        .content_type("application/json")
        .body(vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}'])
        .send()
        .await;
    assert_eq!(problem(response).await["code"], "malformed_json");
    let deep = "[".repeat(100_000);
    assert!(deep.len() > BODY_LIMIT);
    let deep = "[".repeat(60_000);
    assert_eq!(refused(WALLETS, deep).await["code"], "malformed_json");
}

#[tokio::test]
async fn bodies_above_the_limit_are_refused_before_they_are_read_in() {
    for (path, limit) in [
        (WALLETS.to_owned(), BODY_LIMIT),
        (TRANSACTIONS.to_owned(), TRANSACTION_BODY_LIMIT),
        (format!("{TRANSACTIONS}/batch"), BATCH_BODY_LIMIT),
    ] {
        let server = Server::accepting();
        let response = server.post(&path, " ".repeat(limit + 1)).await;
        response.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
        let problem = problem(response).await;
        assert_eq!(problem["code"], "body_too_large");
        assert_eq!(problem["context"]["limit_bytes"], limit);
    }
    let server = Server::accepting();
    let response = json_request(server.client.post(WALLETS), "")
        .header("Content-Length", 10 * 1024 * 1024)
        .send()
        .await;
    response.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    let server = Server::accepting();
    let body = r#"{"owner": "a"}"#;
    for declared in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/jsonx",
    ] {
        let response = server
            .client
            .post(WALLETS)
            .content_type(declared)
            .body(body)
            .send()
            .await;
        response.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(problem(response).await["code"], "unsupported_media_type");
    }
    let undeclared = server.client.post(WALLETS).body(body).send().await;
    undeclared.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let compressed = json_request(server.client.post(WALLETS), body)
        .header("Content-Encoding", "gzip")
        .send()
        .await;
    compressed.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let declared = server
        .client
        .post(WALLETS)
        .content_type("Application/JSON; charset=UTF-8")
        .body(body)
        .send()
        .await;
    declared.assert_status(StatusCode::CREATED);
}

#[tokio::test]
async fn parameters_are_checked_together_and_unknown_ones_refused() {
    let server = Server::accepting();
    let response = json_request(
        server
            .client
            .post("/v1/ledgers/Main/transactions?dry_run=maybe&dryrun=true&dryrun=false"),
        transaction(|_| {}),
    )
    .header("Idempotency-Key", "with space")
    .send()
    .await;
    response.assert_status(StatusCode::BAD_REQUEST);
    let problem = problem(response).await;
    assert_eq!(
        faults(&problem),
        [
            "ledger invalid_format",
            "dry_run invalid_format",
            "Idempotency-Key invalid_idempotency_key",
            "dryrun unknown_parameter",
            "dryrun unknown_parameter",
        ]
    );
    assert!(server.submissions().is_empty());
}

#[tokio::test]
async fn idempotency_keys_have_1_to_255_visible_ascii_characters() {
    let server = Server::accepting();
    for (key, status) in [
        ("k".to_owned(), StatusCode::CREATED),
        ("~".repeat(255), StatusCode::CREATED),
        (String::new(), StatusCode::BAD_REQUEST),
        ("~".repeat(256), StatusCode::BAD_REQUEST),
        ("tab\tbed".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let response = json_request(server.client.post(TRANSACTIONS), transaction(|_| {}))
            .header("Idempotency-Key", &key)
            .send()
            .await;
        response.assert_status(status);
    }
    let repeated = json_request(server.client.post(TRANSACTIONS), transaction(|_| {}))
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b")
        .send()
        .await;
    repeated.assert_status(StatusCode::BAD_REQUEST);
    assert_eq!(
        faults(&problem(repeated).await),
        ["Idempotency-Key duplicate_parameter"]
    );
}

#[tokio::test]
async fn a_batch_has_1_to_1000_transactions_and_every_fault_its_place() {
    let path = format!("{TRANSACTIONS}/batch");
    let one = json!({ "postings": [posting()] });
    let batch = |transactions: Vec<Value>| {
        json!({ "atomicity": "independent", "transactions": transactions }).to_string()
    };
    assert_eq!(
        faults(&refused(&path, batch(vec![])).await),
        ["/transactions too_few_items"]
    );
    assert_eq!(
        faults(&refused(&path, batch(vec![one.clone(); 1_001])).await),
        ["/transactions too_many_items"]
    );
    let both = json!({ "postings": [posting()], "entries": [] });
    assert_eq!(
        faults(&refused(&path, batch(vec![one, json!({}), both])).await),
        [
            "/transactions/1/postings missing_field",
            "/transactions/2/entries conflicting_fields"
        ]
    );
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_coded() {
    let server = Server::accepting();
    for path in [
        "/v2",
        "/v1/ledgers/main/nothing",
        "/v1/ledgers/main/wallets/x/y/z",
    ] {
        let response = server.client.get(path).send().await;
        response.assert_status(StatusCode::NOT_FOUND);
        assert_eq!(problem(response).await["code"], "route_not_found");
    }
    let response = server.client.delete(TRANSACTIONS).send().await;
    response.assert_status(StatusCode::METHOD_NOT_ALLOWED);
    assert!(response.0.header("Allow").unwrap().contains("POST"));
    assert_eq!(problem(response).await["code"], "method_not_allowed");
    let response = server.client.get("/v1/ledgers/%ff/events").send().await;
    response.assert_status(StatusCode::BAD_REQUEST);
    assert_eq!(problem(response).await["code"], "invalid_request");
}
