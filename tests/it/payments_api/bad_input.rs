//! Requests that cannot be accepted, field by field; nothing of them is left.

use serde_json::{Value, json};

use super::desk::{Desk, bank_account};
use crate::harness::node::Reply;

/// A body with one field changed, or without it.
fn with(body: &Value, field: &str, value: Option<Value>) -> Value {
    let mut body = body.clone();
    match value {
        Some(value) => body[field] = value,
        None => {
            body.as_object_mut().unwrap().remove(field);
        }
    }
    body
}

/// The field and the code of the only fault.
fn fault(reply: Reply) -> (String, String) {
    let reply = reply.expect(400);
    let errors = reply.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let text = |name: &str| errors[0][name].as_str().unwrap_or_default().to_owned();
    (text("pointer"), text("code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_deposit_is_checked() {
    let desk = Desk::open().await;
    let good = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5" });
    for (field, value, code) in [
        ("wallet", None, "missing_field"),
        ("wallet", Some(json!("me")), "invalid_format"),
        ("asset", Some(json!("inr")), "invalid_format"),
        ("amount", Some(json!(5)), "wrong_type"),
        ("amount", Some(json!("-5")), "amount_not_positive"),
        ("amount", Some(json!("0")), "amount_not_positive"),
        ("amount", Some(json!("1e3")), "amount_malformed"),
        ("provider", Some(json!("Razor Pay")), "invalid_format"),
        ("method", Some(json!("cash")), "not_allowed"),
        ("country", Some(json!("IND")), "too_long"),
        ("country", Some(json!("in")), "invalid_format"),
        ("expires_at", Some(json!("tomorrow")), "invalid_format"),
        (
            "return_url",
            Some(json!("javascript:alert(1)")),
            "invalid_format",
        ),
        (
            "card_number",
            Some(json!("4111111111111111")),
            "unknown_field",
        ),
    ] {
        let body = with(&good, field, value.clone());
        let refused = desk.post("/deposits", &desk.asha.access, body).await;
        let expected = (format!("/{field}"), code.to_owned());
        assert_eq!(fault(refused), expected, "{value:?}");
    }
    for (payer, pointer, code) in [
        (
            json!({ "email": "nobody" }),
            "/payer/email",
            "invalid_format",
        ),
        (json!({ "phone": "12" }), "/payer/phone", "invalid_format"),
        (json!({ "name": " Asha" }), "/payer/name", "invalid_format"),
        (json!({ "card": "4111" }), "/payer/card", "unknown_field"),
    ] {
        let body = with(&good, "payer", Some(payer));
        let refused = desk.post("/deposits", &desk.asha.access, body).await;
        assert_eq!(fault(refused), (pointer.to_owned(), code.to_owned()));
    }
    let fine = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5.001" });
    let refused = desk.post("/deposits", &desk.asha.access, fine).await;
    assert_eq!(refused.expect(422).code(), "amount_too_many_decimals");
    let unknown = json!({ "wallet": desk.wallet, "asset": "LOOT", "amount": "5" });
    let refused = desk.post("/deposits", &desk.asha.access, unknown).await;
    assert_eq!(refused.expect(404).code(), "asset_not_found");
    let path = format!("/deposits?wallet={}", desk.wallet);
    let left = desk.get(&path, &desk.asha.access).await.expect(200);
    assert_eq!(left.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_beneficiary_is_checked() {
    let desk = Desk::open().await;
    let path = format!("/wallets/{}/beneficiaries", desk.wallet);
    let good = bank_account();
    for (field, value, code) in [
        ("kind", None, "missing_field"),
        ("kind", Some(json!("mattress")), "not_allowed"),
        ("holder_name", None, "missing_field"),
        ("account_number", None, "missing_field"),
        ("account_number", Some(json!("12 34 56")), "invalid_format"),
        ("account_number", Some(json!(123_456)), "wrong_type"),
        ("routing_code", Some(json!("HD-FC")), "invalid_format"),
        ("address", Some(json!("asha@okbank")), "conflicting_fields"),
        ("account", Some(json!("acct_1")), "conflicting_fields"),
    ] {
        let body = with(&good, field, value.clone());
        let refused = desk.post(&path, &desk.asha.access, body).await;
        let expected = (format!("/{field}"), code.to_owned());
        assert_eq!(fault(refused), expected, "{value:?}");
    }
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.destination")
        .fetch_one(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_payout_a_decision_and_a_policy_is_checked() {
    let desk = Desk::open().await;
    let admin = desk.doors.admin.clone();
    let id = uuid::Uuid::now_v7();
    let payout = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5",
                         "beneficiary": id });
    for (field, value, code) in [
        ("beneficiary", None, "missing_field"),
        ("beneficiary", Some(json!("me")), "invalid_format"),
        ("amount", Some(json!("0.00")), "amount_not_positive"),
        ("requested_by", Some(json!("somebody")), "unknown_field"),
    ] {
        let body = with(&payout, field, value.clone());
        let refused = desk.post("/payouts", &desk.asha.access, body).await;
        let expected = (format!("/{field}"), code.to_owned());
        assert_eq!(fault(refused), expected, "{value:?}");
    }
    let vera = desk
        .colleague("vera@example.org", identity::permission::Role::Operator)
        .await;
    let path = format!("/payouts/{id}/decision");
    for (body, pointer, code) in [
        (json!({}), "/decision", "missing_field"),
        (json!({ "decision": "maybe" }), "/decision", "not_allowed"),
        (
            json!({ "decision": "approve", "reason": "fine" }),
            "/reason",
            "conflicting_fields",
        ),
    ] {
        let refused = desk.post(&path, &vera.access, body).await;
        assert_eq!(fault(refused), (pointer.to_owned(), code.to_owned()));
    }
    let missing = desk
        .post(&path, &vera.access, json!({ "decision": "decline" }))
        .await;
    assert_eq!(missing.expect(404).code(), "payout_not_found");
    for (body, pointer, code) in [
        (
            json!({ "chargeback_overdraft": "up_to" }),
            "/chargeback_overdraft_amount",
            "missing_field",
        ),
        (
            json!({ "chargeback_overdraft": "forbidden", "payout_approval_above": "-1" }),
            "/payout_approval_above",
            "amount_not_positive",
        ),
    ] {
        let refused = desk.put("/payment-policies/INR", &admin, body).await;
        assert_eq!(fault(refused), (pointer.to_owned(), code.to_owned()));
    }
    let fine = json!({ "chargeback_overdraft": "forbidden", "payout_approval_above": "1.001" });
    let refused = desk.put("/payment-policies/INR", &admin, fine).await;
    assert_eq!(refused.expect(422).code(), "policy_not_an_amount");
    for path in [
        "/deposits?status=lost",
        "/deposits?wallet=me",
        "/payouts?deposit=x",
        "/provider-days?from=2026-1-1",
        "/provider-days?from=2020-01-01&to=2026-01-01",
        "/settlements?wallet=x",
        "/deposits?cursor=AAAA",
    ] {
        desk.get(path, &admin).await.expect(400);
    }
}
