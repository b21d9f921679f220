//! PaymentIntents and their charges.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{Account, Answered, CHARGE, Form, INTENT, Refusal, SESSION, number, text};
use super::sessions::shown;
use crate::simulators::mischief::PayerChoice;

/// After so many seconds what was not captured goes back: seven days.
const CAPTURE_WINDOW_SECONDS: i64 = 7 * 24 * 60 * 60;

/// When a bank that said no says yes by chance.
const LATE_AFTER_SECONDS: i64 = 60;

impl Account {
    pub(super) fn pay(
        &mut self,
        session_id: &str,
        method: &str,
        choice: PayerChoice,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let session = self.get(SESSION, session_id).ok()?;
        if session["status"] != "open" {
            return None;
        }
        match choice {
            PayerChoice::Abandon => None,
            PayerChoice::Pay => self.accept(&session, method, now),
            PayerChoice::Fail => {
                if self.late_by_chance {
                    let at = now.timestamp().saturating_add(LATE_AFTER_SECONDS);
                    self.late.push((session_id.to_owned(), at));
                }
                self.decline(&session, method, now)
            }
            PayerChoice::FailThenPay => {
                self.decline(&session, method, now);
                let session = self.get(SESSION, session_id).ok()?;
                self.accept(&session, method, now)
            }
        }
    }

    /// The session's intent, made with its first attempt.
    fn intent(&mut self, session: &Value, now: DateTime<Utc>) -> Option<String> {
        if let Some(id) = session["payment_intent"].as_str() {
            return Some(id.to_owned());
        }
        let id = self.new_id("pi_");
        let intent = json!({
            "id": id,
            "object": "payment_intent",
            "amount": session["amount_total"],
            "amount_capturable": 0,
            "amount_received": 0,
            "canceled_at": null,
            "capture_method": session["simulated"]["capture_method"],
            "confirmation_method": "automatic",
            "created": now.timestamp(),
            "currency": session["currency"],
            "customer": null,
            "last_payment_error": null,
            "latest_charge": null,
            "livemode": false,
            "metadata": session["simulated"]["metadata"],
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
        });
        self.add(INTENT, intent.clone());
        let session_id = session["id"].as_str()?;
        self.set(SESSION, session_id, json!({"payment_intent": id}))
            .ok()?;
        self.tell("payment_intent.created", &intent, now);
        Some(id)
    }

    fn charge(&mut self, intent_id: &str, method: &str, now: DateTime<Utc>) -> Option<Value> {
        let intent = self.get(INTENT, intent_id).ok()?;
        let id = self.new_id("ch_");
        let charge = json!({
            "id": id,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "balance_transaction": null,
            "captured": false,
            "created": now.timestamp(),
            "currency": intent["currency"],
            "disputed": false,
            "failure_code": null,
            "failure_message": null,
            "livemode": false,
            "metadata": intent["metadata"],
            "paid": true,
            "payment_intent": intent_id,
            "payment_method_details": {"type": method},
            "refunded": false,
            "status": "succeeded",
        });
        self.add(CHARGE, charge.clone());
        self.set(INTENT, intent_id, json!({"latest_charge": id}))
            .ok()?;
        Some(charge)
    }

    fn decline(&mut self, session: &Value, method: &str, now: DateTime<Utc>) -> Option<String> {
        let id = self.intent(session, now)?;
        let charge = self.charge(&id, method, now)?;
        let charge_id = text(&charge["id"]);
        let failed = json!({
            "status": "failed",
            "paid": false,
            "failure_code": "card_declined",
            "failure_message": "Your card was declined.",
        });
        let charge = self.set(CHARGE, &charge_id, failed).ok()?;
        let error = json!({
            "status": "requires_payment_method",
            "last_payment_error": {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "generic_decline",
                "message": "Your card was declined.",
            },
        });
        let intent = self.set(INTENT, &id, error).ok()?;
        self.tell("charge.failed", &charge, now);
        self.tell("payment_intent.payment_failed", &intent, now);
        Some(id)
    }

    fn accept(&mut self, session: &Value, method: &str, now: DateTime<Utc>) -> Option<String> {
        let id = self.intent(session, now)?;
        self.charge(&id, method, now)?;
        let is_manual = session["simulated"]["capture_method"] == "manual"
            || self.are_captures_held
            || self.is_uncaptured_by_chance;
        let amount = session["amount_total"].clone();
        let session_id = text(&session["id"]);
        let status = match is_manual {
            true => {
                let held = json!({
                    "status": "requires_capture",
                    "capture_method": "manual",
                    "amount_capturable": amount,
                    "last_payment_error": null,
                });
                let intent = self.set(INTENT, &id, held).ok()?;
                self.tell("payment_intent.amount_capturable_updated", &intent, now);
                "unpaid"
            }
            false => {
                self.take(&id, number(&amount), now).ok()?;
                "paid"
            }
        };
        let complete = json!({"status": "complete", "payment_status": status, "url": null});
        let session = self.set(SESSION, &session_id, complete).ok()?;
        self.tell("checkout.session.completed", &shown(session), now);
        Some(id)
    }

    /// Money of an authorized charge becomes the merchant's.
    fn take(&mut self, id: &str, amount: u64, now: DateTime<Utc>) -> Answered {
        let intent = self.get(INTENT, id)?;
        let charge_id = text(&intent["latest_charge"]);
        let entry = self.book_charge(&charge_id, amount, now)?;
        let taken = json!({
            "captured": true,
            "amount_captured": amount,
            "balance_transaction": entry,
        });
        let charge = self.set(CHARGE, &charge_id, taken)?;
        let succeeded = json!({
            "status": "succeeded",
            "amount_received": amount,
            "amount_capturable": 0,
            "last_payment_error": null,
        });
        let intent = self.set(INTENT, id, succeeded)?;
        self.tell("charge.succeeded", &charge, now);
        self.tell("payment_intent.succeeded", &intent, now);
        Ok(intent)
    }

    pub(super) fn capture(&mut self, id: &str, form: &Form, now: DateTime<Utc>) -> Answered {
        let intent = self.get(INTENT, id)?;
        if intent["status"] != "requires_capture" {
            let words = format!(
                "This PaymentIntent could not be captured because it has a status of {}. Only a \
                 PaymentIntent with one of the following statuses may be captured: requires_capture.",
                text(&intent["status"])
            );
            return Err(Refusal::coded("payment_intent_unexpected_state", words));
        }
        let capturable = number(&intent["amount_capturable"]);
        let amount = match form.get("amount_to_capture") {
            None => capturable,
            Some(text) => match text.parse::<u64>() {
                Ok(amount) if (1..=capturable).contains(&amount) => amount,
                _ => {
                    let words = "The amount to capture is not valid for this payment.";
                    return Err(Refusal::coded("amount_too_large", words));
                }
            },
        };
        let intent = self.take(id, amount, now)?;
        let session = self
            .table(SESSION)
            .iter()
            .find(|session| session["payment_intent"] == id);
        if let Some(session_id) = session.map(|session| text(&session["id"])) {
            self.set(SESSION, &session_id, json!({"payment_status": "paid"}))?;
        }
        Ok(intent)
    }

    pub(super) fn cancel(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let intent = self.get(INTENT, id)?;
        if matches!(intent["status"].as_str(), Some("succeeded" | "canceled")) {
            let words = format!(
                "You cannot cancel this PaymentIntent because it has a status of {}.",
                text(&intent["status"])
            );
            return Err(Refusal::coded("payment_intent_unexpected_state", words));
        }
        let canceled = json!({
            "status": "canceled",
            "amount_capturable": 0,
            "canceled_at": now.timestamp(),
        });
        let intent = self.set(INTENT, id, canceled)?;
        self.tell("payment_intent.canceled", &intent, now);
        Ok(intent)
    }

    /// What was authorized and not captured in time goes back by itself.
    pub(super) fn release_uncaptured(&mut self, now: DateTime<Utc>) {
        let is_due = |intent: &&Value| {
            let age = now.timestamp() - intent["created"].as_i64().unwrap_or_default();
            intent["status"] == "requires_capture" && age >= CAPTURE_WINDOW_SECONDS
        };
        let due = self.table(INTENT).iter().filter(is_due);
        for id in due.map(|intent| text(&intent["id"])).collect::<Vec<_>>() {
            // What waits for its capture can be given up.
            let _: Answered = self.cancel(&id, now);
        }
    }

    /// The only query that is understood is for one key of the metadata.
    pub(super) fn search_intents(&self, form: &Form) -> Answered {
        let query = form.get("query").map_or("", String::as_str);
        let found = query
            .strip_prefix("metadata[")
            .and_then(|rest| rest.split_once("]:"))
            .map(|(key, value)| {
                (
                    key.trim_matches(['"', '\'']),
                    value.trim_matches(['"', '\'']),
                )
            });
        let Some((key, value)) = found else {
            return Err(Refusal::invalid(
                "query",
                "We were unable to parse your search query.",
            ));
        };
        let data: Vec<&Value> = self
            .table(INTENT)
            .iter()
            .rev()
            .filter(|intent| intent["metadata"][key] == value)
            .take(100)
            .collect();
        Ok(json!({
            "object": "search_result",
            "data": data,
            "has_more": false,
            "next_page": null,
            "url": "/v1/payment_intents/search",
        }))
    }
}
