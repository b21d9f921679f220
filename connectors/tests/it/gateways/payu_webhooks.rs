//! PayU's webhooks that are not taken, genuine ones that cannot be read, and unsigned ones.

use chrono::Utc;
use connectors::gateways::payu::signature::{ResponseFields, response_hash};
use connectors::gateways::{
    DisputeStatus, Gateway, MAX_WEBHOOK_BYTES, Observation, PaymentStatus, RefundKind,
    RefundStatus, Reported, SignatureCoverage, WebhookContent, WebhookDelivery, WebhookFacts,
    WebhookRejection,
};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::payu_support::{KEY, SALT, gateway};
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
    gateway("http://127.0.0.1:9", &["the next salt", SALT]).verify_webhook(&WebhookDelivery {
        body,
        headers: &headers,
        received_at: Utc::now(),
    })
}

fn pairs() -> Pairs {
    [
        ("mihpayid", "403993715530925893"),
        ("mode", "UPI"),
        ("status", "success"),
        ("unmappedstatus", "captured"),
        ("key", KEY),
        ("txnid", "webhook-1_"),
        ("amount", "500.00"),
        ("addedon", "2026-11-20 10:11:12"),
        ("productinfo", "Wallet top-up"),
        ("firstname", "Asha"),
        ("email", "asha@example.org"),
        ("udf1", ""),
        ("field9", "Done"),
        ("error", "E000"),
        ("net_amount_debit", "500"),
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

/// The form with the hash of that salt.
fn signed(salt: &str, pairs: &Pairs) -> Pairs {
    let value = |name: &str| {
        let found = pairs.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let hash = response_hash(
        salt,
        &ResponseFields {
            status: value("status"),
            key: value("key"),
            txnid: value("txnid"),
            amount: value("amount"),
            productinfo: value("productinfo"),
            firstname: value("firstname"),
            email: value("email"),
            udf: ["udf1", "udf2", "udf3", "udf4", "udf5"].map(value),
            additional_charges: value("additionalCharges"),
            split_info: "",
        },
    );
    let mut pairs = pairs.clone();
    pairs.push(("hash".to_owned(), hash));
    pairs
}

fn encoded(pairs: &Pairs) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .into_bytes()
}

fn form(pairs: &Pairs) -> Outcome {
    given(&encoded(pairs), &[FORM])
}

#[test]
fn a_genuine_one_is_taken_and_is_a_hint() {
    for salt in [SALT, "the next salt"] {
        let facts = form(&signed(salt, &pairs())).unwrap();
        assert_eq!(facts.coverage, SignatureCoverage::Parts);
        let [Observation::Payment(payment)] = observations(&facts) else {
            panic!("{facts:?}");
        };
        assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
        assert_eq!(payment.captured, rupees(50_000));
        assert_eq!(payment.reference, Some(reference("webhook 1")));
        // Ten past ten in India is before five in the morning in Greenwich.
        assert_eq!(
            facts.occurred_at.unwrap().to_rfc3339(),
            "2026-11-20T04:41:12+00:00"
        );
    }
    let first = form(&signed(SALT, &pairs())).unwrap();
    let replayed = form(&signed(SALT, &pairs())).unwrap();
    assert_eq!(first, replayed, "one event");
    // Another word about the same payment is another event, and so is another payment.
    for (name, value) in [
        ("unmappedstatus", "auth"),
        ("status", "failure"),
        ("mihpayid", "403993715530925894"),
        ("txnid", "webhook-2_"),
    ] {
        let other = form(&signed(SALT, &changed(name, value))).unwrap();
        assert_ne!(first.event_id, other.event_id, "{name}");
    }
    // Whoever has seen it can send it again with other words where nothing is signed. That must not be
    // taken for one that comes later.
    let told = form(&signed(SALT, &changed("field9", "Done again"))).unwrap();
    assert_ne!(first.event_id, told.event_id);
    let with_charset = given(
        &encoded(&signed(SALT, &pairs())),
        &["application/x-www-form-urlencoded; charset=UTF-8"],
    );
    assert_eq!(with_charset.unwrap(), first);
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
    let hash = right.last().unwrap().1.clone();
    for (hash, expected) in [
        (String::new(), NotSigned),
        (hash[..127].to_owned(), MalformedSignature),
        (format!("{hash}0"), MalformedSignature),
        (hash.to_ascii_uppercase(), WrongSignature),
    ] {
        let mut pairs = pairs();
        pairs.push(("hash".to_owned(), hash));
        assert_eq!(form(&pairs), Err(expected));
    }
    // Changed after signing.
    for (name, value) in [
        ("status", "failure"),
        ("amount", "5000.00"),
        ("txnid", "webhook-9_"),
        ("email", "eve@example.org"),
        ("udf1", "x"),
        ("udf5", "x"),
        ("additionalCharges", "0.01"),
    ] {
        let mut pairs = changed(name, value);
        pairs.push(("hash".to_owned(), hash.clone()));
        assert_eq!(form(&pairs), Err(WrongSignature), "{name}");
    }
    // Of another merchant, who has signed it with a salt of ours.
    let others = signed(SALT, &changed("key", "another"));
    assert_eq!(form(&others), Err(WrongSignature));
    // A border moved from one value into another: the hash is the same.
    let moved = signed(SALT, &changed("firstname", "Asha|Wallet"));
    assert_eq!(form(&moved), Err(Ambiguous));
    for name in [
        "status",
        "amount",
        "txnid",
        "hash",
        "mihpayid",
        "udf1",
        "unmappedstatus",
    ] {
        let mut doubled = right.clone();
        let value = right
            .iter()
            .find(|(field, _)| field == name)
            .unwrap()
            .1
            .clone();
        doubled.push((name.to_owned(), value));
        assert_eq!(form(&doubled), Err(Ambiguous), "{name} twice");
    }
    for name in [
        "status",
        "amount",
        "txnid",
        "key",
        "mihpayid",
        "unmappedstatus",
    ] {
        let mut short = right.clone();
        short.retain(|(field, _)| field != name);
        assert_eq!(form(&short), Err(Ambiguous), "no {name}");
    }
    let body = encoded(&right);
    for kinds in [
        &[][..],
        &["text/plain"],
        &["multipart/form-data"],
        &["application/x-www-form-urlencodedx"],
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
        ("amount", "500.001"),
        ("amount", "-500.00"),
        ("amount", "5e2"),
        ("amount", ""),
        ("mihpayid", "../../x"),
        ("mihpayid", ""),
        ("txnid", "a b"),
    ] {
        let facts = form(&signed(SALT, &changed(name, value))).unwrap();
        assert!(
            matches!(facts.content, WebhookContent::NotUnderstood { .. }),
            "{name}={value}: {facts:?}"
        );
    }
    let facts = form(&signed(SALT, &changed("unmappedstatus", "vanished"))).unwrap();
    let [Observation::Payment(payment)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(
        payment.status,
        Reported::Unknown("success/vanished".to_owned())
    );
    assert!(payment.captured.is_zero());
}

const REFUND: &str = r#"{"additionalValue1":null,"bank_arn":null,"refund_mode":"UPI","bank_ref_num":"100142082006","key":"gtKFFx","amt":"72.00","remark":null,"status":"success","token":"refund-1__","mihpayid":" 23907365951 ","request_id":"17265314530","merchantTxnId":"webhook-1_","additionalValue2":null,"action":"refund"}"#;

const DISPUTE: &str = r#"{"type":"payments","event":"dispute","reason_code":"10.4","created_at":"2025-01-15T21:28:25.000+05:30","updated_at":"2025-01-16T21:28:25.000+05:30","mid":"2","cb_id":1761758,"txn_id":"999000000000468","cb_type":"RBI/BO","due_date":"2025-03-31","cb_amount":"1.0","cb_status":"Bank Comm Sent"}"#;

fn json(body: &str) -> Outcome {
    given(body.as_bytes(), &["application/json"])
}

#[test]
fn unsigned_ones_are_a_reason_to_ask() {
    let facts = json(REFUND).unwrap();
    assert_eq!(facts.coverage, SignatureCoverage::Nothing);
    let [Observation::Refund(refund)] = observations(&facts) else {
        panic!("{facts:?}");
    };
    assert_eq!(refund.payment_id.as_str(), "23907365951");
    assert_eq!(refund.refund_id.as_str(), "17265314530");
    assert_eq!(refund.reference, Some(reference("refund 1")));
    assert_eq!(refund.status, Reported::Known(RefundStatus::Processed));
    assert_eq!(refund.kind, RefundKind::OfCaptured);
    assert_eq!(refund.amount, rupees(7_200));
    assert_eq!(refund.bank_reference.as_deref(), Some("100142082006"));
    assert_eq!(json(REFUND).unwrap().event_id, facts.event_id);

    let arn = REFUND.replace(
        r#""bank_arn":null"#,
        r#""bank_arn":74300205164123456789012"#,
    );
    let later = json(&arn).unwrap();
    assert_ne!(later.event_id, facts.event_id);
    let [Observation::Refund(refund)] = observations(&later) else {
        panic!("{later:?}");
    };
    assert_eq!(
        refund.bank_reference.as_deref(),
        Some("74300205164123456789012")
    );

    let early = json(&REFUND.replace("100142082006", "")).unwrap();
    assert_ne!(early.event_id, facts.event_id, "guessed beforehand");
    let others = REFUND.replace(KEY, "another");
    assert_eq!(json(&others), Err(WebhookRejection::WrongSignature));
    for none in ["\"key\":\"\",", "\"key\":null,", ""] {
        let key = format!("\"key\":\"{KEY}\",");
        assert!(REFUND.contains(&key));
        let nobodys = json(&REFUND.replace(&key, none));
        assert_eq!(nobodys, Err(WebhookRejection::Ambiguous), "{none}");
    }
    let capture = REFUND.replace(r#""action":"refund""#, r#""action":"capture""#);
    assert_eq!(json(&capture).unwrap().content, WebhookContent::OfNoConcern);
    let cancel = REFUND.replace(r#""action":"refund""#, r#""action":"cancel""#);
    let cancelled = json(&cancel).unwrap();
    let [Observation::Refund(refund)] = observations(&cancelled) else {
        panic!("{cancelled:?}");
    };
    assert_eq!(refund.kind, RefundKind::OfUncaptured);
    let odd = REFUND.replace("success", "vanished");
    let odd = json(&odd).unwrap();
    let [Observation::Refund(refund)] = observations(&odd) else {
        panic!("{odd:?}");
    };
    assert_eq!(refund.status, Reported::Unknown("vanished".to_owned()));

    let facts = json(DISPUTE).unwrap();
    let WebhookContent::CannotBeConfirmed(told) = &facts.content else {
        panic!("{facts:?}");
    };
    let [Observation::Dispute(dispute)] = told.as_slice() else {
        panic!("{facts:?}");
    };
    assert_eq!(dispute.status, Reported::Known(DisputeStatus::UnderReview));
    assert_eq!(dispute.dispute_id.as_str(), "1761758");
    assert_eq!(dispute.amount, rupees(100));
    assert_eq!(
        dispute.respond_by.unwrap().to_rfc3339(),
        "2025-03-31T18:29:59+00:00"
    );
}

#[test]
fn unsigned_ones_that_cannot_be_read_are_told() {
    for body in [
        "".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        REFUND[..100].to_owned(),
        REFUND.replace("72.00", "72.001"),
        REFUND.replace("23907365951", "../x"),
        REFUND.replace("\"17265314530\"", "null"),
        DISPUTE.replace("\"1.0\"", "\"-1.0\""),
        DISPUTE.replace("999000000000468", "a/b"),
        "[".repeat(100_000),
    ] {
        let facts = json(&body).unwrap();
        let WebhookContent::NotUnderstood { reason } = &facts.content else {
            panic!("{body}: {facts:?}");
        };
        assert!(!reason.contains("23907365951"), "{reason}");
    }
}
