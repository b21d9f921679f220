//! How a case of a vector file is checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use connectors::identity_providers::digio::DigioProvider;
use connectors::identity_providers::onfido::OnfidoProvider;
use connectors::identity_providers::sumsub::{
    SumsubDigest, SumsubProvider, SumsubSettings, request_signature,
};
use connectors::identity_providers::{IdentityProvider, WebhookDelivery};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::support::{digio_settings, onfido_settings, sumsub_settings};
use crate::gateways::vectors::{headers, text};

const NOBODY: &str = "http://127.0.0.1:9";

fn body(case: &Value) -> Vec<u8> {
    STANDARD.decode(text(case, "raw_body_b64")).unwrap()
}

fn is_taken(provider: &dyn IdentityProvider, case: &Value) -> bool {
    let mut headers = headers(case);
    // The files leave it out, for nothing of it is signed.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let delivery = WebhookDelivery {
        body: &body(case),
        headers: &headers,
        received_at: Utc::now(),
    };
    provider.verify_webhook(&delivery).is_ok()
}

fn sumsub(case: &Value, secrets: &[&str], digest: SumsubDigest) -> bool {
    let settings = SumsubSettings {
        webhook_digest: digest,
        ..sumsub_settings(NOBODY, secrets)
    };
    is_taken(&SumsubProvider::try_new(settings).unwrap(), case)
}

/// With the digest of the settings only.
pub fn sumsub_webhook(case: &Value, secrets: &[&str]) -> bool {
    let is_taken = |digest| sumsub(case, secrets, digest);
    assert!(!is_taken(SumsubDigest::Sha512), "{case}");
    match text(case, "expected_verdict") {
        "accept_only_if_sha1_allowed_by_config" => {
            assert!(!is_taken(SumsubDigest::Sha256), "{case}");
            is_taken(SumsubDigest::Sha1)
        }
        _ => {
            assert!(!is_taken(SumsubDigest::Sha1), "{case}");
            is_taken(SumsubDigest::Sha256)
        }
    }
}

pub fn sumsub_request(case: &Value, secrets: &[&str]) -> bool {
    let [secret] = secrets else {
        panic!("one secret: {case}");
    };
    let signature = request_signature(
        secret,
        text(&case["headers"], "X-App-Access-Ts"),
        text(case, "method"),
        text(case, "path_and_query"),
        &body(case),
    );
    signature == text(case, "expected_signature")
}

pub fn onfido_webhook(case: &Value, tokens: &[&str]) -> bool {
    let settings = onfido_settings(NOBODY, tokens);
    is_taken(&OnfidoProvider::try_new(settings).unwrap(), case)
}

pub fn digio_webhook(case: &Value, secrets: &[&str]) -> bool {
    let settings = digio_settings(NOBODY, secrets);
    is_taken(&DigioProvider::try_new(settings).unwrap(), case)
}
