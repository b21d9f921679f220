//! The one path for everything that a merchant's server asks.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::http::HeaderMap;
use poem::web::Data;
use poem::{Response, handler};
use serde_json::{Map, Value, json};

use super::Office;
use super::account::Account;
use super::actions::Variables;
use super::bodies::refused;
use crate::gateways::payu::signature::command_hash;
use crate::simulators::front::{Reply, lock};
use crate::simulators::server::{fields, is_form};

#[handler]
pub(super) async fn interface(
    Data(office): Data<&Arc<Office>>,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let text = lock(&office.account).texts.pop_front();
    if let Some(text) = text {
        return Response::builder()
            .content_type("text/html; charset=UTF-8")
            .body(text);
    }
    let given = fields(if is_form(headers) { &body } else { "" });
    let work = || Reply::ok(office.happen(|account, now| account.serve(&given, now)));
    office.front.answer(work).await
}

impl Account {
    fn serve(&mut self, given: &Variables, now: DateTime<Utc>) -> Value {
        let text = |name: &str| given.get(name).map_or("", String::as_str);
        let (key, command, var1) = (text("key"), text("command"), text("var1"));
        if [key, command, var1, text("hash")]
            .iter()
            .any(|value| value.is_empty())
        {
            return refused("Parameter missing", None);
        }
        if key != self.key {
            return refused("Invalid key", None);
        }
        let fits = |salt: &String| command_hash(key, salt, command, var1) == text("hash");
        if !self.salts.iter().any(fits) {
            return refused("Invalid Hash.", None);
        }
        match command {
            "verify_payment" => self.verify_payment(var1),
            "check_payment" => self.check_payment(var1),
            "capture_transaction" => self.capture_transaction(given, now),
            "cancel_refund_transaction" => self.cancel_refund_transaction(given, now),
            "check_action_status" => self.check_action_status(given),
            "get_settlement_details" => self.settlement_details(given),
            _ => refused("Invalid command", None),
        }
    }

    fn verify_payment(&mut self, txnids: &str) -> Value {
        let mut found = 0_usize;
        let mut details = Map::new();
        for txnid in txnids.split('|') {
            let body = match self.payment_of(txnid) {
                Some(payment) => {
                    found = found.saturating_add(1);
                    payment.body()
                }
                None => json!({"mihpayid": "Not Found", "status": "Not Found"}),
            };
            details.insert(txnid.to_owned(), body);
        }
        let message = format!(
            "{found} out of {} Transactions Fetched Successfully",
            details.len()
        );
        let status = match found {
            0 => 0.into(),
            _ => self.one(),
        };
        json!({"status": status, "msg": message, "transaction_details": details})
    }

    fn check_payment(&mut self, payment_id: &str) -> Value {
        let Some(body) = self.payment(payment_id).map(|payment| payment.body()) else {
            return json!({
                "status": 0,
                "msg": "Transaction not found",
                "transaction_details": {"mihpayid": "Not Found", "status": "Not Found"},
            });
        };
        json!({
            "status": self.one(),
            "msg": "Transaction Fetched Successfully",
            "transaction_details": body,
        })
    }
}
