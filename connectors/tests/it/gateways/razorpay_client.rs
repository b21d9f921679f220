//! The Razorpay simulator, spoken to by Razorpay's own Python client.

use connectors::gateways::{CheckoutLookup, Gateway, PaymentStatus, Reported};
use connectors::simulators::{Fault, PayerChoice};
use serde_json::{Value, json};

use super::client;
use super::razorpay::listening;
use super::support::{KEY_ID, KEY_SECRET, WEBHOOK_SECRET, checkout, razorpay, reference, refund};

async fn carried_out(url: &str, secret: &str, operations: Value) -> Vec<Value> {
    client::carried_out("razorpay_client.py", &[url, KEY_ID, secret], operations).await
}

fn is_id(value: &Value, prefix: &str) -> bool {
    let rest = value.as_str().and_then(|text| text.strip_prefix(prefix));
    rest.is_some_and(|rest| {
        rest.len() == 14 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[tokio::test]
async fn the_client_creates_what_the_adapter_finds() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let url = simulator.url();
    let receipt = reference("client 1");
    let order = json!({
        "amount": 50000, "currency": "INR", "receipt": receipt, "notes": {},
        "payment": {"capture": "manual", "capture_options": {"manual_expiry_period": 7200, "refund_speed": "normal"}},
    });
    let made = carried_out(&url, KEY_SECRET, json!([["order.create", [order]]])).await;
    let order = &made[0];
    assert!(is_id(&order["id"], "order_"), "{order}");
    assert_eq!(order["status"], "created");
    assert_eq!(order["notes"], json!([]));
    assert_eq!(
        (&order["amount_paid"], &order["amount_due"]),
        (&json!(0), &json!(50000))
    );
    let order_id = order["id"].as_str().unwrap();
    let payment_id = simulator.control().pay(order_id, PayerChoice::Pay).unwrap();
    let results = carried_out(
        &url,
        KEY_SECRET,
        json!([
            ["payment.fetch", [payment_id]],
            ["payment.capture", [payment_id, 50000, {"currency": "INR"}]],
            ["payment.capture", [payment_id, 50000, {"currency": "INR"}]],
            ["order.fetch", [order_id]],
            ["order.payments", [order_id]],
            ["order.all", [{"receipt": receipt}]],
            ["payment.refund", [payment_id, {"amount": 20000, "receipt": "r-1"}, {"headers": {"X-Refund-Idempotency": "0123456789"}}]],
            ["payment.refund", [payment_id, {"amount": 20000, "receipt": "r-1"}, {"headers": {"X-Refund-Idempotency": "0123456789"}}]],
            ["payment.refund", [payment_id, {"amount": 30000, "receipt": "r-1"}, {"headers": {"X-Refund-Idempotency": "0123456789"}}]],
            ["payment.refund", [payment_id, {"amount": 30000}, {"headers": {"X-Refund-Idempotency": "short"}}]],
            ["payment.refund", [payment_id, {"amount": 30001}]],
            ["payment.fetch_multiple_refund", [payment_id]],
        ]),
    )
    .await;
    assert_eq!(results[0]["status"], "authorized");
    assert_eq!(results[0]["fee"], Value::Null);
    assert_eq!(results[1]["status"], "captured");
    assert_eq!(
        results[2]["message"],
        "This payment has already been captured"
    );
    assert_eq!(results[3]["status"], "paid");
    assert_eq!(results[4]["items"][0]["id"], payment_id.as_str());
    assert_eq!(results[5]["count"], 1);
    assert!(is_id(&results[6]["id"], "rfnd_"));
    assert_eq!(results[7], results[6]);
    assert_eq!(results[8]["error"], "BadRequestError");
    assert_eq!(results[9]["error"], "BadRequestError");
    assert_eq!(
        results[10]["message"],
        "The refund amount provided is greater than amount captured"
    );
    assert_eq!(results[11]["count"], 1);

    let lookup = CheckoutLookup::Reference(receipt);
    let seen = gateway.fetch_checkout(&lookup).await.unwrap();
    assert_eq!(
        seen.payments[0].status,
        Reported::Known(PaymentStatus::PartiallyRefunded)
    );
    let request = refund(&seen.payments[0].payment_id, "client 1", 10_000);
    let ours = gateway.refund(&request).await.unwrap();
    let fetched = carried_out(
        &url,
        KEY_SECRET,
        json!([["refund.fetch", [ours.refund_id]]]),
    )
    .await;
    assert_eq!(fetched[0]["amount"], 10000);
    assert_eq!(fetched[0]["receipt"], request.reference.as_str());

    simulator.webhooks_settled().await;
    let received = receiver.received();
    assert!(received.len() >= 5, "{}", received.len());
    let mut operations = Vec::new();
    for received in &received {
        let body = String::from_utf8(received.body.clone()).unwrap();
        let signature = received.headers["x-razorpay-signature"].to_str().unwrap();
        operations.push(json!([
            "utility.verify_webhook_signature",
            [body, signature, WEBHOOK_SECRET]
        ]));
    }
    let body = String::from_utf8(received[0].body.clone()).unwrap();
    let signature = received[0].headers["x-razorpay-signature"]
        .to_str()
        .unwrap();
    operations.push(json!([
        "utility.verify_webhook_signature",
        [body, signature, "another"]
    ]));
    let mut verdicts = carried_out(&url, KEY_SECRET, Value::Array(operations)).await;
    assert_eq!(
        verdicts.pop().unwrap()["error"],
        "SignatureVerificationError"
    );
    assert!(
        verdicts.iter().all(|verdict| *verdict == true),
        "{verdicts:?}"
    );
}

#[tokio::test]
async fn links_disputes_and_reports_are_as_the_client_expects() {
    let (simulator, gateway) = razorpay().await;
    let url = simulator.url();
    let opened = gateway
        .create_checkout(&checkout("client 2", 50_000))
        .await
        .unwrap();
    let payment_id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let dispute = simulator.dispute_in(&payment_id, "fraud").unwrap();
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    let settlement = simulator.control().settle(day).unwrap();
    let link = json!({"amount": 1000, "currency": "INR", "reference_id": "ref-1", "description": "For a test"});
    let mut soon = link.clone();
    soon["expire_by"] = 1.into();
    soon["reference_id"] = "ref-2".into();
    let mut strange = link.clone();
    strange["colour"] = "red".into();
    let results = carried_out(
        &url,
        KEY_SECRET,
        json!([
            ["payment_link.create", [link]],
            ["payment_link.create", [link]],
            ["payment_link.create", [soon]],
            ["payment_link.create", [strange]],
            ["payment_link.all", [{"reference_id": "ref-1"}]],
            ["dispute.fetch", [dispute]],
            ["settlement.fetch", [settlement]],
            ["settlement.report", [{"year": 2026, "month": 11, "day": 20}]],
            ["settlement.report", [{"year": 2026, "month": 10}]],
            ["settlement.report", [{"year": 26, "month": 10}]],
            ["settlement.report", [{"year": 2026, "month": 13}]],
            ["settlement.report", [{"year": 2026, "month": 11, "count": 0}]],
        ]),
    )
    .await;
    let link = &results[0];
    assert!(is_id(&link["id"], "plink_"), "{link}");
    assert_eq!(
        (&link["status"], &link["payments"]),
        (&json!("created"), &Value::Null)
    );
    let words = results[1]["message"].as_str().unwrap();
    assert!(words.contains("reference ID already attempted"), "{words}");
    assert_eq!(
        results[2]["message"],
        "timestamp must be atleast 15 minutes in future"
    );
    let words = results[3]["message"].as_str().unwrap();
    assert!(
        words.contains("not required and should not be sent"),
        "{words}"
    );
    assert_eq!(results[4]["payment_links"][0]["id"], link["id"]);
    assert_eq!(results[5]["phase"], "fraud");
    assert_eq!(results[6]["status"], "processed");
    let row = &results[7]["items"][0];
    assert_eq!(results[7]["count"], 1);
    assert_eq!(
        (&row["type"], &row["payment_id"]),
        (&json!("payment"), &Value::Null)
    );
    assert_eq!(
        row["credit"].as_u64().unwrap(),
        50_000 - row["fee"].as_u64().unwrap()
    );
    assert_eq!(results[8]["count"], 0);
    assert_eq!(results[9]["message"], "The year must be 4 digits.");
    assert_eq!(results[10]["message"], "The month is not a valid month.");
    assert_eq!(results[11]["message"], "The count must be at least 1.");
    let cancel = json!([
        ["payment_link.cancel", [link["id"]]],
        ["payment_link.fetch", [link["id"]]]
    ]);
    let results = carried_out(&url, KEY_SECRET, cancel).await;
    assert_eq!(results[0]["status"], "cancelled");
    assert_eq!(results[1]["status"], "cancelled");
}

#[tokio::test]
async fn the_client_reads_errors() {
    let (simulator, _) = razorpay().await;
    let url = simulator.url();
    let fetch = json!([["order.fetch", ["order_00000000000000"]]]);
    let results = carried_out(&url, KEY_SECRET, fetch.clone()).await;
    assert_eq!(results[0]["message"], "The id provided does not exist");
    let results = carried_out(&url, "key-of-others", fetch.clone()).await;
    assert_eq!(results[0]["message"], "Authentication failed");
    simulator.control().faults().arm(&Fault::Fail, 1);
    let results = carried_out(&url, KEY_SECRET, fetch).await;
    assert_eq!(results[0]["error"], "ServerError");
    let small = json!([["order.create", [{"amount": 99, "currency": "INR"}]], ["order.create", [{"amount": 10.5, "currency": "INR"}]]]);
    let results = carried_out(&url, KEY_SECRET, small).await;
    assert!(
        results
            .iter()
            .all(|result| result["error"] == "BadRequestError"),
        "{results:?}"
    );
}
