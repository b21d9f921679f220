//! Disputes. The money is taken at once and given back when one is won.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::account::{Account, CHARGE, DISPUTE, ENTRY, INTENT, number, text};

/// What Stripe keeps for a dispute, in minor units.
const DISPUTE_FEE: i128 = 1500;

impl Account {
    pub(super) fn open_dispute(&mut self, intent_id: &str, now: DateTime<Utc>) -> Option<String> {
        let intent = self.get(INTENT, intent_id).ok()?;
        let charge_id = text(&intent["latest_charge"]);
        let charge = self.get(CHARGE, &charge_id).ok()?;
        let amount =
            number(&charge["amount_captured"]).saturating_sub(number(&charge["amount_refunded"]));
        if amount == 0 {
            return None;
        }
        let id = self.new_id("du_");
        let mut dispute = json!({
            "id": id,
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge_id,
            "created": now.timestamp(),
            "currency": charge["currency"],
            "evidence": {},
            "evidence_details": {
                "due_by": now.timestamp().saturating_add(7 * 24 * 60 * 60),
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": false,
            "livemode": false,
            "metadata": {},
            "payment_intent": intent_id,
            "reason": "fraudulent",
            "status": "needs_response",
        });
        self.add(DISPUTE, dispute.clone());
        let entry = self.book(&dispute, "dispute", -i128::from(amount), DISPUTE_FEE, now);
        let entry = self.get(ENTRY, &entry).ok()?;
        dispute = self
            .set(DISPUTE, &id, json!({"balance_transactions": [entry]}))
            .ok()?;
        let charge = self
            .set(CHARGE, &charge_id, json!({"disputed": true}))
            .ok()?;
        self.tell("charge.dispute.created", &dispute, now);
        self.tell("charge.dispute.funds_withdrawn", &dispute, now);
        self.tell("charge.updated", &charge, now);
        Some(id)
    }

    pub(super) fn move_dispute(&mut self, id: &str, status: &str, now: DateTime<Utc>) -> bool {
        let Ok(dispute) = self.get(DISPUTE, id) else {
            return false;
        };
        let is_over = matches!(dispute["status"].as_str(), Some("won" | "lost"));
        if is_over || !matches!(status, "under_review" | "won" | "lost") {
            return false;
        }
        let mut entries = dispute["balance_transactions"].clone();
        if status == "won" {
            let amount = i128::from(number(&dispute["amount"]));
            let entry = self.book(&dispute, "dispute_reversal", amount, 0, now);
            if let (Some(entries), Ok(entry)) = (entries.as_array_mut(), self.get(ENTRY, &entry)) {
                entries.push(entry);
            }
        }
        let changed = json!({"status": status, "balance_transactions": entries});
        let Ok(dispute) = self.set(DISPUTE, id, changed) else {
            return false;
        };
        match status {
            "under_review" => self.tell("charge.dispute.updated", &dispute, now),
            "won" => {
                self.tell("charge.dispute.funds_reinstated", &dispute, now);
                self.tell("charge.dispute.closed", &dispute, now);
            }
            _ => self.tell("charge.dispute.closed", &dispute, now),
        }
        true
    }
}
