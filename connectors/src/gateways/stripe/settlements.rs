//! Balance transactions: every change of our balance at Stripe, by the day (UTC) on which it was made.
//!
//! `net` is `amount - fee`; what it is about is told by `reporting_category`.

use chrono::{DateTime, Days, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::StripeGateway;
use super::answer::{nonsense, not_read};
use super::wire::{FeeDetail, List, fee_and_tax, instant, signed, stripe_currency};
use crate::gateways::calls::Call;
use crate::gateways::fault::ReadError;
use crate::gateways::reported::provider_words;
use crate::gateways::{
    GatewayError, Money, Operation, PageToken, ProviderId, Reported, SettlementPage,
    SettlementQuery, SettlementRow, SettlementRowKind,
};
use crate::outbound::form;

provider_words!(Category {
    Charge = "charge",
    Refund = "refund",
    RefundFailure = "refund_failure",
    PartialCaptureReversal = "partial_capture_reversal",
    ChargeFailure = "charge_failure",
    Dispute = "dispute",
    DisputeReversal = "dispute_reversal",
    Payout = "payout",
    PayoutReversal = "payout_reversal",
    Transfer = "transfer",
    TransferReversal = "transfer_reversal",
    Fee = "fee",
    Tax = "tax",
    NetworkCost = "network_cost",
    Topup = "topup",
    TopupReversal = "topup_reversal",
    Advance = "advance",
    AdvanceFunding = "advance_funding",
    ConnectCollectionTransfer = "connect_collection_transfer",
    ConnectReservedFunds = "connect_reserved_funds",
    OtherAdjustment = "other_adjustment",
    RiskReservedFunds = "risk_reserved_funds",
});

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    amount: i64,
    fee: i64,
    net: i64,
    currency: String,
    #[serde(default)]
    fee_details: Vec<FeeDetail>,
    reporting_category: String,
    #[serde(default)]
    source: Value,
    created: Option<i64>,
    available_on: Option<i64>,
}

impl StripeGateway {
    pub(super) async fn settled(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError> {
        let operation = Operation::SettlementReport;
        let begin =
            DateTime::<Utc>::from_naive_utc_and_offset(query.day.and_time(NaiveTime::MIN), Utc);
        let end = begin
            .checked_add_days(Days::new(1))
            .ok_or(GatewayError::Invalid {
                field: "day",
                rule: "is a day of this age",
            })?;
        let (begin, end) = (begin.timestamp().to_string(), end.timestamp().to_string());
        let mut fields = vec![
            ("created[gte]", begin.as_str()),
            ("created[lt]", end.as_str()),
            ("limit", "100"),
            ("expand[]", "data.source"),
        ];
        if let Some(PageToken(after)) = &query.page {
            fields.push(("starting_after", after));
        }
        let path = format!("/v1/balance_transactions?{}", form(&fields));
        let rows: List<Row> = self.ask(Call::get(operation, path)).await?;
        let last = rows.data.last().map(|row| row.id.clone());
        let next = match (rows.has_more, last) {
            (false, _) => None,
            (true, Some(last)) => Some(PageToken(last)),
            (true, None) => return Err(nonsense(operation, "more rows after none")),
        };
        let rows: Result<Vec<_>, _> = rows.data.into_iter().map(Row::read).collect();
        Ok(SettlementPage {
            rows: rows.map_err(not_read(operation))?,
            next,
        })
    }
}

impl Row {
    fn read(self) -> Result<SettlementRow, ReadError> {
        let asset = stripe_currency(&self.currency)?;
        if self.amount.checked_sub(self.fee) != Some(self.net) {
            return Err(ReadError::Other("a net that is not amount less fee"));
        }
        let (fee, tax) = fee_and_tax(self.fee, &self.fee_details, asset)?;
        let object = self.source.get("object").and_then(Value::as_str);
        let is = |name| object == Some(name);
        let in_source = |key: &str| self.source.get(key).and_then(Value::as_str);
        let own_id = in_source("id").map(str::parse).transpose()?;
        let payment_id = in_source("payment_intent").map(str::parse).transpose()?;
        let reference = self.source.pointer("/metadata/reference");
        Ok(SettlementRow {
            kind: kind(&self.reporting_category),
            payment_id,
            checkout_id: None,
            reference: reference.and_then(Value::as_str).map(str::to_owned),
            dispute_id: own_id.filter(|_| is("dispute")),
            amount: Money::from_minor_units(self.amount.unsigned_abs(), asset),
            fee,
            tax,
            net: signed(self.net, asset),
            asset,
            settlement_id: None,
            bank_reference: None,
            created_at: instant(self.created),
            settled_at: instant(self.available_on),
            entity_id: ProviderId::try_from(self.id)?,
        })
    }
}

fn kind(word: &str) -> Reported<SettlementRowKind> {
    Reported::Known(match Category::from(word) {
        Category::Charge => SettlementRowKind::Payment,
        Category::Refund | Category::PartialCaptureReversal | Category::ChargeFailure => {
            SettlementRowKind::Refund
        }
        Category::RefundFailure => SettlementRowKind::RefundReversal,
        Category::Dispute => SettlementRowKind::Chargeback,
        Category::DisputeReversal => SettlementRowKind::ChargebackReversal,
        Category::Payout | Category::Transfer => SettlementRowKind::Payout,
        Category::PayoutReversal | Category::TransferReversal => SettlementRowKind::PayoutReversal,
        Category::Fee | Category::Tax | Category::NetworkCost => SettlementRowKind::Fee,
        Category::Topup
        | Category::TopupReversal
        | Category::Advance
        | Category::AdvanceFunding
        | Category::ConnectCollectionTransfer
        | Category::ConnectReservedFunds
        | Category::OtherAdjustment
        | Category::RiskReservedFunds => SettlementRowKind::Adjustment,
        Category::Unknown(word) => return Reported::Unknown(word),
    })
}
