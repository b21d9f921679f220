//! Payment links.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{Account, Link, Order};
use super::bodies::{self, Answered, Refusal};
use super::orders::{Query, amount, only_known};

const SHORTEST_LIFE_SECONDS: i64 = 15 * 60;
const DEFAULT_LIFE_SECONDS: i64 = 180 * 24 * 60 * 60;

impl Account {
    pub(super) fn create_link(&mut self, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(
            body,
            &[
                "amount",
                "currency",
                "accept_partial",
                "first_min_partial_amount",
                "expire_by",
                "reference_id",
                "description",
                "customer",
                "notify",
                "reminder_enable",
                "notes",
                "callback_url",
                "callback_method",
                "upi_link",
                "options",
            ],
        )?;
        let (amount, currency) = amount(body)?;
        let reference_id = body["reference_id"].as_str().unwrap_or_default();
        let is_used = |link: &Link| link.reference_id == reference_id;
        if !reference_id.is_empty() && self.links.iter().any(is_used) {
            let words = format!(
                "payment link creation with reference ID already attempted: {reference_id}"
            );
            return Err(Refusal::of_field("reference_id", words));
        }
        let expire_by = match body["expire_by"].as_i64() {
            None => now.timestamp().saturating_add(DEFAULT_LIFE_SECONDS),
            Some(at) if at < now.timestamp().saturating_add(SHORTEST_LIFE_SECONDS) => {
                let words = "timestamp must be atleast 15 minutes in future";
                return Err(Refusal::of_field("expire_by", words));
            }
            Some(at) => at,
        };
        let order = Order {
            id: self.new_id("order_"),
            amount,
            amount_paid: 0,
            currency,
            receipt: None,
            notes: body["notes"].clone(),
            status: "created",
            attempts: 0,
            is_manual: false,
            created_at: now.timestamp(),
        };
        let link = Link {
            id: self.new_id("plink_"),
            order_id: order.id.clone(),
            reference_id: reference_id.to_owned(),
            description: body["description"].as_str().unwrap_or_default().to_owned(),
            customer: body["customer"].clone(),
            notes: body["notes"].clone(),
            callback_url: body["callback_url"].as_str().map(str::to_owned),
            status: "created",
            expire_by,
            created_at: now.timestamp(),
        };
        self.orders.push(order);
        let told = bodies::link(self, &link);
        self.links.push(link);
        Ok(told)
    }

    pub(super) fn list_links(&self, query: &Query) -> Answered {
        let reference_id = query.get("reference_id");
        let links: Vec<Value> = self
            .links
            .iter()
            .filter(|link| reference_id.is_none_or(|wanted| link.reference_id == *wanted))
            .rev()
            .take(100)
            .map(|link| bodies::link(self, link))
            .collect();
        Ok(json!({"payment_links": links}))
    }

    pub(super) fn fetch_link(&self, id: &str) -> Answered {
        let link = self.links.iter().find(|link| link.id == id);
        link.map(|link| bodies::link(self, link))
            .ok_or_else(Refusal::no_such_id)
    }

    pub(super) fn cancel_link(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let place = self.links.iter().position(|link| link.id == id);
        let place = place.ok_or_else(Refusal::no_such_id)?;
        if self.links[place].status != "created" {
            let words = "Link cannot be cancelled as it is not in created or partially paid state.";
            return Err(Refusal::bad(words));
        }
        self.links[place].status = "cancelled";
        let link = self.links[place].clone();
        self.tell_link("payment_link.cancelled", &link, None, now);
        Ok(bodies::link(self, &link))
    }

    pub(super) fn expire_links(&mut self, now: DateTime<Utc>) {
        let is_due = |link: &Link| link.status == "created" && link.expire_by <= now.timestamp();
        for place in 0..self.links.len() {
            if is_due(&self.links[place]) {
                self.links[place].status = "expired";
                let link = self.links[place].clone();
                self.tell_link("payment_link.expired", &link, None, now);
            }
        }
    }
}
