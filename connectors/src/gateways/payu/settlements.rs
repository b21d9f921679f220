//! What PayU settled on a day, row by row.
//!
//! A row's net amount is its amount without fee and tax, each with four or five decimals; nothing is
//! rounded or recomputed here, so that a row that does not add up is seen by whoever reconciles.

use std::collections::BTreeMap;

use ledger_core::money::parse_decimal;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Reply;
use super::status::row_kind;
use super::wire::{instant, rupees};
use super::{PROVIDER, PayUGateway};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    GatewayError, Money, MoneyError, Operation, PageToken, Reported, SettlementPage,
    SettlementQuery, SettlementRow, SettlementRowKind,
};
use crate::providers::loose::Loose;

/// Rows per page; PayU gives 2,000 unless told otherwise.
const PAGE: usize = 500;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    payuid: Loose,
    txnid: Loose,
    txndate: Loose,
    amount: Loose,
    requestid: Loose,
    requestdate: Loose,
    requestaction: Loose,
    requestamount: Loose,
    mer_utr: Loose,
    mer_service_fee: Loose,
    mer_service_tax: Loose,
    mer_net_amount: Loose,
    token: Loose,
}

impl PayUGateway {
    pub(super) async fn settled(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError> {
        let operation = Operation::SettlementReport;
        let page = query.page_number(1)?;
        let day = query.day.format("%Y-%m-%d").to_string();
        let (number, size) = (page.to_string(), PAGE.to_string());
        let reply = self
            .command(operation, "get_settlement_details", &[&day, &number, &size])
            .await?;
        if !reply.is_done() {
            return Err(reply.refusal(operation));
        }
        let rows = rows(&reply).map_err(PROVIDER.not_read(operation))?;
        if rows.len() > PAGE {
            return Err(PROVIDER.nonsense(operation, "more rows than were asked for"));
        }
        let next = (rows.len() == PAGE).then(|| PageToken(page.saturating_add(1).to_string()));
        let rows: Result<Vec<_>, _> = rows.iter().map(Row::read).collect();
        Ok(SettlementPage {
            rows: rows.map_err(PROVIDER.not_read(operation))?,
            next,
        })
    }
}

/// The rows, by number in the older form of the report and as a list in the newer.
fn rows(reply: &Reply) -> Result<Vec<Row>, ReadError> {
    let other_shape = |_| ReadError::Other("rows have another shape");
    let raw: &RawValue = match (&reply.settled, &reply.result) {
        (Some(raw), _) | (None, Some(raw)) => raw,
        (None, None) => return Err(ReadError::Other("no rows")),
    };
    if raw.get().starts_with('[') {
        return serde_json::from_str(raw.get()).map_err(other_shape);
    }
    let numbered: BTreeMap<String, Row> = serde_json::from_str(raw.get()).map_err(other_shape)?;
    let mut rows: Vec<(u64, Row)> = numbered
        .into_iter()
        .map(|(number, row)| (number.parse().unwrap_or(u64::MAX), row))
        .collect();
    rows.sort_by_key(|(number, _)| *number);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

impl Row {
    fn read(&self) -> Result<SettlementRow, ReadError> {
        let asset = rupees()?;
        let kind = row_kind(self.requestaction.text());
        let amount = decimal(self.requestamount.said().unwrap_or(self.amount.text()))?;
        let net = signed(&kind, decimal(self.mer_net_amount.text())?);
        let is_of_payment = kind == Reported::Known(SettlementRowKind::Payment);
        let entity = match self.requestid.said() {
            Some(request_id) if !is_of_payment => request_id,
            _ => self.payuid.text(),
        };
        // Adjustments have names of their own where others have the transaction.
        let payment_id = match kind {
            Reported::Known(SettlementRowKind::Adjustment) => None,
            _ => Some(self.payuid.text().parse()?),
        };
        let reference = if is_of_payment {
            &self.txnid
        } else {
            &self.token
        };
        let date = if is_of_payment {
            &self.txndate
        } else {
            &self.requestdate
        };
        let refund_id = match kind {
            Reported::Known(SettlementRowKind::Refund) => self.requestid.said(),
            _ => None,
        };
        Ok(SettlementRow {
            refund_id: refund_id.map(str::parse).transpose()?,
            entity_id: entity.parse()?,
            payment_id,
            checkout_id: self.txnid.said().and_then(|id| id.parse().ok()),
            reference: reference.said().map(str::to_owned),
            dispute_id: None,
            amount: Money::try_from_decimal(amount.abs(), asset)?,
            fee: optional(&self.mer_service_fee)?,
            tax: optional(&self.mer_service_tax)?,
            net,
            to_bank: net,
            kind,
            asset,
            settlement_id: self.mer_utr.said().and_then(|utr| utr.parse().ok()),
            bank_reference: self.mer_utr.said().map(str::to_owned),
            created_at: instant(date.text()),
            settled_at: None,
        })
    }
}

/// The direction is the kind's; only adjustments say it by a sign.
fn signed(kind: &Reported<SettlementRowKind>, net: Decimal) -> Decimal {
    match kind {
        Reported::Known(
            SettlementRowKind::Refund
            | SettlementRowKind::Chargeback
            | SettlementRowKind::Payout
            | SettlementRowKind::Fee,
        ) => -net.abs(),
        Reported::Known(
            SettlementRowKind::Payment
            | SettlementRowKind::RefundReversal
            | SettlementRowKind::ChargebackReversal
            | SettlementRowKind::PayoutReversal
            | SettlementRowKind::Settlement
            | SettlementRowKind::Adjustment,
        )
        | Reported::Unknown(_) => net,
    }
}

fn decimal(text: &str) -> Result<Decimal, ReadError> {
    parse_decimal(text).map_err(|_| ReadError::Money(MoneyError::Malformed))
}

fn optional(text: &Loose) -> Result<Decimal, ReadError> {
    text.said().map_or(Ok(Decimal::ZERO), decimal)
}
