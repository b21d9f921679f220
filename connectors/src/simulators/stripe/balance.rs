//! Balance transactions: one for every change of the balance.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::account::{
    Account, Answered, CHARGE, DISPUTE, ENTRY, Form, OWN_BANK, PAYOUT, REFUND, Refusal, TRANSFER,
};

impl Account {
    /// 2.9 percent and 30 minor units, rounded up.
    pub(super) fn book_charge(
        &mut self,
        charge_id: &str,
        amount: u64,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let charge = self.get(CHARGE, charge_id)?;
        let fee = amount.saturating_mul(29).div_ceil(1000).saturating_add(30);
        Ok(self.book(&charge, "charge", i128::from(amount), i128::from(fee), now))
    }

    /// Writes a change and gives its id.
    pub(super) fn book(
        &mut self,
        source: &Value,
        category: &str,
        amount: i128,
        fee: i128,
        now: DateTime<Utc>,
    ) -> String {
        let id = self.new_id("txn_");
        let details = match fee {
            0 => json!([]),
            fee => json!([{
                "amount": narrow(fee),
                "application": null,
                "currency": source["currency"],
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }]),
        };
        self.add(
            ENTRY,
            json!({
                "id": id,
                "object": "balance_transaction",
                "amount": narrow(amount),
                "available_on": now.timestamp(),
                "created": now.timestamp(),
                "currency": source["currency"],
                "description": null,
                "exchange_rate": null,
                "fee": narrow(fee),
                "fee_details": details,
                "net": narrow(amount - fee),
                "reporting_category": category,
                "source": source["id"],
                "status": "available",
                "type": category,
            }),
        );
        id
    }

    /// Pays the merchant what there is of the first currency that there is something of, at noon of a day.
    pub(super) fn settle(&mut self, day: NaiveDate) -> Option<String> {
        let at = day.and_hms_opt(12, 0, 0)?.and_utc();
        let open: Vec<Value> = self
            .table(ENTRY)
            .iter()
            .filter(|entry| {
                !self
                    .settled
                    .contains_key(entry["id"].as_str().unwrap_or_default())
            })
            .cloned()
            .collect();
        let currency = open.first()?["currency"].clone();
        let open = open.iter().filter(|entry| entry["currency"] == currency);
        let sum: i64 = open.clone().filter_map(|entry| entry["net"].as_i64()).sum();
        let amount = u64::try_from(sum).ok().filter(|amount| *amount > 0)?;
        let is_automatic = self.interval != "manual";
        let id = self.new_id("po_");
        let payout = json!({
            "id": id,
            "object": "payout",
            "amount": amount,
            "arrival_date": at.timestamp(),
            "automatic": is_automatic,
            "created": at.timestamp(),
            "currency": currency,
            "destination": OWN_BANK,
            "failure_code": null,
            "failure_message": null,
            "livemode": false,
            "metadata": {},
            "reconciliation_status": if is_automatic { "completed" } else { "not_applicable" },
            "status": "pending",
            "trace_id": null,
            "type": "bank_account",
        });
        self.add(PAYOUT, payout.clone());
        let entry = self.book(&payout, "payout", -i128::from(amount), 0, at);
        let ids = open.filter_map(|entry| entry["id"].as_str().map(str::to_owned));
        let own = std::iter::once(entry.clone());
        let settled = ids.chain(own).map(|entry| (entry, id.clone()));
        self.settled.extend(settled);
        let booked = json!({"balance_transaction": entry});
        let payout = self.set(PAYOUT, &id, booked).ok()?;
        self.tell("payout.created", &payout, at);
        self.move_payout(&id, "paid", at);
        Some(id)
    }

    pub(super) fn list_entries(&self, form: &Form) -> Answered {
        let payout = form.get("payout");
        if let Some(id) = payout
            && self.get(PAYOUT, id)?["automatic"] != true
        {
            let words = "Balance transaction history can only be filtered on automatic transfers, \
                         not manual.";
            return Err(Refusal::invalid("payout", words));
        }
        let is_wanted = |entry: &Value| {
            payout.is_none() || self.settled.get(entry["id"].as_str().unwrap_or_default()) == payout
        };
        self.list(ENTRY, "/v1/balance_transactions", form, is_wanted)
    }

    /// The object an id names, whatever it is.
    pub(super) fn source(&self, id: &str) -> Option<Value> {
        [CHARGE, REFUND, DISPUTE, PAYOUT, TRANSFER]
            .into_iter()
            .find_map(|kind| self.get(kind, id).ok())
    }
}

fn narrow(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
