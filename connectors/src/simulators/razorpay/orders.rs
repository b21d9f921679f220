//! Orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::account::{Account, Order};
use super::bodies::{self, Answered, Refusal};

/// The fields of a query.
pub(super) type Query = HashMap<String, String>;

impl Account {
    pub(super) fn create_order(&mut self, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(
            body,
            &[
                "amount",
                "currency",
                "receipt",
                "notes",
                "partial_payment",
                "first_payment_min_amount",
                "payment",
                "payment_capture",
            ],
        )?;
        let (amount, currency) = amount(body)?;
        let receipt = match &body["receipt"] {
            Value::Null => None,
            Value::String(receipt) if receipt.len() <= 40 => Some(receipt.clone()),
            _ => {
                let words = "The receipt may not be greater than 40 characters.";
                return Err(Refusal::of_field("receipt", words));
            }
        };
        let is_used = |order: &Order| receipt.is_some() && order.receipt == receipt;
        if self.orders.iter().any(is_used) {
            let words = "The receipt has already been used for another order.";
            return Err(Refusal::of_field("receipt", words));
        }
        let order = Order {
            id: self.new_id("order_"),
            amount,
            amount_paid: 0,
            currency,
            receipt,
            notes: body["notes"].clone(),
            status: "created",
            attempts: 0,
            is_manual: body["payment"]["capture"] == "manual",
            created_at: now.timestamp(),
        };
        let told = bodies::order(&order);
        self.orders.push(order);
        Ok(told)
    }

    pub(super) fn list_orders(&self, query: &Query) -> Answered {
        let receipt = query.get("receipt");
        let orders = self
            .orders
            .iter()
            .filter(|order| receipt.is_none() || order.receipt.as_ref() == receipt)
            .map(|order| (order.created_at, bodies::order(order)));
        page(orders.collect(), query, 100)
    }

    pub(super) fn fetch_order(&self, id: &str) -> Answered {
        self.order(id)
            .map(bodies::order)
            .ok_or_else(Refusal::no_such_id)
    }

    pub(super) fn payments_of_order(&self, id: &str) -> Answered {
        let order = self.order(id).ok_or_else(Refusal::no_such_id)?;
        let payments = self
            .payments
            .iter()
            .filter(|payment| payment.order_id == order.id)
            .rev()
            .map(bodies::payment);
        Ok(bodies::collection(payments.collect()))
    }
}

/// Parameters that Razorpay does not know are refused.
pub(super) fn only_known(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let Some(fields) = body.as_object() else {
        return Err(Refusal::bad("The request body is not valid JSON."));
    };
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(other) => Err(Refusal::bad(format!(
            "{other} is/are not required and should not be sent"
        ))),
    }
}

pub(super) fn amount(body: &Value) -> Result<(u64, String), Refusal> {
    let refuse = |words: &str| Err(Refusal::of_field("amount", words));
    let currency = match body["currency"].as_str() {
        Some(currency) if currency.len() == 3 => currency.to_owned(),
        _ => return Err(Refusal::of_field("currency", "The currency is invalid")),
    };
    match body["amount"].as_u64() {
        None => refuse("The amount must be an integer."),
        Some(amount) if currency == "INR" && amount < 100 => {
            refuse("Order amount less than minimum amount allowed")
        }
        Some(0) => refuse("The amount must be at least 1."),
        Some(amount) => Ok((amount, currency)),
    }
}

/// A page of a list, newest first.
pub(super) fn page(mut items: Vec<(i64, Value)>, query: &Query, most: usize) -> Answered {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let (from, to) = (number("from"), number("to"));
    items.retain(|(at, _)| from.is_none_or(|from| *at >= from) && to.is_none_or(|to| *at <= to));
    items.reverse();
    let (count, skip) = bounds(query, most)?;
    let items = items.into_iter().skip(skip).take(count);
    Ok(bodies::collection(items.map(|(_, item)| item).collect()))
}

/// `count` and `skip`.
pub(super) fn bounds(query: &Query, most: usize) -> Result<(usize, usize), Refusal> {
    let count = match query.get("count").map(|text| text.parse()) {
        None => most.min(10),
        Some(Ok(count)) if (1..=most).contains(&count) => count,
        Some(Ok(0)) => return Err(Refusal::bad("The count must be at least 1.")),
        Some(_) => {
            let words = format!("The count may not be greater than {most}.");
            return Err(Refusal::bad(words));
        }
    };
    let skip = match query.get("skip").map(|text| text.parse()) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => return Err(Refusal::bad("The skip must be an integer.")),
    };
    Ok((count, skip))
}
