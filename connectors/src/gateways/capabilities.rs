//! What providers can do, as data.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A provider of payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Razorpay.
    Razorpay,
    /// PayU India.
    #[serde(rename = "payu")]
    PayU,
    /// Instamojo.
    Instamojo,
    /// Stripe.
    Stripe,
}

impl Provider {
    /// Its name in URLs, settings and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Razorpay => "razorpay",
            Self::PayU => "payu",
            Self::Instamojo => "instamojo",
            Self::Stripe => "stripe",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A call to a provider. Circuits open per provider and operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// [`Gateway::create_checkout`](super::Gateway::create_checkout).
    CreateCheckout,
    /// [`Gateway::fetch_checkout`](super::Gateway::fetch_checkout).
    FetchCheckout,
    /// [`Gateway::expire_checkout`](super::Gateway::expire_checkout).
    ExpireCheckout,
    /// [`Gateway::fetch_payment`](super::Gateway::fetch_payment).
    FetchPayment,
    /// [`Gateway::capture`](super::Gateway::capture).
    Capture,
    /// [`Gateway::cancel_payment`](super::Gateway::cancel_payment).
    CancelPayment,
    /// [`Gateway::refund`](super::Gateway::refund).
    Refund,
    /// [`Gateway::fetch_refund`](super::Gateway::fetch_refund).
    FetchRefund,
    /// [`Gateway::register_beneficiary`](super::Gateway::register_beneficiary).
    RegisterBeneficiary,
    /// [`Gateway::payout`](super::Gateway::payout).
    Payout,
    /// [`Gateway::fetch_payout`](super::Gateway::fetch_payout).
    FetchPayout,
    /// [`Gateway::fetch_dispute`](super::Gateway::fetch_dispute).
    FetchDispute,
    /// [`Gateway::settlement_page`](super::Gateway::settlement_page).
    SettlementReport,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 13] = [
        Self::CreateCheckout,
        Self::FetchCheckout,
        Self::ExpireCheckout,
        Self::FetchPayment,
        Self::Capture,
        Self::CancelPayment,
        Self::Refund,
        Self::FetchRefund,
        Self::RegisterBeneficiary,
        Self::Payout,
        Self::FetchPayout,
        Self::FetchDispute,
        Self::SettlementReport,
    ];

    /// Its name in metrics and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateCheckout => "create_checkout",
            Self::FetchCheckout => "fetch_checkout",
            Self::ExpireCheckout => "expire_checkout",
            Self::FetchPayment => "fetch_payment",
            Self::Capture => "capture",
            Self::CancelPayment => "cancel_payment",
            Self::Refund => "refund",
            Self::FetchRefund => "fetch_refund",
            Self::RegisterBeneficiary => "register_beneficiary",
            Self::Payout => "payout",
            Self::FetchPayout => "fetch_payout",
            Self::FetchDispute => "fetch_dispute",
            Self::SettlementReport => "settlement_report",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a provider can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What it has.
    pub operations: Vec<Operation>,
    /// The currencies it takes, by ISO code; none means all that it has the ISO decimals for.
    pub currencies: &'static [&'static str],
    /// Whether its reports tell of each refund by its id.
    pub reports_refunds: bool,
    /// How often the same thing may be asked at most.
    pub least_polling_interval: Duration,
}

impl Capabilities {
    /// Whether the provider has the operation.
    #[must_use]
    pub fn supports(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }
}
