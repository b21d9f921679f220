//! Instamojo's entities as they come, and as observations.
//!
//! Amounts are in rupees, as texts with or without decimals; a payment tells its fee with its tax and
//! nothing of what went back.

use chrono::{DateTime, Utc};
use ledger_core::money::{Asset, parse_decimal};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::status::{method, payment_status, refund_status, request_status};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    Charges, CheckoutObservation, Money, MoneyError, PaymentFailure, PaymentObservation,
    PaymentStatus, ProviderId, Reference, RefundKind, RefundObservation, Reported, currency,
};
use crate::providers::loose::Loose;

/// `{"success": true, "payment_request": …}`.
#[derive(Debug, Deserialize)]
pub(super) struct RequestAnswer {
    pub payment_request: PaymentRequest,
}

/// `{"success": true, "payment_requests": …}`.
#[derive(Debug, Deserialize)]
pub(super) struct RequestsAnswer {
    pub payment_requests: Vec<PaymentRequest>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PaymentRequest {
    pub id: String,
    pub amount: Loose,
    pub purpose: String,
    pub status: String,
    pub longurl: Option<String>,
    #[serde(default)]
    pub created_at: Loose,
    #[serde(default)]
    pub payments: Vec<Payment>,
}

/// What an order is made into.
#[derive(Debug, Deserialize)]
pub(super) struct OrderAnswer {
    pub order: Order,
    pub payment_options: PaymentOptions,
}

#[derive(Debug, Deserialize)]
pub(super) struct PaymentOptions {
    pub payment_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub id: String,
    pub transaction_id: Option<String>,
    pub amount: Loose,
    #[serde(default)]
    pub currency: Loose,
    pub status: String,
    #[serde(default)]
    pub payments: Vec<OrderPayment>,
}

/// A payment as an order has it: its name.
#[derive(Debug, Deserialize)]
pub(super) struct OrderPayment {
    pub id: String,
}

/// A payment of the first version, wrapped.
#[derive(Debug, Deserialize)]
struct WrappedPayment<'a> {
    #[serde(borrow)]
    payment: &'a RawValue,
}

/// A payment of the first version, wrapped, or of the second, bare. It is read from the text itself, because
/// a number would lose digits on any other way.
pub(super) fn payment(answer: &RawValue) -> Result<Payment, serde_json::Error> {
    let wrapped = serde_json::from_str::<WrappedPayment<'_>>(answer.get());
    let bare = wrapped.map_or(answer, |wrapped| wrapped.payment);
    serde_json::from_str(bare.get())
}

#[derive(Debug, Deserialize)]
pub(super) struct Payment {
    #[serde(alias = "id")]
    pub payment_id: String,
    pub status: Loose,
    #[serde(default)]
    pub currency: Loose,
    pub amount: Loose,
    #[serde(default)]
    pub fees: Loose,
    #[serde(default)]
    pub total_taxes: Loose,
    #[serde(default)]
    pub instrument_type: Loose,
    #[serde(default)]
    pub failure: Value,
    /// The name of what it was paid out with, or an object that has one.
    #[serde(default)]
    pub payout: Value,
    /// The request's name, or its address.
    #[serde(default)]
    pub payment_request: Loose,
    #[serde(default)]
    pub created_at: Loose,
}

/// `{"success": true, "refund": …}`.
#[derive(Debug, Deserialize)]
pub(super) struct RefundAnswer {
    #[serde(alias = "result")]
    pub refund: Refund,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub payment_id: String,
    pub status: String,
    #[serde(default)]
    pub body: Loose,
    pub refund_amount: Loose,
    #[serde(default)]
    pub transaction_id: Loose,
    #[serde(default)]
    pub created_at: Loose,
}

/// A list of refunds, which the first version calls so and the second `results`.
#[derive(Debug, Deserialize)]
pub(super) struct RefundsAnswer {
    #[serde(alias = "results")]
    pub refunds: Vec<Refund>,
}

pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&Utc))
}

pub(super) fn asset(code: &Loose) -> Result<Asset, ReadError> {
    Ok(currency(code.said().unwrap_or("INR"))?)
}

pub(super) fn decimal(text: &Loose) -> Result<Decimal, ReadError> {
    text.said().map_or(Ok(Decimal::ZERO), |text| {
        parse_decimal(text).map_err(|_| ReadError::Money(MoneyError::Malformed))
    })
}

/// Our name in what the payer sees: its last word.
pub(super) fn reference_of(purpose: &str) -> Option<Reference> {
    purpose.rsplit(' ').next()?.parse().ok()
}

impl PaymentRequest {
    pub(super) fn observe(self) -> Result<CheckoutObservation, ReadError> {
        let payments: Result<Vec<_>, _> = self.payments.iter().map(Payment::observe).collect();
        let amount = Money::parse(self.amount.text(), currency("INR")?)?;
        checkout(
            self.id,
            reference_of(&self.purpose),
            self.status,
            amount,
            payments?,
        )
    }
}

impl Order {
    pub(super) fn observe(
        self,
        payments: Vec<PaymentObservation>,
    ) -> Result<CheckoutObservation, ReadError> {
        let amount = Money::parse(self.amount.text(), asset(&self.currency)?)?;
        let reference = self.transaction_id.and_then(|id| id.parse().ok());
        checkout(self.id, reference, self.status, amount, payments)
    }
}

/// Its payments are told with the names of what they belong to, oldest first.
fn checkout(
    id: String,
    reference: Option<Reference>,
    status: String,
    amount: Money,
    mut payments: Vec<PaymentObservation>,
) -> Result<CheckoutObservation, ReadError> {
    let checkout_id: ProviderId = id.try_into()?;
    let mut paid = Money::zero(amount.asset());
    for payment in &mut payments {
        payment.checkout_id = Some(checkout_id.clone());
        payment.reference.clone_from(&reference);
        paid = paid
            .checked_add(payment.captured)
            .ok_or(ReadError::Other("payments that cannot be added"))?;
    }
    payments.sort_by_key(|payment| payment.created_at);
    Ok(CheckoutObservation {
        checkout_id,
        reference,
        status: request_status(&status),
        provider_status: status,
        amount,
        paid,
        payments,
    })
}

impl Payment {
    pub(super) fn observe(&self) -> Result<PaymentObservation, ReadError> {
        let asset = asset(&self.currency)?;
        let amount = Money::parse(self.amount.text(), asset)?;
        let nothing = Money::zero(asset);
        let status = payment_status(self.status.text());
        let is_captured = status == Reported::Known(PaymentStatus::Captured);
        let charges = match (is_captured, self.fees.said()) {
            (true, Some(_)) => Some(Charges {
                fee: decimal(&self.fees)?,
                tax: decimal(&self.total_taxes)?,
                asset,
            }),
            _ => None,
        };
        let request = self.payment_request.said().map(last_segment);
        Ok(PaymentObservation {
            payment_id: self.payment_id.parse()?,
            checkout_id: request.map(str::parse).transpose()?,
            reference: None,
            status,
            provider_status: self.status.text().to_owned(),
            amount,
            captured: if is_captured { amount } else { nothing },
            refunded: nothing,
            charges,
            method: self.instrument_type.said().map(method),
            failure: failure(&self.failure),
            created_at: instant(self.created_at.text()),
        })
    }

    /// What it was paid out with, once it was.
    pub(super) fn payout_id(&self) -> Option<&str> {
        let id = self.payout.as_str();
        id.or_else(|| self.payout.get("id").and_then(Value::as_str))
            .map(last_segment)
    }
}

/// A name, or the last part of an address that ends in one.
fn last_segment(text: &str) -> &str {
    let text = text.trim_end_matches('/');
    text.rsplit('/').next().unwrap_or(text)
}

fn failure(told: &Value) -> Option<PaymentFailure> {
    let say = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    match told {
        Value::String(reason) if !reason.is_empty() => Some(PaymentFailure {
            code: reason.clone(),
            reason: None,
            description: None,
        }),
        Value::Object(_) => Some(PaymentFailure {
            code: say("reason").unwrap_or_else(|| "failed".to_owned()),
            reason: None,
            description: say("message"),
        }),
        _ => None,
    }
}

impl Refund {
    /// Our name for it: its own field, or the first word of why.
    pub(super) fn reference(&self) -> Option<Reference> {
        let own = self.transaction_id.said();
        own.or_else(|| self.body.text().split(' ').next())?
            .parse()
            .ok()
    }

    pub(super) fn observe(self) -> Result<RefundObservation, ReadError> {
        let reference = self.reference();
        Ok(RefundObservation {
            refund_id: self.id.try_into()?,
            payment_id: self.payment_id.try_into()?,
            reference,
            status: refund_status(&self.status),
            provider_status: self.status,
            amount: Money::parse(self.refund_amount.text(), currency("INR")?)?,
            // Nothing is authorized without being taken.
            kind: RefundKind::OfCaptured,
            bank_reference: None,
            failure: None,
            created_at: instant(self.created_at.text()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::payment;

    /// As 64-bit floats these would be 90071992547409.92 and 0.3.
    #[test]
    fn bare_numbers_keep_their_digits() {
        let bare = r#"{"payment_id": "MOJO1", "status": "Credit",
            "amount": 90071992547409.93, "fees": 0.300000000000000000001}"#;
        for text in [
            bare.to_owned(),
            format!(r#"{{"success": true, "payment": {bare}}}"#),
        ] {
            let answer = RawValue::from_string(text).unwrap();
            let read = payment(&answer).unwrap();
            assert_eq!(read.amount.text(), "90071992547409.93");
            assert_eq!(read.fees.text(), "0.300000000000000000001");
        }
        for text in ["{}", "7", r#"{"payment": []}"#] {
            let answer = RawValue::from_string(text.to_owned()).unwrap();
            assert!(payment(&answer).is_err(), "{text}");
        }
    }
}
