//! Captures, cancellations and refunds: `QUEUED -> SUCCESS | FAILURE`. A token is taken once.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::account::{Account, Action, Payment};
use super::bodies::refused;
use crate::gateways::{Money, currency};

/// For so long the same amount of the same payment is refused, where that is switched on.
const SAME_REFUND_PAUSE: TimeDelta = TimeDelta::minutes(5);

pub(super) type Variables = HashMap<String, String>;

impl Account {
    pub(super) fn capture_transaction(&mut self, given: &Variables, now: DateTime<Utc>) -> Value {
        let (payment, token, amount) = match self.action_of(given) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        if payment.unmapped == "captured" {
            return refused("Capture failed", Some(301));
        }
        let queued = self.actions.iter().any(|action| {
            action.payment_id == payment.id && action.kind != "refund" && action.status != "FAILURE"
        });
        if payment.unmapped != "auth" || queued {
            return refused("Capture failed", Some(109));
        }
        if amount > payment.amount {
            return refused(
                "Capture amount is greater than maximum capturable",
                Some(303),
            );
        }
        let id = self.queue(&payment.id, "capture", token, amount, now);
        json!({
            "status": self.one(),
            "msg": "Capture Request Queued",
            "request_id": id,
            "bank_ref_num": "",
        })
    }

    pub(super) fn cancel_refund_transaction(
        &mut self,
        given: &Variables,
        now: DateTime<Utc>,
    ) -> Value {
        let (payment, token, amount) = match self.action_of(given) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let kind = match payment.unmapped {
            "auth" => "cancel",
            "captured" => "refund",
            _ => return refused("Refund request failed", Some(111)),
        };
        let of_payment = |action: &&Action| {
            action.payment_id == payment.id && action.kind == kind && action.status != "FAILURE"
        };
        let before = self.actions.iter().filter(of_payment);
        let asked: u64 = before.clone().map(|action| action.amount).sum();
        let most = match kind {
            "cancel" => payment.amount,
            _ => payment.captured,
        };
        if amount > most.saturating_sub(asked) {
            return refused("Refund amount is greater than the amount left", Some(105));
        }
        let is_same = |action: &Action| {
            let age = now.signed_duration_since(action.created_at);
            action.amount == amount && age < SAME_REFUND_PAUSE
        };
        if self.is_same_refund_refused && before.clone().any(is_same) {
            return refused(
                "Refund of the same amount for the same transaction within 5 minutes",
                Some(214),
            );
        }
        let id = self.queue(&payment.id, kind, token, amount, now);
        if self.are_refunds_deferred {
            return json!({
                "status": self.one(),
                "msg": "Capture is done today, please check for refund status tomorrow",
            });
        }
        let mut body = json!({
            "status": self.one(),
            "msg": "Refund Request Queued",
            "request_id": id,
            "bank_ref_num": "",
            "mihpayid": payment.id,
            "error_code": 102,
        });
        if kind == "cancel" {
            body["msg"] = "Cancel Request Queued".into();
            body["txn_update_id"] = id.into();
        }
        body
    }

    /// The payment, token and amount of a command, or PayU's refusal.
    fn action_of(&self, given: &Variables) -> Result<(Payment, String, u64), Value> {
        let text = |name: &str| given.get(name).map_or("", String::as_str);
        let (token, amount) = (text("var2"), text("var3"));
        if token.is_empty() {
            return Err(refused("token is empty", None));
        }
        if amount.is_empty() {
            return Err(refused("amount is empty", None));
        }
        let Some(payment) = self.payment(text("var1")) else {
            return Err(refused("transaction not exists", Some(116)));
        };
        if self.actions.iter().any(|action| action.token == token) {
            return Err(refused("token already used or request pending", Some(106)));
        }
        let parsed = currency("INR").and_then(|asset| Money::parse(amount, asset));
        match parsed {
            Ok(amount) if !amount.is_zero() => {
                Ok((payment.clone(), token.to_owned(), amount.minor_units()))
            }
            _ => Err(refused("Invalid amount", Some(105))),
        }
    }

    fn queue(
        &mut self,
        payment_id: &str,
        kind: &'static str,
        token: String,
        amount: u64,
        now: DateTime<Utc>,
    ) -> String {
        let id = self.new_request_id();
        self.actions.push(Action {
            id: id.clone(),
            payment_id: payment_id.to_owned(),
            kind,
            token,
            amount,
            status: "QUEUED",
            arn: None,
            created_at: now,
        });
        if !self.are_actions_held {
            self.process_actions(&[], now);
        }
        id
    }

    pub(super) fn process_actions(&mut self, failing: &[&str], now: DateTime<Utc>) {
        for place in 0..self.actions.len() {
            if self.actions[place].status != "QUEUED" {
                continue;
            }
            let has_failed = failing.contains(&self.actions[place].id.as_str());
            self.actions[place].status = match has_failed {
                true => "FAILURE",
                false => "SUCCESS",
            };
            if !has_failed {
                self.carry_out(place, now);
            }
            self.tell_action(place);
            if !has_failed && self.actions[place].kind == "refund" {
                // More digits than 64 bits have.
                self.actions[place].arn = Some(self.new_number(23));
                self.tell_action(place);
            }
        }
    }

    fn carry_out(&mut self, place: usize, now: DateTime<Utc>) {
        let action = self.actions[place].clone();
        let Some(payment) = self.payment_mut(&action.payment_id) else {
            return;
        };
        match action.kind {
            "capture" => {
                payment.unmapped = "captured";
                payment.captured = action.amount;
                self.book_capture(&action.payment_id, &action.id, now);
                self.tell_payment(&action.payment_id);
            }
            "refund" => {
                payment.refunded = payment.refunded.saturating_add(action.amount);
                self.book_refund(&action, now);
            }
            _ => {}
        }
    }

    pub(super) fn check_action_status(&mut self, given: &Variables) -> Value {
        let var1 = given.get("var1").map_or("", String::as_str).to_owned();
        let is_by_payment = given.get("var2").is_some_and(|word| word == "payuid");
        let is_wanted = |action: &&Action| match is_by_payment {
            true => action.payment_id == var1,
            false => action.id == var1,
        };
        let found: Map<String, Value> = self
            .actions
            .iter()
            .filter(is_wanted)
            .map(|action| (action.id.clone(), action.body()))
            .collect();
        if found.is_empty() {
            return json!({
                "status": 0,
                "msg": "0 out of 1 Transactions Fetched Successfully",
                "transaction_details": {var1: "No action status found"},
            });
        }
        json!({
            "status": self.one(),
            "msg": "1 out of 1 Transactions Fetched Successfully",
            "transaction_details": {var1: found},
        })
    }

    /// "Done", now as a number and now as a text.
    pub(super) fn one(&mut self) -> Value {
        match self.is_even() {
            true => 1.into(),
            false => "1".into(),
        }
    }
}
