//! The combined report and settlements.
//!
//! A row is written when money moves and put in a settlement when a day is settled. A payment's credit is
//! its amount without the fee, a refund's debit its amount.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde_json::{Value, json};

use super::account::{Account, Row, Settlement};
use super::bodies::{self, Answered, Refusal};
use super::orders::{Query, bounds, page};

impl Account {
    pub(super) fn book_payment(&mut self, place: usize, now: DateTime<Utc>) {
        let payment = &self.payments[place];
        let credit = payment.amount.saturating_sub(payment.fee);
        let order = self.order(&payment.order_id);
        let body = json!({
            "entity_id": payment.id,
            "type": "payment",
            "debit": 0,
            "credit": credit,
            "amount": payment.amount,
            "currency": payment.currency,
            "fee": payment.fee,
            "tax": payment.tax,
            "created_at": now.timestamp(),
            "notes": payment.notes.to_string(),
            "payment_id": null,
            "order_id": payment.order_id,
            "order_receipt": order.and_then(|order| order.receipt.clone()),
            "method": payment.method,
            "credit_type": "default",
            "description": null,
            "dispute_id": null,
        });
        self.book(body, i128::from(credit));
    }

    pub(super) fn book_refund(&mut self, place: usize, now: DateTime<Utc>) {
        let refund = &self.refunds[place];
        let payment = self.payment(&refund.payment_id);
        let order_id = payment.map(|payment| payment.order_id.clone());
        let order = order_id.as_deref().and_then(|id| self.order(id));
        let body = json!({
            "entity_id": refund.id,
            "type": "refund",
            "debit": refund.amount,
            "credit": 0,
            "amount": refund.amount,
            "currency": refund.currency,
            "fee": 0,
            "tax": 0,
            "created_at": now.timestamp(),
            "notes": refund.notes.to_string(),
            "payment_id": refund.payment_id,
            "order_id": order_id,
            "order_receipt": order.and_then(|order| order.receipt.clone()),
            "method": payment.map(|payment| payment.method.clone()),
            "credit_type": "default",
            "description": null,
            "dispute_id": null,
        });
        let net = -i128::from(refund.amount);
        self.book(body, net);
    }

    /// Adjustments have no `credit_type`.
    pub(super) fn book_dispute(&mut self, place: usize, now: DateTime<Utc>) {
        let adjustment = self.new_id("adj_");
        let dispute = &self.disputes[place];
        let body = json!({
            "entity_id": adjustment,
            "type": "adjustment",
            "debit": dispute.amount,
            "credit": 0,
            "amount": dispute.amount,
            "currency": dispute.currency,
            "fee": 0,
            "tax": 0,
            "created_at": now.timestamp(),
            "description": "Debit for a lost dispute",
            "notes": null,
            "payment_id": dispute.payment_id,
            "dispute_id": dispute.id,
        });
        let net = -i128::from(dispute.amount);
        self.book(body, net);
    }

    fn book(&mut self, mut body: Value, net: i128) {
        body["on_hold"] = false.into();
        body["settled"] = false.into();
        body["settlement_id"] = Value::Null;
        body["settlement_utr"] = Value::Null;
        body["settled_at"] = Value::Null;
        body["posted_at"] = Value::Null;
        self.rows.push(Row {
            body,
            net,
            settlement_id: None,
        });
    }

    pub(super) fn settle(
        &mut self,
        day: NaiveDate,
        now: DateTime<Utc>,
        is_left_out: impl Fn() -> bool,
    ) -> Option<String> {
        // Letters among the digits, as banks have them: otherwise one in twenty would pass for a card.
        let utr = format!("{}vx{}", self.new_number(10), self.new_number(4));
        let id = self.new_id("setl_");
        // Noon in India, so that the day is the same in UTC.
        let settled_at = day.and_hms_opt(6, 30, 0)?.and_utc().timestamp();
        let mut total = 0_i128;
        let mut count = 0_usize;
        for row in &mut self.rows {
            if row.settlement_id.is_some() || is_left_out() {
                continue;
            }
            row.settlement_id = Some(id.clone());
            row.body["settled"] = true.into();
            row.body["settlement_id"] = id.clone().into();
            row.body["settlement_utr"] = utr.clone().into();
            row.body["settled_at"] = settled_at.into();
            row.body["posted_at"] = settled_at.into();
            total += row.net;
            count += 1;
        }
        if count == 0 {
            return None;
        }
        let settlement = Settlement {
            id: id.clone(),
            // What we owe Razorpay is carried over.
            amount: u64::try_from(total).unwrap_or(0),
            utr,
            created_at: settled_at,
        };
        let told = bodies::settlement(&settlement);
        self.settlements.push(settlement);
        self.tell_settlement(told, now);
        Some(id)
    }

    pub(super) fn report(&self, query: &Query) -> Answered {
        let number = |name: &str, length: std::ops::RangeInclusive<usize>, words: &str| {
            let text = query.get(name).filter(|text| length.contains(&text.len()));
            let number = text.and_then(|text| text.parse::<u32>().ok());
            number.ok_or_else(|| Refusal::bad(words))
        };
        let year = number("year", 4..=4, "The year must be 4 digits.")?;
        let month = number("month", 1..=2, "The month is not a valid month.")?;
        if !(1..=12).contains(&month) {
            return Err(Refusal::bad("The month is not a valid month."));
        }
        let day = match query.contains_key("day") {
            true => Some(number(
                "day",
                1..=2,
                "The day must be between 1 and 2 digits.",
            )?),
            false => None,
        };
        let wanted = (year, month, day);
        let rows = self
            .rows
            .iter()
            .filter(|row| is_of(&row.body["settled_at"], wanted))
            .map(|row| row.body.clone());
        let (count, skip) = bounds(query, 1000)?;
        Ok(bodies::collection(rows.skip(skip).take(count).collect()))
    }

    pub(super) fn fetch_settlement(&self, id: &str) -> Answered {
        let settlement = self.settlements.iter().find(|found| found.id == id);
        settlement
            .map(bodies::settlement)
            .ok_or_else(Refusal::no_such_id)
    }

    pub(super) fn list_settlements(&self, query: &Query) -> Answered {
        let all = self.settlements.iter();
        let all = all.map(|found| (found.created_at, bodies::settlement(found)));
        page(all.collect(), query, 100)
    }
}

/// Whether an instant is of that year, month and day in India.
fn is_of(settled_at: &Value, (year, month, day): (u32, u32, Option<u32>)) -> bool {
    let instant = settled_at
        .as_i64()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let india = FixedOffset::east_opt(5 * 3600 + 1800);
    let (Some(instant), Some(india)) = (instant, india) else {
        return false;
    };
    let text = instant.with_timezone(&india).format("%Y-%m-%d").to_string();
    match day {
        Some(day) => text == format!("{year:04}-{month:02}-{day:02}"),
        None => text.starts_with(&format!("{year:04}-{month:02}-")),
    }
}
