//! What Instamojo paid out on a day. There is no report by row: payments name what they were paid out
//! with, so the rows are those payments, and what is left of each payout.
//!
//! For each payout the rows' net amounts add up to what was paid: its payments without their fees, a row
//! for the tax on the fees, and one adjustment for whatever else Instamojo added or kept back (refunds,
//! reversals, commissions). A payout whose payments are not all found therefore does not add up, which
//! is seen by whoever reconciles.

use std::collections::HashMap;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::settings::InstamojoAccess;
use super::wire::{Payment, asset, decimal, instant};
use super::{InstamojoGateway, PROVIDER};
use crate::gateways::Call;
use crate::gateways::reading::ReadError;
use crate::gateways::{
    GatewayError, Money, Operation, PageToken, PaymentStatus, Reported, SettlementPage,
    SettlementQuery, SettlementRow, SettlementRowKind,
};
use crate::providers::loose::Loose;

const PAGE: usize = 100;

/// How many pages of payouts are looked through for a day.
const PAYOUT_PAGES: usize = 50;

/// How long before its payout a payment may have been made.
const LONGEST_KEPT: Days = Days::new(60);

/// Indian Standard Time, in seconds east of Greenwich.
const INDIAN_TIME: i32 = 19_800;

#[derive(Debug, Deserialize)]
struct Payouts {
    #[serde(alias = "results")]
    payouts: Vec<Payout>,
}

#[derive(Debug, Deserialize)]
struct Payments {
    #[serde(alias = "results")]
    payments: Vec<Payment>,
}

#[derive(Debug, Deserialize)]
struct Payout {
    id: String,
    status: Loose,
    #[serde(default)]
    paid_out_at: Loose,
    paid_amount: Loose,
    sales_amount: Loose,
    fee_amount: Loose,
    total_tax_amount: Loose,
    #[serde(default)]
    currency: Loose,
}

impl InstamojoGateway {
    pub(super) async fn settled(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError> {
        let operation = Operation::SettlementReport;
        if let InstamojoAccess::Keys { .. } = self.settings.access {
            return Err(PROVIDER.unsupported(operation));
        }
        let page = query.page_number(1)?;
        let payouts = self.payouts_on(query.day).await?;
        if payouts.is_empty() {
            return Ok(SettlementPage {
                rows: Vec::new(),
                next: None,
            });
        }
        let path = format!("/v2/payments/?limit={PAGE}&page={page}");
        let found: Payments = self.ask(|| Call::get(operation, path.clone())).await?;
        let found = found.payments;
        let mut rows = Vec::new();
        for payment in &found {
            if let Some(payout) = payment.payout_id().and_then(|id| payouts.get(id)) {
                rows.push(payment_row(payment, payout).map_err(PROVIDER.not_read(operation))?);
            }
        }
        let oldest = found
            .last()
            .and_then(|payment| instant(payment.created_at.text()));
        let is_last = found.len() < PAGE || oldest.is_some_and(|time| is_too_old(time, query.day));
        if is_last {
            let mut payouts: Vec<_> = payouts.values().collect();
            payouts.sort_by(|one, other| one.id.cmp(&other.id));
            for payout in payouts {
                rows.extend(rest_rows(payout).map_err(PROVIDER.not_read(operation))?);
            }
        }
        let next = (!is_last).then(|| PageToken(page.saturating_add(1).to_string()));
        Ok(SettlementPage { rows, next })
    }

    /// The payouts of an Indian day, by id. The latest come first.
    async fn payouts_on(&self, day: NaiveDate) -> Result<HashMap<String, Payout>, GatewayError> {
        let operation = Operation::SettlementReport;
        let mut on_day = HashMap::new();
        for page in 1..=PAYOUT_PAGES {
            let path = format!("/v2/payouts/?limit={PAGE}&page={page}");
            let found: Payouts = self.ask(|| Call::get(operation, path.clone())).await?;
            let count = found.payouts.len();
            let mut is_past = false;
            for payout in found.payouts {
                let paid = match (payout.status.text(), payout.paid_out_at.said()) {
                    ("true", Some(time)) => indian_day(time).ok_or_else(|| {
                        PROVIDER.nonsense(operation, "a payout whose time is none")
                    })?,
                    _ => continue,
                };
                is_past |= paid < day;
                if paid == day {
                    on_day.insert(payout.id.clone(), payout);
                }
            }
            if is_past || count < PAGE {
                break;
            }
        }
        Ok(on_day)
    }
}

fn indian_day(time: &str) -> Option<NaiveDate> {
    let zone = FixedOffset::east_opt(INDIAN_TIME)?;
    Some(instant(time)?.with_timezone(&zone).date_naive())
}

fn is_too_old(time: DateTime<Utc>, day: NaiveDate) -> bool {
    day.checked_sub_days(LONGEST_KEPT)
        .is_some_and(|limit| time.date_naive() < limit)
}

fn payment_row(payment: &Payment, payout: &Payout) -> Result<SettlementRow, ReadError> {
    let observed = payment.observe()?;
    let fee = decimal(&payment.fees)?;
    let net = minus(observed.amount.value(), fee)?;
    let kind = match observed.status {
        Reported::Known(PaymentStatus::Captured) => Reported::Known(SettlementRowKind::Payment),
        Reported::Known(_) => Reported::Unknown(observed.provider_status.clone()),
        Reported::Unknown(word) => Reported::Unknown(word),
    };
    Ok(SettlementRow {
        entity_id: observed.payment_id.clone(),
        kind,
        payment_id: Some(observed.payment_id),
        checkout_id: observed.checkout_id,
        reference: None,
        dispute_id: None,
        refund_id: None,
        amount: observed.amount,
        fee,
        tax: Decimal::ZERO,
        net,
        to_bank: net,
        asset: observed.amount.asset(),
        settlement_id: Some(payout.id.parse()?),
        bank_reference: None,
        created_at: observed.created_at,
        settled_at: instant(payout.paid_out_at.text()),
    })
}

/// The tax on the fees, and what else the payout has that no payment tells.
fn rest_rows(payout: &Payout) -> Result<Vec<SettlementRow>, ReadError> {
    let tax = decimal(&payout.total_tax_amount)?;
    let sales = decimal(&payout.sales_amount)?;
    let expected = minus(minus(sales, decimal(&payout.fee_amount)?)?, tax)?;
    let rest = minus(decimal(&payout.paid_amount)?, expected)?;
    let mut rows = Vec::new();
    if !tax.is_zero() {
        rows.push(rest_row(payout, SettlementRowKind::Fee, -tax)?);
    }
    if !rest.is_zero() {
        rows.push(rest_row(payout, SettlementRowKind::Adjustment, rest)?);
    }
    Ok(rows)
}

fn rest_row(
    payout: &Payout,
    kind: SettlementRowKind,
    net: Decimal,
) -> Result<SettlementRow, ReadError> {
    let asset = asset(&payout.currency)?;
    let is_fee = kind == SettlementRowKind::Fee;
    Ok(SettlementRow {
        entity_id: payout.id.parse()?,
        kind: Reported::Known(kind),
        payment_id: None,
        checkout_id: None,
        reference: None,
        dispute_id: None,
        refund_id: None,
        amount: Money::try_from_decimal(net.abs(), asset)?,
        fee: Decimal::ZERO,
        tax: if is_fee { net.abs() } else { Decimal::ZERO },
        net,
        to_bank: net,
        asset,
        settlement_id: Some(payout.id.parse()?),
        bank_reference: None,
        created_at: None,
        settled_at: instant(payout.paid_out_at.text()),
    })
}

fn minus(one: Decimal, other: Decimal) -> Result<Decimal, ReadError> {
    one.checked_sub(other)
        .ok_or(ReadError::Other("amounts that cannot be subtracted"))
}
