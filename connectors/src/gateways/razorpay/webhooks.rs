//! Razorpay's webhooks: `X-Razorpay-Signature` is the HMAC-SHA256 of the raw body.
//!
//! A signature holds no time, so a replay always verifies; the caller deduplicates by
//! `x-razorpay-event-id`, which is the same on every delivery of one event, and may do so by the body's
//! digest as well.

use hyper::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::wire::{Dispute, Link, Payment, Payout, Refund, Settlement, instant};
use crate::gateways::{
    MAX_WEBHOOK_BYTES, Observation, PaymentObservation, RefundKind, SecretRing, SignatureCoverage,
    WebhookContent, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use crate::providers::shape;
use crate::providers::signature::{hmac_sha256, is_same, sha256};

#[derive(Deserialize)]
struct Event {
    event: String,
    #[serde(default)]
    payload: Map<String, Value>,
    created_at: Option<i64>,
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
    let signature = delivery
        .only_header("x-razorpay-signature")
        .filter(|signature| !signature.is_empty())
        .ok_or(WebhookRejection::NotSigned)?;
    if signature.len() != 64 {
        return Err(WebhookRejection::MalformedSignature);
    }
    let fits = |secret| is_same(&hmac_sha256(secret, &[delivery.body]), signature);
    if !secrets.all().any(fits) {
        return Err(WebhookRejection::WrongSignature);
    }
    Ok(facts(delivery))
}

fn facts(delivery: &WebhookDelivery<'_>) -> WebhookFacts {
    let body_digest = sha256(delivery.body);
    let event_id = delivery
        .only_header("x-razorpay-event-id")
        .filter(|id| !id.is_empty() && id.len() <= 128)
        .map_or_else(|| format!("sha256-{body_digest}"), str::to_owned);
    let (event_type, content, occurred_at) = match serde_json::from_slice::<Event>(delivery.body) {
        Ok(event) => {
            let content = content(&event.event, event.payload);
            (event.event, content, instant(event.created_at))
        }
        Err(error) => {
            let reason = shape(&error);
            (
                String::new(),
                WebhookContent::NotUnderstood { reason },
                None,
            )
        }
    };
    WebhookFacts {
        event_id,
        event_type,
        content,
        coverage: SignatureCoverage::Everything,
        occurred_at,
        body_digest,
    }
}

fn content(event: &str, payload: Map<String, Value>) -> WebhookContent {
    let read = Payload(payload);
    let observations = if event.starts_with("payment.dispute.") {
        read.dispute()
    } else if event.starts_with("payment.downtime.") {
        return WebhookContent::OfNoConcern;
    } else if event.starts_with("payment.") || event == "order.paid" {
        read.payment()
            .map(|payment| vec![Observation::Payment(payment)])
    } else if event.starts_with("refund.") {
        read.refund()
    } else if event.starts_with("payment_link.") {
        read.link()
    } else if event.starts_with("settlement.") {
        read.entity::<Settlement>("settlement")
            .and_then(|settlement| settlement.observe().map_err(|error| error.to_string()))
            .map(|settlement| vec![Observation::Settlement(settlement)])
    } else if event.starts_with("payout.") {
        read.entity::<Payout>("payout")
            .and_then(|payout| payout.observe().map_err(|error| error.to_string()))
            .map(|payout| vec![Observation::Payout(payout)])
    } else {
        return WebhookContent::OfNoConcern;
    };
    match observations {
        Ok(observations) => WebhookContent::Observations(observations),
        Err(reason) => WebhookContent::NotUnderstood { reason },
    }
}

/// The `payload` of an event: entities by name.
struct Payload(Map<String, Value>);

type Read<T> = Result<T, String>;

impl Payload {
    fn entity<T: DeserializeOwned>(&self, name: &'static str) -> Read<T> {
        let entity = self.0.get(name).and_then(|wrapped| wrapped.get("entity"));
        let entity = entity.ok_or_else(|| format!("no {name} in the payload"))?;
        T::deserialize(entity).map_err(|_| format!("the {name} has another shape"))
    }

    fn payment(&self) -> Read<PaymentObservation> {
        let payment: Payment = self.entity("payment")?;
        payment.observe().map_err(|error| error.to_string())
    }

    /// The refund, and the payment it belongs to, which tells whether the money was ever ours.
    fn refund(&self) -> Read<Vec<Observation>> {
        let refund: Refund = self.entity("refund")?;
        let payment: Option<Payment> = self.entity("payment").ok();
        let kind = payment
            .as_ref()
            .map_or(RefundKind::NotSaid, Payment::refund_kind);
        let refund = refund.observe(kind).map_err(|error| error.to_string())?;
        let mut observations = vec![Observation::Refund(refund)];
        if let Some(payment) = payment {
            let payment = payment.observe().map_err(|error| error.to_string())?;
            observations.push(Observation::Payment(payment));
        }
        Ok(observations)
    }

    fn dispute(&self) -> Read<Vec<Observation>> {
        let dispute: Dispute = self.entity("dispute")?;
        let dispute = dispute.observe().map_err(|error| error.to_string())?;
        Ok(vec![Observation::Dispute(dispute)])
    }

    /// The link, with the payment that paid it. The order beside them has an id without its prefix and is
    /// not read.
    fn link(&self) -> Read<Vec<Observation>> {
        let link: Link = self.entity("payment_link")?;
        let mut payments = Vec::new();
        if self.0.contains_key("payment") {
            payments.push(self.payment()?);
        }
        let link = link.observe(payments).map_err(|error| error.to_string())?;
        Ok(vec![Observation::Checkout(link)])
    }
}
