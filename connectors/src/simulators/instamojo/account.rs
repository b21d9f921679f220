//! What an account at Instamojo has. Amounts are in paise.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::InstamojoAccount;
use super::events::Event;
use crate::simulators::books::{BookedPayment, BookedRefund, Books};
use crate::simulators::rewriting::Rewriting;

/// A payment request, or an order of version 2.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub id: String,
    /// The merchant's name for it; orders have one.
    pub transaction_id: Option<String>,
    pub purpose: String,
    pub amount: u64,
    pub buyer_name: String,
    pub email: String,
    pub phone: String,
    pub redirect_url: String,
    pub webhook: String,
    pub is_repeatable: bool,
    pub is_enabled: bool,
    pub status: &'static str,
    pub created_at: DateTime<Utc>,
    pub modified_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub id: String,
    pub request_id: String,
    pub amount: u64,
    pub status: &'static str,
    pub instrument: String,
    pub fee: u64,
    pub tax: u64,
    pub refunded: u64,
    pub payout_id: Option<String>,
    pub created_at: DateTime<Utc>,
    /// When a bank that said no will say yes.
    pub late_at: Option<DateTime<Utc>>,
    /// What is told instead of the truth.
    pub told_amount: Option<u64>,
    pub told_currency: Option<String>,
    pub told_status: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub id: String,
    pub payment_id: String,
    pub transaction_id: Option<String>,
    pub kind: String,
    pub body: String,
    pub amount: u64,
    pub total: u64,
    pub status: &'static str,
    pub is_paid_out: bool,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(super) struct Payout {
    pub id: String,
    pub sales: u64,
    pub fee: u64,
    pub tax: u64,
    pub refunded: u64,
    pub paid: u64,
    pub paid_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Account {
    dice: fastrand::Rng,
    pub rewriting: Option<Rewriting>,
    pub base_url: String,
    pub salt: String,
    pub webhook: Option<String>,
    /// When each token ends.
    pub tokens: HashMap<String, DateTime<Utc>>,
    pub requests: Vec<Request>,
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
    pub payouts: Vec<Payout>,
    pub are_failures_told: bool,
    pub are_many_refunds_allowed: bool,
    pub are_refunds_held: bool,
    pub is_late_by_chance: bool,
    pub outbox: Vec<Event>,
}

impl Account {
    pub(super) fn new(settings: &InstamojoAccount) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(settings.seed ^ 0x4d_4f_4a_4f),
            rewriting: None,
            base_url: String::new(),
            salt: settings.salt.reveal().to_owned(),
            webhook: None,
            tokens: HashMap::new(),
            requests: Vec::new(),
            payments: Vec::new(),
            refunds: Vec::new(),
            payouts: Vec::new(),
            are_failures_told: false,
            are_many_refunds_allowed: false,
            are_refunds_held: false,
            is_late_by_chance: false,
            outbox: Vec::new(),
        }
    }

    /// So many hexadecimal digits.
    pub(super) fn new_hexadecimal(&mut self, length: usize) -> String {
        std::iter::repeat_with(|| self.dice.digit(16))
            .take(length)
            .collect()
    }

    pub(super) fn new_number(&mut self, length: usize) -> String {
        std::iter::repeat_with(|| self.dice.digit(10))
            .take(length)
            .collect()
    }

    pub(super) fn request(&self, id: &str) -> Option<&Request> {
        self.requests.iter().find(|request| request.id == id)
    }

    pub(super) fn payment(&self, id: &str) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    pub(super) fn payment_mut(&mut self, id: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.id == id)
    }

    pub(super) fn misreport(&mut self, id: &str, paise: Option<u64>, currency: Option<&str>) {
        if let Some(payment) = self.payment_mut(id) {
            payment.told_amount = paise;
            payment.told_currency = currency.map(str::to_owned);
        }
    }

    pub(super) fn misreport_status(&mut self, id: &str, status: &str) {
        if let Some(payment) = self.payment_mut(id) {
            payment.told_status = Some(status.to_owned());
        }
    }

    pub(super) fn fall_due(&mut self, now: DateTime<Utc>) {
        self.tokens.retain(|_, end| *end > now);
        self.pay_what_is_late(now);
    }

    pub(super) fn books(&self) -> Books {
        Books {
            payments: self
                .payments
                .iter()
                .map(|payment| self.booked(payment))
                .collect(),
            refunds: self.refunds.iter().map(booked_refund).collect(),
            payouts: Vec::new(),
            disputes: Vec::new(),
            owed: BTreeMap::from([("INR".to_owned(), self.owed())]),
        }
    }

    /// What was not paid out yet.
    fn owed(&self) -> i64 {
        let payments = self
            .payments
            .iter()
            .filter(|payment| payment.status == "Credit" && payment.payout_id.is_none())
            .map(|payment| {
                i128::from(payment.amount) - i128::from(payment.fee) - i128::from(payment.tax)
            });
        let refunds = self
            .refunds
            .iter()
            .filter(|refund| refund.status == "Refunded" && !refund.is_paid_out)
            .map(|refund| i128::from(refund.amount));
        let owed = payments.sum::<i128>() - refunds.sum::<i128>();
        i64::try_from(owed).unwrap_or(i64::MAX)
    }

    fn booked(&self, payment: &Payment) -> BookedPayment {
        let is_captured = payment.status == "Credit";
        let request = self.request(&payment.request_id);
        let of_captured = |paise: u64| if is_captured { paise } else { 0 };
        BookedPayment {
            payment_id: payment.id.clone(),
            checkout_id: payment.request_id.clone(),
            reference: request.map(|request| match &request.transaction_id {
                Some(name) => name.clone(),
                None => {
                    let last = request.purpose.rsplit(' ').next();
                    last.unwrap_or_default().to_owned()
                }
            }),
            currency: "INR".to_owned(),
            amount: payment.amount,
            captured: of_captured(payment.amount),
            refunded: payment.refunded,
            fee: of_captured(payment.fee.saturating_add(payment.tax)),
            tax: of_captured(payment.tax),
            status: payment.status.to_owned(),
        }
    }
}

fn booked_refund(refund: &Refund) -> BookedRefund {
    let first_word = refund.body.split(' ').next().unwrap_or_default();
    BookedRefund {
        refund_id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        reference: Some(match &refund.transaction_id {
            Some(name) => name.clone(),
            None => first_word.to_owned(),
        }),
        amount: refund.amount,
        is_of_captured: true,
        status: refund.status.to_owned(),
    }
}
