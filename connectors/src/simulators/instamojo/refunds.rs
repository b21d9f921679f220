//! Refunds. Version 2 takes a merchant's name for one once; version 1.1 knows none.

use chrono::{DateTime, Utc};
use poem::http::StatusCode;
use serde_json::json;

use super::account::{Account, Refund};
use super::bodies::{self, Answered, Refusal, Version, list};
use super::routes::{Given, page};
use crate::gateways::{Money, currency};
use crate::simulators::front::Reply;

const KINDS: [&str; 7] = ["RFD", "TNR", "QFL", "QNR", "EWN", "TAN", "PTH"];

impl Account {
    pub(super) fn create_refund(
        &mut self,
        version: Version,
        payment_id: &str,
        given: &Given,
        now: DateTime<Utc>,
    ) -> Answered {
        let text = |name: &str| given.get(name).cloned().unwrap_or_default();
        // Refunds are wrapped in both versions.
        let refused =
            |field: &str, complaint: &str| Refusal::of_field(Version::One, field, complaint);
        if !KINDS.contains(&text("type").as_str()) {
            return Err(refused("type", "Select a valid choice."));
        }
        if text("body").is_empty() {
            return Err(refused("body", "This field is required."));
        }
        let name = match version {
            Version::One => None,
            Version::Two => Some(text("transaction_id")),
        };
        if name.as_ref().is_some_and(String::is_empty) {
            return Err(refused("transaction_id", "This field is required."));
        }
        let is_used = |refund: &Refund| name.is_some() && refund.transaction_id == name;
        if self.refunds.iter().any(is_used) {
            let complaint = "A refund with this transaction_id already exists.";
            return Err(refused("transaction_id", complaint));
        }
        let payment = self.payment(payment_id);
        let payment = payment.filter(|payment| payment.status == "Credit");
        let Some(payment) = payment else {
            return Err(refused("payment_id", "Invalid payment."));
        };
        let mut asked = self
            .refunds
            .iter()
            .filter(|refund| refund.payment_id == payment_id && refund.status != "Failed");
        if !self.are_many_refunds_allowed && asked.clone().next().is_some() {
            let complaint = "A refund has already been initiated for this payment.";
            return Err(refused("payment_id", complaint));
        }
        let asked: u64 = asked.by_ref().map(|refund| refund.amount).sum();
        let left = payment.amount.saturating_sub(asked);
        let (total, amount) = (payment.amount, text("refund_amount"));
        let amount = match amount.is_empty() {
            true => Some(left),
            false => currency("INR")
                .and_then(|asset| Money::parse(&amount, asset))
                .ok()
                .map(Money::minor_units),
        };
        let amount = amount.filter(|amount| (1..=left).contains(amount));
        let Some(amount) = amount else {
            return Err(refused("refund_amount", "Invalid refund amount."));
        };
        let refund = Refund {
            id: format!("C{}", self.new_hexadecimal(9)),
            payment_id: payment_id.to_owned(),
            transaction_id: name,
            kind: text("type"),
            body: text("body"),
            amount,
            total,
            status: "Pending",
            is_paid_out: false,
            created_at: now,
        };
        let id = refund.id.clone();
        self.refunds.push(refund);
        if !self.are_refunds_held {
            self.process_refunds(&[]);
        }
        let made = self.refunds.iter().find(|refund| refund.id == id);
        let body = json!({"success": true, "refund": made.map(bodies::refund)});
        Ok(Reply::new(StatusCode::CREATED, body))
    }

    pub(super) fn refund_others(&mut self, refunds: usize, now: DateTime<Utc>) {
        for _ in 0..refunds {
            let refund = Refund {
                id: format!("C{}", self.new_hexadecimal(9)),
                payment_id: "MOJO0000000N00000000".to_owned(),
                transaction_id: None,
                kind: "PTH".to_owned(),
                body: "others".to_owned(),
                amount: 100,
                total: 100,
                status: "Refunded",
                is_paid_out: true,
                created_at: now,
            };
            self.refunds.push(refund);
        }
    }

    pub(super) fn process_refunds(&mut self, failing: &[&str]) {
        for place in 0..self.refunds.len() {
            let refund = &mut self.refunds[place];
            if refund.status != "Pending" {
                continue;
            }
            if failing.contains(&refund.id.as_str()) {
                refund.status = "Failed";
                continue;
            }
            refund.status = "Refunded";
            let (payment_id, amount) = (refund.payment_id.clone(), refund.amount);
            if let Some(payment) = self.payment_mut(&payment_id) {
                payment.refunded = payment.refunded.saturating_add(amount);
            }
        }
    }

    pub(super) fn list_refunds(&self, version: Version, query: &Given) -> Answered {
        let (rows, is_more) = page(&self.refunds, query, bodies::refund);
        Ok(list(version, "refunds", rows, is_more))
    }
}
