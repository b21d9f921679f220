//! Transactions: `pending/initiated -> success/captured`, `success/auth`, `failure/…`, and from a failure
//! late to success.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::account::{Account, Payment};
use crate::gateways::CaptureMode;
use crate::gateways::payu::signature::{RequestFields, request_hash};
use crate::gateways::{Money, currency};
use crate::simulators::mischief::PayerChoice;

/// A page that nobody used is dropped after so long.
const PAGE_LIFE: TimeDelta = TimeDelta::hours(1);

/// When a bank that said no says yes by chance.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(1);

impl Account {
    /// A browser comes with a merchant's form. Gives the payment's id, or PayU's words.
    pub(super) fn open(
        &mut self,
        form: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<String, &'static str> {
        let form: HashMap<&str, &str> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let given = |name: &str| form.get(name).copied().unwrap_or_default();
        let wanted = [
            "key",
            "txnid",
            "amount",
            "productinfo",
            "firstname",
            "email",
            "phone",
            "surl",
            "furl",
            "hash",
        ];
        if wanted.iter().any(|name| given(name).is_empty()) {
            return Err("One or more mandatory parameters are missing in the transaction request");
        }
        if !self.is_signed(&form) {
            return Err("Transaction failed due to incorrectly calculated hash parameter");
        }
        let amount = currency("INR").and_then(|asset| Money::parse(given("amount"), asset));
        let amount = match amount {
            Ok(amount) if !amount.is_zero() => amount.minor_units(),
            _ => return Err("The amount field does not have the correct value"),
        };
        if let Some(used) = self.payment_of(given("txnid")) {
            // The browser may reload a page that is still open.
            return match used.unmapped {
                "initiated" if used.amount == amount => Ok(used.id.clone()),
                _ => Err("Duplicate transaction id"),
            };
        }
        let kept = |name: &str| given(name).to_owned();
        let id = self.new_number(18);
        self.payments.push(Payment {
            id: id.clone(),
            txnid: kept("txnid"),
            amount,
            amount_text: kept("amount"),
            productinfo: kept("productinfo"),
            firstname: kept("firstname"),
            email: kept("email"),
            phone: kept("phone"),
            udf: ["udf1", "udf2", "udf3", "udf4", "udf5"].map(kept),
            surl: kept("surl"),
            furl: kept("furl"),
            curl: kept("curl"),
            status: "pending",
            unmapped: "initiated",
            mode: String::new(),
            additional_charges: self.additional_charges,
            captured: 0,
            refunded: 0,
            added_at: now,
            late_at: None,
            told_amount: None,
            told_status: None,
        });
        Ok(id)
    }

    fn is_signed(&self, form: &HashMap<&str, &str>) -> bool {
        let given = |name: &str| form.get(name).copied().unwrap_or_default();
        let signed = RequestFields {
            key: given("key"),
            txnid: given("txnid"),
            amount: given("amount"),
            productinfo: given("productinfo"),
            firstname: given("firstname"),
            email: given("email"),
            udf: ["udf1", "udf2", "udf3", "udf4", "udf5"].map(given),
            si_details: given("si_details"),
            split_request: given("splitRequest"),
        };
        let fits = |salt: &String| request_hash(salt, &signed) == given("hash");
        given("key") == self.key && self.salts.iter().any(fits)
    }

    /// A payer decides on an open page.
    pub(super) fn pay(
        &mut self,
        txnid: &str,
        mode: &str,
        choice: PayerChoice,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let payment = self
            .payments
            .iter_mut()
            .find(|payment| payment.txnid == txnid && payment.unmapped == "initiated")?;
        let id = payment.id.clone();
        payment.mode = mode.to_owned();
        match choice {
            PayerChoice::Pay => self.succeed(&id, now),
            PayerChoice::Fail => self.fail(&id, "failed", now),
            PayerChoice::FailThenPay => {
                self.fail(&id, "failed", now);
                self.pay_late(&id, now);
            }
            PayerChoice::Abandon => self.fail(&id, "userCancelled", now),
        }
        Some(id)
    }

    pub(super) fn pay_late(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        let has_failed = self
            .payment(id)
            .is_some_and(|payment| payment.status == "failure");
        if has_failed {
            self.succeed(id, now);
        }
        has_failed
    }

    fn succeed(&mut self, id: &str, now: DateTime<Utc>) {
        let capture = match self.are_captures_held {
            true => CaptureMode::Manual,
            false => self.capture,
        };
        let Some(payment) = self.payment_mut(id) else {
            return;
        };
        payment.status = "success";
        payment.late_at = None;
        match capture {
            CaptureMode::Manual => payment.unmapped = "auth",
            CaptureMode::Automatic => {
                payment.unmapped = "captured";
                payment.captured = payment.amount;
                self.book_capture(id, "", now);
            }
        }
        self.tell_payment(id);
    }

    fn fail(&mut self, id: &str, unmapped: &'static str, now: DateTime<Utc>) {
        let is_late = self.is_late_by_chance && unmapped == "failed";
        let Some(payment) = self.payment_mut(id) else {
            return;
        };
        payment.status = "failure";
        payment.unmapped = unmapped;
        payment.late_at = is_late.then(|| now.checked_add_signed(LATE_AFTER).unwrap_or(now));
        self.tell_payment(id);
    }

    /// What falls due by the clock.
    pub(super) fn fall_due(&mut self, now: DateTime<Utc>) {
        let is_late = |payment: &&Payment| payment.late_at.is_some_and(|at| at <= now);
        let late = self.payments.iter().filter(is_late);
        for id in late.map(|payment| payment.id.clone()).collect::<Vec<_>>() {
            self.pay_late(&id, now);
        }
        let is_left = |payment: &&Payment| {
            let age = now.signed_duration_since(payment.added_at);
            payment.unmapped == "initiated" && age >= PAGE_LIFE
        };
        let left = self.payments.iter().filter(is_left);
        for id in left.map(|payment| payment.id.clone()).collect::<Vec<_>>() {
            self.fail(&id, "dropped", now);
        }
    }
}
