//! Checkout Sessions.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{Account, Answered, Form, Refusal, SESSION, amount, metadata};

const DAY_SECONDS: i64 = 24 * 60 * 60;
const SHORTEST_LIFE_SECONDS: i64 = 30 * 60;

impl Account {
    pub(super) fn create_session(&mut self, form: &Form, now: DateTime<Utc>) -> Answered {
        let given = |name: &str| form.get(name).map(String::as_str);
        if given("mode") != Some("payment") {
            return Err(Refusal::invalid("mode", "Invalid mode: must be payment"));
        }
        let total = amount(form, "line_items[0][price_data][unit_amount]")?;
        let currency = given("line_items[0][price_data][currency]").unwrap_or_default();
        if currency.len() != 3 {
            let words = format!("Invalid currency: {currency}");
            return Err(Refusal::invalid(
                "line_items[0][price_data][currency]",
                words,
            ));
        }
        let success_url = given("success_url").filter(|url| url.starts_with("http"));
        let success_url =
            success_url.ok_or_else(|| Refusal::invalid("success_url", "Not a valid URL"))?;
        let expires_at = expiry(given("expires_at"), now)?;
        let id = self.new_id("cs_test_");
        let session = json!({
            "id": id,
            "object": "checkout.session",
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": given("cancel_url"),
            "client_reference_id": given("client_reference_id"),
            "created": now.timestamp(),
            "currency": currency.to_ascii_lowercase(),
            "customer": null,
            "customer_email": given("customer_email"),
            "expires_at": expires_at,
            "livemode": false,
            "metadata": metadata(form, ""),
            "mode": "payment",
            "payment_intent": null,
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "status": "open",
            "success_url": success_url,
            "url": format!("{}/c/pay/{id}", self.base_url),
            // Not shown: what the payment will be made with.
            "simulated": {
                "capture_method": given("payment_intent_data[capture_method]").unwrap_or("automatic"),
                "metadata": metadata(form, "payment_intent_data"),
                "name": given("line_items[0][price_data][product_data][name]"),
            },
        });
        self.add(SESSION, session.clone());
        Ok(shown(session))
    }

    pub(super) fn expire_session(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let session = self.get(SESSION, id)?;
        if session["status"] != "open" {
            let words = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
            return Err(Refusal::invalid("session", words));
        }
        let session = self.set(SESSION, id, json!({"status": "expired", "url": null}))?;
        self.tell("checkout.session.expired", &shown(session.clone()), now);
        Ok(shown(session))
    }

    pub(super) fn expire_sessions(&mut self, now: DateTime<Utc>) {
        let is_due = |session: &&Value| {
            session["status"] == "open"
                && session["expires_at"]
                    .as_i64()
                    .is_some_and(|at| at <= now.timestamp())
        };
        let due: Vec<String> = self
            .table(SESSION)
            .iter()
            .filter(is_due)
            .filter_map(|session| session["id"].as_str().map(str::to_owned))
            .collect();
        for id in due {
            // They are there and open.
            let _ = self.expire_session(&id, now);
        }
    }
}

/// A session as Stripe shows it.
pub(super) fn shown(mut session: Value) -> Value {
    if let Some(fields) = session.as_object_mut() {
        fields.remove("simulated");
    }
    session
}

fn expiry(given: Option<&str>, now: DateTime<Utc>) -> Result<i64, Refusal> {
    let now = now.timestamp();
    let Some(text) = given else {
        return Ok(now.saturating_add(DAY_SECONDS));
    };
    let at: i64 = text
        .parse()
        .map_err(|_| Refusal::invalid("expires_at", "Invalid integer"))?;
    let life = at.saturating_sub(now);
    if !(SHORTEST_LIFE_SECONDS..=DAY_SECONDS).contains(&life) {
        let words = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours \
                     from Checkout Session creation.";
        return Err(Refusal::invalid("expires_at", words));
    }
    Ok(at)
}
