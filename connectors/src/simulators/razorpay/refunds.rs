//! Refunds, with their idempotency key.

use chrono::{DateTime, Utc};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::account::{Account, Kept, Refund};
use super::bodies::{self, Answered, Refusal};
use super::orders::{Query, only_known, page};
use crate::simulators::front::is_remembered;

impl Account {
    pub(super) fn create_refund(
        &mut self,
        payment_id: &str,
        body: &Value,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Answered {
        let Some(key) = key else {
            return self.new_refund(payment_id, body, now);
        };
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if key.len() < 10 || !key.bytes().all(is_allowed) {
            let words =
                "The idempotency key must be at least 10 letters, digits, hyphens or underscores.";
            return Err(Refusal::bad(words));
        }
        let request = json!([payment_id, body]);
        let name = format!("refund {key}");
        self.once(name, request, now, |account| {
            account.new_refund(payment_id, body, now)
        })
    }

    /// Does it once for a key; the same request gets the same answer, another one is refused. Refusals
    /// are not kept, and answers are for a day.
    pub(super) fn once(
        &mut self,
        name: String,
        request: Value,
        now: DateTime<Utc>,
        work: impl FnOnce(&mut Self) -> Answered,
    ) -> Answered {
        self.kept.retain(|_, kept| is_remembered(kept.kept_at, now));
        if let Some(kept) = self.kept.get(&name) {
            if kept.request == request {
                return Ok(kept.answer.clone());
            }
            return Err(Refusal {
                status: StatusCode::CONFLICT,
                ..Refusal::bad(
                    "Different request with the same idempotency key has already been processed.",
                )
            });
        }
        let answer = work(self)?;
        let kept = Kept {
            request,
            answer: answer.clone(),
            kept_at: now,
        };
        self.kept.insert(name, kept);
        Ok(answer)
    }

    fn new_refund(&mut self, payment_id: &str, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(body, &["amount", "speed", "notes", "receipt"])?;
        let place = self
            .payment_place(payment_id)
            .ok_or_else(Refusal::no_such_id)?;
        let payment = &self.payments[place];
        if payment.status == "refunded" {
            return Err(Refusal::bad("The payment has been fully refunded already"));
        }
        if payment.status != "captured" {
            let words = "The payment status should be captured for action to be taken";
            return Err(Refusal::bad(words));
        }
        let left = payment.amount.saturating_sub(payment.amount_refunded);
        let amount = match &body["amount"] {
            Value::Null => left,
            amount => amount
                .as_u64()
                .ok_or_else(|| Refusal::of_field("amount", "The amount must be an integer."))?,
        };
        if payment.currency == "INR" && amount < 100 {
            let words = "The amount must be at least INR 1.00";
            return Err(Refusal::of_field("amount", words));
        }
        if amount > left {
            let words = "The refund amount provided is greater than amount captured";
            return Err(Refusal::of_field("amount", words));
        }
        let refund = Refund {
            id: self.new_id("rfnd_"),
            payment_id: payment_id.to_owned(),
            amount,
            currency: self.payments[place].currency.clone(),
            receipt: body["receipt"].as_str().map(str::to_owned),
            notes: body["notes"].clone(),
            status: "pending",
            arn: None,
            is_of_captured: true,
            created_at: now.timestamp(),
        };
        let id = refund.id.clone();
        self.refunds.push(refund);
        let payment = &mut self.payments[place];
        payment.amount_refunded = payment.amount_refunded.saturating_add(amount);
        if payment.amount_refunded == payment.amount {
            payment.status = "refunded";
        }
        self.tell_refund("refund.created", &id, now);
        if !self.are_refunds_held {
            self.process_refund(&id, now);
        }
        let refund = self.refunds.iter().find(|refund| refund.id == id);
        refund.map(bodies::refund).ok_or_else(Refusal::no_such_id)
    }

    fn process_refund(&mut self, id: &str, now: DateTime<Utc>) {
        let arn = self.new_number(23);
        let Some(place) = self.refunds.iter().position(|refund| refund.id == id) else {
            return;
        };
        self.refunds[place].status = "processed";
        self.refunds[place].arn = Some(arn);
        self.book_refund(place, now);
        self.tell_refund("refund.processed", id, now);
    }

    pub(super) fn process_refunds(&mut self, failing: &[&str], now: DateTime<Utc>) {
        let pending: Vec<String> = self
            .refunds
            .iter()
            .filter(|refund| refund.status == "pending")
            .map(|refund| refund.id.clone())
            .collect();
        for id in pending {
            match failing.contains(&id.as_str()) {
                true => self.fail_refund(&id, now),
                false => self.process_refund(&id, now),
            }
        }
    }

    fn fail_refund(&mut self, id: &str, now: DateTime<Utc>) {
        let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == id) else {
            return;
        };
        refund.status = "failed";
        let (payment_id, amount) = (refund.payment_id.clone(), refund.amount);
        if let Some(place) = self.payment_place(&payment_id) {
            let payment = &mut self.payments[place];
            payment.amount_refunded = payment.amount_refunded.saturating_sub(amount);
            payment.status = "captured";
        }
        self.tell_refund("refund.failed", id, now);
    }

    pub(super) fn fetch_refund(&self, payment_id: Option<&str>, id: &str) -> Answered {
        let is_it = |refund: &&Refund| {
            refund.id == id && payment_id.is_none_or(|payment| refund.payment_id == payment)
        };
        let refund = self.refunds.iter().find(is_it);
        refund.map(bodies::refund).ok_or_else(Refusal::no_such_id)
    }

    pub(super) fn list_refunds(&self, payment_id: Option<&str>, query: &Query) -> Answered {
        if payment_id.is_some_and(|id| self.payment(id).is_none()) {
            return Err(Refusal::no_such_id());
        }
        let refunds = self
            .refunds
            .iter()
            .filter(|refund| payment_id.is_none_or(|payment| refund.payment_id == payment))
            .map(|refund| (refund.created_at, bodies::refund(refund)));
        page(refunds.collect(), query, 100)
    }
}
