//! Payouts and transfers.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{
    Account, Answered, Form, PAYOUT, Refusal, TRANSFER, amount, metadata, number, text,
};

impl Account {
    pub(super) fn create_payout(&mut self, form: &Form, now: DateTime<Utc>) -> Answered {
        let amount = amount(form, "amount")?;
        let currency = form.get("currency").cloned().unwrap_or_default();
        let destination = form.get("destination").cloned().unwrap_or_default();
        if !destination.starts_with("ba_") && !destination.starts_with("card_") {
            let words = format!("No such external account: '{destination}'");
            return Err(Refusal::invalid("destination", words));
        }
        let descriptor = form.get("statement_descriptor").cloned();
        if descriptor.as_ref().is_some_and(|text| text.len() > 22) {
            let words = "The statement descriptor must be at most 22 characters.";
            return Err(Refusal::invalid("statement_descriptor", words));
        }
        let id = self.new_id("po_");
        let payout = json!({
            "id": id,
            "object": "payout",
            "amount": amount,
            "arrival_date": now.timestamp(),
            "automatic": false,
            "balance_transaction": null,
            "created": now.timestamp(),
            "currency": currency,
            "destination": destination,
            "failure_code": null,
            "failure_message": null,
            "livemode": false,
            "metadata": metadata(form, ""),
            "method": "standard",
            "reconciliation_status": "not_applicable",
            "statement_descriptor": descriptor,
            "status": "pending",
            "trace_id": null,
            "type": "bank_account",
        });
        self.add(PAYOUT, payout.clone());
        let entry = self.book(&payout, "payout", -i128::from(amount), 0, now);
        let payout = self.set(PAYOUT, &id, json!({"balance_transaction": entry}))?;
        self.tell("payout.created", &payout, now);
        if let Some(outcome) = self.payout_outcome {
            self.move_payout(&id, outcome, now);
        }
        Ok(payout)
    }

    pub(super) fn move_payout(&mut self, id: &str, status: &str, now: DateTime<Utc>) -> bool {
        let Ok(payout) = self.get(PAYOUT, id) else {
            return false;
        };
        let changed = match (payout["status"].as_str(), status) {
            (Some("pending"), "in_transit") => json!({"status": "in_transit"}),
            (Some("pending" | "in_transit"), "paid") => json!({
                "status": "paid",
                "trace_id": {"status": "supported", "value": text(&payout["id"])},
            }),
            (Some("pending" | "in_transit" | "paid"), "failed") => json!({
                "status": "failed",
                "failure_code": "account_closed",
                "failure_message": "The bank account has been closed.",
            }),
            _ => return false,
        };
        let Ok(payout) = self.set(PAYOUT, id, changed) else {
            return false;
        };
        let name = match status {
            "paid" => "payout.paid",
            "failed" => {
                let amount = i128::from(number(&payout["amount"]));
                self.book(&payout, "payout_reversal", amount, 0, now);
                "payout.failed"
            }
            _ => "payout.updated",
        };
        self.tell(name, &payout, now);
        true
    }

    pub(super) fn cancel_payout(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let payout = self.get(PAYOUT, id)?;
        if payout["status"] != "pending" {
            let words = "Payouts can only be canceled before they are in transit.";
            return Err(Refusal::invalid("payout", words));
        }
        let payout = self.set(PAYOUT, id, json!({"status": "canceled"}))?;
        let amount = i128::from(number(&payout["amount"]));
        self.book(&payout, "payout_reversal", amount, 0, now);
        self.tell("payout.canceled", &payout, now);
        Ok(payout)
    }

    pub(super) fn create_transfer(&mut self, form: &Form, now: DateTime<Utc>) -> Answered {
        let amount = amount(form, "amount")?;
        let destination = form.get("destination").cloned().unwrap_or_default();
        if !destination.starts_with("acct_") {
            let words = format!("No such destination: '{destination}'");
            return Err(Refusal::invalid("destination", words));
        }
        let id = self.new_id("tr_");
        let transfer = json!({
            "id": id,
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "balance_transaction": null,
            "created": now.timestamp(),
            "currency": form.get("currency"),
            "destination": destination,
            "livemode": false,
            "metadata": metadata(form, ""),
            "reversals": {"object": "list", "data": [], "has_more": false, "url": ""},
            "reversed": false,
            "transfer_group": form.get("transfer_group"),
        });
        self.add(TRANSFER, transfer.clone());
        let entry = self.book(&transfer, "transfer", -i128::from(amount), 0, now);
        let transfer = self.set(TRANSFER, &id, json!({"balance_transaction": entry}))?;
        self.tell("transfer.created", &transfer, now);
        Ok(transfer)
    }

    /// The whole of it comes back.
    pub(super) fn reverse_transfer(&mut self, id: &str, now: DateTime<Utc>) -> Answered {
        let transfer = self.get(TRANSFER, id)?;
        if transfer["reversed"] == true {
            return Err(Refusal::invalid(
                "transfer",
                "The transfer is reversed already.",
            ));
        }
        let amount = number(&transfer["amount"]);
        let reversed = json!({"reversed": true, "amount_reversed": amount});
        let transfer = self.set(TRANSFER, id, reversed)?;
        let entry = self.book(&transfer, "transfer_reversal", i128::from(amount), 0, now);
        self.tell("transfer.reversed", &transfer, now);
        let reversal: Value = json!({
            "id": self.new_id("trr_"),
            "object": "transfer_reversal",
            "amount": amount,
            "balance_transaction": entry,
            "created": now.timestamp(),
            "currency": transfer["currency"],
            "metadata": {},
            "transfer": id,
        });
        Ok(reversal)
    }
}
