//! Razorpay's page and a payment link's, with the way back to the merchant.

use std::collections::HashMap;
use std::sync::Arc;

use poem::web::{Data, Path};
use poem::{Response, handler};

use super::Office;
use super::bodies;
use crate::outbound::form;
use crate::providers::signature::hmac_sha256;
use crate::simulators::front::lock;
use crate::simulators::mischief::PayerChoice;
use crate::simulators::page::{PayPage, in_words, post_back, refusal, see_other};
use crate::simulators::server::fields;

const NAME: &str = "Razorpay";

/// What a merchant's form says, and goes along with the payer's decision.
const KEPT: [&str; 3] = ["order_id", "callback_url", "cancel_url"];

#[handler]
pub(super) fn checkout(Data(office): Data<&Arc<Office>>, body: String) -> Response {
    let form = fields(&body);
    let given = |name: &str| form.get(name).map_or("", String::as_str);
    let account = lock(&office.account);
    let order = account.order(given("order_id"));
    let Some(order) = order.filter(|_| given("key_id") == office.settings.key_id) else {
        return refusal(NAME, "The id provided does not exist");
    };
    if given("amount") != order.amount.to_string() || given("currency") != order.currency {
        return refusal(NAME, "Payment amount is different from your order amount.");
    }
    let hidden: Vec<(&str, &str)> = KEPT.iter().map(|name| (*name, given(name))).collect();
    PayPage {
        provider: NAME,
        title: given("description"),
        amount: &in_words(&order.currency, order.amount),
        action: "/v1/checkout/pay",
        hidden: &hidden,
    }
    .respond()
}

/// Of what the payer typed only the decision and the method are read.
fn decision(form: &HashMap<String, String>) -> Option<(PayerChoice, &'static str)> {
    let choice = PayerChoice::from_form(form.get("choice")?)?;
    let method = match form.get("method").map(String::as_str) {
        Some("card") => "card",
        Some("netbanking") => "netbanking",
        _ => "upi",
    };
    Some((choice, method))
}

#[handler]
pub(super) fn decide_order(Data(office): Data<&Arc<Office>>, body: String) -> Response {
    let form = fields(&body);
    let given = |name: &str| form.get(name).map_or("", String::as_str);
    let Some((choice, method)) = decision(&form) else {
        return refusal(NAME, "Nothing was decided.");
    };
    if choice == PayerChoice::Abandon {
        return see_other(given("cancel_url"));
    }
    let order_id = given("order_id");
    let Some(payment_id) = office.paid(order_id, method, choice) else {
        return refusal(NAME, "Order is already paid.");
    };
    let back = office.back_from_order(order_id, &payment_id);
    post_back(NAME, given("callback_url"), &back)
}

#[handler]
pub(super) fn show_link(Data(office): Data<&Arc<Office>>, Path(id): Path<String>) -> Response {
    let account = lock(&office.account);
    let link = account.links.iter().find(|link| link.id == id);
    let Some(link) = link.filter(|link| link.status == "created") else {
        return refusal(NAME, "This payment link is no longer open.");
    };
    let told = bodies::link(&account, link);
    PayPage {
        provider: NAME,
        title: &link.description,
        amount: &in_words(
            told["currency"].as_str().unwrap_or_default(),
            told["amount"].as_u64().unwrap_or_default(),
        ),
        action: &format!("/l/{id}"),
        hidden: &[],
    }
    .respond()
}

#[handler]
pub(super) fn decide_link(
    Data(office): Data<&Arc<Office>>,
    Path(id): Path<String>,
    body: String,
) -> Response {
    let form = fields(&body);
    let Some((choice, method)) = decision(&form) else {
        return refusal(NAME, "Nothing was decided.");
    };
    let payment_id = office.paid(&id, method, choice);
    match payment_id.and_then(|payment_id| office.back_from_link(&id, &payment_id)) {
        Some(url) => see_other(&url),
        None => refusal(NAME, "It is not paid."),
    }
}

impl Office {
    /// What the browser brings to `callback_url`.
    pub(super) fn back_from_order(
        &self,
        order_id: &str,
        payment_id: &str,
    ) -> Vec<(String, String)> {
        let account = lock(&self.account);
        let has_failed = account
            .payment(payment_id)
            .is_none_or(|payment| payment.status == "failed");
        let pairs: Vec<(&str, String)> = if has_failed {
            vec![
                ("error[code]", "BAD_REQUEST_ERROR".to_owned()),
                (
                    "error[description]",
                    "Your payment was declined by the bank.".to_owned(),
                ),
                ("error[source]", "bank".to_owned()),
                ("error[step]", "payment_authorization".to_owned()),
                ("error[reason]", "payment_failed".to_owned()),
                (
                    "error[metadata]",
                    serde_json::json!({"payment_id": payment_id, "order_id": order_id}).to_string(),
                ),
            ]
        } else {
            let signed = format!("{order_id}|{payment_id}");
            let signature = hmac_sha256(&account.key_secret, &[signed.as_bytes()]);
            vec![
                ("razorpay_payment_id", payment_id.to_owned()),
                ("razorpay_order_id", order_id.to_owned()),
                ("razorpay_signature", signature),
            ]
        };
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Where the browser goes from a link that was paid.
    fn back_from_link(&self, id: &str, payment_id: &str) -> Option<String> {
        let account = lock(&self.account);
        let link = account.links.iter().find(|link| link.id == id)?;
        let url = link.callback_url.as_deref()?;
        if link.status != "paid" {
            return None;
        }
        let signed = format!("{id}|{}|{}|{payment_id}", link.reference_id, link.status);
        let query = form(&[
            ("razorpay_payment_id", payment_id),
            ("razorpay_payment_link_id", id),
            ("razorpay_payment_link_reference_id", &link.reference_id),
            ("razorpay_payment_link_status", link.status),
            (
                "razorpay_signature",
                &hmac_sha256(&account.key_secret, &[signed.as_bytes()]),
            ),
        ]);
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}{query}"))
    }
}
