//! Payments: `Credit` or `Failed`, and from a failure late to a credit.

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::StatusCode;

use super::account::{Account, Payment};
use super::bodies::{Answered, Refusal, Version, list, told};
use super::routes::{Given, page};
use crate::simulators::mischief::PayerChoice;

/// When a bank that said no says yes by chance.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(1);

impl Account {
    /// A payer decides about a payment request or order.
    pub(super) fn pay(
        &mut self,
        checkout_id: &str,
        instrument: &str,
        choice: PayerChoice,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let request = self.request(checkout_id)?;
        let is_over = request.status == "Completed" && !request.is_repeatable;
        if choice == PayerChoice::Abandon || is_over || !request.is_enabled {
            return None;
        }
        let amount = request.amount;
        let id = format!("MOJO{}N{}", self.new_number(8), self.new_number(8));
        let (fee, tax) = fee_of(amount);
        self.payments.push(Payment {
            id: id.clone(),
            request_id: checkout_id.to_owned(),
            amount,
            status: "Pending",
            instrument: instrument.to_owned(),
            fee,
            tax,
            refunded: 0,
            payout_id: None,
            created_at: now,
            late_at: None,
            told_amount: None,
            told_currency: None,
            told_status: None,
        });
        match choice {
            PayerChoice::Pay => self.credit(&id, now),
            PayerChoice::Fail => self.fail(&id, now),
            PayerChoice::FailThenPay => {
                self.fail(&id, now);
                self.pay_late(&id, now);
            }
            PayerChoice::Abandon => {}
        }
        Some(id)
    }

    pub(super) fn pay_late(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        let has_failed = self
            .payment(id)
            .is_some_and(|payment| payment.status == "Failed");
        if has_failed {
            self.credit(id, now);
        }
        has_failed
    }

    pub(super) fn pay_what_is_late(&mut self, now: DateTime<Utc>) {
        let is_late = |payment: &&Payment| payment.late_at.is_some_and(|at| at <= now);
        let late = self.payments.iter().filter(is_late);
        for id in late.map(|payment| payment.id.clone()).collect::<Vec<_>>() {
            self.pay_late(&id, now);
        }
    }

    fn credit(&mut self, id: &str, now: DateTime<Utc>) {
        let Some(payment) = self.payment_mut(id) else {
            return;
        };
        payment.status = "Credit";
        payment.late_at = None;
        let request_id = payment.request_id.clone();
        let mut requests = self.requests.iter_mut();
        if let Some(request) = requests.find(|request| request.id == request_id) {
            request.status = "Completed";
            request.modified_at = now;
        }
        self.tell(id);
    }

    fn fail(&mut self, id: &str, now: DateTime<Utc>) {
        let is_late = self.is_late_by_chance;
        let Some(payment) = self.payment_mut(id) else {
            return;
        };
        payment.status = "Failed";
        payment.late_at = is_late.then(|| now.checked_add_signed(LATE_AFTER).unwrap_or(now));
        if self.are_failures_told {
            self.tell(id);
        }
    }

    pub(super) fn list_payments(&self, version: Version, query: &Given) -> Answered {
        let body = |payment: &Payment| self.payment_body(version, payment);
        let (rows, is_more) = page(&self.payments, query, body);
        Ok(list(version, "payments", rows, is_more))
    }

    pub(super) fn fetch_payment(&self, version: Version, id: &str) -> Answered {
        let payment = self.payment(id).ok_or_else(Refusal::not_found)?;
        let body = self.payment_body(version, payment);
        Ok(told(version, StatusCode::OK, "payment", body))
    }
}

/// 1.9 percent, and 18 percent tax on it, each to the next paisa.
fn fee_of(amount: u64) -> (u64, u64) {
    let fee = amount.saturating_mul(19).div_ceil(1_000);
    (fee, fee.saturating_mul(18).div_ceil(100))
}
