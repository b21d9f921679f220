//! Sessions, intents and charges as they come, and as observations.
//!
//! Amounts are whole minor units as Stripe counts them, which for a few currencies is not what ISO 4217
//! says; those are refused. A field that can be expanded is an id or an object.

use chrono::{DateTime, Utc};
use ledger_core::money::Asset;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::status::{charge_status, intent_status, session_status};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    Charges, CheckoutObservation, Money, PaymentFailure, PaymentMethod, PaymentObservation,
    PaymentStatus, ProviderId, Reference, Reported, currency,
};

/// Currencies that Stripe counts in other units than ISO 4217: Icelandic krona and Ugandan shilling with
/// two decimals, Malagasy ariary with none, Hungarian forint and Taiwan dollar differently in payouts.
const OTHER_UNITS: [&str; 5] = ["ISK", "UGX", "MGA", "HUF", "TWD"];

/// The currency of an amount of Stripe's.
pub(super) fn stripe_currency(code: &str) -> Result<Asset, ReadError> {
    let asset = currency(code)?;
    if OTHER_UNITS.contains(&asset.code.as_str()) {
        return Err(ReadError::Other("a currency with units of Stripe's own"));
    }
    Ok(asset)
}

#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// A field that can be expanded.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    #[expect(dead_code, reason = "tells an id from an object of another shape")]
    Id(String),
    Object(T),
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata {
    pub reference: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub id: String,
    pub status: Option<String>,
    pub payment_status: Option<String>,
    pub amount_total: Option<u64>,
    pub currency: Option<String>,
    pub client_reference_id: Option<String>,
    pub url: Option<String>,
    pub expires_at: Option<i64>,
    pub payment_intent: Option<Expandable<Box<Intent>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub id: String,
    pub amount: u64,
    pub amount_received: Option<u64>,
    pub currency: String,
    pub status: String,
    pub created: Option<i64>,
    #[serde(default)]
    pub metadata: Metadata,
    pub last_payment_error: Option<PaymentErrorBody>,
    pub latest_charge: Option<Expandable<Charge>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PaymentErrorBody {
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Charge {
    pub amount: u64,
    pub amount_captured: Option<u64>,
    pub amount_refunded: u64,
    pub captured: bool,
    #[serde(default)]
    pub disputed: bool,
    pub currency: String,
    pub status: String,
    pub created: Option<i64>,
    pub payment_intent: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub payment_method_details: Option<MethodDetails>,
    pub balance_transaction: Option<Expandable<Entry>>,
}

/// Of how it was paid only the kind is read.
#[derive(Debug, Deserialize)]
pub(super) struct MethodDetails {
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// The charges of a balance transaction.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub currency: String,
    pub fee: i64,
    #[serde(default)]
    pub fee_details: Vec<FeeDetail>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FeeDetail {
    pub amount: i64,
    #[serde(rename = "type")]
    pub kind: String,
}

pub(super) fn instant(seconds: Option<i64>) -> Option<DateTime<Utc>> {
    seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

pub(super) fn reference(text: Option<&str>) -> Option<Reference> {
    text.and_then(|text| text.parse().ok())
}

/// Minor units with a sign, in major units.
pub(super) fn signed(minor_units: i64, asset: Asset) -> Decimal {
    let value = Money::from_minor_units(minor_units.unsigned_abs(), asset).value();
    if minor_units < 0 { -value } else { value }
}

/// The fee without tax, and the tax.
pub(super) fn fee_and_tax(
    fee: i64,
    details: &[FeeDetail],
    asset: Asset,
) -> Result<(Decimal, Decimal), ReadError> {
    let mut taxes = details.iter().filter(|detail| detail.kind == "tax");
    let too_large = || ReadError::Other("a fee that is too large");
    let tax = taxes
        .try_fold(0_i64, |sum, detail| sum.checked_add(detail.amount))
        .ok_or_else(too_large)?;
    let without = fee.checked_sub(tax).ok_or_else(too_large)?;
    Ok((signed(without, asset), signed(tax, asset)))
}

impl Entry {
    fn charges(&self) -> Result<Charges, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        let (fee, tax) = fee_and_tax(self.fee, &self.fee_details, asset)?;
        Ok(Charges { fee, tax, asset })
    }
}

impl Intent {
    /// With its charge where it is expanded. Without, nothing is known of refunds, disputes and fees.
    pub(super) fn observe(self) -> Result<PaymentObservation, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        let money = |minor| Money::from_minor_units(minor, asset);
        let has_failed = self.last_payment_error.is_some();
        let captured = match self.status.as_str() {
            "succeeded" => self.amount_received.unwrap_or(self.amount),
            _ => 0,
        };
        let failure = self.last_payment_error.map(|error| PaymentFailure {
            code: error.code.unwrap_or_default(),
            reason: error.decline_code,
            description: error.message,
        });
        let mut observed = PaymentObservation {
            payment_id: self.id.try_into()?,
            checkout_id: None,
            reference: reference(self.metadata.reference.as_deref()),
            status: intent_status(&self.status, has_failed),
            provider_status: self.status,
            amount: money(self.amount),
            captured: money(captured),
            refunded: money(0),
            charges: None,
            method: None,
            failure,
            created_at: instant(self.created),
        };
        if let Some(Expandable::Object(charge)) = self.latest_charge {
            charge.add_to(&mut observed)?;
        }
        Ok(observed)
    }
}

impl Charge {
    /// What the charge knows and its intent does not.
    fn add_to(self, observed: &mut PaymentObservation) -> Result<(), ReadError> {
        let asset = stripe_currency(&self.currency)?;
        if asset != observed.amount.asset() {
            return Err(ReadError::Other("a charge in another currency"));
        }
        observed.method = self.method();
        if observed.status == Reported::Known(PaymentStatus::Captured) {
            observed.refunded = Money::from_minor_units(self.amount_refunded, asset);
            observed.status = Reported::Known(self.taken());
        }
        if let Some(Expandable::Object(entry)) = &self.balance_transaction {
            observed.charges = Some(entry.charges()?);
        }
        Ok(())
    }

    fn taken(&self) -> PaymentStatus {
        let captured = self.amount_captured.unwrap_or(self.amount);
        match self.amount_refunded {
            _ if self.disputed => PaymentStatus::Disputed,
            0 => PaymentStatus::Captured,
            refunded if refunded < captured => PaymentStatus::PartiallyRefunded,
            _ => PaymentStatus::Refunded,
        }
    }

    fn method(&self) -> Option<PaymentMethod> {
        let kind = self.payment_method_details.as_ref()?.kind.as_deref()?;
        Some(match kind {
            "card" | "card_present" => PaymentMethod::Card,
            "upi" => PaymentMethod::Upi,
            "netbanking" | "fpx" | "ideal" | "p24" | "eps" | "bancontact" => {
                PaymentMethod::NetBanking
            }
            "alipay" | "wechat_pay" | "cashapp" | "paypal" | "amazon_pay" => PaymentMethod::Wallet,
            "klarna" | "affirm" | "afterpay_clearpay" => PaymentMethod::PayLater,
            "sepa_debit" | "us_bank_account" | "bacs_debit" | "customer_balance" => {
                PaymentMethod::BankTransfer
            }
            other => PaymentMethod::Other(other.to_owned()),
        })
    }

    /// A charge that comes alone, in a webhook.
    pub(super) fn observe(self) -> Result<PaymentObservation, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        let money = |minor| Money::from_minor_units(minor, asset);
        let payment_id = self.payment_intent.as_deref();
        let payment_id = payment_id.ok_or(ReadError::Other("a charge without an intent"))?;
        let captured = match (self.status.as_str(), self.captured) {
            ("succeeded", true) => self.amount_captured.unwrap_or(self.amount),
            _ => 0,
        };
        let failure = self.failure_code.as_ref().map(|code| PaymentFailure {
            code: code.clone(),
            reason: None,
            description: self.failure_message.clone(),
        });
        let mut observed = PaymentObservation {
            payment_id: payment_id.parse()?,
            checkout_id: None,
            reference: reference(self.metadata.reference.as_deref()),
            status: charge_status(&self.status, self.captured),
            provider_status: self.status.clone(),
            amount: money(self.amount),
            captured: money(captured),
            refunded: money(0),
            charges: None,
            method: None,
            failure,
            created_at: instant(self.created),
        };
        self.add_to(&mut observed)?;
        Ok(observed)
    }
}

impl Session {
    pub(super) fn observe(self) -> Result<CheckoutObservation, ReadError> {
        let code = self.currency.as_deref();
        let asset = stripe_currency(code.ok_or(ReadError::Other("a session without currency"))?)?;
        let total = self.amount_total;
        let total = total.ok_or(ReadError::Other("a session without amount"))?;
        let word = self.status.unwrap_or_default();
        let is_paid = self.payment_status.as_deref() == Some("paid");
        let checkout_id = ProviderId::try_from(self.id)?;
        let mut payments = Vec::new();
        if let Some(Expandable::Object(intent)) = self.payment_intent {
            let mut payment = intent.observe()?;
            payment.checkout_id = Some(checkout_id.clone());
            payments.push(payment);
        }
        Ok(CheckoutObservation {
            checkout_id,
            reference: reference(self.client_reference_id.as_deref()),
            status: session_status(&word, self.payment_status.as_deref()),
            provider_status: word,
            amount: Money::from_minor_units(total, asset),
            paid: Money::from_minor_units(if is_paid { total } else { 0 }, asset),
            payments,
        })
    }
}
