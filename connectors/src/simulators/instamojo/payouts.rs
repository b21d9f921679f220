//! Payouts: what was credited, without fees, the tax on them, and what went back since.

use chrono::NaiveDate;

use super::account::{Account, Payout};
use super::bodies::{self, Answered, Refusal, Version, list};
use super::routes::{Given, page};
use crate::simulators::front::Reply;

impl Account {
    pub(super) fn settle(
        &mut self,
        day: NaiveDate,
        is_left_out: impl Fn() -> bool,
    ) -> Option<String> {
        let is_due = |place: &usize| {
            let payment = &self.payments[*place];
            payment.status == "Credit" && payment.payout_id.is_none() && !is_left_out()
        };
        let due: Vec<usize> = (0..self.payments.len()).filter(is_due).collect();
        let sum = |of: fn(&super::account::Payment) -> u64| -> u64 {
            due.iter().map(|place| of(&self.payments[*place])).sum()
        };
        let (sales, fee, tax) = (
            sum(|payment| payment.amount),
            sum(|payment| payment.fee),
            sum(|payment| payment.tax),
        );
        let refunds = self
            .refunds
            .iter()
            .filter(|refund| refund.status == "Refunded" && !refund.is_paid_out);
        let refunded: u64 = refunds.map(|refund| refund.amount).sum();
        // What we owe Instamojo waits for a day with more sales.
        let paid = sales
            .checked_sub(fee)?
            .checked_sub(tax)?
            .checked_sub(refunded)?;
        if due.is_empty() {
            return None;
        }
        let id = format!("MOJO{}M{}", self.new_number(8), self.new_number(8));
        for place in due {
            self.payments[place].payout_id = Some(id.clone());
        }
        for refund in &mut self.refunds {
            refund.is_paid_out |= refund.status == "Refunded";
        }
        self.payouts.push(Payout {
            id: id.clone(),
            sales,
            fee,
            tax,
            refunded,
            paid,
            // Noon in India, so that the day is the same in UTC.
            paid_at: day.and_hms_opt(6, 30, 0)?.and_utc(),
        });
        Some(id)
    }

    pub(super) fn list_payouts(&self, query: &Given) -> Answered {
        let (rows, is_more) = page(&self.payouts, query, bodies::payout);
        Ok(list(Version::Two, "payouts", rows, is_more))
    }

    pub(super) fn fetch_payout(&self, id: &str) -> Answered {
        let found = self.payouts.iter().find(|payout| payout.id == id);
        let found = found.ok_or_else(Refusal::not_found)?;
        Ok(Reply::ok(bodies::payout(found)))
    }
}
