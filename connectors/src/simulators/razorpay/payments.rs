//! Payments: `created -> authorized -> captured`, `failed`, and from there late to `authorized`.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::account::{Account, Payment, Refund};
use super::bodies::{self, Answered, Refusal};
use super::orders::only_known;
use crate::simulators::mischief::PayerChoice;

/// After so many seconds what was not captured goes back: five days.
const CAPTURE_WINDOW_SECONDS: i64 = 5 * 24 * 60 * 60;

/// When a bank that said no says yes by chance.
const LATE_AFTER_SECONDS: i64 = 60;

impl Account {
    /// A payer decides about an order or link.
    pub(super) fn pay(
        &mut self,
        checkout_id: &str,
        method: &str,
        choice: PayerChoice,
        now: DateTime<Utc>,
    ) -> Option<String> {
        if choice == PayerChoice::Abandon {
            return None;
        }
        let link = self.links.iter().find(|link| link.id == checkout_id);
        let (order_id, notes) = match link {
            Some(link) if link.status != "created" => return None,
            Some(link) => (link.order_id.clone(), link.notes.clone()),
            None => (checkout_id.to_owned(), Value::Null),
        };
        let order = self.orders.iter_mut().find(|order| order.id == order_id)?;
        if order.status == "paid" {
            return None;
        }
        order.status = "attempted";
        order.attempts = order.attempts.saturating_add(1);
        let (amount, currency) = (order.amount, order.currency.clone());
        let notes = match notes.is_null() {
            true => order.notes.clone(),
            false => notes,
        };
        let fee = fee_of(amount);
        let payment = Payment {
            id: self.new_id("pay_"),
            order_id,
            amount,
            currency,
            method: method.to_owned(),
            status: "created",
            is_captured: false,
            amount_refunded: 0,
            fee: fee.0,
            tax: fee.1,
            notes,
            created_at: now.timestamp(),
            authorized_at: None,
            late_at: None,
            told_amount: None,
            told_currency: None,
        };
        let id = payment.id.clone();
        self.payments.push(payment);
        match choice {
            PayerChoice::Pay => self.authorize(&id, now),
            PayerChoice::Fail => self.fail(&id, now),
            PayerChoice::FailThenPay => {
                self.fail(&id, now);
                self.authorize_late(&id, now);
            }
            PayerChoice::Abandon => {}
        }
        Some(id)
    }

    fn fail(&mut self, id: &str, now: DateTime<Utc>) {
        let is_late = self.late_by_chance;
        let Some(place) = self.payment_place(id) else {
            return;
        };
        let payment = &mut self.payments[place];
        payment.status = "failed";
        payment.late_at = is_late.then(|| now.timestamp().saturating_add(LATE_AFTER_SECONDS));
        self.tell_payment("payment.failed", id, now);
    }

    pub(super) fn authorize_late(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        let has_failed = self
            .payment(id)
            .is_some_and(|payment| payment.status == "failed");
        if has_failed {
            self.authorize(id, now);
        }
        has_failed
    }

    pub(super) fn authorize_what_is_late(&mut self, now: DateTime<Utc>) {
        let due = |payment: &Payment| {
            let at = payment.late_at.filter(|at| *at <= now.timestamp());
            at.filter(|_| payment.status == "failed")
                .map(|_| payment.id.clone())
        };
        let late: Vec<String> = self.payments.iter().filter_map(due).collect();
        for id in late {
            self.authorize_late(&id, now);
        }
    }

    fn authorize(&mut self, id: &str, now: DateTime<Utc>) {
        let Some(place) = self.payment_place(id) else {
            return;
        };
        let payment = &mut self.payments[place];
        payment.status = "authorized";
        payment.late_at = None;
        payment.authorized_at = Some(now.timestamp());
        let order_id = payment.order_id.clone();
        self.tell_payment("payment.authorized", id, now);
        let order = self.order(&order_id);
        // A second payment of a paid order is not captured and goes back in time.
        let is_left = self.are_captures_held || self.is_uncaptured_by_chance;
        let is_captured_now =
            !is_left && order.is_some_and(|order| !order.is_manual && order.status != "paid");
        if is_captured_now {
            self.take(place, now);
        }
    }

    /// Captures the payment at that place.
    fn take(&mut self, place: usize, now: DateTime<Utc>) {
        let payment = &mut self.payments[place];
        payment.status = "captured";
        payment.is_captured = true;
        let (id, order_id, amount) = (payment.id.clone(), payment.order_id.clone(), payment.amount);
        if let Some(order) = self.orders.iter_mut().find(|order| order.id == order_id) {
            order.status = "paid";
            order.amount_paid = amount;
        }
        self.book_payment(place, now);
        self.tell_payment("payment.captured", &id, now);
        self.tell_order_paid(&id, now);
        if let Some(place) = self.link_of_order(&order_id) {
            self.links[place].status = "paid";
            let link = self.links[place].clone();
            self.tell_link("payment_link.paid", &link, Some(&id), now);
        }
    }

    pub(super) fn capture(&mut self, id: &str, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(body, &["amount", "currency"])?;
        let place = self.payment_place(id).ok_or_else(Refusal::no_such_id)?;
        let payment = &self.payments[place];
        match payment.status {
            "authorized" => {}
            "captured" | "refunded" => {
                return Err(Refusal::bad("This payment has already been captured"));
            }
            _ => {
                let words =
                    "Only payments which have been authorized and not yet captured can be captured";
                return Err(Refusal::bad(words));
            }
        }
        if body["amount"].as_u64() != Some(payment.amount) {
            let words = "Capture amount must be equal to the amount authorized";
            return Err(Refusal::of_field("amount", words));
        }
        if body["currency"].as_str() != Some(payment.currency.as_str()) {
            let words = "The currency of the payment does not match";
            return Err(Refusal::of_field("currency", words));
        }
        self.take(place, now);
        Ok(bodies::payment(&self.payments[place]))
    }

    pub(super) fn fetch_payment(&self, id: &str) -> Answered {
        self.payment(id)
            .map(bodies::payment)
            .ok_or_else(Refusal::no_such_id)
    }

    /// What was authorized and not captured in time goes back by itself.
    pub(super) fn return_uncaptured(&mut self, now: DateTime<Utc>) {
        let is_due = |payment: &Payment| {
            payment.status == "authorized"
                && payment
                    .authorized_at
                    .is_some_and(|at| now.timestamp().saturating_sub(at) >= CAPTURE_WINDOW_SECONDS)
        };
        let due: Vec<usize> = (0..self.payments.len())
            .filter(|place| is_due(&self.payments[*place]))
            .collect();
        for place in due {
            let id = self.new_id("rfnd_");
            let payment = &mut self.payments[place];
            payment.status = "refunded";
            payment.amount_refunded = payment.amount;
            let refund = Refund {
                id: id.clone(),
                payment_id: payment.id.clone(),
                amount: payment.amount,
                currency: payment.currency.clone(),
                receipt: None,
                notes: Value::Null,
                status: "processed",
                arn: None,
                is_of_captured: false,
                created_at: now.timestamp(),
            };
            self.refunds.push(refund);
            self.tell_refund("refund.created", &id, now);
            self.tell_refund("refund.processed", &id, now);
        }
    }
}

/// Two percent and 18 percent tax on it, each rounded up; the fee includes the tax.
fn fee_of(amount: u64) -> (u64, u64) {
    let fee = amount.saturating_mul(2).div_ceil(100);
    let tax = fee.saturating_mul(18).div_ceil(100);
    (fee.saturating_add(tax), tax)
}
