//! What a merchant's account at PayU has. Amounts are in paise.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::PayUAccount;
use super::events::Event;
use crate::gateways::CaptureMode;
use crate::gateways::payu::PayUResponseHash;
use crate::simulators::books::{BookedDispute, BookedPayment, BookedRefund, Books};
use crate::simulators::rewriting::Rewriting;

/// A transaction: one use of the page.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub id: String,
    pub txnid: String,
    pub amount: u64,
    /// The amount as the merchant wrote it.
    pub amount_text: String,
    pub productinfo: String,
    pub firstname: String,
    pub email: String,
    pub phone: String,
    pub udf: [String; 5],
    pub surl: String,
    pub furl: String,
    pub curl: String,
    pub status: &'static str,
    pub unmapped: &'static str,
    pub mode: String,
    pub additional_charges: u64,
    pub captured: u64,
    pub refunded: u64,
    pub added_at: DateTime<Utc>,
    /// When a bank that said no will say yes.
    pub late_at: Option<DateTime<Utc>>,
    /// What is told instead of the truth.
    pub told_amount: Option<u64>,
    pub told_status: Option<(String, String)>,
}

/// Something that is done to a transaction.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub id: String,
    pub payment_id: String,
    pub kind: &'static str,
    pub token: String,
    pub amount: u64,
    pub status: &'static str,
    pub arn: Option<String>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(super) struct Dispute {
    pub id: String,
    pub payment_id: String,
    pub amount: u64,
    pub deducted: u64,
    pub kind: String,
    pub status: String,
    pub created_at: DateTime<Utc>,
}

/// A row of the report. Fee, tax and net amount are in ten-thousandths of a rupee.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub payment_id: String,
    pub request_id: String,
    pub action: &'static str,
    pub token: String,
    pub amount: u64,
    pub fee: u64,
    pub tax: u64,
    pub at: DateTime<Utc>,
    /// The day and the bank's reference, once it is settled.
    pub settled: Option<(String, String)>,
}

impl Row {
    /// What it adds to a settlement, in ten-thousandths of a rupee; negative when it takes away.
    fn net(&self) -> i128 {
        let whole = i128::from(self.amount) * 100;
        match self.action {
            "capture" => whole - i128::from(self.fee) - i128::from(self.tax),
            _ => -whole,
        }
    }
}

#[derive(Debug)]
pub(super) struct Account {
    dice: fastrand::Rng,
    pub rewriting: Option<Rewriting>,
    pub key: String,
    /// The current one first.
    pub salts: Vec<String>,
    pub capture: CaptureMode,
    pub response_hash: PayUResponseHash,
    pub webhook: Option<String>,
    pub payments: Vec<Payment>,
    pub actions: Vec<Action>,
    pub disputes: Vec<Dispute>,
    pub rows: Vec<Row>,
    pub texts: VecDeque<String>,
    pub additional_charges: u64,
    pub are_actions_held: bool,
    pub are_captures_held: bool,
    pub is_same_refund_refused: bool,
    pub are_refunds_deferred: bool,
    pub is_late_by_chance: bool,
    pub outbox: Vec<Event>,
}

impl Account {
    pub(super) fn new(settings: PayUAccount) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(settings.seed ^ 0x50_61_79_55),
            rewriting: None,
            key: settings.key,
            salts: vec![settings.salt.reveal().to_owned()],
            capture: settings.capture,
            response_hash: settings.response_hash,
            webhook: None,
            payments: Vec::new(),
            actions: Vec::new(),
            disputes: Vec::new(),
            rows: Vec::new(),
            texts: VecDeque::new(),
            additional_charges: 0,
            are_actions_held: false,
            are_captures_held: false,
            is_same_refund_refused: false,
            are_refunds_deferred: false,
            is_late_by_chance: false,
            outbox: Vec::new(),
        }
    }

    pub(super) fn salt(&self) -> &str {
        self.salts.first().map_or("", String::as_str)
    }

    /// A number that does not begin with zero.
    pub(super) fn new_number(&mut self, length: usize) -> String {
        let rest: String = std::iter::repeat_with(|| self.dice.digit(10))
            .take(length.saturating_sub(1))
            .collect();
        format!("4{rest}")
    }

    /// Request ids grow.
    pub(super) fn new_request_id(&self) -> String {
        self.actions.len().saturating_add(136_409_872).to_string()
    }

    pub(super) fn is_even(&mut self) -> bool {
        self.dice.bool()
    }

    pub(super) fn payment(&self, id: &str) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    pub(super) fn payment_mut(&mut self, id: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.id == id)
    }

    pub(super) fn payment_of(&self, txnid: &str) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.txnid == txnid)
    }

    pub(super) fn misreport(&mut self, id: &str, change: impl FnOnce(&mut Payment)) {
        if let Some(payment) = self.payment_mut(id) {
            change(payment);
        }
    }

    pub(super) fn books(&self) -> Books {
        let refunds = self
            .actions
            .iter()
            .filter(|action| action.kind != "capture");
        Books {
            payments: self
                .payments
                .iter()
                .map(|payment| self.booked(payment))
                .collect(),
            refunds: refunds.map(booked_refund).collect(),
            payouts: Vec::new(),
            disputes: self.disputes.iter().map(booked_dispute).collect(),
            owed: BTreeMap::from([("INR".to_owned(), self.owed())]),
        }
    }

    /// Rows that no settlement has, to the nearest paisa.
    fn owed(&self) -> i64 {
        let rows = self.rows.iter().filter(|row| row.settled.is_none());
        let parts: i128 = rows.map(Row::net).sum();
        i64::try_from((parts + 50).div_euclid(100)).unwrap_or(i64::MAX)
    }

    /// The fee to the nearest paisa; PayU counts it in hundredths of one.
    fn booked(&self, payment: &Payment) -> BookedPayment {
        let captures = self
            .rows
            .iter()
            .filter(|row| row.payment_id == payment.id && row.action == "capture");
        let (fee, tax) = captures.fold((0_u64, 0_u64), |(fee, tax), row| {
            (fee.saturating_add(row.fee), tax.saturating_add(row.tax))
        });
        let paise = |parts: u64| parts.saturating_add(50) / 100;
        BookedPayment {
            payment_id: payment.id.clone(),
            checkout_id: payment.txnid.clone(),
            reference: Some(payment.txnid.clone()),
            currency: "INR".to_owned(),
            amount: payment.amount,
            captured: payment.captured,
            refunded: payment.refunded,
            fee: paise(fee.saturating_add(tax)),
            tax: paise(tax),
            status: format!("{}/{}", payment.status, payment.unmapped),
        }
    }
}

fn booked_refund(action: &Action) -> BookedRefund {
    BookedRefund {
        refund_id: action.id.clone(),
        payment_id: action.payment_id.clone(),
        reference: Some(action.token.clone()),
        amount: action.amount,
        is_of_captured: action.kind == "refund",
        status: action.status.to_owned(),
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
