//! What an account at Razorpay has.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::RazorpayAccount;
use super::events::Event;
use crate::simulators::books::{BookedDispute, BookedPayment, BookedPayout, BookedRefund, Books};

/// Ids are a prefix and so many letters and digits.
const ID_LENGTH: usize = 14;

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub id: String,
    pub amount: u64,
    pub amount_paid: u64,
    pub currency: String,
    pub receipt: Option<String>,
    pub notes: Value,
    pub status: &'static str,
    pub attempts: u32,
    pub is_manual: bool,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Link {
    pub id: String,
    pub order_id: String,
    pub reference_id: String,
    pub description: String,
    pub customer: Value,
    pub notes: Value,
    pub callback_url: Option<String>,
    pub status: &'static str,
    pub expire_by: i64,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub id: String,
    pub order_id: String,
    pub amount: u64,
    pub currency: String,
    pub method: String,
    pub status: &'static str,
    pub is_captured: bool,
    pub amount_refunded: u64,
    pub fee: u64,
    pub tax: u64,
    pub notes: Value,
    pub created_at: i64,
    pub authorized_at: Option<i64>,
    /// When a bank that said no will say yes.
    pub late_at: Option<i64>,
    /// What is told instead of the truth.
    pub told_amount: Option<u64>,
    pub told_currency: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub id: String,
    pub payment_id: String,
    pub amount: u64,
    pub currency: String,
    pub receipt: Option<String>,
    pub notes: Value,
    pub status: &'static str,
    pub arn: Option<String>,
    pub is_of_captured: bool,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Dispute {
    pub id: String,
    pub payment_id: String,
    pub amount: u64,
    pub currency: String,
    pub deducted: u64,
    pub status: String,
    pub phase: String,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Payout {
    pub id: String,
    pub fund_account_id: String,
    pub amount: u64,
    pub currency: String,
    pub mode: String,
    pub purpose: String,
    pub narration: Value,
    pub reference_id: Option<String>,
    pub status: &'static str,
    pub fees: u64,
    pub tax: u64,
    pub utr: Option<String>,
    pub created_at: i64,
}

/// A row of the combined report.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub body: Value,
    pub net: i128,
    pub settlement_id: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Settlement {
    pub id: String,
    pub amount: u64,
    pub utr: String,
    pub created_at: i64,
}

/// A request that has an idempotency key, and its answer.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub request: Value,
    pub answer: Value,
    pub kept_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Account {
    dice: fastrand::Rng,
    pub base_url: String,
    pub key_secret: String,
    pub payout_account: String,
    pub webhook: Option<(String, String)>,
    pub orders: Vec<Order>,
    pub links: Vec<Link>,
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    pub payouts: Vec<Payout>,
    pub rows: Vec<Row>,
    pub settlements: Vec<Settlement>,
    pub contacts: Vec<(Value, String)>,
    pub fund_accounts: Vec<(Value, String)>,
    pub kept: HashMap<String, Kept>,
    pub are_refunds_held: bool,
    pub are_captures_held: bool,
    pub is_uncaptured_by_chance: bool,
    pub late_by_chance: bool,
    pub payout_outcome: Option<&'static str>,
    pub(super) outbox: Vec<Event>,
}

impl Account {
    pub(super) fn new(settings: &RazorpayAccount) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(settings.seed ^ 0x52_5a_50),
            base_url: String::new(),
            key_secret: settings.key_secret.reveal().to_owned(),
            payout_account: settings.payout_account.clone(),
            webhook: None,
            orders: Vec::new(),
            links: Vec::new(),
            payments: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            payouts: Vec::new(),
            rows: Vec::new(),
            settlements: Vec::new(),
            contacts: Vec::new(),
            fund_accounts: Vec::new(),
            kept: HashMap::new(),
            are_refunds_held: false,
            are_captures_held: false,
            is_uncaptured_by_chance: false,
            late_by_chance: false,
            payout_outcome: Some("processed"),
            outbox: Vec::new(),
        }
    }

    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        let rest: String = std::iter::repeat_with(|| self.dice.alphanumeric())
            .take(ID_LENGTH)
            .collect();
        format!("{prefix}{rest}")
    }

    pub(super) fn new_number(&mut self, length: usize) -> String {
        std::iter::repeat_with(|| self.dice.digit(10))
            .take(length)
            .collect()
    }

    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    pub(super) fn payment(&self, id: &str) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    pub(super) fn payment_place(&self, id: &str) -> Option<usize> {
        self.payments.iter().position(|payment| payment.id == id)
    }

    pub(super) fn link_of_order(&self, order_id: &str) -> Option<usize> {
        self.links.iter().position(|link| link.order_id == order_id)
    }

    pub(super) fn misreport(&mut self, id: &str, amount: Option<u64>, currency: Option<&str>) {
        if let Some(place) = self.payment_place(id) {
            self.payments[place].told_amount = amount;
            self.payments[place].told_currency = currency.map(str::to_owned);
        }
    }

    /// What falls due by the clock.
    pub(super) fn fall_due(&mut self, now: DateTime<Utc>) {
        self.expire_links(now);
        self.return_uncaptured(now);
        self.authorize_what_is_late(now);
    }

    pub(super) fn books(&self) -> Books {
        let payments = self.payments.iter().map(|payment| {
            let order = self.order(&payment.order_id);
            let link = self.link_of_order(&payment.order_id);
            let link = link.map(|place| &self.links[place]);
            BookedPayment {
                payment_id: payment.id.clone(),
                checkout_id: link.map_or(&payment.order_id, |link| &link.id).clone(),
                reference: link
                    .map(|link| link.reference_id.clone())
                    .or_else(|| order.and_then(|order| order.receipt.clone())),
                currency: payment.currency.clone(),
                amount: payment.amount,
                captured: if payment.is_captured {
                    payment.amount
                } else {
                    0
                },
                refunded: payment.amount_refunded,
                fee: if payment.is_captured { payment.fee } else { 0 },
                tax: if payment.is_captured { payment.tax } else { 0 },
                status: payment.status.to_owned(),
            }
        });
        Books {
            payments: payments.collect(),
            refunds: self.refunds.iter().map(booked_refund).collect(),
            payouts: self.payouts.iter().map(booked_payout).collect(),
            disputes: self.disputes.iter().map(booked_dispute).collect(),
            owed: self.owed(),
        }
    }

    /// Rows that no settlement has. Payouts come from another account.
    fn owed(&self) -> BTreeMap<String, i64> {
        let mut owed = BTreeMap::<String, i64>::new();
        for row in self.rows.iter().filter(|row| row.settlement_id.is_none()) {
            let currency = row.body["currency"].as_str().unwrap_or_default();
            let net = i64::try_from(row.net).unwrap_or(i64::MAX);
            let sum = owed.entry(currency.to_owned()).or_default();
            *sum = sum.saturating_add(net);
        }
        owed
    }
}

fn booked_refund(refund: &Refund) -> BookedRefund {
    BookedRefund {
        refund_id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        reference: refund.receipt.clone(),
        amount: refund.amount,
        is_of_captured: refund.is_of_captured,
        status: refund.status.to_owned(),
    }
}

fn booked_payout(payout: &Payout) -> BookedPayout {
    BookedPayout {
        payout_id: payout.id.clone(),
        reference: payout.reference_id.clone(),
        currency: payout.currency.clone(),
        amount: payout.amount,
        fee: payout.fees,
        status: payout.status.to_owned(),
        is_with_beneficiary: payout.status == "processed",
    }
}

fn booked_dispute(dispute: &Dispute) -> BookedDispute {
    BookedDispute {
        dispute_id: dispute.id.clone(),
        payment_id: dispute.payment_id.clone(),
        amount: dispute.amount,
        deducted: dispute.deducted,
        status: dispute.status.clone(),
    }
}
