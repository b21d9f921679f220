//! The Stripe simulator, spoken to by Stripe's own Python client.

use connectors::gateways::{CheckoutLookup, Gateway, PaymentStatus, Reported};
use connectors::simulators::{Fault, PayerChoice};
use serde_json::{Value, json};

use super::client;
use super::stripe::listening;
use super::support::{STRIPE_KEY, STRIPE_SECRET, checkout, stripe};

async fn carried_out(url: &str, key: &str, operations: Value) -> Vec<Value> {
    client::carried_out("stripe_client.py", &[url, key], operations).await
}

#[tokio::test]
async fn the_client_creates_what_the_adapter_finds() {
    let (simulator, gateway) = stripe().await;
    let receiver = listening(&simulator).await;
    let url = simulator.url();
    let session = json!({
        "mode": "payment",
        "client_reference_id": "client-reference-1",
        "line_items": [{"quantity": 1, "price_data": {"currency": "inr", "unit_amount": 50000, "product_data": {"name": "Top-up"}}}],
        "payment_intent_data": {"capture_method": "manual", "metadata": {"reference": "client-reference-1"}},
        "success_url": "https://shop.example/return",
    });
    let key = json!({"idempotency_key": "session-1"});
    let results = carried_out(
        &url,
        STRIPE_KEY,
        json!([
            ["v1.checkout.sessions.create", [session, key]],
            ["v1.checkout.sessions.create", [session, key]],
        ]),
    )
    .await;
    let session = &results[0];
    assert_eq!(
        (&session["object"], &session["status"]),
        (&json!("checkout.session"), &json!("open"))
    );
    assert_eq!(results[1]["id"], session["id"]);
    assert_eq!(
        (&session["replayed"], &results[1]["replayed"]),
        (&Value::Null, &json!("true"))
    );
    let session_id = session["id"].as_str().unwrap();
    let intent = simulator
        .control()
        .pay(session_id, PayerChoice::Pay)
        .unwrap();
    let results = carried_out(
        &url,
        STRIPE_KEY,
        json!([
            ["v1.payment_intents.retrieve", [intent, {}]],
            ["v1.payment_intents.capture", [intent, {"amount_to_capture": 50000}, {}]],
            ["v1.payment_intents.capture", [intent, {}, {}]],
            ["v1.payment_intents.retrieve", [intent, {"expand": ["latest_charge.balance_transaction"]}, {}]],
            ["v1.refunds.create", [{"payment_intent": intent, "amount": 20000}, {"idempotency_key": "refund-1"}]],
            ["v1.refunds.create", [{"payment_intent": intent, "amount": 20001}, {"idempotency_key": "refund-1"}]],
            ["v1.refunds.create", [{"payment_intent": intent, "amount": 30001}, {}]],
            ["v1.refunds.list", [{"payment_intent": intent}, {}]],
            ["v1.checkout.sessions.retrieve", [session_id, {"expand": ["payment_intent"]}, {}]],
            ["v1.checkout.sessions.expire", [session_id, {}, {}]],
        ]),
    )
    .await;
    assert_eq!(results[0]["status"], "requires_capture");
    assert_eq!(results[1]["status"], "succeeded");
    assert_eq!(results[2]["code"], "payment_intent_unexpected_state");
    let entry = &results[3]["latest_charge"]["balance_transaction"];
    assert_eq!(
        entry["net"].as_i64().unwrap(),
        50_000 - entry["fee"].as_i64().unwrap()
    );
    assert_eq!(results[4]["status"], "succeeded");
    assert_eq!(results[5]["error"], "IdempotencyError");
    assert_eq!(results[6]["error"], "InvalidRequestError");
    assert_eq!(results[7]["data"].as_array().unwrap().len(), 1);
    assert_eq!(results[8]["payment_intent"]["id"], intent.as_str());
    assert_eq!(results[8].get("simulated"), None);
    assert_eq!(results[9]["error"], "InvalidRequestError");
    let seen = gateway
        .fetch_checkout(&CheckoutLookup::Id(session_id.parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(
        seen.payments[0].status,
        Reported::Known(PaymentStatus::PartiallyRefunded)
    );

    simulator.webhooks_settled().await;
    let received = receiver.received();
    assert!(received.len() >= 5, "{}", received.len());
    let mut operations = Vec::new();
    for received in &received {
        let body = String::from_utf8(received.body.clone()).unwrap();
        let signature = received.headers["stripe-signature"].to_str().unwrap();
        operations.push(json!(["webhook", [body, signature, STRIPE_SECRET]]));
    }
    let body = String::from_utf8(received[0].body.clone()).unwrap();
    let signature = received[0].headers["stripe-signature"].to_str().unwrap();
    operations.push(json!(["webhook", [body, signature, "whsec_another"]]));
    let mut verdicts = carried_out(&url, STRIPE_KEY, Value::Array(operations)).await;
    assert_eq!(
        verdicts.pop().unwrap()["error"],
        "SignatureVerificationError"
    );
    for verdict in verdicts {
        assert_eq!(verdict["object"], "event", "{verdict}");
    }
}

#[tokio::test]
async fn payouts_disputes_and_the_balance_are_as_the_client_expects() {
    let (simulator, gateway) = stripe().await;
    let url = simulator.url();
    let opened = gateway
        .create_checkout(&checkout("client 2", 50_000))
        .await
        .unwrap();
    let intent = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let dispute = simulator.control().dispute(&intent).unwrap();
    let results = carried_out(
        &url,
        STRIPE_KEY,
        json!([
            ["v1.disputes.retrieve", [dispute, {}]],
            ["v1.payouts.create", [{"amount": 1000, "currency": "inr", "destination": "ba_0001"}, {}]],
            ["v1.payouts.create", [{"amount": 1000, "currency": "inr", "destination": "nowhere"}, {}]],
            ["v1.transfers.create", [{"amount": 2000, "currency": "inr", "destination": "acct_0001", "transfer_group": "group-1"}, {}]],
            ["v1.transfers.list", [{"transfer_group": "group-1"}, {}]],
            ["v1.balance_transactions.list", [{"limit": 3, "expand": ["data.source"]}, {}]],
        ]),
    )
    .await;
    assert_eq!(results[0]["status"], "needs_response");
    assert_eq!(
        (&results[1]["object"], &results[1]["amount"]),
        (&json!("payout"), &json!(1000))
    );
    assert_eq!(results[2]["error"], "InvalidRequestError");
    assert_eq!(results[4]["data"][0]["id"], results[3]["id"]);
    let entries = results[5]["data"].as_array().unwrap();
    assert_eq!((entries.len(), &results[5]["has_more"]), (3, &json!(true)));
    assert_eq!(entries[0]["source"]["object"], "transfer");
    let after = json!({"limit": 3, "starting_after": entries[2]["id"]});
    let operations = json!([
        ["v1.balance_transactions.list", [after, {}]],
        ["v1.transfers.reversals.create", [results[3]["id"], {}, {}]],
        ["v1.transfers.retrieve", [results[3]["id"], {}]],
    ]);
    let results = carried_out(&url, STRIPE_KEY, operations).await;
    assert_eq!(results[0]["data"].as_array().unwrap().len(), 1);
    assert_eq!(results[0]["has_more"], false);
    assert_eq!(results[2]["reversed"], true);
}

#[tokio::test]
async fn the_client_reads_errors() {
    let (simulator, _) = stripe().await;
    let url = simulator.url();
    let fetch = json!([["v1.refunds.retrieve", ["re_nobody", {}]]]);
    let results = carried_out(&url, STRIPE_KEY, fetch.clone()).await;
    assert_eq!(
        (&results[0]["code"], &results[0]["status"]),
        (&json!("resource_missing"), &json!(404))
    );
    let results = carried_out(&url, "sk_test_of_others", fetch.clone()).await;
    assert_eq!(results[0]["error"], "AuthenticationError");
    simulator.control().faults().arm(&Fault::Fail, 1);
    let limit = Fault::RateLimit {
        retry_after_seconds: Some(1),
    };
    simulator.control().faults().arm(&limit, 1);
    let results = carried_out(&url, STRIPE_KEY, json!([fetch[0], fetch[0]])).await;
    assert_eq!(results[0]["error"], "APIError");
    assert_eq!(results[1]["error"], "RateLimitError");
}
