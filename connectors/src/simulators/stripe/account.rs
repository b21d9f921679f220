//! What an account at Stripe has: objects as Stripe shows them, in tables by kind.
//!
//! Objects are kept as they are shown, with ids where something can be expanded, so that what is told is
//! what is there.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::events::Event;
use crate::simulators::books::{BookedDispute, BookedPayment, BookedPayout, BookedRefund, Books};
use crate::simulators::front::Reply;

pub(super) type Form = HashMap<String, String>;

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<&'static str>,
}

pub(super) type Answered = Result<Value, Refusal>;

impl Refusal {
    pub(super) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: Some(param),
        }
    }

    pub(super) fn coded(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: Some(code),
            message: message.into(),
            param: None,
        }
    }

    pub(super) fn missing(kind: &str, id: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            kind: "invalid_request_error",
            code: Some("resource_missing"),
            message: format!("No such {kind}: '{id}'"),
            param: Some("id"),
        }
    }

    pub(super) fn reply(&self) -> Reply {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(code) = self.code {
            error["code"] = code.into();
            error["doc_url"] = format!("https://stripe.com/docs/error-codes/{code}").into();
        }
        if let Some(param) = self.param {
            error["param"] = param.into();
        }
        Reply::new(self.status, json!({"error": error}))
    }
}

/// A failure of Stripe's own.
pub(super) fn failure(status: StatusCode, message: &str) -> Value {
    match status {
        StatusCode::TOO_MANY_REQUESTS => json!({"error": {
            "type": "invalid_request_error",
            "code": "rate_limit",
            "message": message,
        }}),
        status if status.is_server_error() => {
            json!({"error": {"type": "api_error", "message": message}})
        }
        _ => json!({"error": {"type": "invalid_request_error", "message": message}}),
    }
}

/// What a key did.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub request: (String, Vec<(String, String)>),
    pub answer: Value,
    pub kept_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Account {
    dice: fastrand::Rng,
    pub base_url: String,
    pub webhook: Option<(String, Vec<String>)>,
    tables: HashMap<&'static str, Vec<Value>>,
    pub kept: HashMap<String, Kept>,
    /// Failed payments that a bank will find paid: the session and when.
    pub late: Vec<(String, i64)>,
    pub are_refunds_held: bool,
    pub are_captures_held: bool,
    pub is_uncaptured_by_chance: bool,
    pub late_by_chance: bool,
    pub payout_outcome: Option<&'static str>,
    pub outbox: Vec<Event>,
    /// How often the merchant is paid: `manual`, `daily` and so on.
    pub interval: &'static str,
    /// Which payout to the merchant a change of the balance is in.
    pub settled: HashMap<String, String>,
}

impl Account {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(seed ^ 0x57_52_50),
            base_url: String::new(),
            webhook: None,
            tables: HashMap::new(),
            kept: HashMap::new(),
            late: Vec::new(),
            are_refunds_held: false,
            are_captures_held: false,
            is_uncaptured_by_chance: false,
            late_by_chance: false,
            payout_outcome: Some("paid"),
            outbox: Vec::new(),
            interval: "manual",
            settled: HashMap::new(),
        }
    }

    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        let rest: String = std::iter::repeat_with(|| self.dice.alphanumeric())
            .take(24)
            .collect();
        format!("{prefix}{rest}")
    }

    pub(super) fn table(&self, kind: &'static str) -> &[Value] {
        self.tables.get(kind).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add(&mut self, kind: &'static str, object: Value) {
        self.tables.entry(kind).or_default().push(object);
    }

    pub(super) fn get(&self, kind: &'static str, id: &str) -> Answered {
        let found = self.table(kind).iter().find(|object| object["id"] == id);
        found.cloned().ok_or_else(|| Refusal::missing(kind, id))
    }

    /// Puts fields of an object in place of what they were.
    pub(super) fn set(&mut self, kind: &'static str, id: &str, fields: Value) -> Answered {
        let objects = self.tables.entry(kind).or_default();
        let object = objects.iter_mut().find(|object| object["id"] == id);
        let object = object.ok_or_else(|| Refusal::missing(kind, id))?;
        if let Value::Object(fields) = fields {
            for (name, value) in fields {
                object[name.as_str()] = value;
            }
        }
        Ok(object.clone())
    }

    /// A page of a table, newest first.
    pub(super) fn list(
        &self,
        kind: &'static str,
        url: &str,
        form: &Form,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Answered {
        let limit = match form.get("limit").map(|text| text.parse::<usize>()) {
            None => 10,
            Some(Ok(limit)) if (1..=100).contains(&limit) => limit,
            Some(_) => return Err(Refusal::invalid("limit", "Invalid limit: 1 to 100")),
        };
        let bound = |name: &str| form.get(name).and_then(|text| text.parse::<i64>().ok());
        let (from, to) = (bound("created[gte]"), bound("created[lt]"));
        let is_in_time = |object: &Value| {
            let at = object["created"].as_i64().unwrap_or_default();
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to)
        };
        let mut all: Vec<&Value> = self.table(kind).iter().rev().collect();
        all.retain(|object| is_in_time(object) && is_wanted(object));
        if let Some(after) = form.get("starting_after") {
            let place = all.iter().position(|object| object["id"] == after.as_str());
            let place = place.ok_or_else(|| Refusal::missing(kind, after))?;
            all.drain(..=place);
        }
        if let Some(before) = form.get("ending_before") {
            let place = all
                .iter()
                .position(|object| object["id"] == before.as_str());
            let place = place.ok_or_else(|| Refusal::missing(kind, before))?;
            all.truncate(place);
            all.drain(..place.saturating_sub(limit));
        }
        let has_more = all.len() > limit;
        let data: Vec<Value> = all.into_iter().take(limit).cloned().collect();
        Ok(json!({"object": "list", "data": data, "has_more": has_more, "url": url}))
    }

    pub(super) fn fall_due(&mut self, now: DateTime<Utc>) {
        self.expire_sessions(now);
        self.release_uncaptured(now);
        let due: Vec<String> = self
            .late
            .iter()
            .filter(|(_, at)| *at <= now.timestamp())
            .map(|(session, _)| session.clone())
            .collect();
        self.late.retain(|(_, at)| *at > now.timestamp());
        for session in due {
            self.pay(&session, "card", crate::simulators::PayerChoice::Pay, now);
        }
    }

    pub(super) fn books(&self) -> Books {
        Books {
            payments: self
                .table(INTENT)
                .iter()
                .map(|intent| self.booked(intent))
                .collect(),
            refunds: self.table(REFUND).iter().map(booked_refund).collect(),
            payouts: self
                .table(PAYOUT)
                .iter()
                .filter(|payout| payout["destination"] != OWN_BANK)
                .chain(self.table(TRANSFER))
                .map(booked_payout)
                .collect(),
            disputes: self.table(DISPUTE).iter().map(booked_dispute).collect(),
            owed: self.owed(),
        }
    }

    /// The balance. Payouts and transfers come from it.
    fn owed(&self) -> BTreeMap<String, i64> {
        let mut owed = BTreeMap::<String, i64>::new();
        for entry in self.table(ENTRY) {
            let net = entry["net"].as_i64().unwrap_or_default();
            let currency = text(&entry["currency"]).to_ascii_uppercase();
            let sum = owed.entry(currency).or_default();
            *sum = sum.saturating_add(net);
        }
        owed
    }

    fn booked(&self, intent: &Value) -> BookedPayment {
        let charge = intent["latest_charge"].as_str();
        let charge = charge.and_then(|id| self.get(CHARGE, id).ok());
        let of_charge = |name: &str| charge.as_ref().map_or(0, |charge| number(&charge[name]));
        let entry = charge
            .as_ref()
            .and_then(|charge| charge["balance_transaction"].as_str());
        let entry = entry.and_then(|id| self.get(ENTRY, id).ok());
        let session = self
            .table(SESSION)
            .iter()
            .find(|session| session["payment_intent"] == intent["id"]);
        BookedPayment {
            payment_id: text(&intent["id"]),
            checkout_id: session
                .map(|session| text(&session["id"]))
                .unwrap_or_default(),
            reference: intent["metadata"]["reference"].as_str().map(str::to_owned),
            currency: text(&intent["currency"]).to_ascii_uppercase(),
            amount: number(&intent["amount"]),
            captured: number(&intent["amount_received"]),
            refunded: of_charge("amount_refunded"),
            fee: entry.map_or(0, |entry| number(&entry["fee"])),
            tax: 0,
            status: text(&intent["status"]),
        }
    }
}

/// The merchant's own bank account.
pub(super) const OWN_BANK: &str = "ba_of_the_merchant";

pub(super) const SESSION: &str = "checkout.session";
pub(super) const INTENT: &str = "payment_intent";
pub(super) const CHARGE: &str = "charge";
pub(super) const REFUND: &str = "refund";
pub(super) const DISPUTE: &str = "dispute";
pub(super) const PAYOUT: &str = "payout";
pub(super) const TRANSFER: &str = "transfer";
pub(super) const ENTRY: &str = "balance_transaction";

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// `metadata[…]` of a form, below a prefix such as `payment_intent_data`.
pub(super) fn metadata(form: &Form, prefix: &str) -> Value {
    let mut pairs = serde_json::Map::new();
    for (name, value) in form {
        let inner = match prefix {
            "" => name.strip_prefix("metadata["),
            prefix => name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix("[metadata][")),
        };
        if let Some(key) = inner.and_then(|rest| rest.strip_suffix(']')) {
            pairs.insert(key.to_owned(), value.clone().into());
        }
    }
    Value::Object(pairs)
}

/// A positive number of minor units.
pub(super) fn amount(form: &Form, name: &'static str) -> Result<u64, Refusal> {
    let given = form.get(name).map(|text| text.parse::<u64>());
    match given {
        Some(Ok(amount)) if amount > 0 => Ok(amount),
        Some(_) => Err(Refusal::invalid(name, "Invalid integer")),
        None => Err(Refusal::invalid(
            name,
            format!("Missing required param: {name}."),
        )),
    }
}

fn booked_refund(refund: &Value) -> BookedRefund {
    BookedRefund {
        refund_id: text(&refund["id"]),
        payment_id: text(&refund["payment_intent"]),
        reference: refund["metadata"]["reference"].as_str().map(str::to_owned),
        amount: number(&refund["amount"]),
        is_of_captured: true,
        status: text(&refund["status"]),
    }
}

fn booked_payout(payout: &Value) -> BookedPayout {
    let is_transfer = payout["object"] == TRANSFER;
    let is_there = match is_transfer {
        true => payout["reversed"] == false,
        false => payout["status"] == "paid",
    };
    let status = match (is_transfer, is_there) {
        (true, true) => "paid".to_owned(),
        (true, false) => "reversed".to_owned(),
        (false, _) => text(&payout["status"]),
    };
    BookedPayout {
        payout_id: text(&payout["id"]),
        reference: payout["metadata"]["reference"].as_str().map(str::to_owned),
        currency: text(&payout["currency"]).to_ascii_uppercase(),
        amount: number(&payout["amount"]),
        fee: 0,
        status,
        is_with_beneficiary: is_there,
    }
}

fn booked_dispute(dispute: &Value) -> BookedDispute {
    let is_ours = matches!(dispute["status"].as_str(), Some("won"));
    BookedDispute {
        dispute_id: text(&dispute["id"]),
        payment_id: text(&dispute["payment_intent"]),
        amount: number(&dispute["amount"]),
        deducted: if is_ours {
            0
        } else {
            number(&dispute["amount"])
        },
        status: text(&dispute["status"]),
    }
}
