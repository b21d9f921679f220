//! PayU's webhooks.
//!
//! | content type | about | signed |
//! |---|---|---|
//! | `application/x-www-form-urlencoded` | a payment | the fields of [`ResponseFields`](super::signature::ResponseFields) |
//! | `application/json` | a refund or a dispute | nothing |
//!
//! None has a name of its own, so it is made of what the webhook says, and of its bytes: what is not signed
//! can be changed by whoever has seen a genuine one, and must not use up the name of one that comes later.

use chrono::{DateTime, Utc};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;

use super::settings::PayUSettings;
use super::signature::{Mismatch, verify as verify_hash};
use super::status::{dispute_phase, dispute_status, payment_status, words};
use super::wire::{Action, failure, instant, method, money, reference};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    DisputeObservation, DisputeStatus, FormFields, MAX_WEBHOOK_BYTES, Money, Observation,
    PaymentObservation, PaymentStatus, Reported, SignatureCoverage, WebhookContent,
    WebhookDelivery, WebhookFacts, WebhookRejection,
};
use crate::providers::loose::Loose;
use crate::providers::shape;
use crate::providers::signature::sha256;

pub(super) fn verify(
    settings: &PayUSettings,
    delivery: &WebhookDelivery<'_>,
) -> Result<WebhookFacts, WebhookRejection> {
    if delivery.body.len() > MAX_WEBHOOK_BYTES {
        return Err(WebhookRejection::TooLong);
    }
    let kind = content_type(delivery.headers).ok_or(WebhookRejection::ContentType)?;
    match kind {
        "application/x-www-form-urlencoded" => of_payment(settings, delivery.body),
        "application/json" => unsigned(settings, delivery.body),
        _ => Err(WebhookRejection::ContentType),
    }
}

/// The content type without its parameters, where there is one.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok()?.split(';').next().map(str::trim),
        _ => None,
    }
}

fn of_payment(settings: &PayUSettings, body: &[u8]) -> Result<WebhookFacts, WebhookRejection> {
    let fields = FormFields::decode(body);
    let signed = verify_hash(settings, &fields).map_err(|mismatch| match mismatch {
        Mismatch::NotSigned => WebhookRejection::NotSigned,
        Mismatch::Malformed => WebhookRejection::MalformedSignature,
        Mismatch::Ambiguous => WebhookRejection::Ambiguous,
        Mismatch::Wrong => WebhookRejection::WrongSignature,
    })?;
    let must = |name| {
        let value = fields.only(name).map(str::trim);
        value.ok_or(WebhookRejection::Ambiguous)
    };
    let (payment_id, unmapped) = (must("mihpayid")?, must("unmappedstatus")?);
    let content = match payment(&fields, signed.status, unmapped, payment_id) {
        Ok(payment) => WebhookContent::Observations(vec![Observation::Payment(payment)]),
        Err(error) => WebhookContent::NotUnderstood {
            reason: error.to_string(),
        },
    };
    let words = words(signed.status, unmapped);
    let body_digest = sha256(body);
    let parts = [signed.txnid, payment_id, &words, &body_digest];
    Ok(WebhookFacts {
        event_id: event_id("payment", &parts),
        event_type: format!("payment {words}"),
        content,
        coverage: SignatureCoverage::Parts,
        occurred_at: instant(fields.only("addedon").unwrap_or_default()),
        body_digest,
    })
}

fn payment(
    fields: &FormFields,
    status: &str,
    unmapped: &str,
    payment_id: &str,
) -> Result<PaymentObservation, ReadError> {
    let told = |name| fields.only(name).map(str::trim).unwrap_or_default();
    let said = |name| Some(told(name)).filter(|text| !text.is_empty());
    let amount = money(told("amount"))?;
    let ours = payment_status(status, unmapped);
    let captured = match ours {
        Reported::Known(PaymentStatus::Captured) => amount,
        _ => Money::zero(amount.asset()),
    };
    Ok(PaymentObservation {
        payment_id: payment_id.parse()?,
        checkout_id: Some(told("txnid").parse()?),
        reference: reference(told("txnid")),
        status: ours,
        provider_status: words(status, unmapped),
        amount,
        captured,
        refunded: Money::zero(amount.asset()),
        charges: None,
        method: said("mode").map(method),
        failure: failure(told("error"), said("error_Message"), said("field9")),
        created_at: instant(told("addedon")),
    })
}

/// Anybody can send one of these: it is a reason to ask, and says about what.
fn unsigned(settings: &PayUSettings, body: &[u8]) -> Result<WebhookFacts, WebhookRejection> {
    let body_digest = sha256(body);
    let told = match told(body) {
        Ok(told) => told,
        Err(reason) => {
            return Ok(WebhookFacts {
                event_id: format!("sha256-{body_digest}"),
                event_type: String::new(),
                content: WebhookContent::NotUnderstood { reason },
                coverage: SignatureCoverage::Nothing,
                occurred_at: None,
                body_digest,
            });
        }
    };
    if told.key.said().is_some_and(|key| key != settings.key) {
        return Err(WebhookRejection::WrongSignature);
    }
    let (event_id, event_type, content) = if told.event.text() == "dispute" {
        of_dispute(&told, &body_digest)
    } else if let Ok(action) = serde_json::from_slice::<Action>(body) {
        // Disputes come without the merchant's key, refunds never do.
        if action.refund_kind().is_some() && told.key.said().is_none() {
            return Err(WebhookRejection::Ambiguous);
        }
        of_action(&action, &body_digest)
    } else {
        let content = WebhookContent::OfNoConcern;
        (format!("sha256-{body_digest}"), String::new(), content)
    };
    Ok(WebhookFacts {
        event_id,
        event_type,
        content,
        coverage: SignatureCoverage::Nothing,
        occurred_at: time(&told.updated_at).or_else(|| time(&told.created_at)),
        body_digest,
    })
}

/// An object; as a list of values it would be read too.
fn told(body: &[u8]) -> Result<Told, String> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err("the body is no object".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| shape(&error))
}

/// What refunds and disputes have that actions have not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    key: Loose,
    event: Loose,
    reason_code: Loose,
    created_at: Loose,
    updated_at: Loose,
    cb_id: Loose,
    txn_id: Loose,
    cb_type: Loose,
    due_date: Loose,
    cb_amount: Loose,
    cb_status: Loose,
}

fn of_action(action: &Action, body_digest: &str) -> (String, String, WebhookContent) {
    let event_id = event_id(
        "action",
        &[
            action.request_id.text(),
            action.action.text(),
            action.status.text(),
            action.bank_arn.text(),
            body_digest,
        ],
    );
    let event_type = format!("{} {}", action.action.text(), action.status.text());
    let content = match action.refund_kind() {
        None => WebhookContent::OfNoConcern,
        Some(kind) => match action.observe_refund(kind) {
            Ok(refund) => WebhookContent::Observations(vec![Observation::Refund(refund)]),
            Err(error) => WebhookContent::NotUnderstood {
                reason: error.to_string(),
            },
        },
    };
    (event_id, event_type, content)
}

fn of_dispute(told: &Told, body_digest: &str) -> (String, String, WebhookContent) {
    let status = told.cb_status.text();
    let event_id = event_id(
        "dispute",
        &[
            told.cb_id.text(),
            status,
            told.updated_at.text(),
            body_digest,
        ],
    );
    let content = match dispute(told) {
        // There is no command that tells of disputes.
        Ok(dispute) => WebhookContent::CannotBeConfirmed(vec![Observation::Dispute(dispute)]),
        Err(error) => WebhookContent::NotUnderstood {
            reason: error.to_string(),
        },
    };
    (event_id, format!("dispute {status}"), content)
}

fn dispute(told: &Told) -> Result<DisputeObservation, ReadError> {
    let amount = money(told.cb_amount.text())?;
    let status = dispute_status(told.cb_status.text());
    let deducted = match status {
        Reported::Known(DisputeStatus::Lost) => amount,
        _ => Money::zero(amount.asset()),
    };
    Ok(DisputeObservation {
        dispute_id: told.cb_id.text().parse()?,
        payment_id: told.txn_id.text().parse()?,
        status,
        provider_status: told.cb_status.text().to_owned(),
        phase: dispute_phase(told.cb_type.text()),
        amount,
        deducted,
        charges: None,
        reason: told.reason_code.said().map(str::to_owned),
        respond_by: instant(&format!("{} 23:59:59", told.due_date.text())),
        created_at: time(&told.created_at),
    })
}

fn time(text: &Loose) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text.text()).ok()?;
    Some(time.with_timezone(&Utc))
}

/// A name of bounded length for what the parts say, which may be long and of any letters.
fn event_id(kind: &str, parts: &[&str]) -> String {
    let mut said = String::new();
    for part in parts {
        // With its length, so that no two lists of parts are the same text.
        said.push_str(&format!("{}:{part};", part.len()));
    }
    format!("{kind}-{}", sha256(said.as_bytes()))
}
