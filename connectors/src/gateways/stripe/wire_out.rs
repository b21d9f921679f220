//! Refunds, disputes, payouts and transfers as they come, and as observations.

use ledger_core::money::Asset;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::status::{dispute_status, payout_status, refund_status};
use super::wire::{FeeDetail, Metadata, fee_and_tax, instant, reference, stripe_currency};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    Charges, DisputeObservation, Money, PaymentFailure, PayoutObservation, PayoutStatus,
    RefundKind, RefundObservation, Reported,
};

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub payment_intent: Option<String>,
    pub status: Option<String>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
    pub failure_reason: Option<String>,
    pub destination_details: Option<serde_json::Value>,
    pub created: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dispute {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub payment_intent: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    #[serde(default)]
    pub balance_transactions: Vec<DisputeEntry>,
    pub evidence_details: Option<EvidenceDetails>,
    pub created: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DisputeEntry {
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub fee: i64,
    #[serde(default)]
    pub fee_details: Vec<FeeDetail>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EvidenceDetails {
    pub due_by: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Payout {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub status: String,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
    pub trace_id: Option<TraceId>,
    pub created: Option<i64>,
    #[serde(default)]
    pub automatic: bool,
    pub reconciliation_status: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TraceId {
    pub value: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Transfer {
    pub id: String,
    pub amount: u64,
    pub amount_reversed: u64,
    pub currency: String,
    pub reversed: bool,
    #[serde(default)]
    pub metadata: Metadata,
    pub created: Option<i64>,
}

impl Refund {
    pub(super) fn observe(self) -> Result<RefundObservation, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        let payment_id = self.payment_intent.as_deref();
        let payment_id = payment_id.ok_or(ReadError::Other("a refund without an intent"))?;
        let word = self.status.unwrap_or_default();
        let metadata = self.metadata.unwrap_or_default();
        let card = self.destination_details.as_ref();
        let bank_reference = card
            .and_then(|details| details.pointer("/card/reference"))
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned);
        Ok(RefundObservation {
            refund_id: self.id.try_into()?,
            payment_id: payment_id.parse()?,
            reference: reference(metadata.reference.as_deref()),
            status: refund_status(&word),
            provider_status: word,
            amount: Money::from_minor_units(self.amount, asset),
            // Authorizations are canceled, not refunded.
            kind: RefundKind::OfCaptured,
            bank_reference,
            failure: self.failure_reason.map(|code| PaymentFailure {
                code,
                reason: None,
                description: None,
            }),
            created_at: instant(self.created),
        })
    }
}

impl Dispute {
    pub(super) fn observe(self) -> Result<DisputeObservation, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        let payment_id = self.payment_intent.as_deref();
        let payment_id = payment_id.ok_or(ReadError::Other("a dispute without an intent"))?;
        let (status, phase) = dispute_status(&self.status);
        Ok(DisputeObservation {
            dispute_id: self.id.try_into()?,
            payment_id: payment_id.parse()?,
            status,
            provider_status: self.status,
            phase,
            amount: Money::from_minor_units(self.amount, asset),
            deducted: deducted(&self.balance_transactions, asset)?,
            charges: charges(&self.balance_transactions, asset)?,
            reason: self.reason,
            respond_by: instant(self.evidence_details.and_then(|details| details.due_by)),
            created_at: instant(self.created),
        })
    }
}

/// What Stripe kept for the dispute, less what it gave back.
fn charges(entries: &[DisputeEntry], asset: Asset) -> Result<Option<Charges>, ReadError> {
    let (mut fee, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for entry in entries {
        let (own_fee, own_tax) = fee_and_tax(entry.fee, &entry.fee_details, asset)?;
        let too_large = || ReadError::Other("a fee that is too large");
        fee = fee.checked_add(own_fee).ok_or_else(too_large)?;
        tax = tax.checked_add(own_tax).ok_or_else(too_large)?;
    }
    let is_free = fee.is_zero() && tax.is_zero();
    Ok((!is_free).then_some(Charges { fee, tax, asset }))
}

/// What was taken and not given back; entries are negative when they take.
fn deducted(entries: &[DisputeEntry], asset: Asset) -> Result<Money, ReadError> {
    let mut sum = 0_i64;
    for entry in entries {
        if stripe_currency(&entry.currency)? != asset {
            return Err(ReadError::Other("a dispute settled in another currency"));
        }
        sum = sum
            .checked_add(entry.amount)
            .ok_or(ReadError::Other("a dispute that is too large"))?;
    }
    let taken = if sum < 0 { sum.unsigned_abs() } else { 0 };
    Ok(Money::from_minor_units(taken, asset))
}

impl Payout {
    pub(super) fn observe(self) -> Result<PayoutObservation, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        Ok(PayoutObservation {
            payout_id: self.id.try_into()?,
            reference: reference(self.metadata.reference.as_deref()),
            status: payout_status(&self.status),
            provider_status: self.status,
            amount: Money::from_minor_units(self.amount, asset),
            charges: None,
            bank_reference: self.trace_id.and_then(|trace| trace.value),
            failure: self.failure_code.map(|code| PaymentFailure {
                code,
                reason: None,
                description: self.failure_message,
            }),
            created_at: instant(self.created),
        })
    }
}

impl Transfer {
    /// A transfer that was reversed in part is still paid; the part is told by an event of its own.
    pub(super) fn observe(self) -> Result<PayoutObservation, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        let (status, word) = match self.reversed || self.amount_reversed >= self.amount {
            true => (PayoutStatus::Returned, "reversed"),
            false => (PayoutStatus::Paid, "paid"),
        };
        Ok(PayoutObservation {
            payout_id: self.id.try_into()?,
            reference: reference(self.metadata.reference.as_deref()),
            status: Reported::Known(status),
            provider_status: word.to_owned(),
            amount: Money::from_minor_units(self.amount, asset),
            charges: None,
            bank_reference: None,
            failure: None,
            created_at: instant(self.created),
        })
    }
}
