//! Instamojo's page, with the way back to the merchant.

use std::sync::Arc;

use poem::web::{Data, Path};
use poem::{Response, handler};

use super::Office;
use super::bodies::rupees;
use crate::outbound::form;
use crate::simulators::front::lock;
use crate::simulators::mischief::PayerChoice;
use crate::simulators::page::{PayPage, refusal, see_other};
use crate::simulators::server::fields;

const NAME: &str = "Instamojo";

#[handler]
pub(super) fn show(Data(office): Data<&Arc<Office>>, Path(id): Path<String>) -> Response {
    let account = lock(&office.account);
    let request = account.request(&id).filter(|request| {
        request.is_enabled && (request.is_repeatable || request.status != "Completed")
    });
    let Some(request) = request else {
        return refusal(NAME, "This page is no longer open.");
    };
    PayPage {
        provider: NAME,
        title: &request.purpose,
        amount: &format!("INR {}", rupees(request.amount)),
        action: &format!("/@simulated/{id}"),
        hidden: &[],
    }
    .respond()
}

/// Of what the payer typed only the decision and the method are read.
#[handler]
pub(super) fn decide(
    Data(office): Data<&Arc<Office>>,
    Path(id): Path<String>,
    body: String,
) -> Response {
    let form = fields(&body);
    let given = |name: &str| form.get(name).map_or("", String::as_str);
    let instrument = match given("method") {
        "card" => "CREDIT CARD",
        "netbanking" => "NETBANKING",
        _ => "UPI",
    };
    let Some(choice) = PayerChoice::from_form(given("choice")) else {
        return refusal(NAME, "Nothing was decided.");
    };
    // What the payer saw last is brought back, even when the bank says otherwise a moment later.
    let seen = match choice {
        PayerChoice::FailThenPay => PayerChoice::Fail,
        choice => choice,
    };
    let payment_id = office.happen(|account, now| account.pay(&id, instrument, seen, now));
    let back = payment_id
        .as_deref()
        .and_then(|payment_id| office.back(&id, payment_id));
    if let (PayerChoice::FailThenPay, Some(payment_id)) = (choice, &payment_id) {
        office.happen(|account, now| account.pay_late(payment_id, now));
    }
    match back {
        Some(url) => see_other(&url),
        None => refusal(NAME, "It is not paid."),
    }
}

impl Office {
    /// Where the browser goes, with what it brings. Nothing of it is signed.
    fn back(&self, id: &str, payment_id: &str) -> Option<String> {
        let account = lock(&self.account);
        let (request, payment) = (account.request(id)?, account.payment(payment_id)?);
        let url = request.redirect_url.as_str();
        if url.is_empty() {
            return None;
        }
        let status = payment.told_status();
        let query = match &request.transaction_id {
            Some(name) => form(&[
                ("id", id),
                ("transaction_id", name),
                ("payment_id", payment_id),
                ("payment_status", status),
            ]),
            None => form(&[
                ("payment_id", payment_id),
                ("payment_status", status),
                ("payment_request_id", id),
            ]),
        };
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}{query}"))
    }
}
