//! What a provider pays us, row by row.
//!
//! Rows with the same [`SettlementRow::settlement_id`] are a **batch**: what is settled together. Of a batch
//!
//! * all rows are in the report of one day, and in one currency;
//! * what our bank gets is the sum of [`SettlementRow::to_bank`], negative when it has to give;
//! * what the provider keeps is the sum of [`SettlementRow::fee`] and of [`SettlementRow::tax`].
//!
//! A batch is complete, and never changes, once it is in a report that [is final](SettlementQuery::is_final).
//! Until then it may get more rows, and after it nothing is to be recorded from a report read before. A row
//! without a batch is in none yet; it comes again in the report that has its batch.
//!
//! | provider | a batch is |
//! |---|---|
//! | Razorpay | a settlement (`setl_…`) |
//! | PayU | a bank transfer, by its UTR |
//! | Instamojo | a payout to us |
//! | Stripe, which pays us by itself | a payout to us (`po_…`) |
//! | Stripe, where payouts to us are made by hand | a UTC day (`utc-2026-11-20`): Stripe does not say what is in such a payout |

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use ledger_core::money::Asset;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{GatewayError, Money, ProviderId, Reported};

/// Which page of which day. Days are the provider's: IST for the Indian ones, UTC for Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementQuery {
    /// The day on which it was settled.
    pub day: NaiveDate,
    /// The page; the first one without.
    pub page: Option<PageToken>,
}

impl SettlementQuery {
    /// From when on the report of a day does not change any more: when the whole next day is over,
    /// everywhere where providers are.
    #[must_use]
    pub fn final_from(day: NaiveDate) -> DateTime<Utc> {
        let last = day.checked_add_days(Days::new(2)).unwrap_or(NaiveDate::MAX);
        last.and_time(NaiveTime::MIN).and_utc()
    }

    /// Whether the report does not change any more.
    #[must_use]
    pub fn is_final(&self, now: DateTime<Utc>) -> bool {
        now >= Self::final_from(self.day)
    }

    /// The page by its number, where a provider counts them.
    pub(crate) fn page_number(&self, first: usize) -> Result<usize, GatewayError> {
        let Some(PageToken(token)) = &self.page else {
            return Ok(first);
        };
        token.parse().map_err(|_| other_page())
    }
}

/// The token is another provider's.
pub(crate) fn other_page() -> GatewayError {
    GatewayError::Invalid {
        field: "page",
        rule: "is a page of this provider",
    }
}

/// Where the next page begins; only its adapter understands it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageToken(pub(crate) String);

/// A page of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementPage {
    /// Its rows, in the provider's order.
    pub rows: Vec<SettlementRow>,
    /// The next page, if there is one.
    pub next: Option<PageToken>,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettlementRowKind {
    /// A captured payment: to us.
    Payment,
    /// A refund: from us.
    Refund,
    /// A refund that failed: to us again.
    RefundReversal,
    /// A disputed payment: from us.
    Chargeback,
    /// A dispute that we won: to us again.
    ChargebackReversal,
    /// Money to a beneficiary: from us.
    Payout,
    /// A payout that came back: to us again.
    PayoutReversal,
    /// A fee of its own.
    Fee,
    /// Money between what we have at the provider and our own bank: from us when we are paid out.
    Settlement,
    /// Anything else, either way.
    Adjustment,
}

/// One row of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementRow {
    /// The provider's id of what the row is about; it names the row together with the kind.
    pub entity_id: ProviderId,
    /// What it is about.
    pub kind: Reported<SettlementRowKind>,
    /// The payment concerned.
    pub payment_id: Option<ProviderId>,
    /// The refund concerned, where the row is of one and names it.
    pub refund_id: Option<ProviderId>,
    /// The checkout concerned.
    pub checkout_id: Option<ProviderId>,
    /// Our reference as the provider has it, whatever it is.
    pub reference: Option<String>,
    /// The dispute concerned.
    pub dispute_id: Option<ProviderId>,
    /// What moved, before charges.
    pub amount: Money,
    /// The fee without tax, in major units, exactly as stated.
    pub fee: Decimal,
    /// The tax on the fee, in major units, exactly as stated.
    pub tax: Decimal,
    /// What the row adds to what we have at the provider, in major units; negative when it takes away.
    pub net: Decimal,
    /// What our bank gets with the batch because of this row, in major units; negative when it is less.
    pub to_bank: Decimal,
    /// The currency of all of these.
    pub asset: Asset,
    /// The batch, once it is in one.
    pub settlement_id: Option<ProviderId>,
    /// The bank's name for the batch (UTR).
    pub bank_reference: Option<String>,
    /// When the thing itself happened.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
}

/// The state of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettlementStatus {
    /// It is made up.
    Created,
    /// It was sent to our bank, which may take hours.
    Processed,
    /// It came to nothing.
    Failed,
}

/// What a provider says of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementObservation {
    /// The provider's id.
    pub settlement_id: ProviderId,
    /// In our words.
    pub status: Reported<SettlementStatus>,
    /// In the provider's words.
    pub provider_status: String,
    /// What our bank gets.
    pub amount: Money,
    /// The bank's name for it (UTR).
    pub bank_reference: Option<String>,
    /// When it was made up.
    pub created_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};

    use super::SettlementQuery;

    #[test]
    fn a_report_is_final_when_the_next_day_is_over() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        let query = SettlementQuery {
            day: day(20),
            page: None,
        };
        let end = day(22).and_hms_opt(0, 0, 0).unwrap().and_utc();
        assert!(query.is_final(end));
        assert!(!query.is_final(end - TimeDelta::seconds(1)));
    }
}
