//! What really happened to money in a simulated provider's world. A test compares wallets with it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The books of one account at a provider, amounts in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Every payment, oldest first.
    pub payments: Vec<BookedPayment>,
    /// Every refund, oldest first.
    pub refunds: Vec<BookedRefund>,
    /// Every payout, oldest first.
    pub payouts: Vec<BookedPayout>,
    /// Every dispute, oldest first.
    pub disputes: Vec<BookedDispute>,
    /// What the provider still owes the merchant for all of these, by ISO code, in minor units: captured
    /// less charges, refunds, disputes and what was settled. Negative when the merchant owes.
    pub owed: BTreeMap<String, i64>,
}

/// A payment as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedPayment {
    /// The provider's id.
    pub payment_id: String,
    /// The provider's id of its checkout.
    pub checkout_id: String,
    /// The merchant's reference of the checkout.
    pub reference: Option<String>,
    /// ISO code, upper case.
    pub currency: String,
    /// What was to be paid.
    pub amount: u64,
    /// What was taken.
    pub captured: u64,
    /// What went back of what was taken.
    pub refunded: u64,
    /// What the provider kept, tax included.
    pub fee: u64,
    /// The tax in the fee.
    pub tax: u64,
    /// The provider's word.
    pub status: String,
}

/// A refund as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedRefund {
    /// The provider's id.
    pub refund_id: String,
    /// The payment.
    pub payment_id: String,
    /// The merchant's reference; nothing when the provider made it by itself.
    pub reference: Option<String>,
    /// How much.
    pub amount: u64,
    /// Whether what it gives back was the merchant's.
    pub is_of_captured: bool,
    /// The provider's word.
    pub status: String,
}

/// A payout as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedPayout {
    /// The provider's id.
    pub payout_id: String,
    /// The merchant's reference.
    pub reference: Option<String>,
    /// ISO code, upper case.
    pub currency: String,
    /// How much.
    pub amount: u64,
    /// What the provider kept, tax included.
    pub fee: u64,
    /// The provider's word.
    pub status: String,
    /// Whether the beneficiary has it now.
    pub is_with_beneficiary: bool,
}

/// A dispute as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedDispute {
    /// The provider's id.
    pub dispute_id: String,
    /// The payment.
    pub payment_id: String,
    /// What is disputed.
    pub amount: u64,
    /// What was taken from the merchant.
    pub deducted: u64,
    /// The provider's word.
    pub status: String,
}
