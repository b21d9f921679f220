//! Razorpay's entities as they come, and as observations.
//!
//! Amounts are whole minor units; a number with a point or a sign is refused by its type. `notes` is an
//! object, or an empty array, a text or null.

use chrono::{DateTime, Utc};
use ledger_core::money::Asset;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::status::{
    PaymentWord, dispute_phase, dispute_status, link_status, order_status, payout_status,
    refund_status, settlement_status,
};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    Charges, CheckoutObservation, DisputeObservation, Money, PaymentFailure, PaymentMethod,
    PaymentObservation, PaymentStatus, PayoutObservation, ProviderId, Reference, RefundKind,
    RefundObservation, Reported, SettlementObservation, currency,
};

/// The key of `notes` under which our reference travels.
pub(super) const REFERENCE_NOTE: &str = "reference";

/// A list.
#[derive(Debug, Deserialize)]
pub(super) struct Collection<T> {
    pub items: Vec<T>,
}

/// The list of payment links has a name of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Links {
    pub payment_links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Payment {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub status: String,
    pub base_currency: Option<String>,
    pub order_id: Option<String>,
    pub method: Option<String>,
    pub amount_refunded: Option<u64>,
    pub captured: Option<bool>,
    pub fee: Option<u64>,
    pub tax: Option<u64>,
    #[serde(default)]
    pub notes: Value,
    pub error_code: Option<String>,
    pub error_description: Option<String>,
    pub error_reason: Option<String>,
    pub created_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub id: String,
    pub amount: u64,
    pub amount_paid: Option<u64>,
    pub currency: String,
    pub receipt: Option<String>,
    pub status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub id: String,
    pub amount: u64,
    pub amount_paid: Option<u64>,
    pub currency: String,
    pub reference_id: Option<String>,
    pub short_url: Option<String>,
    pub status: String,
    pub order_id: Option<String>,
    pub expire_by: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub payment_id: String,
    pub amount: u64,
    pub currency: String,
    pub receipt: Option<String>,
    pub status: String,
    #[serde(default)]
    pub acquirer_data: Value,
    pub created_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dispute {
    pub id: String,
    pub payment_id: String,
    pub amount: u64,
    pub currency: String,
    pub amount_deducted: Option<u64>,
    pub reason_code: Option<String>,
    pub respond_by: Option<i64>,
    pub status: String,
    pub phase: String,
    pub created_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Payout {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub fees: Option<u64>,
    pub tax: Option<u64>,
    pub status: String,
    pub utr: Option<String>,
    pub reference_id: Option<String>,
    pub status_details: Option<StatusDetails>,
    pub created_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusDetails {
    pub reason: Option<String>,
    pub description: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Settlement {
    pub id: String,
    pub amount: u64,
    pub status: String,
    pub utr: Option<String>,
    pub created_at: Option<i64>,
}

pub(super) fn instant(seconds: Option<i64>) -> Option<DateTime<Utc>> {
    seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

/// Fee and tax from a fee that includes the tax.
pub(super) fn charges(fee: u64, tax: u64, asset: Asset) -> Result<Charges, ReadError> {
    let without = fee
        .checked_sub(tax)
        .ok_or(ReadError::Other("a tax is more than the fee it is part of"))?;
    let in_units = |minor| Money::from_minor_units(minor, asset).value();
    Ok(Charges {
        fee: in_units(without),
        tax: in_units(tax),
        asset,
    })
}

fn reference(text: Option<&str>) -> Option<Reference> {
    text.and_then(|text| text.parse().ok())
}

/// A text that is there and not empty; card samples have `""` for none.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn failure(
    code: Option<String>,
    reason: Option<String>,
    description: Option<String>,
) -> Option<PaymentFailure> {
    said(code).map(|code| PaymentFailure {
        code,
        reason: said(reason),
        description: said(description),
    })
}

impl Payment {
    pub(super) fn observe(self) -> Result<PaymentObservation, ReadError> {
        let asset = currency(&self.currency)?;
        let money = |minor| Money::from_minor_units(minor, asset);
        let refunded = self.amount_refunded.unwrap_or(0);
        if refunded > self.amount {
            return Err(ReadError::Other("more is refunded than was paid"));
        }
        let (status, captured) = self.status(refunded);
        let charges = match self.fee {
            // Fees of payments in other currencies are in the one of the settlement.
            Some(fee) => Some(charges(
                fee,
                self.tax.unwrap_or(0),
                self.base_currency.as_deref().map_or(Ok(asset), currency)?,
            )?),
            None => None,
        };
        Ok(PaymentObservation {
            payment_id: self.id.try_into()?,
            checkout_id: self.order_id.map(ProviderId::try_from).transpose()?,
            reference: reference(self.notes.get(REFERENCE_NOTE).and_then(Value::as_str)),
            status,
            provider_status: self.status,
            amount: money(self.amount),
            captured: money(captured),
            refunded: money(refunded),
            charges,
            method: self.method.as_deref().map(method),
            failure: failure(self.error_code, self.error_reason, self.error_description),
            created_at: instant(self.created_at),
        })
    }

    /// Ours, and what was taken. `captured: true` beside `authorized` is a quirk and does not count.
    fn status(&self, refunded: u64) -> (Reported<PaymentStatus>, u64) {
        let taken = match refunded {
            0 => PaymentStatus::Captured,
            refunded if refunded < self.amount => PaymentStatus::PartiallyRefunded,
            _ => PaymentStatus::Refunded,
        };
        let (status, captured) = match PaymentWord::from(self.status.as_str()) {
            PaymentWord::Created => (PaymentStatus::AwaitingPayer, 0),
            PaymentWord::Authorized => (PaymentStatus::Authorized, 0),
            PaymentWord::Captured => (taken, self.amount),
            // Never captured in time: the bank has its money back, and it never was ours.
            PaymentWord::Refunded if self.captured == Some(false) => (PaymentStatus::Expired, 0),
            PaymentWord::Refunded => (PaymentStatus::Refunded, self.amount),
            PaymentWord::Failed => (PaymentStatus::Failed, 0),
            PaymentWord::Unknown(word) => return (Reported::Unknown(word), 0),
        };
        (Reported::Known(status), captured)
    }

    /// Whether a refund of it gives back money that was ours.
    pub(super) fn refund_kind(&self) -> RefundKind {
        match self.captured {
            Some(true) => RefundKind::OfCaptured,
            Some(false) => RefundKind::OfUncaptured,
            None => RefundKind::NotSaid,
        }
    }
}

fn method(word: &str) -> PaymentMethod {
    match word {
        "card" => PaymentMethod::Card,
        "upi" => PaymentMethod::Upi,
        "netbanking" => PaymentMethod::NetBanking,
        "wallet" => PaymentMethod::Wallet,
        "emi" | "cardless_emi" => PaymentMethod::Instalments,
        "paylater" => PaymentMethod::PayLater,
        "bank_transfer" | "nach" | "emandate" => PaymentMethod::BankTransfer,
        other => PaymentMethod::Other(other.to_owned()),
    }
}

impl Order {
    pub(super) fn observe(
        self,
        payments: Vec<PaymentObservation>,
    ) -> Result<CheckoutObservation, ReadError> {
        let asset = currency(&self.currency)?;
        Ok(CheckoutObservation {
            checkout_id: self.id.try_into()?,
            reference: reference(self.receipt.as_deref()),
            status: order_status(&self.status),
            provider_status: self.status,
            amount: Money::from_minor_units(self.amount, asset),
            paid: Money::from_minor_units(self.amount_paid.unwrap_or(0), asset),
            payments,
        })
    }
}

impl Link {
    pub(super) fn observe(
        self,
        payments: Vec<PaymentObservation>,
    ) -> Result<CheckoutObservation, ReadError> {
        let asset = currency(&self.currency)?;
        Ok(CheckoutObservation {
            checkout_id: self.id.try_into()?,
            reference: reference(self.reference_id.as_deref()),
            status: link_status(&self.status),
            provider_status: self.status,
            amount: Money::from_minor_units(self.amount, asset),
            paid: Money::from_minor_units(self.amount_paid.unwrap_or(0), asset),
            payments,
        })
    }
}

impl Refund {
    pub(super) fn observe(self, kind: RefundKind) -> Result<RefundObservation, ReadError> {
        let asset = currency(&self.currency)?;
        let bank_reference = ["arn", "rrn", "utr"]
            .iter()
            .find_map(|key| self.acquirer_data.get(key).and_then(Value::as_str))
            .map(str::to_owned);
        Ok(RefundObservation {
            refund_id: self.id.try_into()?,
            payment_id: self.payment_id.try_into()?,
            reference: reference(self.receipt.as_deref()),
            status: refund_status(&self.status),
            provider_status: self.status,
            amount: Money::from_minor_units(self.amount, asset),
            kind,
            bank_reference,
            failure: None,
            created_at: instant(self.created_at),
        })
    }
}

impl Dispute {
    pub(super) fn observe(self) -> Result<DisputeObservation, ReadError> {
        let asset = currency(&self.currency)?;
        Ok(DisputeObservation {
            dispute_id: self.id.try_into()?,
            payment_id: self.payment_id.try_into()?,
            status: dispute_status(&self.status),
            provider_status: self.status,
            phase: dispute_phase(&self.phase),
            amount: Money::from_minor_units(self.amount, asset),
            deducted: Money::from_minor_units(self.amount_deducted.unwrap_or(0), asset),
            charges: None,
            reason: said(self.reason_code),
            respond_by: instant(self.respond_by),
            created_at: instant(self.created_at),
        })
    }
}

impl Payout {
    pub(super) fn observe(self) -> Result<PayoutObservation, ReadError> {
        let asset = currency(&self.currency)?;
        let charges = match self.fees {
            Some(fees) if fees > 0 => Some(charges(fees, self.tax.unwrap_or(0), asset)?),
            _ => None,
        };
        let failure = self.status_details.and_then(|details| {
            failure(details.reason.clone(), details.reason, details.description)
        });
        Ok(PayoutObservation {
            payout_id: self.id.try_into()?,
            reference: reference(self.reference_id.as_deref()),
            status: payout_status(&self.status),
            provider_status: self.status,
            amount: Money::from_minor_units(self.amount, asset),
            charges,
            bank_reference: said(self.utr),
            failure,
            created_at: instant(self.created_at),
        })
    }
}

impl Settlement {
    /// Settlements go to an account in India and tell no currency.
    pub(super) fn observe(self) -> Result<SettlementObservation, ReadError> {
        Ok(SettlementObservation {
            settlement_id: self.id.try_into()?,
            status: settlement_status(&self.status),
            provider_status: self.status,
            amount: Money::from_minor_units(self.amount, currency("INR")?),
            bank_reference: said(self.utr),
            created_at: instant(self.created_at),
        })
    }
}

/// Minor units with a sign, in major units.
pub(super) fn signed(credit: u64, debit: u64, asset: Asset) -> Option<Decimal> {
    let value = |minor| Money::from_minor_units(minor, asset).value();
    value(credit).checked_sub(value(debit))
}
