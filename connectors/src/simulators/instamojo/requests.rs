//! Payment requests and orders.

use chrono::{DateTime, Utc};
use poem::http::StatusCode;
use serde_json::json;

use super::account::{Account, Request};
use super::bodies::{Answered, Refusal, Version, list, told};
use super::routes::{Enabling, Given, page};
use crate::gateways::{Money, currency};
use crate::simulators::front::Reply;

/// What can be paid, in paise.
const LEAST: u64 = 900;
const MOST: u64 = 20_000_000;

impl Account {
    pub(super) fn create_request(&mut self, given: &Given, now: DateTime<Utc>) -> Answered {
        let version = Version::One;
        let text = |name: &str| given.get(name).cloned().unwrap_or_default();
        let purpose = text("purpose");
        check_length(version, "purpose", &purpose, 1, 30)?;
        check_length(version, "buyer_name", &text("buyer_name"), 0, 100)?;
        check_length(version, "email", &text("email"), 0, 75)?;
        for (switch, field) in [("send_email", "email"), ("send_sms", "phone")] {
            if is_true(&text(switch)) && text(field).is_empty() {
                let complaint = format!("This field is required when {switch} is set.");
                return Err(Refusal::of_field(version, field, &complaint));
            }
        }
        let request = Request {
            id: self.new_hexadecimal(32),
            transaction_id: None,
            amount: amount(version, &text("amount"))?,
            purpose,
            buyer_name: text("buyer_name"),
            email: text("email"),
            phone: text("phone"),
            redirect_url: text("redirect_url"),
            webhook: text("webhook"),
            // So by default.
            is_repeatable: given
                .get("allow_repeated_payments")
                .is_none_or(|text| is_true(text)),
            is_enabled: true,
            status: "Pending",
            created_at: now,
            modified_at: now,
        };
        let body = self.request_body(&request);
        self.requests.push(request);
        Ok(told(version, StatusCode::CREATED, "payment_request", body))
    }

    pub(super) fn request_others(&mut self, requests: usize, now: DateTime<Utc>) {
        let given = [("purpose", "others"), ("amount", "10.00")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = Given::from(given);
        for _ in 0..requests {
            // What is given is taken.
            let _: Answered = self.create_request(&given, now);
        }
    }

    pub(super) fn create_order(&mut self, given: &Given, now: DateTime<Utc>) -> Answered {
        let version = Version::Two;
        let text = |name: &str| given.get(name).cloned().unwrap_or_default();
        for field in [
            "name",
            "email",
            "phone",
            "amount",
            "transaction_id",
            "redirect_url",
        ] {
            check_length(version, field, &text(field), 1, 2_000)?;
        }
        check_length(version, "description", &text("description"), 0, 255)?;
        if text("currency") != "INR" {
            let complaint = "\"currency\" is not a valid choice.";
            return Err(Refusal::of_field(version, "currency", complaint));
        }
        if text("redirect_url").contains('?') {
            let complaint = "Query parameters are not allowed.";
            return Err(Refusal::of_field(version, "redirect_url", complaint));
        }
        let name = text("transaction_id");
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.len() > 64 || !name.bytes().all(is_allowed) {
            let complaint = "Enter a valid transaction_id.";
            return Err(Refusal::of_field(version, "transaction_id", complaint));
        }
        let is_used = |request: &Request| request.transaction_id.as_deref() == Some(&name);
        if self.requests.iter().any(is_used) {
            let complaint = "A payment order with this transaction_id already exists.";
            return Err(Refusal::of_field(version, "transaction_id", complaint));
        }
        let order = Request {
            id: self.new_hexadecimal(32),
            transaction_id: Some(name),
            purpose: text("description"),
            amount: amount(version, &text("amount"))?,
            buyer_name: text("name"),
            email: text("email"),
            phone: text("phone"),
            redirect_url: text("redirect_url"),
            webhook: text("webhook_url"),
            is_repeatable: false,
            is_enabled: true,
            status: "Pending",
            created_at: now,
            modified_at: now,
        };
        let body = json!({
            "order": self.order_body(&order),
            "payment_options": {"payment_url": self.page_url(&order)},
        });
        self.requests.push(order);
        Ok(Reply::new(StatusCode::CREATED, body))
    }

    pub(super) fn list_requests(&self, query: &Given) -> Answered {
        let is_request = |request: &&Request| request.transaction_id.is_none();
        let all: Vec<&Request> = self.requests.iter().filter(is_request).collect();
        let (rows, is_more) = page(&all, query, |request| self.request_body(request));
        Ok(list(Version::One, "payment_requests", rows, is_more))
    }

    pub(super) fn fetch_request(&self, id: &str) -> Answered {
        let request = self.request_only(id)?;
        let mut body = self.request_body(request);
        body["payments"] = self
            .payments
            .iter()
            .filter(|payment| payment.request_id == request.id)
            .map(|payment| self.payment_body(Version::One, payment))
            .collect();
        Ok(told(Version::One, StatusCode::OK, "payment_request", body))
    }

    pub(super) fn fetch_payment_of(&self, id: &str, payment_id: &str) -> Answered {
        let request = self.request_only(id)?;
        let payment = self
            .payment(payment_id)
            .filter(|payment| payment.request_id == request.id)
            .ok_or_else(Refusal::not_found)?;
        let mut body = self.request_body(request);
        body["payment"] = self.payment_body(Version::One, payment);
        Ok(told(Version::One, StatusCode::OK, "payment_request", body))
    }

    fn request_only(&self, id: &str) -> Result<&Request, Refusal> {
        self.request(id)
            .filter(|request| request.transaction_id.is_none())
            .ok_or_else(Refusal::not_found)
    }

    /// Its status does not say whether it can be paid.
    pub(super) fn enable(&mut self, id: &str, to: Enabling, now: DateTime<Utc>) -> Answered {
        let is_wanted =
            |request: &&mut Request| request.id == id && request.transaction_id.is_none();
        let found = self.requests.iter_mut().find(is_wanted);
        let found = found.ok_or_else(Refusal::not_found)?;
        found.is_enabled = to == Enabling::On;
        found.modified_at = now;
        Ok(Reply::ok(json!({"success": true})))
    }

    pub(super) fn list_orders(&self, query: &Given) -> Answered {
        let is_order = |request: &&Request| request.transaction_id.is_some();
        let all: Vec<&Request> = self.requests.iter().filter(is_order).collect();
        let (rows, is_more) = page(&all, query, |order| self.order_body(order));
        Ok(list(Version::Two, "orders", rows, is_more))
    }

    /// By `id:…` or `transaction_id:…`. The page is not told again.
    pub(super) fn fetch_order(&self, name: &str) -> Answered {
        let order = match name.split_once(':') {
            Some(("id", id)) => self.request(id),
            Some(("transaction_id", ours)) => {
                let is_ours = |order: &&Request| order.transaction_id.as_deref() == Some(ours);
                self.requests.iter().find(is_ours)
            }
            _ => None,
        };
        let order = order.filter(|order| order.transaction_id.is_some());
        let order = order.ok_or_else(Refusal::not_found)?;
        Ok(Reply::ok(self.order_body(order)))
    }
}

/// Instamojo's own client writes truth values as Python does.
fn is_true(text: &str) -> bool {
    matches!(text, "True" | "true" | "1")
}

fn amount(version: Version, text: &str) -> Result<u64, Refusal> {
    let refused = |complaint| Err(Refusal::of_field(version, "amount", complaint));
    let Ok(amount) = currency("INR").and_then(|asset| Money::parse(text, asset)) else {
        return refused("A valid number is required.");
    };
    match amount.minor_units() {
        paise if paise < LEAST => refused("Amount cannot be less than INR 9.00."),
        paise if paise > MOST => refused("Amount cannot be more than INR 200000.00."),
        paise => Ok(paise),
    }
}

fn check_length(
    version: Version,
    field: &str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<(), Refusal> {
    let length = text.chars().count();
    if length < least {
        return Err(Refusal::of_field(version, field, "This field is required."));
    }
    if length > most {
        let complaint = format!("Ensure this field has no more than {most} characters.");
        return Err(Refusal::of_field(version, field, &complaint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Version, amount};

    #[test]
    fn amounts_have_their_limits() {
        assert_eq!(amount(Version::One, "9").ok(), Some(900));
        assert_eq!(amount(Version::One, "200000.00").ok(), Some(20_000_000));
        for bad in ["8.99", "200000.01", "10.001", "ten", "-10", ""] {
            let refusal = amount(Version::Two, bad).unwrap_err();
            assert!(matches!(refusal.body, Value::Object(_)), "{bad}");
        }
    }
}
