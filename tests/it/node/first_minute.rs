//! What a person does first: fund a wallet, transfer, hold, capture, read the statement, watch.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::node::{TestNode, transfer_body};

#[tokio::test(flavor = "multi_thread")]
async fn from_a_funded_wallet_to_a_statement_watched_live() {
    let node = TestNode::start().await;
    let (asha, shop) = (node.wallet("asha").await, node.wallet("shop").await);
    let (from, to) = (format!("wallet:{asha}"), format!("wallet:{shop}"));

    let address = node.at("/stream").replacen("http", "ws", 1);
    let (mut socket, _) = tokio_tungstenite::connect_async(&address).await.unwrap();
    let follow = json!({ "type": "subscribe", "channel": format!("wallet:{asha}") });
    socket
        .send(Message::text(follow.to_string()))
        .await
        .unwrap();
    let snapshot = next_of(&mut socket, "snapshot").await;
    let mut last = snapshot["as_of"].as_i64().unwrap();

    node.transfer("system:cash", &from, "250.00")
        .await
        .expect(201);
    node.transfer(&from, &to, "40.50").await.expect(201);
    let hold = json!({ "source": from, "asset": "INR", "amount": "100.00", "destination": to });
    let hold = node.post("/holds", hold).await.expect(201).id();
    let captured = node
        .post(
            &format!("/holds/{hold}/capture"),
            json!({ "amount": "60.00" }),
        )
        .await
        .expect(201);
    let position = captured.position();

    let accounts = node
        .get(&format!("/wallets/{asha}/accounts?min_position={position}"))
        .await
        .expect(200);
    assert_eq!(accounts.body["items"][0]["balance"], "149.50");
    assert_eq!(accounts.body["items"][0]["available"], "149.50");
    let statement = node
        .get(&format!(
            "/wallets/{asha}/statement?min_position={position}"
        ))
        .await
        .expect(200);
    let account = &statement.body["items"][0];
    assert_eq!(account["opening_balance"], "0.00");
    assert_eq!(account["closing_balance"], "149.50");
    let after: Vec<&str> = account["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["balance_after"].as_str().unwrap())
        .collect();
    assert_eq!(after, ["250.00", "209.50", "149.50"]);

    let mut seen = Vec::new();
    while last < position {
        let event = next_of(&mut socket, "event").await;
        assert_eq!(event["prev"], last, "a hole: {event}");
        last = event["position"].as_i64().unwrap();
        seen.push(event["event"]["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        seen,
        [
            "TransactionPosted",
            "TransactionPosted",
            "HoldPlaced",
            "HoldCaptured",
            "TransactionPosted"
        ]
    );
    node.node.stop().await;
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn next_of(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_ne!(message["type"], "error", "{message}");
        if message["type"] == kind {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_under_the_same_key_gets_the_same_reply() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.wallet("asha").await);
    let pay = |body: Value| {
        node.client
            .post(node.at("/transactions"))
            .header("idempotency-key", "deposit-1")
            .json(&body)
    };
    let body = transfer_body("system:cash", &wallet, "5.00");
    let first = node.send(pay(body.clone())).await.expect(201);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = node.send(pay(body)).await.expect(201);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.body, first.body);
    // The same request with its keys in another order and other white space is the same request.
    let text = format!(
        r#"{{ "postings" : [ {{ "amount":"5.00","asset":"INR","destination":"{wallet}","source":"system:cash" }} ] }}"#
    );
    let reordered = node
        .client
        .post(node.at("/transactions"))
        .header("idempotency-key", "deposit-1")
        .header("content-type", "application/json")
        .body(text);
    assert_eq!(node.send(reordered).await.expect(201).body, first.body);
    let other = node
        .send(pay(transfer_body("system:cash", &wallet, "6.00")))
        .await
        .expect(422);
    assert_eq!(other.code(), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_served_and_replayed_in_the_same_lines() {
    let node = TestNode::start().await;
    node.funded("asha", "5.00").await;
    let served = node.client.get(node.at("/events")).send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "application/x-ndjson");
    let served = served.text().await.unwrap();
    let lines: Vec<Value> = served
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let positions: Vec<i64> = lines
        .iter()
        .map(|l| l["position"].as_i64().unwrap())
        .collect();
    assert_eq!(positions, [1, 2, 3]);

    let replayed = tokio::process::Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["replay", "--ledger", &node.ledger])
        .env("DATABASE_URL", &node.database_url)
        .env("NATS_URL", "nats://127.0.0.1:1")
        .output()
        .await
        .unwrap();
    assert!(replayed.status.success());
    assert_eq!(String::from_utf8(replayed.stdout).unwrap(), served);

    let verified = tokio::process::Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["verify", "--ledger", &node.ledger])
        .env("DATABASE_URL", &node.database_url)
        .env("NATS_URL", "nats://127.0.0.1:1")
        .output()
        .await
        .unwrap();
    let told = String::from_utf8(verified.stderr).unwrap();
    assert!(verified.status.success(), "{told}");
    assert!(told.contains("verified to position 3"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_the_first_difference_and_fails() {
    let database = crate::harness::TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(crate::harness::shared_nats_url)
        .await
        .unwrap();
    let node = TestNode::over(&database.url, nats).await;
    let wallet = node.funded("asha", "5.00").await;
    let position = node
        .transfer("system:cash", &format!("wallet:{wallet}"), "1.00")
        .await
        .position();
    node.get(&format!(
        "/wallets/{wallet}/accounts?min_position={position}"
    ))
    .await
    .expect(200);
    let mut superuser = database.superuser().await;
    sqlx::query(
        "UPDATE read_models.accounts SET posted_credits = 600 WHERE holder LIKE 'wallet:%'",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let verified = tokio::process::Command::new(env!("CARGO_BIN_EXE_daybook"))
        .arg("verify")
        .env("DATABASE_URL", &node.database_url)
        .env("NATS_URL", "nats://127.0.0.1:1")
        .output()
        .await
        .unwrap();
    let told = String::from_utf8(verified.stderr).unwrap();
    assert_eq!(verified.status.code(), Some(2), "{told}");
    assert!(
        told.contains("DIFFERENCE") && told.contains("accounts") && told.contains("600"),
        "{told}"
    );

    let rebuilt = tokio::process::Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["rebuild", "accounts"])
        .env("DATABASE_URL", &node.database_url)
        .env("NATS_URL", "nats://127.0.0.1:1")
        .output()
        .await
        .unwrap();
    assert!(
        rebuilt.status.success(),
        "{}",
        String::from_utf8_lossy(&rebuilt.stderr)
    );
    let accounts = node
        .get(&format!("/wallets/{wallet}/accounts"))
        .await
        .expect(200);
    assert_eq!(accounts.body["items"][0]["balance"], "6.00");
}
