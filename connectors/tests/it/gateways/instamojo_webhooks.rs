//! Instamojo's webhooks that are not taken, and genuine ones that cannot be read.

use chrono::Utc;
use connectors::gateways::instamojo::signature::form_mac;
use connectors::gateways::{
    FormFields, Gateway, MAX_WEBHOOK_BYTES, Observation, PaymentStatus, Reported,
    SignatureCoverage, WebhookContent, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::instamojo_support::{By, SALT, gateway};
use super::receiver::observations;
use super::support::{reference, rupees};

const FORM: &str = "application/x-www-form-urlencoded";

type Pairs = Vec<(String, String)>;
type Outcome = Result<WebhookFacts, WebhookRejection>;

fn given(body: &[u8], kinds: &[&str]) -> Outcome {
    let mut headers = HeaderMap::new();
    for kind in kinds {
        headers.append(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
    }
    let gateway = gateway("http://127.0.0.1:9", By::Keys, &["the next salt", SALT]);
    gateway.verify_webhook(&WebhookDelivery {
        body,
        headers: &headers,
        received_at: Utc::now(),
    })
}

fn pairs() -> Pairs {
    [
        ("payment_id", "MOJO0816705N15845280"),
        ("status", "Credit"),
        ("shorturl", ""),
        ("longurl", "https://test.instamojo.com/@user/0cb066f9"),
        ("purpose", "Wallet webhook-1_"),
        ("amount", "250.00"),
        ("fees", "4.75"),
        ("currency", "INR"),
        ("buyer", "asha+test@example.org"),
        ("buyer_name", "Asha Rao"),
        ("buyer_phone", "+919876543210"),
        ("payment_request_id", "0cb066f9d3764c2fab6da469d8f613ff"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn changed(name: &str, value: &str) -> Pairs {
    let mut pairs = pairs();
    match pairs.iter_mut().find(|(field, _)| field == name) {
        Some((_, found)) => value.clone_into(found),
        None => pairs.push((name.to_owned(), value.to_owned())),
    }
    pairs
}

fn encoded(pairs: &Pairs) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .into_bytes()
}

/// The form with the code of that salt.
fn signed(salt: &str, pairs: &Pairs) -> Pairs {
    let mac = form_mac(salt, &FormFields::decode(&encoded(pairs)));
    let mut pairs = pairs.clone();
    pairs.push(("mac".to_owned(), mac));
    pairs
}

fn form(pairs: &Pairs) -> Outcome {
    given(&encoded(pairs), &[FORM])
}

#[test]
fn a_genuine_one_is_taken_and_is_a_hint() {
    let first = form(&signed(SALT, &pairs())).unwrap();
    assert_eq!(first.coverage, SignatureCoverage::Parts);
    let [Observation::Payment(payment)] = observations(&first) else {
        panic!("{first:?}");
    };
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(payment.captured, rupees(25_000));
    assert_eq!(payment.reference, Some(reference("webhook 1")));
    assert_eq!(payment.charges.unwrap().fee.to_string(), "4.75");
    assert_eq!(
        form(&signed("the next salt", &pairs())).unwrap().event_id,
        first.event_id
    );
    assert_eq!(
        form(&signed(SALT, &pairs())).unwrap(),
        first,
        "a replay is the same event"
    );
    // New keys may be added, and are covered like the others.
    let more = form(&signed(SALT, &changed("instrument", "UPI"))).unwrap();
    assert_eq!(more.event_id, first.event_id);
    for (name, value) in [("status", "Failed"), ("payment_id", "MOJO0816705N15845281")] {
        let other = form(&signed(SALT, &changed(name, value))).unwrap();
        assert_ne!(other.event_id, first.event_id, "{name}");
    }
    let failed = form(&signed(SALT, &changed("status", "Failed"))).unwrap();
    let [Observation::Payment(payment)] = observations(&failed) else {
        panic!("{failed:?}");
    };
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Failed));
    assert!(payment.captured.is_zero() && payment.charges.is_none());
    assert!(payment.failure.is_some());
}

#[test]
fn forged_ones_are_not_taken() {
    use WebhookRejection::{
        Ambiguous, ContentType, MalformedSignature, NotSigned, TooLong, WrongSignature,
    };
    assert_eq!(form(&pairs()), Err(NotSigned));
    let wrong = signed("the salt of somebody else", &pairs());
    assert_eq!(form(&wrong), Err(WrongSignature));
    let right = signed(SALT, &pairs());
    let mac = right.last().unwrap().1.clone();
    for (mac, expected) in [
        (String::new(), NotSigned),
        (mac[..39].to_owned(), MalformedSignature),
        (format!("{mac}0"), MalformedSignature),
        (mac.to_ascii_uppercase(), WrongSignature),
    ] {
        let mut pairs = pairs();
        pairs.push(("mac".to_owned(), mac));
        assert_eq!(form(&pairs), Err(expected));
    }
    for (name, _) in pairs() {
        let mut tampered = changed(&name, "1");
        tampered.push(("mac".to_owned(), mac.clone()));
        assert_eq!(form(&tampered), Err(WrongSignature), "{name}");
        let mut short = right.clone();
        short.retain(|(field, _)| *field != name);
        assert_eq!(form(&short), Err(Ambiguous), "no {name}");
        // The code does not cover the keys: under another name in the same place it still fits.
        let mut renamed = right.clone();
        for (field, _) in &mut renamed {
            if *field == name {
                field.push('0');
            }
        }
        assert_eq!(form(&renamed), Err(Ambiguous), "{name} renamed");
        let value = right
            .iter()
            .find(|(field, _)| *field == name)
            .unwrap()
            .1
            .clone();
        for doubled in [name.clone(), name.to_uppercase()] {
            let mut pairs = right.clone();
            pairs.push((doubled, value.clone()));
            assert_eq!(form(&pairs), Err(Ambiguous), "{name} twice");
        }
    }
    let mut twice = right.clone();
    twice.push(("mac".to_owned(), mac.clone()));
    assert_eq!(form(&twice), Err(Ambiguous));
    // A border moved from one value into another: the code is the same.
    let mut moved = changed("buyer_name", "Asha|X");
    for (name, value) in &mut moved {
        if name == "buyer_phone" {
            "919876543210".clone_into(value);
        }
    }
    assert_eq!(form(&signed(SALT, &moved)), Err(Ambiguous));
    let body = encoded(&right);
    for kinds in [
        &[][..],
        &["application/json"],
        &["text/plain"],
        &[FORM, FORM],
    ] {
        assert_eq!(given(&body, kinds), Err(ContentType), "{kinds:?}");
    }
    for cut in [body.len() - 1, body.len() / 2, 10, 0] {
        assert!(given(&body[..cut], &[FORM]).is_err());
    }
    let mut huge = body;
    huge.extend(vec![b'&'; MAX_WEBHOOK_BYTES]);
    assert_eq!(given(&huge, &[FORM]), Err(TooLong));
}

#[test]
fn genuine_ones_that_cannot_be_read_are_told() {
    for (name, value) in [
        ("amount", "250.001"),
        ("amount", "-250.00"),
        ("amount", "2.5e2"),
        ("amount", ""),
        ("fees", "little"),
        ("currency", "BTC"),
        ("payment_id", "../../x"),
        ("payment_request_id", ""),
    ] {
        let facts = form(&signed(SALT, &changed(name, value))).unwrap();
        let WebhookContent::NotUnderstood { reason } = &facts.content else {
            panic!("{name}={value}: {facts:?}");
        };
        assert!(!reason.contains("250"), "{reason}");
    }
    let facts = form(&signed(SALT, &changed("status", "Vanished"))).unwrap();
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(payment.status, Reported::Unknown("Vanished".to_owned()));
    assert!(payment.captured.is_zero());
}
