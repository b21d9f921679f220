//! Refunds.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{
    Account, Answered, CHARGE, Form, INTENT, REFUND, Refusal, amount, metadata, number, text,
};

impl Account {
    pub(super) fn create_refund(&mut self, form: &Form, now: DateTime<Utc>) -> Answered {
        let intent_id = form.get("payment_intent").map(String::as_str);
        let intent_id = intent_id.ok_or_else(|| {
            let words = "One of the following params should be provided: payment_intent, charge.";
            Refusal::invalid("payment_intent", words)
        })?;
        let intent = self.get(INTENT, intent_id)?;
        let charge_id = intent["latest_charge"].as_str().unwrap_or_default();
        let charge = self.get(CHARGE, charge_id)?;
        if intent["status"] != "succeeded" {
            let words = "This PaymentIntent does not have a successful charge to refund.";
            return Err(Refusal::invalid("payment_intent", words));
        }
        let left =
            number(&charge["amount_captured"]).saturating_sub(number(&charge["amount_refunded"]));
        if left == 0 {
            let words = format!("Charge {charge_id} has already been refunded.");
            return Err(Refusal::coded("charge_already_refunded", words));
        }
        let amount = match form.contains_key("amount") {
            true => amount(form, "amount")?,
            false => left,
        };
        if amount > left {
            let words = "Refund amount is greater than unrefunded amount on charge";
            return Err(Refusal::invalid("amount", words));
        }
        let id = self.new_id("re_");
        let refund = json!({
            "id": id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": null,
            "charge": charge_id,
            "created": now.timestamp(),
            "currency": charge["currency"],
            "destination_details": null,
            "failure_reason": null,
            "metadata": metadata(form, ""),
            "payment_intent": intent_id,
            "reason": form.get("reason"),
            "receipt_number": null,
            "status": "pending",
        });
        self.add(REFUND, refund.clone());
        self.change_refunded(charge_id, i128::from(amount))?;
        self.tell("refund.created", &refund, now);
        if self.are_refunds_held {
            return Ok(refund);
        }
        self.process_refund(&id, now)
    }

    fn change_refunded(&mut self, charge_id: &str, by: i128) -> Answered {
        let charge = self.get(CHARGE, charge_id)?;
        let refunded = i128::from(number(&charge["amount_refunded"])) + by;
        let refunded = u64::try_from(refunded).unwrap_or(0);
        let is_refunded = refunded == number(&charge["amount_captured"]);
        let changed = json!({"amount_refunded": refunded, "refunded": is_refunded});
        self.set(CHARGE, charge_id, changed)
    }

    fn process_refund(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let refund = self.get(REFUND, id)?;
        let entry = self.book(
            &refund,
            "refund",
            -i128::from(number(&refund["amount"])),
            0,
            now,
        );
        let reference = text(&refund["id"])
            .chars()
            .rev()
            .take(11)
            .collect::<String>();
        let done = json!({
            "status": "succeeded",
            "balance_transaction": entry,
            "destination_details": {"type": "card", "card": {"reference": reference}},
        });
        let refund = self.set(REFUND, id, done)?;
        let charge = self.get(CHARGE, &text(&refund["charge"]))?;
        self.tell("refund.updated", &refund, now);
        self.tell("charge.refunded", &charge, now);
        Ok(refund)
    }

    fn fail_refund(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let failed = json!({"status": "failed", "failure_reason": "expired_or_canceled_card"});
        let refund = self.set(REFUND, id, failed)?;
        self.change_refunded(
            &text(&refund["charge"]),
            -i128::from(number(&refund["amount"])),
        )?;
        self.tell("refund.failed", &refund, now);
        Ok(refund)
    }

    pub(super) fn process_refunds(&mut self, failing: &[&str], now: DateTime<Utc>) {
        let pending: Vec<String> = self
            .table(REFUND)
            .iter()
            .filter(|refund| refund["status"] == "pending")
            .map(|refund| text(&refund["id"]))
            .collect();
        for id in pending {
            // They are there; whatever else is missing leaves them pending.
            let _: Result<Value, Refusal> = match failing.contains(&id.as_str()) {
                true => self.fail_refund(&id, now),
                false => self.process_refund(&id, now),
            };
        }
    }
}
