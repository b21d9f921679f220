//! Settlement rows. A row is written when money moves and put in a settlement when a day is settled.
//!
//! The fee is two percent and the tax 18 percent of the fee, both in ten-thousandths of a rupee.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use super::account::{Account, Action, Dispute, Row};
use super::actions::Variables;
use super::bodies::{finer, refused, rupees, time};

impl Account {
    pub(super) fn book_capture(&mut self, payment_id: &str, request_id: &str, now: DateTime<Utc>) {
        let Some(payment) = self.payment(payment_id) else {
            return;
        };
        let amount = payment.captured;
        // A paisa has a hundred parts, of which two are the fee.
        let fee = amount.saturating_mul(2);
        self.rows.push(Row {
            payment_id: payment_id.to_owned(),
            request_id: request_id.to_owned(),
            action: "capture",
            token: String::new(),
            amount,
            fee,
            tax: fee.saturating_mul(18) / 100,
            at: now,
            settled: None,
        });
    }

    pub(super) fn book_refund(&mut self, action: &Action, now: DateTime<Utc>) {
        self.rows.push(Row {
            payment_id: action.payment_id.clone(),
            request_id: action.id.clone(),
            action: "refund",
            token: action.token.clone(),
            amount: action.amount,
            fee: 0,
            tax: 0,
            at: now,
            settled: None,
        });
    }

    pub(super) fn book_chargeback(&mut self, dispute: &Dispute, now: DateTime<Utc>) {
        self.rows.push(Row {
            payment_id: dispute.payment_id.clone(),
            request_id: dispute.id.clone(),
            action: "chargeback",
            token: String::new(),
            amount: dispute.amount,
            fee: 0,
            tax: 0,
            at: now,
            settled: None,
        });
    }

    pub(super) fn settle(
        &mut self,
        day: NaiveDate,
        is_left_out: impl Fn() -> bool,
    ) -> Option<String> {
        let utr = self.new_number(16);
        let day = day.format("%Y-%m-%d").to_string();
        let mut is_any = false;
        for row in &mut self.rows {
            if row.settled.is_none() && !is_left_out() {
                row.settled = Some((day.clone(), utr.clone()));
                is_any = true;
            }
        }
        is_any.then_some(utr)
    }

    pub(super) fn settlement_details(&mut self, given: &Variables) -> Value {
        let text = |name: &str| given.get(name).map_or("", String::as_str);
        let wanted = text("var1");
        let is_day = NaiveDate::parse_from_str(wanted, "%Y-%m-%d").is_ok();
        let is_utr = wanted.len() == 16 && wanted.bytes().all(|byte| byte.is_ascii_digit());
        if !is_day && !is_utr {
            return refused("Please check date format it should be YYYY-MM-DD", None);
        }
        let number = |name: &str, least: usize, default: usize| {
            let number = text(name).parse::<usize>().unwrap_or(default);
            number.clamp(least, 2_000)
        };
        let (page, size) = (number("var2", 1, 1), number("var3", 1, 2_000));
        let is_wanted = |row: &&Row| {
            let settled = row.settled.as_ref();
            settled.is_some_and(|(day, utr)| day == wanted || utr == wanted)
        };
        let rows: Map<String, Value> = self
            .rows
            .iter()
            .filter(is_wanted)
            .skip(page.saturating_sub(1).saturating_mul(size))
            .take(size)
            .enumerate()
            .map(|(place, row)| (place.saturating_add(1).to_string(), self.row(row)))
            .collect();
        let message = format!("{} transactions settled on {wanted}", rows.len());
        json!({"status": self.one(), "msg": message, "Txn_details": rows})
    }

    fn row(&self, row: &Row) -> Value {
        let payment = self.payment(&row.payment_id);
        let utr = row.settled.as_ref().map(|(_, utr)| utr.as_str());
        let whole = row.amount.saturating_mul(100);
        let net = whole.saturating_sub(row.fee).saturating_sub(row.tax);
        let added = payment.map_or(row.at, |payment| payment.added_at);
        json!({
            "payuid": row.payment_id,
            "txnid": payment.map(|payment| payment.txnid.as_str()),
            "txndate": time(added),
            "mode": payment.map(|payment| payment.mode.as_str()),
            "amount": payment.map(|payment| rupees(payment.amount)),
            "requestid": row.request_id,
            "requestdate": time(row.at),
            "requestaction": row.action,
            "requestamount": rupees(row.amount),
            "mer_utr": utr,
            "mer_service_fee": finer(row.fee),
            "mer_service_tax": finer(row.tax),
            "mer_net_amount": finer(net),
            "bank_name": "UPI",
            "issuing_bank": "UNKNOWN",
            "merchant_subvention_amount": "0.00",
            "cgst": "0.00000",
            "igst": finer(row.tax),
            "sgst": "0.00000",
            "PG_TYPE": "UPI-PG",
            "Card Type": "",
            "token": row.token,
        })
    }
}
