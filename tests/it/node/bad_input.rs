//! Everything a caller can get wrong has a coded answer and changes nothing.

use serde_json::json;

use crate::harness::node::{TestNode, transfer_body};

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_movement_is_refused_with_its_own_code() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.funded("asha", "10.00").await);
    let unknown = "wallet:0190b8a2-5b7e-7c3d-8f00-00000000ffff";
    let closed = node.wallet("gone").await;
    node.post(&format!("/wallets/{closed}/close"), json!({}))
        .await
        .expect(200);
    let frozen = node.wallet("cold").await;
    node.post(
        &format!("/wallets/{frozen}/freeze"),
        json!({ "scope": "all" }),
    )
    .await
    .expect(200);
    let (closed, frozen) = (format!("wallet:{closed}"), format!("wallet:{frozen}"));

    let refused = [
        (
            wallet.as_str(),
            "system:cash",
            "10.01",
            422,
            "insufficient_funds",
        ),
        (
            &wallet,
            "system:cash",
            "1.001",
            422,
            "amount_too_many_decimals",
        ),
        (&wallet, &wallet, "1.00", 422, "same_source_and_destination"),
        (&wallet, unknown, "1.00", 404, "account_not_found"),
        (&wallet, "system:nothing", "1.00", 404, "account_not_found"),
        (&wallet, &closed, "1.00", 409, "wallet_closed"),
        (&wallet, &frozen, "1.00", 409, "wallet_frozen"),
    ];
    for (source, destination, amount, status, code) in refused {
        let reply = node.transfer(source, destination, amount).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{reply:?}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
    }
    let fields = [
        ("0", "amount_not_positive"),
        ("-5", "amount_not_positive"),
        ("1e3", "amount_malformed"),
        ("NaN", "amount_malformed"),
        ("1,5", "amount_malformed"),
        ("", "amount_malformed"),
        ("99999999999999999999999999999999", "amount_too_large"),
    ];
    for (amount, code) in fields {
        let reply = node.transfer(&wallet, "system:cash", amount).await;
        let field = reply.body["errors"][0]["code"]
            .as_str()
            .unwrap_or(reply.code())
            .to_owned();
        assert!((400..=422).contains(&reply.status), "{amount}: {reply:?}");
        assert_eq!(field, code, "{amount}: {reply:?}");
    }
    let mut other_asset = transfer_body("system:cash", &wallet, "1.00");
    other_asset["postings"][0]["asset"] = json!("NOPE");
    assert_eq!(
        node.post("/transactions", other_asset).await.code(),
        "asset_not_found"
    );
    let unbalanced = json!({ "entries": [
        { "account": "system:cash:INR", "direction": "debit", "amount": "2.00" },
        { "account": format!("{wallet}:INR"), "direction": "credit", "amount": "1.00" },
    ] });
    assert_eq!(
        node.post("/transactions", unbalanced).await.code(),
        "unbalanced"
    );
    let empty = node.post("/transactions", json!({ "postings": [] })).await;
    assert!(
        empty.status == 400 || empty.code() == "no_postings",
        "{empty:?}"
    );
    // Nothing of all this changed anything.
    let accounts = node
        .get(&format!("/accounts/{wallet}:INR"))
        .await
        .expect(200);
    assert_eq!(accounts.body["balance"], "10.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_malformed_request_is_refused_with_its_own_code() {
    let node = TestNode::start().await;
    let cases = [
        ("{", 400, "malformed_json"),
        ("[]", 400, "invalid_request"),
        ("{\"zz\":1}", 400, "invalid_request"),
        ("{\"owner\":7}", 400, "invalid_request"),
        ("{\"owner\":\"a\",\"owner\":\"b\"}", 400, "malformed_json"),
    ];
    for (body, status, code) in cases {
        let reply = node.post_text("/wallets", body).await;
        let duplicate = body.matches("owner").count() > 1 && reply.code() == "invalid_request";
        assert!(
            reply.status == status && (reply.code() == code || duplicate),
            "{body}: {reply:?}"
        );
    }
    let large = format!("{{\"owner\":\"{}\"}}", "a".repeat(10 << 20));
    assert_eq!(
        node.post_text("/wallets", large).await.expect(413).code(),
        "body_too_large"
    );
    let plain = node
        .client
        .post(node.at("/wallets"))
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(
        node.send(plain).await.expect(415).code(),
        "unsupported_media_type"
    );
    let bare = node.client.post(node.at("/wallets")).body("{}");
    assert_eq!(
        node.send(bare).await.expect(415).code(),
        "unsupported_media_type"
    );
    let key = node
        .client
        .post(node.at("/wallets"))
        .header("idempotency-key", "k".repeat(256))
        .json(&json!({ "owner": "a" }));
    assert_eq!(node.send(key).await.status, 400);

    let nowhere = node.client.get(node.url("/v1/ledgers/nowhere/wallets"));
    assert_eq!(
        node.send(nowhere).await.expect(404).code(),
        "ledger_not_found"
    );
    let nowhere = node
        .client
        .post(node.url("/v1/ledgers/nowhere/wallets"))
        .json(&json!({"owner": "a"}));
    assert_eq!(
        node.send(nowhere).await.expect(404).code(),
        "ledger_not_found"
    );
    assert_eq!(
        node.get("/nothing/here").await.expect(404).code(),
        "route_not_found"
    );
    let method = node.client.delete(node.at("/wallets"));
    assert_eq!(
        node.send(method).await.expect(405).code(),
        "method_not_allowed"
    );
    let unknown = "/wallets/0190b8a2-5b7e-7c3d-8f00-00000000ffff";
    assert_eq!(
        node.get(unknown).await.expect(404).code(),
        "wallet_not_found"
    );
    for query in [
        "?min_position=x",
        "?min_position=-1",
        "?limit=0",
        "?limit=1001",
        "?cursor=zzz",
    ] {
        assert_eq!(
            node.get(&format!("/wallets{query}")).await.status,
            400,
            "{query}"
        );
    }
    let beyond = node.get("/wallets?min_position=1000").await;
    assert_eq!(beyond.code(), "position_unknown", "{beyond:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_and_reverts_keep_their_rules_over_http() {
    let node = TestNode::start().await;
    let wallet = node.funded("asha", "10.00").await;
    let source = format!("wallet:{wallet}");
    let hold = json!({ "source": source, "asset": "INR", "amount": "6.00" });
    let id = node.post("/holds", hold.clone()).await.expect(201).id();
    assert_eq!(node.post("/holds", hold).await.code(), "insufficient_funds");
    assert_eq!(
        node.transfer(&source, "system:cash", "4.01").await.code(),
        "insufficient_funds"
    );
    let path = format!("/holds/{id}/capture");
    assert_eq!(
        node.post(&path, json!({ "amount": "1.00" })).await.code(),
        "capture_destination_missing"
    );
    let over = json!({ "amount": "6.01", "destination": "system:cash" });
    assert_eq!(node.post(&path, over).await.code(), "capture_exceeds_hold");
    let part = json!({ "amount": "2.00", "destination": "system:cash", "remainder": "keep" });
    node.post(&path, part).await.expect(201);
    node.post(&format!("/holds/{id}/void"), json!({}))
        .await
        .expect(200);
    let late = json!({ "destination": "system:cash" });
    assert_eq!(
        node.post(&path, late).await.expect(409).code(),
        "hold_not_active"
    );

    let transaction = node
        .transfer("system:cash", &source, "1.00")
        .await
        .expect(201)
        .id();
    let revert = format!("/transactions/{transaction}/revert");
    node.post(&revert, json!({})).await.expect(201);
    let again = node.post(&revert, json!({})).await.expect(409);
    assert_eq!(again.code(), "transaction_already_reverted");
    let closing = node
        .post(&format!("/wallets/{wallet}/close"), json!({}))
        .await;
    assert_eq!(closing.code(), "wallet_not_empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_stands_alone_or_together() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.funded("asha", "5.00").await);
    let three = transfer_body(&wallet, "system:cash", "3.00");
    let body = |atomicity: &str| json!({ "atomicity": atomicity, "transactions": [three, three] });
    let refused = node
        .post("/transactions/batch", body("all_or_nothing"))
        .await;
    assert!(refused.status >= 400, "{refused:?}");
    assert_eq!(refused.code(), "insufficient_funds");
    let balance = node.get(&format!("/accounts/{wallet}:INR")).await;
    assert_eq!(balance.body["balance"], "5.00");
    let partly = node.post("/transactions/batch", body("independent")).await;
    assert!(partly.status < 300, "{partly:?}");
    let position = partly.position();
    let balance = node
        .get(&format!("/accounts/{wallet}:INR?min_position={position}"))
        .await;
    assert_eq!(balance.body["balance"], "2.00");
    let many = json!({ "atomicity": "independent", "transactions": vec![three.clone(); 1_001] });
    assert_eq!(node.post("/transactions/batch", many).await.status, 400);
    let dry = node
        .post(
            "/transactions?dry_run=true",
            transfer_body(&wallet, "system:cash", "1.00"),
        )
        .await;
    assert!(dry.status < 300 && dry.body["dry_run"] == true, "{dry:?}");
    let balance = node
        .get(&format!("/accounts/{wallet}:INR?min_position={position}"))
        .await;
    assert_eq!(balance.body["balance"], "2.00");
}
