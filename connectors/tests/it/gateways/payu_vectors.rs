//! PayU's cases of the vector files: whether each is accepted with these salts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use connectors::gateways::payu::signature::{
    RequestFields, command_hash, request_hash, v2_authorization,
};
use connectors::gateways::payu::{PayUGateway, PayUResponseHash, PayUSettings};
use connectors::gateways::{Gateway, SignatureCoverage, WebhookDelivery};
use serde_json::Value;

use super::payu_support::settings;
use super::vectors::{headers, text};

pub fn command(case: &Value, salts: &[&str]) -> bool {
    let form: Vec<(String, String)> = form_urlencoded::parse(text(case, "form_body").as_bytes())
        .into_owned()
        .collect();
    let given = |name: &str| {
        let found = form.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let hash = command_hash(given("key"), salt(salts), given("command"), given("var1"));
    hash == text(case, "expected_signature") && hash == given("hash")
}

pub fn request(case: &Value, salts: &[&str]) -> bool {
    let given = |name: &str| case["params"][name].as_str().unwrap_or("");
    let hash = request_hash(
        salt(salts),
        &RequestFields {
            key: text(case, "key"),
            txnid: given("txnid"),
            amount: given("amount"),
            productinfo: given("productinfo"),
            firstname: given("firstname"),
            email: given("email"),
            udf: ["udf1", "udf2", "udf3", "udf4", "udf5"].map(given),
            si_details: given("si_details"),
            split_request: given("splitRequest"),
        },
    );
    let posted = text(case, "hosted_checkout_form_body");
    hash == text(case, "expected_signature") && posted.contains(&format!("&hash={hash}"))
}

/// What is accepted is a hint in every case.
pub fn response(case: &Value, salts: &[&str]) -> bool {
    let gateway = PayUGateway::try_new(PayUSettings {
        key: text(case, "key").to_owned(),
        response_hash: match case["useSplitHash"].as_bool() {
            Some(true) => PayUResponseHash::WithSplitInfo,
            _ => PayUResponseHash::Plain,
        },
        ..settings("http://127.0.0.1:9", salts)
    })
    .unwrap();
    let body = STANDARD.decode(text(case, "raw_body_b64")).unwrap();
    let facts = gateway.verify_webhook(&WebhookDelivery {
        body: &body,
        headers: &headers(case),
        received_at: Utc::now(),
    });
    facts.is_ok_and(|facts| facts.coverage == SignatureCoverage::Parts)
}

pub fn authorization(case: &Value, salts: &[&str]) -> bool {
    let body = STANDARD.decode(text(case, "raw_body_b64")).unwrap();
    let body = String::from_utf8(body).unwrap();
    let headers = &case["headers"];
    let header = v2_authorization(text(case, "key"), salt(salts), text(headers, "date"), &body);
    header == text(headers, "authorization")
}

fn salt<'a>(salts: &[&'a str]) -> &'a str {
    let [salt] = salts else {
        panic!("one salt: {salts:?}");
    };
    salt
}
