//! A session's page.

use std::sync::Arc;

use poem::web::{Data, Path};
use poem::{Response, handler};
use serde_json::Value;

use super::Office;
use super::account::SESSION;
use crate::simulators::front::lock;
use crate::simulators::mischief::PayerChoice;
use crate::simulators::page::{PayPage, in_words, refusal, see_other};
use crate::simulators::server::fields;

const NAME: &str = "Stripe";

#[handler]
pub(super) fn show(Data(office): Data<&Arc<Office>>, Path(id): Path<String>) -> Response {
    let session = lock(&office.account).get(SESSION, &id);
    let Ok(session) = session.map(|session| (session["status"] == "open").then_some(session))
    else {
        return refusal(NAME, "There is no such page.");
    };
    let Some(session) = session else {
        return refusal(NAME, "This checkout is no longer open.");
    };
    PayPage {
        provider: NAME,
        title: session["simulated"]["name"].as_str().unwrap_or_default(),
        amount: &in_words(
            session["currency"].as_str().unwrap_or_default(),
            session["amount_total"].as_u64().unwrap_or_default(),
        ),
        action: &format!("/c/pay/{id}"),
        hidden: &[],
    }
    .respond()
}

/// Of what the payer typed only the decision is read.
#[handler]
pub(super) fn decide(
    Data(office): Data<&Arc<Office>>,
    Path(id): Path<String>,
    body: String,
) -> Response {
    let form = fields(&body);
    let choice = form
        .get("choice")
        .and_then(|text| PayerChoice::from_form(text));
    let session = lock(&office.account).get(SESSION, &id);
    let (Some(choice), Ok(session)) = (choice, session) else {
        return refusal(NAME, "Nothing was decided.");
    };
    if choice == PayerChoice::Abandon {
        return match session["cancel_url"].as_str() {
            Some(url) => see_other(url),
            None => refusal(NAME, "There is no way back."),
        };
    }
    office.paid(&id, "card", choice);
    match lock(&office.account).get(SESSION, &id) {
        Ok(session) if session["status"] == "complete" => see_other(&success_url(&session, &id)),
        _ => refusal(NAME, "Your card was declined. Go back to try again."),
    }
}

fn success_url(session: &Value, id: &str) -> String {
    let url = session["success_url"].as_str().unwrap_or_default();
    url.replace("{CHECKOUT_SESSION_ID}", id)
}
