//! Webhooks that are not taken, and genuine ones that cannot be read.

use chrono::{DateTime, TimeDelta, Utc};
use connectors::gateways::{
    Gateway, MAX_WEBHOOK_BYTES, Observation, PaymentStatus, Reported, WebhookContent,
    WebhookDelivery, WebhookFacts, WebhookRejection,
};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use sha2::Sha256;

use super::receiver::observations;
use super::support::{STRIPE_SECRET, WEBHOOK_SECRET, razorpay_gateway, stripe_gateway};

const PAYMENT: &str = r#"{"entity":"event","account_id":"acc_0","event":"payment.captured","contains":["payment"],"payload":{"payment":{"entity":{"id":"pay_00000000000001","entity":"payment","amount":50000,"currency":"INR","status":"captured","order_id":"order_00000000000001","captured":true,"amount_refunded":0,"notes":[],"fee":1180,"tax":180,"error_code":"","created_at":1767225590}}},"created_at":1767225600}"#;

const INTENT: &str = r#"{"id":"evt_1","object":"event","created":1767225590,"data":{"object":{"id":"pi_1","object":"payment_intent","amount":50000,"amount_received":50000,"currency":"inr","status":"succeeded","created":1767225580,"metadata":{},"latest_charge":"ch_1"}},"livemode":false,"type":"payment_intent.succeeded"}"#;

fn signature(secret: &str, signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

type Outcome = Result<WebhookFacts, WebhookRejection>;

fn given(gateway: &dyn Gateway, body: &[u8], headers: &HeaderMap, at: DateTime<Utc>) -> Outcome {
    gateway.verify_webhook(&WebhookDelivery {
        body,
        headers,
        received_at: at,
    })
}

/// Razorpay's, signed rightly unless a test says otherwise.
fn razorpay(body: &[u8]) -> Outcome {
    let signed = signature(WEBHOOK_SECRET, body);
    razorpay_with(
        body,
        &[
            ("content-type", "application/json"),
            ("x-razorpay-signature", &signed),
            ("x-razorpay-event-id", "evt_1"),
        ],
    )
}

fn razorpay_with(body: &[u8], pairs: &[(&'static str, &str)]) -> Outcome {
    let gateway = razorpay_gateway("http://127.0.0.1:9", "key", &[WEBHOOK_SECRET]);
    given(&gateway, body, &headers(pairs), Utc::now())
}

#[test]
fn razorpay_takes_what_is_genuine() {
    let facts = razorpay(PAYMENT.as_bytes()).unwrap();
    assert_eq!(
        (facts.event_id.as_str(), facts.event_type.as_str()),
        ("evt_1", "payment.captured")
    );
    assert_eq!(facts.body_digest.len(), 64);
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(payment.failure, None, "an empty code is none");
    // A replay verifies, for nothing in the signature tells the time: it has the same id and digest.
    assert_eq!(razorpay(PAYMENT.as_bytes()).unwrap(), facts);
    // The id is not signed: under another one the digest still tells.
    let signed = signature(WEBHOOK_SECRET, PAYMENT.as_bytes());
    let renamed = razorpay_with(
        PAYMENT.as_bytes(),
        &[
            ("content-type", "application/json; charset=utf-8"),
            ("x-razorpay-signature", &signed),
            ("x-razorpay-event-id", "evt_2"),
        ],
    );
    let renamed = renamed.unwrap();
    assert_eq!(
        (renamed.event_id.as_str(), renamed.body_digest),
        ("evt_2", facts.body_digest)
    );
    let nameless = razorpay_with(
        PAYMENT.as_bytes(),
        &[
            ("content-type", "application/json"),
            ("x-razorpay-signature", &signed),
        ],
    );
    assert!(nameless.unwrap().event_id.starts_with("sha256-"));
}

#[test]
fn razorpay_refuses_what_is_not() {
    let body = PAYMENT.as_bytes();
    let json = ("content-type", "application/json");
    let right = signature(WEBHOOK_SECRET, body);
    let wrong = signature("another", body);
    let short = &right[..63];
    let upper = right.to_ascii_uppercase();
    let spaced = format!(" {right}");
    for (pairs, expected) in [
        (vec![json], WebhookRejection::NotSigned),
        (
            vec![json, ("x-razorpay-signature", "")],
            WebhookRejection::NotSigned,
        ),
        (
            vec![
                json,
                ("x-razorpay-signature", &right),
                ("x-razorpay-signature", &right),
            ],
            WebhookRejection::NotSigned,
        ),
        (
            vec![json, ("x-razorpay-signature", short)],
            WebhookRejection::MalformedSignature,
        ),
        (
            vec![json, ("x-razorpay-signature", &spaced)],
            WebhookRejection::MalformedSignature,
        ),
        (
            vec![json, ("x-razorpay-signature", &upper)],
            WebhookRejection::WrongSignature,
        ),
        (
            vec![json, ("x-razorpay-signature", &wrong)],
            WebhookRejection::WrongSignature,
        ),
        (
            vec![("x-razorpay-signature", &right)],
            WebhookRejection::ContentType,
        ),
        (
            vec![
                ("content-type", "text/plain"),
                ("x-razorpay-signature", &right),
            ],
            WebhookRejection::ContentType,
        ),
        (
            vec![
                ("content-type", "application/x-www-form-urlencoded"),
                ("x-razorpay-signature", &right),
            ],
            WebhookRejection::ContentType,
        ),
        (
            vec![
                json,
                ("content-type", "text/plain"),
                ("x-razorpay-signature", &right),
            ],
            WebhookRejection::ContentType,
        ),
    ] {
        assert_eq!(razorpay_with(body, &pairs), Err(expected), "{pairs:?}");
    }
    let signed = [json, ("x-razorpay-signature", &*right)];
    let tampered = PAYMENT.replace("50000", "90000");
    for changed in [
        tampered.as_bytes(),
        &body[..body.len() - 1],
        &[],
        &[body, b"\n"].concat(),
    ] {
        let refused = razorpay_with(changed, &signed);
        assert_eq!(refused, Err(WebhookRejection::WrongSignature));
    }
    let huge = vec![b' '; MAX_WEBHOOK_BYTES + 1];
    assert_eq!(razorpay(&huge), Err(WebhookRejection::TooLong));
}

#[test]
fn genuine_ones_that_cannot_be_read_are_told() {
    let changed = |from: &str, to: &str| PAYMENT.replace(from, to);
    for body in [
        "".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        PAYMENT[..200].to_owned(),
        changed(r#""amount":50000"#, r#""amount":"50000""#),
        changed(r#""amount":50000"#, r#""amount":500.5"#),
        changed(r#""amount":50000"#, r#""amount":-1"#),
        changed(r#""amount":50000"#, r#""amount":1e99"#),
        changed(r#""amount_refunded":0"#, r#""amount_refunded":50001"#),
        changed("INR", "XXX"),
        changed("INR", ""),
        changed("pay_00000000000001", "../../v1/orders"),
        changed(r#""tax":180"#, r#""tax":1181"#),
        changed(r#""payload":{"payment""#, r#""payload":{"refund""#),
        "[".repeat(100_000),
    ] {
        let facts = razorpay(body.as_bytes()).unwrap();
        let WebhookContent::NotUnderstood { reason } = &facts.content else {
            panic!("{body}: {facts:?}");
        };
        assert!(
            !reason.contains("50000") && !reason.contains("pay_0"),
            "{reason}"
        );
        assert_eq!(facts.event_id, "evt_1");
    }
    // A word that nobody documents is told as it is, and is no status of ours.
    let facts = razorpay(changed(r#""status":"captured""#, r#""status":"vanished""#).as_bytes());
    let facts = facts.unwrap();
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(payment.status, Reported::Unknown("vanished".to_owned()));
    assert!(payment.captured.is_zero());
    for other in [
        "payment.downtime.started",
        "subscription.charged",
        "something.new",
    ] {
        let facts = razorpay(changed("payment.captured", other).as_bytes()).unwrap();
        assert_eq!(facts.content, WebhookContent::OfNoConcern, "{other}");
    }
    // `notes` may be anything.
    for notes in ["{}", "null", r#""a text""#, r#"{"reference":"0123456789"}"#] {
        let facts = razorpay(changed(r#""notes":[]"#, &format!(r#""notes":{notes}"#)).as_bytes());
        assert_eq!(observations(&facts.unwrap()).len(), 1, "{notes}");
    }
}

/// The documentation's quirk: captured already, and still only authorized.
#[test]
fn captured_beside_authorized_does_not_count() {
    let body = PAYMENT.replace(r#""status":"captured""#, r#""status":"authorized""#);
    let facts = razorpay(body.as_bytes()).unwrap();
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Authorized));
    assert!(payment.captured.is_zero());
}

fn stripe_with(body: &[u8], kind: &str, header: &str, at: DateTime<Utc>) -> Outcome {
    let gateway = stripe_gateway("http://127.0.0.1:9", &["whsec_next", STRIPE_SECRET]);
    let headers = headers(&[(CONTENT_TYPE_NAME, kind), ("stripe-signature", header)]);
    given(&gateway, body, &headers, at)
}

const CONTENT_TYPE_NAME: &str = CONTENT_TYPE_TEXT;
const CONTENT_TYPE_TEXT: &str = "content-type";

fn stripe_header(secret: &str, body: &[u8], at: DateTime<Utc>) -> String {
    let timestamp = at.timestamp().to_string();
    let signed = [timestamp.as_bytes(), b".", body].concat();
    format!("t={timestamp},v1={}", signature(secret, &signed))
}

#[test]
fn stripe_takes_and_refuses() {
    assert_eq!(CONTENT_TYPE.as_str(), CONTENT_TYPE_NAME);
    let (body, json, now) = (
        INTENT.as_bytes(),
        "application/json; charset=utf-8",
        Utc::now(),
    );
    let right = stripe_header(STRIPE_SECRET, body, now);
    let facts = stripe_with(body, json, &right, now).unwrap();
    assert_eq!(facts.event_id, "evt_1");
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
    let signed_at = |seconds| stripe_header(STRIPE_SECRET, body, now + TimeDelta::seconds(seconds));
    for (header, expected) in [
        (signed_at(-300), Ok(())),
        (signed_at(-301), Err(WebhookRejection::TooOld)),
        (signed_at(300), Ok(())),
        (signed_at(301), Err(WebhookRejection::TooNew)),
        (signed_at(600), Err(WebhookRejection::TooNew)),
        (stripe_header("whsec_next", body, now), Ok(())),
        (
            stripe_header("whsec_another", body, now),
            Err(WebhookRejection::WrongSignature),
        ),
        (
            right.replace("v1=", "v0="),
            Err(WebhookRejection::NotSigned),
        ),
        (
            right.replace("t=", "t=1,t="),
            Err(WebhookRejection::MalformedSignature),
        ),
        (
            right.replace("t=", "t=+"),
            Err(WebhookRejection::MalformedSignature),
        ),
        (
            right.replace("t=", "t=0"),
            Err(WebhookRejection::WrongSignature),
        ),
        (
            right[..right.len() - 1].to_owned(),
            Err(WebhookRejection::WrongSignature),
        ),
        (
            right.to_ascii_uppercase(),
            Err(WebhookRejection::MalformedSignature),
        ),
        (
            format!("{right}{}", ",v1=00".repeat(1000)),
            Err(WebhookRejection::MalformedSignature),
        ),
        (
            "nonsense".to_owned(),
            Err(WebhookRejection::MalformedSignature),
        ),
        (String::new(), Err(WebhookRejection::NotSigned)),
    ] {
        let outcome = stripe_with(body, json, &header, now).map(drop);
        assert_eq!(outcome, expected, "{header}");
    }
    let refused = stripe_with(body, "text/plain", &right, now);
    assert_eq!(refused, Err(WebhookRejection::ContentType));
    let tampered = INTENT.replace("50000", "90000");
    let refused = stripe_with(tampered.as_bytes(), json, &right, now);
    assert_eq!(refused, Err(WebhookRejection::WrongSignature));
    let huge = vec![b' '; MAX_WEBHOOK_BYTES + 1];
    let header = stripe_header(STRIPE_SECRET, &huge, now);
    assert_eq!(
        stripe_with(&huge, json, &header, now),
        Err(WebhookRejection::TooLong)
    );
    // An old one from storage is verified at the time at which it was stored.
    let later = now + TimeDelta::days(30);
    assert_eq!(
        stripe_with(body, json, &right, later),
        Err(WebhookRejection::TooOld)
    );
    assert!(stripe_with(body, json, &right, now).is_ok());
}

#[test]
fn genuine_ones_of_stripe_that_cannot_be_read_are_told() {
    let now = Utc::now();
    for body in [
        "{".to_owned(),
        INTENT.replace("\"amount\":50000", "\"amount\":\"50000\""),
        INTENT.replace("\"amount\":50000", "\"amount\":5e4"),
        INTENT.replace("inr", "isk"),
        INTENT.replace("inr", "btc"),
        INTENT.replace("pi_1", "pi/1"),
    ] {
        let header = stripe_header(STRIPE_SECRET, body.as_bytes(), now);
        let facts = stripe_with(body.as_bytes(), "application/json", &header, now).unwrap();
        let not_understood = matches!(facts.content, WebhookContent::NotUnderstood { .. });
        assert!(not_understood, "{body}: {facts:?}");
    }
    let body = INTENT.replace("\"status\":\"succeeded\"", "\"status\":\"vanished\"");
    let header = stripe_header(STRIPE_SECRET, body.as_bytes(), now);
    let facts = stripe_with(body.as_bytes(), "application/json", &header, now).unwrap();
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(payment.status, Reported::Unknown("vanished".to_owned()));
    assert!(payment.captured.is_zero());
    let body = INTENT.replace("payment_intent.succeeded", "customer.created");
    let header = stripe_header(STRIPE_SECRET, body.as_bytes(), now);
    let facts = stripe_with(body.as_bytes(), "application/json", &header, now).unwrap();
    assert_eq!(facts.content, WebhookContent::OfNoConcern);
}
