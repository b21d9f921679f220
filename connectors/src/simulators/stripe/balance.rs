//! Balance transactions: one for every change of the balance.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{
    Account, Answered, CHARGE, DISPUTE, ENTRY, Form, PAYOUT, REFUND, Refusal, TRANSFER,
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

    pub(super) fn list_entries(&self, form: &Form) -> Answered {
        self.list(ENTRY, "/v1/balance_transactions", form, |_| true)
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
