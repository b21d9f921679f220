//! The combined report: every payment, refund, transfer and adjustment that was settled on a day.
//!
//! A payment's credit is its amount without the fee, a refund's or transfer's debit its amount with the
//! fee; the fee includes the tax. Days are in Indian time.

use chrono::Datelike;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::wire::{Collection, charges, instant, signed};
use super::{PROVIDER, RazorpayGateway};
use crate::gateways::Call;
use crate::gateways::reading::ReadError;
use crate::gateways::{
    GatewayError, Money, Operation, PageToken, ProviderId, Reported, SettlementPage,
    SettlementQuery, SettlementRow, SettlementRowKind, currency,
};
use crate::providers::reported::provider_words;

/// Rows per page; Razorpay allows 1000.
const PAGE: usize = 500;

provider_words!(RowWord {
    Payment = "payment",
    Refund = "refund",
    Transfer = "transfer",
    Adjustment = "adjustment",
});

/// Some keys are absent on some rows.
#[derive(Debug, Deserialize)]
struct Row {
    entity_id: String,
    #[serde(rename = "type")]
    kind: String,
    debit: u64,
    credit: u64,
    amount: u64,
    currency: String,
    #[serde(default)]
    fee: Option<u64>,
    #[serde(default)]
    tax: Option<u64>,
    created_at: Option<i64>,
    settled_at: Option<i64>,
    settlement_id: Option<String>,
    settlement_utr: Option<String>,
    payment_id: Option<String>,
    order_id: Option<String>,
    order_receipt: Option<String>,
    dispute_id: Option<String>,
    #[serde(default)]
    notes: Value,
}

impl RazorpayGateway {
    pub(super) async fn settled(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError> {
        let operation = Operation::SettlementReport;
        let skip = query.page_number(0)?;
        let path = format!(
            "/v1/settlements/recon/combined?year={:04}&month={:02}&day={:02}&count={PAGE}&skip={skip}",
            query.day.year(),
            query.day.month(),
            query.day.day(),
        );
        let rows: Collection<Row> = self.ask(Call::get(operation, path)).await?;
        if rows.items.len() > PAGE {
            return Err(PROVIDER.nonsense(operation, "more rows than were asked for"));
        }
        let is_full = rows.items.len() == PAGE;
        let next = is_full.then(|| PageToken(skip.saturating_add(PAGE).to_string()));
        let rows: Result<Vec<_>, _> = rows.items.into_iter().map(Row::read).collect();
        Ok(SettlementPage {
            rows: rows.map_err(PROVIDER.not_read(operation))?,
            next,
        })
    }
}

impl Row {
    fn read(self) -> Result<SettlementRow, ReadError> {
        let asset = currency(&self.currency)?;
        let net = signed(self.credit, self.debit, asset)
            .ok_or(ReadError::Other("a net amount that is too large"))?;
        let charges = charges(self.fee.unwrap_or(0), self.tax.unwrap_or(0), asset)?;
        let reference = self.order_receipt.or_else(|| {
            let note = self.notes.get(super::wire::REFERENCE_NOTE);
            note.and_then(Value::as_str).map(str::to_owned)
        });
        let is_payment = self.kind == "payment";
        let payment_id = self.payment_id.as_deref();
        let payment_id = payment_id.or(is_payment.then_some(self.entity_id.as_str()));
        Ok(SettlementRow {
            refund_id: match self.kind.as_str() {
                "refund" => Some(self.entity_id.parse()?),
                _ => None,
            },
            kind: kind(&self.kind, self.dispute_id.is_some(), net),
            payment_id: payment_id.map(str::parse).transpose()?,
            checkout_id: self.order_id.map(ProviderId::try_from).transpose()?,
            reference,
            dispute_id: self.dispute_id.map(ProviderId::try_from).transpose()?,
            amount: Money::from_minor_units(self.amount, asset),
            fee: charges.fee,
            tax: charges.tax,
            net,
            to_bank: net,
            asset,
            settlement_id: self.settlement_id.map(ProviderId::try_from).transpose()?,
            bank_reference: self.settlement_utr,
            created_at: instant(self.created_at),
            settled_at: instant(self.settled_at),
            entity_id: self.entity_id.try_into()?,
        })
    }
}

fn kind(word: &str, is_dispute: bool, net: Decimal) -> Reported<SettlementRowKind> {
    Reported::Known(match RowWord::from(word) {
        RowWord::Payment => SettlementRowKind::Payment,
        RowWord::Refund => SettlementRowKind::Refund,
        RowWord::Transfer => SettlementRowKind::Payout,
        RowWord::Adjustment if !is_dispute => SettlementRowKind::Adjustment,
        RowWord::Adjustment if net.is_sign_negative() => SettlementRowKind::Chargeback,
        RowWord::Adjustment => SettlementRowKind::ChargebackReversal,
        RowWord::Unknown(word) => return Reported::Unknown(word),
    })
}
