//! RazorpayX: contacts, fund accounts, payouts.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{Account, Payout};
use super::bodies::{self, Answered, Refusal};
use super::orders::{Query, amount, only_known, page};

/// 5 and 2 lakh rupees, in paise.
const MOST_BY_IMPS: u64 = 50_000_000;
const LEAST_BY_RTGS: u64 = 20_000_000;

impl Account {
    /// The contact that is there already when nothing differs.
    pub(super) fn create_contact(&mut self, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(
            body,
            &["name", "email", "contact", "type", "reference_id", "notes"],
        )?;
        if body["name"].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::of_field("name", "The name field is required."));
        }
        let known = self.contacts.iter().find(|(known, _)| known == body);
        let id = match known {
            Some((_, id)) => id.clone(),
            None => {
                let id = self.new_id("cont_");
                self.contacts.push((body.clone(), id.clone()));
                id
            }
        };
        let mut told = body.clone();
        told["id"] = id.into();
        told["entity"] = "contact".into();
        told["active"] = true.into();
        told["created_at"] = now.timestamp().into();
        Ok(told)
    }

    pub(super) fn create_fund_account(&mut self, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(body, &["contact_id", "account_type", "bank_account", "vpa"])?;
        let contact = body["contact_id"].as_str().unwrap_or_default();
        if !self.contacts.iter().any(|(_, id)| id == contact) {
            return Err(Refusal::no_such_id());
        }
        let ifsc = body["bank_account"]["ifsc"].as_str().unwrap_or_default();
        let address = body["vpa"]["address"].as_str().unwrap_or_default();
        match body["account_type"].as_str() {
            Some("bank_account") if ifsc.len() != 11 => {
                return Err(Refusal::of_field("ifsc", "The IFSC is invalid."));
            }
            Some("vpa") if !address.contains('@') => {
                return Err(Refusal::of_field("address", "Invalid VPA."));
            }
            Some("bank_account" | "vpa") => {}
            _ => {
                let words = "The selected account type is invalid.";
                return Err(Refusal::of_field("account_type", words));
            }
        }
        let known = self.fund_accounts.iter().find(|(known, _)| known == body);
        let id = match known {
            Some((_, id)) => id.clone(),
            None => {
                let id = self.new_id("fa_");
                self.fund_accounts.push((body.clone(), id.clone()));
                id
            }
        };
        let mut told = body.clone();
        told["id"] = id.into();
        told["entity"] = "fund_account".into();
        told["active"] = true.into();
        told["created_at"] = now.timestamp().into();
        Ok(told)
    }

    pub(super) fn fetch_fund_account(&self, id: &str) -> Answered {
        let known = self.fund_accounts.iter().find(|(_, known)| known == id);
        let (account, id) = known.ok_or_else(Refusal::no_such_id)?;
        let mut told = account.clone();
        told["id"] = id.as_str().into();
        told["entity"] = "fund_account".into();
        told["active"] = true.into();
        Ok(told)
    }

    pub(super) fn create_payout(
        &mut self,
        body: &Value,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Answered {
        let key = key.filter(|key| (4..=36).contains(&key.len()));
        let key = key.ok_or_else(|| {
            Refusal::bad("Idempotency key is required: X-Payout-Idempotency, 4 to 36 characters.")
        })?;
        let name = format!("payout {key}");
        self.once(name, body.clone(), now, |account| {
            account.new_payout(body, now)
        })
    }

    fn new_payout(&mut self, body: &Value, now: DateTime<Utc>) -> Answered {
        only_known(
            body,
            &[
                "account_number",
                "fund_account_id",
                "amount",
                "currency",
                "mode",
                "purpose",
                "queue_if_low_balance",
                "reference_id",
                "narration",
                "notes",
            ],
        )?;
        let (amount, currency) = amount(body)?;
        if body["account_number"].as_str() != Some(self.payout_account.as_str()) {
            let words = "The account number is invalid.";
            return Err(Refusal::of_field("account_number", words));
        }
        let fund_account_id = body["fund_account_id"].as_str().unwrap_or_default();
        let account = self.fetch_fund_account(fund_account_id)?;
        let mode = body["mode"].as_str().unwrap_or_default();
        check_mode(mode, account["account_type"].as_str(), amount)?;
        self.payouts.push(Payout {
            id: String::new(),
            fund_account_id: fund_account_id.to_owned(),
            amount,
            currency,
            mode: mode.to_owned(),
            purpose: body["purpose"].as_str().unwrap_or_default().to_owned(),
            narration: body["narration"].clone(),
            reference_id: body["reference_id"].as_str().map(str::to_owned),
            status: "processing",
            fees: 590,
            tax: 90,
            utr: None,
            created_at: now.timestamp(),
        });
        let place = self.payouts.len().saturating_sub(1);
        let id = self.new_id("pout_");
        self.payouts[place].id.clone_from(&id);
        let told = bodies::payout(&self.payouts[place]);
        self.tell_payout("payout.initiated", place, now);
        if let Some(outcome) = self.payout_outcome {
            self.move_payout(&id, outcome, now);
        }
        Ok(told)
    }

    pub(super) fn move_payout(&mut self, id: &str, status: &str, now: DateTime<Utc>) -> bool {
        let Some(place) = self.payouts.iter().position(|payout| payout.id == id) else {
            return false;
        };
        let (status, name) = match (self.payouts[place].status, status) {
            ("queued" | "pending", "processing") => ("processing", "payout.initiated"),
            ("pending", "rejected") => ("rejected", "payout.rejected"),
            ("processing", "queued") => ("queued", "payout.queued"),
            ("processing", "pending") => ("pending", "payout.pending"),
            ("processing", "processed") => ("processed", "payout.processed"),
            ("processing" | "processed", "reversed") => ("reversed", "payout.reversed"),
            ("processing" | "queued", "failed") => ("failed", "payout.failed"),
            _ => return false,
        };
        if status == "processed" {
            let utr = self.new_number(12);
            self.payouts[place].utr = Some(utr);
        }
        if matches!(status, "failed" | "reversed" | "rejected") {
            self.payouts[place].fees = 0;
            self.payouts[place].tax = 0;
        }
        self.payouts[place].status = status;
        self.tell_payout(name, place, now);
        true
    }

    pub(super) fn fetch_payout(&self, id: &str) -> Answered {
        let payout = self.payouts.iter().find(|payout| payout.id == id);
        payout.map(bodies::payout).ok_or_else(Refusal::no_such_id)
    }

    pub(super) fn list_payouts(&self, query: &Query) -> Answered {
        if query.get("account_number") != Some(&self.payout_account) {
            let words = "The account number field is required.";
            return Err(Refusal::of_field("account_number", words));
        }
        let reference_id = query.get("reference_id");
        let payouts = self
            .payouts
            .iter()
            .filter(|payout| reference_id.is_none() || payout.reference_id.as_ref() == reference_id)
            .map(|payout| (payout.created_at, bodies::payout(payout)));
        page(payouts.collect(), query, 100)
    }

    pub(super) fn cancel_payout(&mut self, id: &str) -> Answered {
        let payout = self.payouts.iter_mut().find(|payout| payout.id == id);
        let payout = payout.ok_or_else(Refusal::no_such_id)?;
        if !matches!(payout.status, "queued" | "scheduled") {
            let words = "Payout cannot be cancelled in its current state.";
            return Err(Refusal::bad(words));
        }
        payout.status = "cancelled";
        let mut told = bodies::payout(payout);
        told["cancellation_user_id"] = json!(null);
        Ok(told)
    }
}

/// A UPI address is paid by UPI, a bank account by the other rails, each between its limits.
fn check_mode(mode: &str, account_type: Option<&str>, amount: u64) -> Result<(), Refusal> {
    let is_fitting = match (account_type, mode) {
        (Some("vpa"), "UPI") | (Some("bank_account"), "NEFT") => true,
        (Some("bank_account"), "IMPS") => amount <= MOST_BY_IMPS,
        (Some("bank_account"), "RTGS") => amount >= LEAST_BY_RTGS,
        _ => false,
    };
    if is_fitting {
        return Ok(());
    }
    Err(Refusal::of_field(
        "mode",
        "The selected mode is invalid for the fund account or the amount.",
    ))
}
