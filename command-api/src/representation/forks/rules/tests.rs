//! What is told of a fork's rules asks for the same rules.

use serde_json::{Value, json};

use super::ForkRulesRequest;

fn told(asked: Value) -> Value {
    let request: ForkRulesRequest = serde_json::from_value(asked).unwrap();
    let rules = request.rules("/rules").unwrap();
    rules.check().unwrap();
    let told = ForkRulesRequest::from(&rules);
    assert_eq!(told.rules("/rules"), Ok(rules));
    serde_json::to_value(told).unwrap()
}

#[test]
fn rules_are_told_as_they_are_asked_for() {
    let wallet = "wallet:0190a5a6-0000-7000-8000-000000000001:INR";
    let all = json!({
        "tiers": [
            { "tier": "closed", "rules": { "operations": [], "other_assets": "forbidden" } },
            { "tier": "small", "rules": {
                "operations": ["deposit", "send"],
                "assets": [
                    { "asset": "EUR", "operations": [], "incoming": { "per_month": "3" } },
                    { "asset": "INR",
                      "incoming": { "per_transaction": "0.5", "per_day": "1", "per_month": "2" },
                      "outgoing": { "per_day": "7.25" },
                      "balance": "1000" },
                ],
                "other_assets": "unlimited",
                "utc_offset_minutes": 330,
            } },
        ],
        "default_tier": "small",
        "overdrafts": [{ "account": wallet, "policy": "up_to", "amount": "12.5" }],
        "provider_fees": [{ "provider": "razorpay", "percent": "2.5", "tax_percent": "18",
            "fixed": [{ "asset": "INR", "amount": "3" }] }],
        "account_fees": [{ "account": "fees", "percent": "1" }],
    });
    assert_eq!(told(all.clone()), all);
    assert_eq!(told(json!({})), json!({}));
    for policy in ["forbidden", "unlimited"] {
        let one = json!({ "overdrafts": [{ "account": wallet, "policy": policy }] });
        assert_eq!(told(one.clone()), one);
    }
}
