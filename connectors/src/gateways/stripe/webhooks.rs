//! Stripe's webhooks: `Stripe-Signature: t=…,v1=…[,v1=…]`, each `v1` the HMAC-SHA256 of `t`, a point and
//! the raw body. Any one of them may fit; `v0` and others do not count.
//!
//! Old ones are refused after [`TOLERANCE_SECONDS`], inclusive, and so are those of a future further away
//! than that, which Stripe's own libraries accept: a clock that is wrong by minutes is a fault to be seen.

use hyper::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{Charge, Intent, Session, instant};
use super::wire_out::{Dispute, Payout, Refund, Transfer};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    MAX_WEBHOOK_BYTES, Observation, SecretRing, SignatureCoverage, WebhookContent, WebhookDelivery,
    WebhookFacts, WebhookRejection,
};
use crate::providers::shape;
use crate::providers::signature::{hmac_sha256, is_same, sha256};

/// How old a signature may be, in seconds.
const TOLERANCE_SECONDS: i64 = 300;

/// More signatures than ever are valid at one time.
const MOST_SIGNATURES: usize = 16;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: Option<i64>,
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: Value,
}

struct SignatureHeader<'a> {
    timestamp: &'a str,
    seconds: i64,
    signatures: Vec<&'a str>,
}

pub(super) fn verify(
    secrets: &SecretRing,
    delivery: &WebhookDelivery<'_>,
) -> Result<WebhookFacts, WebhookRejection> {
    if delivery.body.len() > MAX_WEBHOOK_BYTES {
        return Err(WebhookRejection::TooLong);
    }
    let kind = delivery.only_header(CONTENT_TYPE.as_str());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(WebhookRejection::ContentType);
    }
    let header = delivery
        .only_header("stripe-signature")
        .filter(|header| !header.is_empty())
        .ok_or(WebhookRejection::NotSigned)?;
    let header = SignatureHeader::read(header)?;
    let parts: [&[u8]; 3] = [header.timestamp.as_bytes(), b".", delivery.body];
    let fits = |secret: &str| {
        let expected = hmac_sha256(secret, &parts);
        header
            .signatures
            .iter()
            .any(|given| is_same(&expected, given))
    };
    if !secrets.all().any(fits) {
        return Err(WebhookRejection::WrongSignature);
    }
    let age = delivery
        .received_at
        .timestamp()
        .saturating_sub(header.seconds);
    match age {
        age if age > TOLERANCE_SECONDS => Err(WebhookRejection::TooOld),
        age if age < -TOLERANCE_SECONDS => Err(WebhookRejection::TooNew),
        _ => Ok(facts(delivery)),
    }
}

impl<'a> SignatureHeader<'a> {
    fn read(header: &'a str) -> Result<Self, WebhookRejection> {
        let malformed = WebhookRejection::MalformedSignature;
        let mut timestamp = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            match part.split_once('=').ok_or(malformed)? {
                ("t", value) if timestamp.is_none() => timestamp = Some(value),
                ("t", _) => return Err(malformed),
                ("v1", value) if signatures.len() < MOST_SIGNATURES => signatures.push(value),
                ("v1", _) => return Err(malformed),
                // Schemes of tests and of times to come.
                _ => {}
            }
        }
        let timestamp = timestamp.ok_or(malformed)?;
        let is_number =
            timestamp.len() <= 12 && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = timestamp.parse().ok().filter(|_| is_number);
        let seconds = seconds.ok_or(malformed)?;
        if signatures.is_empty() {
            return Err(WebhookRejection::NotSigned);
        }
        Ok(Self {
            timestamp,
            seconds,
            signatures,
        })
    }
}

fn facts(delivery: &WebhookDelivery<'_>) -> WebhookFacts {
    let body_digest = sha256(delivery.body);
    let coverage = SignatureCoverage::Everything;
    match serde_json::from_slice::<Event>(delivery.body) {
        Ok(event) => WebhookFacts {
            content: content(&event.kind, event.data.object),
            event_id: event.id,
            event_type: event.kind,
            coverage,
            occurred_at: instant(event.created),
            body_digest,
        },
        Err(error) => WebhookFacts {
            event_id: format!("sha256-{body_digest}"),
            event_type: String::new(),
            content: WebhookContent::NotUnderstood {
                reason: shape(&error),
            },
            coverage,
            occurred_at: None,
            body_digest,
        },
    }
}

fn content(kind: &str, object: Value) -> WebhookContent {
    let observation = if kind.starts_with("checkout.session.") {
        read(object, Session::observe).map(Observation::Checkout)
    } else if kind.starts_with("payment_intent.") {
        read(object, Intent::observe).map(Observation::Payment)
    } else if kind.starts_with("charge.dispute.") {
        read(object, Dispute::observe).map(Observation::Dispute)
    } else if kind.starts_with("refund.") || kind.starts_with("charge.refund.") {
        read(object, Refund::observe).map(Observation::Refund)
    } else if kind.starts_with("charge.") {
        read(object, Charge::observe).map(Observation::Payment)
    } else if kind.starts_with("payout.") && object.pointer("/metadata/reference").is_none() {
        // To our own bank: the settlement report tells, and what is in it.
        return WebhookContent::OfNoConcern;
    } else if kind.starts_with("payout.") && kind != "payout.reconciliation_completed" {
        read(object, Payout::observe).map(Observation::Payout)
    } else if kind.starts_with("transfer.") {
        read(object, Transfer::observe).map(Observation::Payout)
    } else {
        return WebhookContent::OfNoConcern;
    };
    match observation {
        Ok(observation) => WebhookContent::Observations(vec![observation]),
        Err(reason) => WebhookContent::NotUnderstood { reason },
    }
}

fn read<T: DeserializeOwned, O>(
    object: Value,
    observe: impl Fn(T) -> Result<O, ReadError>,
) -> Result<O, String> {
    let object = T::deserialize(object).map_err(|_| "the object has another shape".to_owned())?;
    observe(object).map_err(|error| error.to_string())
}
