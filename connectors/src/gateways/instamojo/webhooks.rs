//! Instamojo's webhooks.
//!
//! A webhook is a form about one payment. It has no name of its own, so it is made of the payment and its
//! status.

use hyper::header::CONTENT_TYPE;

use super::signature::{MAC_FIELD, form_mac};
use super::status::payment_status;
use super::wire::{asset, decimal};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    Charges, FormFields, MAX_WEBHOOK_BYTES, Money, Observation, PaymentFailure, PaymentObservation,
    PaymentStatus, Reported, SecretRing, SignatureCoverage, WebhookContent, WebhookDelivery,
    WebhookFacts, WebhookRejection,
};
use crate::providers::loose::Loose;
use crate::providers::signature::{is_same, sha256};

/// The keys that a webhook has. The code does not cover them, so they are asked for by name.
const REQUIRED: [&str; 13] = [
    "amount",
    "buyer",
    "buyer_name",
    "buyer_phone",
    "currency",
    "fees",
    "longurl",
    "payment_id",
    "payment_request_id",
    "purpose",
    "shorturl",
    "status",
    MAC_FIELD,
];

/// The hexadecimal digits of SHA-1.
const MAC_LENGTH: usize = 40;

pub(super) fn verify(
    salts: &SecretRing,
    delivery: &WebhookDelivery<'_>,
) -> Result<WebhookFacts, WebhookRejection> {
    if delivery.body.len() > MAX_WEBHOOK_BYTES {
        return Err(WebhookRejection::TooLong);
    }
    if !is_form(delivery) {
        return Err(WebhookRejection::ContentType);
    }
    let fields = FormFields::decode(delivery.body);
    check_signature(salts, &fields)?;
    let told = |name| fields.only(name).unwrap_or_default();
    let content = match payment(&fields) {
        Ok(payment) => WebhookContent::Observations(vec![Observation::Payment(payment)]),
        Err(error) => WebhookContent::NotUnderstood {
            reason: error.to_string(),
        },
    };
    let (payment_id, status) = (told("payment_id"), told("status"));
    let name = format!("{}:{payment_id};{status}", payment_id.len());
    Ok(WebhookFacts {
        event_id: format!("payment-{}", sha256(name.as_bytes())),
        event_type: format!("payment {status}"),
        content,
        coverage: SignatureCoverage::Parts,
        occurred_at: None,
        body_digest: sha256(delivery.body),
    })
}

fn is_form(delivery: &WebhookDelivery<'_>) -> bool {
    let mut values = delivery.headers.get_all(CONTENT_TYPE).iter();
    let kind = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    };
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded")
}

fn check_signature(salts: &SecretRing, fields: &FormFields) -> Result<(), WebhookRejection> {
    let names = fields.as_slice();
    if names.iter().all(|(key, _)| key != MAC_FIELD) {
        return Err(WebhookRejection::NotSigned);
    }
    let mac = fields.only(MAC_FIELD).ok_or(WebhookRejection::Ambiguous)?;
    if mac.is_empty() {
        return Err(WebhookRejection::NotSigned);
    }
    if mac.len() != MAC_LENGTH {
        return Err(WebhookRejection::MalformedSignature);
    }
    let is_missing = REQUIRED.iter().any(|name| fields.only(name).is_none());
    let has_border = names.iter().any(|(_, value)| value.contains('|'));
    let mut keys: Vec<String> = names.iter().map(|(key, _)| key.to_lowercase()).collect();
    keys.sort_unstable();
    // Keys that differ only in case have no order.
    let is_doubled = keys
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other));
    if is_missing || has_border || is_doubled {
        return Err(WebhookRejection::Ambiguous);
    }
    if salts
        .all()
        .any(|salt| is_same(&form_mac(salt, fields), mac))
    {
        Ok(())
    } else {
        Err(WebhookRejection::WrongSignature)
    }
}

fn payment(fields: &FormFields) -> Result<PaymentObservation, ReadError> {
    let told = |name| fields.only(name).unwrap_or_default();
    let asset = asset(&Loose::of(told("currency")))?;
    let amount = Money::parse(told("amount"), asset)?;
    let status = payment_status(told("status"));
    let is_captured = status == Reported::Known(PaymentStatus::Captured);
    let nothing = Money::zero(asset);
    let charges = match is_captured {
        true => Some(Charges {
            fee: decimal(&Loose::of(told("fees")))?,
            tax: rust_decimal::Decimal::ZERO,
            asset,
        }),
        false => None,
    };
    let failure = (status == Reported::Known(PaymentStatus::Failed)).then(|| PaymentFailure {
        code: "failed".to_owned(),
        reason: None,
        description: None,
    });
    Ok(PaymentObservation {
        payment_id: told("payment_id").parse()?,
        checkout_id: Some(told("payment_request_id").parse()?),
        reference: super::wire::reference_of(told("purpose")),
        status,
        provider_status: told("status").to_owned(),
        amount,
        captured: if is_captured { amount } else { nothing },
        refunded: nothing,
        charges,
        method: None,
        failure,
        created_at: None,
    })
}
