//! PayU's page, with the way back to the merchant.

use std::sync::Arc;

use poem::http::HeaderMap;
use poem::web::Data;
use poem::{Response, handler};

use super::Office;
use crate::simulators::front::lock;
use crate::simulators::mischief::PayerChoice;
use crate::simulators::page::{PayPage, post_back, refusal};
use crate::simulators::server::{fields, is_form};

const NAME: &str = "PayU";

#[handler]
pub(super) fn show(
    Data(office): Data<&Arc<Office>>,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let form: Vec<(String, String)> = match is_form(headers) {
        true => fields(&body).into_iter().collect(),
        false => Vec::new(),
    };
    let opened = office.happen(|account, now| account.open(&form, now));
    let account = lock(&office.account);
    let payment = match opened {
        Ok(id) => account.payment(&id).cloned(),
        Err(words) => return refusal(NAME, words),
    };
    drop(account);
    let Some(payment) = payment else {
        return refusal(NAME, "Duplicate transaction id");
    };
    PayPage {
        provider: NAME,
        title: &payment.productinfo,
        amount: &format!("INR {}", payment.amount_text),
        action: "/_payment/decide",
        hidden: &[("txnid", &payment.txnid)],
    }
    .respond()
}

/// Of what the payer typed only the decision and the method are read.
#[handler]
pub(super) fn decide(Data(office): Data<&Arc<Office>>, body: String) -> Response {
    let form = fields(&body);
    let given = |name: &str| form.get(name).map_or("", String::as_str);
    let mode = match given("method") {
        "card" => "CC",
        "netbanking" => "NB",
        _ => "UPI",
    };
    let Some(choice) = PayerChoice::from_form(given("choice")) else {
        return refusal(NAME, "Nothing was decided.");
    };
    let txnid = given("txnid");
    // What the payer saw last is brought back, even when the bank says otherwise a moment later.
    let seen = match choice {
        PayerChoice::FailThenPay => PayerChoice::Fail,
        choice => choice,
    };
    let paid = office.happen(|account, now| account.pay(txnid, mode, seen, now));
    let Some(id) = paid else {
        return refusal(NAME, "This page is no longer open.");
    };
    let account = lock(&office.account);
    let (Some(payment), Some(back)) = (account.payment(&id).cloned(), account.response_of(&id))
    else {
        return refusal(NAME, "This page is no longer open.");
    };
    drop(account);
    if choice == PayerChoice::FailThenPay {
        office.happen(|account, now| account.pay_late(&id, now));
    }
    let url = match (payment.unmapped, payment.status) {
        ("userCancelled", _) if !payment.curl.is_empty() => &payment.curl,
        (_, "success") => &payment.surl,
        _ => &payment.furl,
    };
    post_back(NAME, url, &back)
}
