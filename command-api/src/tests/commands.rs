//! Commands: what reaches the ledger, and what is answered.

use event_store::executor::{Applied, Atomicity, CommandOutcome, Outcome, Refusal, SubmitError};
use ledger_core::{Command, Position};
use poem::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::server::{Server, accepted, faults, json as json_request, problem};

const TRANSACTIONS: &str = "/v1/ledgers/main/transactions";
const ID: &str = "0190b8a2-5b7e-7c3d-8f00-0000000000a1";

fn transfer() -> Value {
    json!({ "postings": [{
        "source": "system:cash",
        "destination": "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001",
        "asset": "INR",
        "amount": "12.50",
    }]})
}

async fn body(response: poem::test::TestResponse) -> Value {
    response.0.into_body().into_json().await.unwrap()
}

#[tokio::test]
async fn a_transaction_is_posted_as_asked_and_answered_with_its_place() {
    let server = Server::accepting();
    let response = json_request(server.client.post(TRANSACTIONS), transfer().to_string())
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .header("X-Request-Id", "request-1")
        .send()
        .await;
    response.assert_status(StatusCode::CREATED);
    response.assert_header("X-Request-Id", "request-1");
    assert!(response.0.header("Idempotent-Replayed").is_none());
    let location = response.0.header("Location").unwrap().to_owned();
    let reply = body(response).await;
    let id = reply["id"].as_str().unwrap();
    assert_eq!(location, format!("{TRANSACTIONS}/{id}"));
    assert_eq!(reply["position"], 1);
    assert_eq!(reply["recorded_at"], "2026-01-31T12:00:00.000001Z");
    assert_eq!(reply["effective_at"], reply["recorded_at"]);
    assert_eq!(reply["dry_run"], false);

    let (ledger, submission) = server.submissions().pop().unwrap();
    assert_eq!(ledger.as_str(), "main");
    assert_eq!(submission.idempotency, None);
    assert_eq!(
        submission.metadata.correlation_id.as_deref(),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );
    let [
        Command::PostTransaction {
            transaction,
            request,
        },
    ] = submission.commands.as_slice()
    else {
        panic!("one transaction was asked for");
    };
    assert_eq!(transaction.to_string(), id);
    assert_eq!(request.postings[0].amount.to_string(), "12.5");
    assert_eq!(request.effective_at, None);
}

#[tokio::test]
async fn entries_are_paired_into_postings() {
    let server = Server::accepting();
    let wallet = "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001:INR";
    let entries = json!({ "entries": [
        { "account": "system:cash:INR", "direction": "debit", "amount": "10" },
        { "account": wallet, "direction": "credit", "amount": "9.5" },
        { "account": "system:fees:INR", "direction": "credit", "amount": "0.5" },
    ]});
    let response = server.post(TRANSACTIONS, entries.to_string()).await;
    response.assert_status(StatusCode::CREATED);
    let (_, submission) = server.submissions().pop().unwrap();
    let [Command::PostTransaction { request, .. }] = submission.commands.as_slice() else {
        panic!("one transaction was asked for");
    };
    assert_eq!(request.postings.len(), 2);

    let unbalanced = json!({ "entries": [
        { "account": "system:cash:INR", "direction": "debit", "amount": "10" },
        { "account": wallet, "direction": "credit", "amount": "9" },
    ]});
    let response = server.post(TRANSACTIONS, unbalanced.to_string()).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem(response).await;
    assert_eq!(problem["code"], "unbalanced");
    assert_eq!(
        problem["context"],
        json!({ "asset": "INR", "difference": "1" })
    );
}

#[tokio::test]
async fn a_dry_run_is_marked_and_uses_no_key() {
    let server = Server::accepting();
    let path = format!("{TRANSACTIONS}?dry_run=true");
    let response = json_request(server.client.post(path), transfer().to_string())
        .header("Idempotency-Key", "k")
        .send()
        .await;
    response.assert_status(StatusCode::OK);
    assert_eq!(body(response).await["dry_run"], true);
    let (_, submission) = server.submissions().pop().unwrap();
    assert_eq!(submission.atomicity, Atomicity::DryRun);
    assert_eq!(submission.idempotency, None);
}

async fn key_of(path: &str, body: &str, key: Option<&str>) -> (String, String, [u8; 32]) {
    let server = Server::accepting();
    let request = json_request(server.client.post(path), body);
    let request = match key {
        Some(key) => request.header("Idempotency-Key", key),
        None => request,
    };
    request.send().await.assert_status(StatusCode::CREATED);
    let (_, submission) = server.submissions().pop().unwrap();
    let key = submission.idempotency.unwrap();
    (
        key.scope().to_owned(),
        key.key().to_owned(),
        *key.request_hash(),
    )
}

#[tokio::test]
async fn the_request_hash_sees_what_was_asked_and_not_how_it_was_written() {
    let written = r#"{"postings":[{"source":"system:cash","destination":"system:fees","asset":"INR","amount":"1.50"}],"effective_at":"2026-01-31T12:00:00Z"}"#;
    let rewritten = r#" { "effective_at": "2026-01-31T17:30:00.000000+05:30", "reference": null,
        "postings": [ {"amount":"1.5", "asset":"INR", "destination":"system:fees", "source":"system:cash"} ] } "#;
    let other = written.replace("1.50", "1.51");
    let first = key_of(TRANSACTIONS, written, Some("k")).await;
    assert_eq!(first, key_of(TRANSACTIONS, rewritten, Some("k")).await);
    assert_ne!(first.2, key_of(TRANSACTIONS, &other, Some("k")).await.2);
    let elsewhere = "/v1/ledgers/other/transactions";
    assert_ne!(first.2, key_of(elsewhere, written, Some("k")).await.2);
}

#[tokio::test]
async fn the_id_of_the_one_thing_created_is_the_key_unless_the_header_is_given() {
    let mut transaction = transfer();
    transaction["id"] = json!(ID);
    let by_id = key_of(TRANSACTIONS, &transaction.to_string(), None).await;
    assert_eq!((by_id.0.as_str(), by_id.1.as_str()), ("id/anonymous", ID));
    let by_header = key_of(TRANSACTIONS, &transaction.to_string(), Some(ID)).await;
    assert_eq!(
        (by_header.0.as_str(), by_header.1.as_str()),
        ("key/anonymous", ID)
    );
}

#[tokio::test]
async fn a_replay_is_marked_and_carries_the_first_id() {
    let first = Uuid::parse_str(ID).unwrap();
    let server = Server::answering(move |submission| {
        let mut outcome = accepted(submission);
        outcome.replayed = true;
        outcome.commands = vec![CommandOutcome::Applied(Applied {
            position: Position::START.next(),
            created: Some(first),
        })];
        Ok(outcome)
    });
    for (path, body_text, member) in [
        (TRANSACTIONS, transfer().to_string(), "id"),
        (
            "/v1/ledgers/main/wallets",
            r#"{"owner":"a"}"#.to_owned(),
            "id",
        ),
        (
            "/v1/ledgers/main/holds",
            r#"{"source":"system:cash","asset":"INR","amount":"1"}"#.to_owned(),
            "id",
        ),
        (
            "/v1/ledgers/main/holds/0190b8a2-5b7e-7c3d-8f00-0000000000b1/capture",
            String::new(),
            "transaction",
        ),
        (
            "/v1/ledgers/main/transactions/0190b8a2-5b7e-7c3d-8f00-0000000000a9/revert",
            "{}".to_owned(),
            "id",
        ),
    ] {
        let response = json_request(server.client.post(path), body_text)
            .header("Idempotency-Key", "k")
            .send()
            .await;
        response.assert_status(StatusCode::CREATED);
        response.assert_header("Idempotent-Replayed", "true");
        assert!(response.0.header("Location").unwrap().ends_with(ID));
        assert_eq!(body(response).await[member], ID);
    }
}

#[tokio::test]
async fn errors_of_the_executor_have_their_status_and_say_when_to_try_again() {
    let ledger = "main".parse().unwrap();
    for (error, status) in [
        (SubmitError::LedgerNotFound { ledger }, 404),
        (SubmitError::LedgerIsSandbox { ledger }, 409),
        (SubmitError::IdempotencyKeyReused, 422),
        (SubmitError::Overloaded, 503),
        (SubmitError::Stopping, 503),
        (SubmitError::Unavailable, 503),
        (SubmitError::OutcomeUnknown, 503),
        (SubmitError::Fault, 500),
    ] {
        let code = error.code();
        let server = Server::answering(move |_| Err(error.clone()));
        let response = server.post(TRANSACTIONS, transfer().to_string()).await;
        assert_eq!(response.0.status().as_u16(), status, "{code}");
        assert_eq!(response.0.header("Retry-After").is_some(), status == 503);
        let problem = problem(response).await;
        assert_eq!(problem["code"], code);
        assert_eq!(problem["retryable"], status == 503 || status == 404);
    }
}

fn refusal(code: &str) -> Refusal {
    Refusal {
        code: code.to_owned(),
        detail: "too little".to_owned(),
        transient: true,
        context: json!({ "available": "1.00" }),
    }
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_its_ids_and_amounts() {
    let server = Server::answering(|submission| {
        let mut outcome = accepted(submission);
        outcome.commands = vec![CommandOutcome::Refused(Box::new(refusal(
            "insufficient_funds",
        )))];
        Ok(outcome)
    });
    let response = server.post(TRANSACTIONS, transfer().to_string()).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem(response).await;
    assert_eq!(problem["code"], "insufficient_funds");
    assert_eq!(problem["retryable"], true);
    assert_eq!(problem["context"], json!({ "available": "1.00" }));
}

/// Refuses the second command of every submission.
fn second_refused() -> Server {
    Server::answering(|submission| {
        let mut outcome: Outcome = accepted(submission);
        if let Some(second) = outcome.commands.get_mut(1) {
            *second = CommandOutcome::Refused(Box::new(refusal("insufficient_funds")));
        }
        Ok(outcome)
    })
}

#[tokio::test]
async fn an_independent_batch_answers_for_each_in_order() {
    let unbalanced = json!({ "entries": [
        { "account": "system:cash:INR", "direction": "debit", "amount": "10" },
    ]});
    let batch = json!({
        "atomicity": "independent",
        "transactions": [transfer(), unbalanced, transfer(), transfer()],
    });
    let server = second_refused();
    let response = server
        .post(&format!("{TRANSACTIONS}/batch"), batch.to_string())
        .await;
    response.assert_status(StatusCode::OK);
    let reply = body(response).await;
    let results = reply["results"].as_array().unwrap();
    let codes: Vec<Option<&str>> = results
        .iter()
        .map(|result| result["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        [None, Some("unbalanced"), Some("insufficient_funds"), None]
    );
    assert_eq!(results[0]["status"], "posted");
    assert!(results[0]["id"].is_string());
    assert_eq!(results[2]["status"], "refused");
    let (_, submission) = server.submissions().pop().unwrap();
    assert_eq!(submission.commands.len(), 3);
    assert_eq!(submission.atomicity, Atomicity::Independent);
}

#[tokio::test]
async fn an_all_or_nothing_batch_is_refused_as_a_whole_with_the_place() {
    let batch = json!({
        "atomicity": "all_or_nothing",
        "transactions": [transfer(), transfer()],
    });
    let server = second_refused();
    let response = server
        .post(&format!("{TRANSACTIONS}/batch"), batch.to_string())
        .await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem(response).await;
    assert_eq!(problem["code"], "insufficient_funds");
    assert_eq!(faults(&problem), ["/transactions/1 insufficient_funds"]);
}

#[tokio::test]
async fn every_other_command_reaches_the_ledger() {
    let wallet = "/v1/ledgers/main/wallets/0190b8a2-5b7e-7c3d-8f00-000000000001";
    let hold = "/v1/ledgers/main/holds/0190b8a2-5b7e-7c3d-8f00-0000000000b1";
    let server = Server::accepting();
    let cases: [(String, &str, u16, &str); 9] = [
        (
            "/v1/ledgers".into(),
            r#"{"name":"main"}"#,
            201,
            "OpenLedger",
        ),
        (
            "/v1/ledgers/main/assets".into(),
            r#"{"code":"POINTS","scale":0}"#,
            201,
            "RegisterAsset",
        ),
        (
            "/v1/ledgers/main/system-accounts".into(),
            r#"{"name":"tax","normal_side":"credit"}"#,
            201,
            "OpenSystemAccount",
        ),
        (
            format!("{wallet}/freeze"),
            r#"{"scope":"debits"}"#,
            200,
            "FreezeWallet",
        ),
        (format!("{wallet}/unfreeze"), "", 200, "UnfreezeWallet"),
        (
            format!("{wallet}/close"),
            r#"{"reason":"asked to"}"#,
            200,
            "CloseWallet",
        ),
        (
            format!("{hold}/capture"),
            r#"{"amount":"1","remainder":"keep"}"#,
            201,
            "CaptureHold",
        ),
        (format!("{hold}/void"), "", 200, "VoidHold"),
        (
            format!("{TRANSACTIONS}/{ID}/revert"),
            "",
            201,
            "RevertTransaction",
        ),
    ];
    for (path, request, status, command) in cases {
        let response = server.post(&path, request).await;
        assert_eq!(response.0.status().as_u16(), status, "{path}");
        let reply = body(response).await;
        assert!(reply["position"].is_i64(), "{path}");
        assert!(reply["recorded_at"].is_string(), "{path}");
        let (_, submission) = server.submissions().pop().unwrap();
        assert_eq!(submission.commands[0].name(), command);
    }
    let overdraft = json_request(
        server.client.put(format!("{wallet}/overdraft/INR")),
        r#"{"policy":"up_to","amount":"100"}"#,
    );
    overdraft.send().await.assert_status(StatusCode::OK);
}
