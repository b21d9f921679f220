//! What all simulated gateways can be told, by tests in this process and over HTTP from others.
//!
//! | request under `/_simulator` | effect |
//! |---|---|
//! | `GET /books` | what really happened |
//! | `GET /deliveries` | every attempt to deliver a webhook, and what is under way |
//! | `POST /webhook` `{"url","secrets"}` | where webhooks go and how they are signed |
//! | `POST /chances` `{"fail":…}` | misbehaviour by chance |
//! | `POST /faults` `{"fault","requests"}` | misbehaviour of the next requests |
//! | `POST /down` `{"is_down"}` | every request is answered 503 |
//! | `POST /pay` `{"checkout_id","choice"}` | a payer decides |
//! | `POST /advance` `{"seconds"}` | the clock goes forward |
//! | `POST /settle` `{"day"}` | a day is settled |
//! | `POST /captures` `{"are_held"}` | what is authorized waits to be captured by a request |
//! | `POST /refunds` `{"is_held"}` or `{"failing"}` | refunds wait, or are done except those |
//! | `POST /dispute` `{"payment_id"}` | a payer's bank disputes |
//! | `POST /move` `{"dispute_id" or "payout_id","status"}` | a dispute or payout changes |
//!
//! The interface has no authentication: simulators listen on this machine only and hold nobody's money.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{Endpoint, EndpointExt, IntoResponse, Response, Route, get, handler, post};
use serde::Deserialize;
use serde_json::json;

use super::books::Books;
use super::faults::{Fault, Faults};
use super::mischief::{Chances, PayerChoice};
use super::rewriting::Rewriting;
use super::webhook_sender::Delivery;
use crate::secret::Secret;

/// A simulated gateway and the world around it. What the provider itself would do on a request is done by
/// requests; this is everything else.
pub trait GatewaySimulator: fmt::Debug + Send + Sync {
    /// What to do wrong with the next requests.
    fn faults(&self) -> &Faults;

    /// What to do wrong by chance from now on.
    fn set_chances(&self, chances: Chances);

    /// What is said otherwise from now on, to the merchant's server and in webhooks.
    fn rewrite(&self, rewriting: Option<Rewriting>);

    /// Whether every request is answered 503.
    fn set_down(&self, is_down: bool);

    /// Where webhooks go and what they are signed with, the current secret first. Whether events of
    /// before keep their secret, and whether all secrets sign, is as the provider has it.
    fn set_webhook(&self, url: &str, secrets: &[Secret]);

    /// A payer decides on an open checkout. Gives the payment's id, or nothing for one who turns back or
    /// when the checkout cannot be paid.
    fn pay(&self, checkout_id: &str, choice: PayerChoice) -> Option<String>;

    /// Puts the clock forward; what falls due by then happens.
    fn advance(&self, by: Duration);

    /// Settles what was not settled yet, on that day. Gives the batch's id, or nothing when there was
    /// nothing or the provider has no batches.
    fn settle(&self, day: NaiveDate) -> Option<String>;

    /// Leaves what is authorized from now on for the merchant to capture, as a provider does that
    /// authorizes late or is set up so; where it has no capture, nothing changes.
    fn hold_captures(&self, are_held: bool);

    /// Makes refunds wait for [`GatewaySimulator::process_refunds`] instead of being done at once.
    fn hold_refunds(&self, is_held: bool);

    /// Waiting refunds are done; those of these ids fail.
    fn process_refunds(&self, failing: &[&str]);

    /// A payer's bank disputes a captured payment. Gives the dispute's id.
    fn dispute(&self, payment_id: &str) -> Option<String>;

    /// A dispute changes, in the provider's words. Says whether that was possible.
    fn move_dispute(&self, dispute_id: &str, status: &str) -> bool;

    /// A payout changes, in the provider's words. Says whether that was possible.
    fn move_payout(&self, payout_id: &str, status: &str) -> bool;

    /// What really happened.
    fn books(&self) -> Books;

    /// Every attempt to deliver a webhook, oldest first.
    fn deliveries(&self) -> Vec<Delivery>;

    /// How many webhooks are under way.
    fn webhooks_under_way(&self) -> usize;

    /// How many webhooks were never sent, by chance.
    fn dropped_webhooks(&self) -> u64;
}

type Controlled = Arc<dyn GatewaySimulator>;

/// The control interface, to be nested under `/_simulator`.
pub(super) fn routes(gateway: Controlled) -> impl Endpoint {
    Route::new()
        .at("/books", get(books))
        .at("/deliveries", get(deliveries))
        .at("/webhook", post(webhook))
        .at("/chances", post(chances))
        .at("/faults", post(faults))
        .at("/down", post(down))
        .at("/pay", post(pay))
        .at("/advance", post(advance))
        .at("/settle", post(settle))
        .at("/captures", post(captures))
        .at("/refunds", post(refunds))
        .at("/dispute", post(dispute))
        .at("/move", post(move_on))
        .data(gateway)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    url: String,
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Armed {
    fault: String,
    requests: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Down {
    is_down: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    checkout_id: String,
    choice: PayerChoice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    day: NaiveDate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Captures {
    are_held: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refunds {
    is_held: Option<bool>,
    failing: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dispute {
    payment_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    dispute_id: Option<String>,
    payout_id: Option<String>,
    status: String,
}

/// 200 with an id, or 409 when nothing happened.
fn happened(id: Option<String>) -> Response {
    match id {
        Some(id) => Json(json!({"id": id})).into_response(),
        None => StatusCode::CONFLICT.into_response(),
    }
}

#[handler]
fn books(Data(gateway): Data<&Controlled>) -> Response {
    Json(gateway.books()).into_response()
}

#[handler]
fn deliveries(Data(gateway): Data<&Controlled>) -> Response {
    let body = json!({
        "deliveries": gateway.deliveries(),
        "under_way": gateway.webhooks_under_way(),
        "dropped": gateway.dropped_webhooks(),
    });
    Json(body).into_response()
}

#[handler]
fn webhook(Data(gateway): Data<&Controlled>, Json(body): Json<Webhook>) -> StatusCode {
    if body.secrets.is_empty() {
        return StatusCode::BAD_REQUEST;
    }
    gateway.set_webhook(&body.url, &body.secrets);
    StatusCode::NO_CONTENT
}

#[handler]
fn chances(Data(gateway): Data<&Controlled>, Json(body): Json<Chances>) -> StatusCode {
    gateway.set_chances(body);
    StatusCode::NO_CONTENT
}

#[handler]
fn faults(Data(gateway): Data<&Controlled>, Json(body): Json<Armed>) -> StatusCode {
    let fault = match body.fault.as_str() {
        "fail" => Fault::Fail,
        "fail_afterwards" => Fault::FailAfterwards,
        "break_off" => Fault::BreakOff,
        "nonsense" => Fault::Nonsense,
        "page" => Fault::Page,
        "delay" => Fault::Delay(Duration::from_secs(1)),
        "delay_before" => Fault::DelayBefore(Duration::from_secs(1)),
        "rate_limit" => Fault::RateLimit {
            retry_after_seconds: None,
        },
        _ => return StatusCode::BAD_REQUEST,
    };
    gateway.faults().arm(&fault, body.requests);
    StatusCode::NO_CONTENT
}

#[handler]
fn down(Data(gateway): Data<&Controlled>, Json(body): Json<Down>) -> StatusCode {
    gateway.set_down(body.is_down);
    StatusCode::NO_CONTENT
}

#[handler]
fn pay(Data(gateway): Data<&Controlled>, Json(body): Json<Decision>) -> Response {
    happened(gateway.pay(&body.checkout_id, body.choice))
}

#[handler]
fn advance(Data(gateway): Data<&Controlled>, Json(body): Json<Advance>) -> StatusCode {
    gateway.advance(Duration::from_secs(body.seconds));
    StatusCode::NO_CONTENT
}

#[handler]
fn settle(Data(gateway): Data<&Controlled>, Json(body): Json<Settle>) -> Response {
    happened(gateway.settle(body.day))
}

#[handler]
fn captures(Data(gateway): Data<&Controlled>, Json(body): Json<Captures>) -> StatusCode {
    gateway.hold_captures(body.are_held);
    StatusCode::NO_CONTENT
}

#[handler]
fn refunds(Data(gateway): Data<&Controlled>, Json(body): Json<Refunds>) -> StatusCode {
    if let Some(is_held) = body.is_held {
        gateway.hold_refunds(is_held);
    }
    if let Some(failing) = &body.failing {
        let failing: Vec<&str> = failing.iter().map(String::as_str).collect();
        gateway.process_refunds(&failing);
    }
    StatusCode::NO_CONTENT
}

#[handler]
fn dispute(Data(gateway): Data<&Controlled>, Json(body): Json<Dispute>) -> Response {
    happened(gateway.dispute(&body.payment_id))
}

#[handler]
fn move_on(Data(gateway): Data<&Controlled>, Json(body): Json<Move>) -> Response {
    match (body.dispute_id, body.payout_id) {
        (Some(id), None) => happened(gateway.move_dispute(&id, &body.status).then_some(id)),
        (None, Some(id)) => happened(gateway.move_payout(&id, &body.status).then_some(id)),
        (None, None) | (Some(_), Some(_)) => StatusCode::BAD_REQUEST.into_response(),
    }
}
