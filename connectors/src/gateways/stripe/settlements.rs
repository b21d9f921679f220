//! Balance transactions: every change of our balance at Stripe.
//!
//! Where Stripe pays us by itself, a day (UTC) has the payouts that were made on it, each with the changes
//! that are in it, and none before Stripe has put them together. Where we are paid by hand, Stripe does not
//! say what a payout has in it, and a day has the changes of that day.
//!
//! `net` is `amount - fee`; what it is about is told by `reporting_category`.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::wire::{FeeDetail, List, fee_and_tax, instant, signed, stripe_currency};
use super::wire_out::Payout;
use super::{PROVIDER, StripeGateway};
use crate::gateways::Call;
use crate::gateways::reading::ReadError;
use crate::gateways::settlement::other_page;
use crate::gateways::{
    GatewayError, Money, Operation, PageToken, ProviderId, Reported, SettlementPage,
    SettlementQuery, SettlementRow, SettlementRowKind,
};
use crate::outbound::form;
use crate::providers::reported::provider_words;

const OPERATION: Operation = Operation::SettlementReport;

/// How many pages of a day's payouts are searched for those to us.
const SEARCHED_PAGES: usize = 20;

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

/// Where a page of a report begins, after the row of that id.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Among all changes of the day.
    Day { after: Option<String> },
    /// Among those that are in one payout, or in the first of the day.
    Payout {
        payout: Option<String>,
        after: Option<String>,
    },
}

/// What rows are settled with.
#[derive(Debug, Clone, Copy)]
enum Batch<'a> {
    Day(NaiveDate),
    Payout(&'a ProviderId),
}

#[derive(Deserialize)]
struct OwnAccount {
    settings: OwnSettings,
}

#[derive(Deserialize)]
struct OwnSettings {
    payouts: OwnPayouts,
}

#[derive(Deserialize)]
struct OwnPayouts {
    schedule: Schedule,
}

#[derive(Deserialize)]
struct Schedule {
    interval: String,
}

impl StripeGateway {
    pub(super) async fn settled(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError> {
        let place = match &query.page {
            Some(token) => Place::read(token)?,
            None => self.first_place().await?,
        };
        match place {
            Place::Day { after } => self.day_page(query.day, after).await,
            Place::Payout { payout, after } => self.payout_page(query.day, payout, after).await,
        }
    }

    /// Stripe knows what is in a payout only when it made it by itself.
    async fn first_place(&self) -> Result<Place, GatewayError> {
        let call = Call::get(Operation::SettlementReport, "/v1/account");
        let account: OwnAccount = self.ask(call).await?;
        Ok(match account.settings.payouts.schedule.interval.as_str() {
            "manual" => Place::Day { after: None },
            _ => Place::Payout {
                payout: None,
                after: None,
            },
        })
    }

    async fn day_page(
        &self,
        day: NaiveDate,
        after: Option<String>,
    ) -> Result<SettlementPage, GatewayError> {
        let (begin, end) = bounds(day)?;
        let created = [("created[gte]", begin.as_str()), ("created[lt]", &end)];
        let (rows, last) = self.rows(&created, after).await?;
        let rows = rows.into_iter().map(|row| row.read(Batch::Day(day)));
        Ok(SettlementPage {
            rows: rows
                .collect::<Result<_, _>>()
                .map_err(PROVIDER.not_read(OPERATION))?,
            next: last.map(|after| Place::Day { after: Some(after) }.token()),
        })
    }

    async fn payout_page(
        &self,
        day: NaiveDate,
        payout: Option<String>,
        after: Option<String>,
    ) -> Result<SettlementPage, GatewayError> {
        let payouts = self.payouts_to_us(day).await?;
        let mut left = payouts.iter().skip_while(|known| {
            let wanted = payout.as_deref();
            wanted.is_some_and(|wanted| known.as_str() != wanted)
        });
        let Some(payout) = left.next() else {
            return Ok(SettlementPage {
                rows: Vec::new(),
                next: None,
            });
        };
        let (rows, last) = self.rows(&[("payout", payout.as_str())], after).await?;
        let rows = rows.into_iter().filter(|row| !row.is_of(payout));
        let rows = rows.map(|row| row.read(Batch::Payout(payout)));
        let place = |payout: &ProviderId, after| Place::Payout {
            payout: Some(payout.to_string()),
            after,
        };
        let next = match last {
            Some(after) => Some(place(payout, Some(after))),
            None => left.next().map(|payout| place(payout, None)),
        };
        Ok(SettlementPage {
            rows: rows
                .collect::<Result<_, _>>()
                .map_err(PROVIDER.not_read(OPERATION))?,
            next: next.map(|place| place.token()),
        })
    }

    /// The payouts that Stripe made to our bank on a day, all of which it has put together.
    async fn payouts_to_us(&self, day: NaiveDate) -> Result<Vec<ProviderId>, GatewayError> {
        let (begin, end) = bounds(day)?;
        let mut ids = Vec::new();
        let mut after = None;
        for _ in 0..SEARCHED_PAGES {
            let mut fields = vec![
                ("created[gte]", begin.as_str()),
                ("created[lt]", end.as_str()),
                ("limit", "100"),
            ];
            fields.extend(after.as_deref().map(|after| ("starting_after", after)));
            let path = format!("/v1/payouts?{}", form(&fields));
            let page: List<Payout> = self.ask(Call::get(OPERATION, path)).await?;
            after = page.data.last().map(|payout| payout.id.clone());
            for payout in page.data.into_iter().filter(|payout| payout.automatic) {
                match payout.reconciliation_status.as_deref() {
                    Some("completed") => ids.push(payout.id.try_into().map_err(|_| no_id())?),
                    Some("not_applicable") => {}
                    _ => {
                        return Err(GatewayError::InProgress {
                            provider: PROVIDER,
                            operation: OPERATION,
                        });
                    }
                }
            }
            if !page.has_more {
                return Ok(ids);
            }
        }
        Err(PROVIDER.search_ended(OPERATION))
    }

    /// A page of balance transactions, and the last one's id if there are more.
    async fn rows(
        &self,
        wanted: &[(&str, &str)],
        after: Option<String>,
    ) -> Result<(Vec<Row>, Option<String>), GatewayError> {
        let mut fields = wanted.to_vec();
        fields.extend([("limit", "100"), ("expand[]", "data.source")]);
        fields.extend(after.as_deref().map(|after| ("starting_after", after)));
        let path = format!("/v1/balance_transactions?{}", form(&fields));
        let rows: List<Row> = self.ask(Call::get(OPERATION, path)).await?;
        let last = rows.data.last().map(|row| row.id.clone());
        match (rows.has_more, last) {
            (false, _) => Ok((rows.data, None)),
            (true, Some(last)) => Ok((rows.data, Some(last))),
            (true, None) => Err(PROVIDER.nonsense(OPERATION, "more rows after none")),
        }
    }
}

impl Place {
    /// `day/after` or `payout/id/after`.
    fn read(PageToken(token): &PageToken) -> Result<Self, GatewayError> {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let parts: Vec<&str> = token.split('/').collect();
        match parts.as_slice() {
            ["day", after] => Ok(Self::Day { after: said(after) }),
            ["payout", payout, after] => Ok(Self::Payout {
                payout: said(payout),
                after: said(after),
            }),
            _ => Err(other_page()),
        }
    }

    fn token(&self) -> PageToken {
        let text = |said: &Option<String>| said.clone().unwrap_or_default();
        PageToken(match self {
            Self::Day { after } => format!("day/{}", text(after)),
            Self::Payout { payout, after } => format!("payout/{}/{}", text(payout), text(after)),
        })
    }
}

fn no_id() -> GatewayError {
    PROVIDER.nonsense(OPERATION, "an id that is none")
}

/// The seconds at which a UTC day begins and ends.
fn bounds(day: NaiveDate) -> Result<(String, String), GatewayError> {
    let begin = DateTime::<Utc>::from_naive_utc_and_offset(day.and_time(NaiveTime::MIN), Utc);
    let end = begin.checked_add_days(Days::new(1));
    let end = end.ok_or(GatewayError::Invalid {
        field: "day",
        rule: "is a day of this age",
    })?;
    Ok((begin.timestamp().to_string(), end.timestamp().to_string()))
}

impl Row {
    fn is_of(&self, id: &ProviderId) -> bool {
        self.source.get("id").and_then(Value::as_str) == Some(id.as_str())
    }

    fn read(self, batch: Batch<'_>) -> Result<SettlementRow, ReadError> {
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
        let reference = reference.and_then(Value::as_str);
        let kind = kind(&self.reporting_category, reference);
        let net = signed(self.net, asset);
        let is_settlement = kind == Reported::Known(SettlementRowKind::Settlement);
        let (settlement_id, to_bank) = match batch {
            // What the bank gets is in the batch of the payout that it gets.
            Batch::Payout(id) if is_settlement => (id.clone(), Decimal::ZERO),
            Batch::Payout(id) => (id.clone(), net),
            Batch::Day(day) if is_settlement => (day_batch(day)?, -net),
            Batch::Day(day) => (day_batch(day)?, Decimal::ZERO),
        };
        Ok(SettlementRow {
            kind,
            payment_id,
            checkout_id: None,
            reference: reference.map(str::to_owned),
            refund_id: own_id.clone().filter(|_| is("refund")),
            dispute_id: own_id.filter(|_| is("dispute")),
            amount: Money::from_minor_units(self.amount.unsigned_abs(), asset),
            fee,
            tax,
            net,
            to_bank,
            asset,
            settlement_id: Some(settlement_id),
            bank_reference: None,
            created_at: instant(self.created),
            settled_at: instant(self.available_on),
            entity_id: ProviderId::try_from(self.id)?,
        })
    }
}

fn day_batch(day: NaiveDate) -> Result<ProviderId, ReadError> {
    Ok(format!("utc-{day}").try_into()?)
}

/// A payout with our reference is to a beneficiary, any other one to ourselves.
fn kind(word: &str, reference: Option<&str>) -> Reported<SettlementRowKind> {
    Reported::Known(match Category::from(word) {
        Category::Charge => SettlementRowKind::Payment,
        Category::Refund | Category::PartialCaptureReversal | Category::ChargeFailure => {
            SettlementRowKind::Refund
        }
        Category::RefundFailure => SettlementRowKind::RefundReversal,
        Category::Dispute => SettlementRowKind::Chargeback,
        Category::DisputeReversal => SettlementRowKind::ChargebackReversal,
        Category::Payout | Category::PayoutReversal if reference.is_none() => {
            SettlementRowKind::Settlement
        }
        Category::Payout | Category::Transfer => SettlementRowKind::Payout,
        Category::PayoutReversal | Category::TransferReversal => SettlementRowKind::PayoutReversal,
        Category::Topup | Category::TopupReversal => SettlementRowKind::Settlement,
        Category::Fee | Category::Tax | Category::NetworkCost => SettlementRowKind::Fee,
        Category::Advance
        | Category::AdvanceFunding
        | Category::ConnectCollectionTransfer
        | Category::ConnectReservedFunds
        | Category::OtherAdjustment
        | Category::RiskReservedFunds => SettlementRowKind::Adjustment,
        Category::Unknown(word) => return Reported::Unknown(word),
    })
}
