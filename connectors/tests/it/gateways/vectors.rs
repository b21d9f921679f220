//! Every case of every vector file; a scheme that nobody knows fails.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use connectors::gateways::razorpay::{is_link_return, is_page_return};
use connectors::gateways::{FormFields, Gateway, SecretRing, WebhookDelivery};
use connectors::secret::Secret;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::instamojo_support::{By, gateway as instamojo_gateway};
use super::payu_vectors;
use super::support::{razorpay_gateway, stripe_gateway};
use crate::identity_providers::vectors as identity;

/// Schemes that identity's tests read from the same folder, by file.
const CHECKED_BY_IDENTITY: &[&str] = &[
    "jwt_bcp_rfc8725_rfc9068",
    "pkce_rfc7636",
    "totp_rfc6238_hotp_rfc4226",
];

/// Schemes that Daybook does not speak, and why.
const NOT_SUPPORTED: &[(&str, &str)] = &[
    (
        "cashfree (fourth gateway, extensibility check)",
        "not a provider of ours",
    ),
    ("aws-sigv4 for SES v2 SendEmail", "mail goes by SMTP"),
    ("sns (carries SES events)", "mail goes by SMTP"),
    ("twilio", "Twilio Verify is asked and sends us nothing"),
    ("persona", "not a provider of ours"),
    ("veriff", "not a provider of ours"),
    ("bitgo", "no crypto custody yet"),
    ("circle-v2", "no crypto custody yet"),
    ("coinbase-commerce", "no crypto custody yet"),
    ("fireblocks-request", "no crypto custody yet"),
    ("fireblocks-detached-jws-rs512", "no crypto custody yet"),
    ("moonpay-url", "no crypto custody yet"),
    ("moonpay-v2", "no crypto custody yet"),
    ("clearbank", "no bank accounts of our own yet"),
    ("modulr-request", "no bank accounts of our own yet"),
    ("wise", "no bank accounts of our own yet"),
    ("standard-webhooks-v1", "no webhooks of our own yet"),
    ("standard-webhooks-v1a", "no webhooks of our own yet"),
    ("svix", "no webhooks of our own yet"),
];

type Check = fn(&Value, &[&str]) -> bool;

/// Whether a case is accepted with these secrets.
fn check_of(scheme: &str) -> Option<Check> {
    Some(match scheme {
        "razorpay-webhook" => razorpay_webhook,
        "razorpay-checkout-callback" => razorpay_callback,
        "razorpay-payment-link-callback" => razorpay_link_callback,
        "stripe-v1" => stripe_webhook,
        "payu-postservice-hash" => payu_vectors::command,
        "payu-request-hash" => payu_vectors::request,
        "payu-reverse-hash" => payu_vectors::response,
        "payu-v2-header" => payu_vectors::authorization,
        "instamojo-mac" => instamojo_webhook,
        "sumsub-request" => identity::sumsub_request,
        "sumsub-webhook" => identity::sumsub_webhook,
        "onfido" => identity::onfido_webhook,
        "digio" => identity::digio_webhook,
        _ => return None,
    })
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn ring(secrets: &[&str]) -> SecretRing {
    SecretRing::try_new(secrets.iter().map(|secret| Secret::new(*secret)).collect()).unwrap()
}

pub fn headers(case: &Value) -> HeaderMap {
    let pairs = case["headers"].as_object().unwrap().iter();
    pairs
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            (name.parse::<HeaderName>().unwrap(), value)
        })
        .collect()
}

fn webhook(gateway: &dyn Gateway, case: &Value, received_at: DateTime<Utc>) -> bool {
    let body = STANDARD.decode(text(case, "raw_body_b64")).unwrap();
    let delivery = WebhookDelivery {
        body: &body,
        headers: &headers(case),
        received_at,
    };
    gateway.verify_webhook(&delivery).is_ok()
}

fn razorpay_webhook(case: &Value, secrets: &[&str]) -> bool {
    let gateway = razorpay_gateway("http://127.0.0.1:9", "key", secrets);
    webhook(&gateway, case, Utc::now())
}

fn stripe_webhook(case: &Value, secrets: &[&str]) -> bool {
    let gateway = stripe_gateway("http://127.0.0.1:9", secrets);
    let now = case["now_unix"].as_i64().unwrap();
    webhook(&gateway, case, DateTime::from_timestamp(now, 0).unwrap())
}

fn instamojo_webhook(case: &Value, salts: &[&str]) -> bool {
    let gateway = instamojo_gateway("http://127.0.0.1:9", By::Keys, salts);
    webhook(&gateway, case, Utc::now())
}

fn razorpay_callback(case: &Value, secrets: &[&str]) -> bool {
    let order_id = text(case, "stored_order_id").parse().unwrap();
    let fields = FormFields::decode(text(case, "callback_form_body").as_bytes());
    is_page_return(&ring(secrets), &order_id, &fields)
}

fn razorpay_link_callback(case: &Value, secrets: &[&str]) -> bool {
    let fields = FormFields::decode(text(case, "callback_query").as_bytes());
    is_link_return(&ring(secrets), &fields)
}

fn expected(case: &Value) -> bool {
    match text(case, "expected_verdict") {
        // A hint, as the coverage of every such webhook says.
        "accept" | "accept_signature_but_must_confirm" => true,
        // The check names that digest, and holds that no other takes it.
        "accept_only_if_sha1_allowed_by_config" => true,
        "reject" => false,
        other => panic!("no verdict: {other}"),
    }
}

/// The secret of a case, by its name there; PayU's commands have one for the whole file.
fn secret<'a>(file: &'a Value, case: &'a Value) -> &'a str {
    let names = ["secret", "salt", "private_salt", "merchant_secret", "token"];
    let of = |value: &'a Value| names.iter().find_map(|name| value[*name].as_str());
    let first = || file["cases"].get(0).and_then(of);
    let secret = of(case).or_else(first);
    secret.unwrap_or_else(|| panic!("no secret for {case}"))
}

/// How many cases of a file were checked, or nothing when others check it or nobody has to.
fn checked(path: &Path) -> Option<usize> {
    let file = std::fs::read(path).unwrap();
    let file: Value =
        serde_json::from_slice(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let scheme = file["scheme"].as_str().unwrap_or(stem);
    let is_listed = CHECKED_BY_IDENTITY.contains(&stem)
        || NOT_SUPPORTED.iter().any(|(listed, _)| *listed == scheme);
    let Some(check) = check_of(scheme) else {
        assert!(is_listed, "{}: unknown scheme {scheme:?}", path.display());
        return None;
    };
    assert!(!is_listed, "{scheme} is checked and listed as not");
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty(), "{}", path.display());
    for case in cases {
        let name = format!("{stem}: {}", text(case, "name"));
        let secret = secret(&file, case);
        assert_eq!(check(case, &[secret]), expected(case), "{name}");
        if let Some(previous) = case["accept_if_previous_secrets"].as_array() {
            let previous = previous.iter().map(|secret| secret.as_str().unwrap());
            let secrets: Vec<&str> = [secret].into_iter().chain(previous).collect();
            assert!(check(case, &secrets), "{name}, in time");
        }
    }
    Some(cases.len())
}

#[test]
fn every_case_of_every_file() {
    let folder = std::env::var_os("DAYBOOK_SIGNATURE_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/signature-vectors"),
        PathBuf::from,
    );
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let counts: Vec<usize> = files.iter().filter_map(|path| checked(path)).collect();
    assert!(
        !counts.is_empty(),
        "nothing to check in {}",
        folder.display()
    );
    println!(
        "{} cases of {} files",
        counts.iter().sum::<usize>(),
        counts.len()
    );
}
