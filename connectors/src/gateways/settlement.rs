//! What a provider pays us, row by row.

use chrono::{DateTime, NaiveDate, Utc};
use ledger_core::money::Asset;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Money, ProviderId, Reported};

/// Which page of which day. Days are the provider's: IST for the Indian ones, UTC for Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementQuery {
    /// The day on which it was settled.
    pub day: NaiveDate,
    /// The page; the first one without.
    pub page: Option<PageToken>,
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
    /// What the row adds to what the provider pays us, in major units; negative when it takes away.
    pub net: Decimal,
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
