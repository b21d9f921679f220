//! What simulated gateways can be told, beside what all can.
//!
//! | request under `/_simulator` | effect |
//! |---|---|
//! | `GET /books` | what really happened |
//! | `POST /pay` `{"checkout_id","choice"}` | a payer decides |
//! | `POST /settle` `{"day"}` | a day is settled |
//! | `POST /captures` `{"are_held"}` | what is authorized waits to be captured by a request |
//! | `POST /refunds` `{"is_held"}` or `{"failing"}` | refunds wait, or are done except those |
//! | `POST /dispute` `{"payment_id"}` | a payer's bank disputes |
//! | `POST /move` `{"dispute_id" or "payout_id","status"}` | a dispute or payout changes |

use std::sync::Arc;

use chrono::NaiveDate;
use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{Endpoint, EndpointExt, IntoResponse, Response, get, handler, post};
use serde::Deserialize;

use super::{Simulator, happened, shared_routes};
use crate::simulators::books::Books;
use crate::simulators::mischief::PayerChoice;

/// A simulated gateway and the world around it. What the provider itself would do on a request is done by
/// requests; this is everything else.
pub trait GatewaySimulator: Simulator {
    /// A payer decides on an open checkout. Gives the payment's id, or nothing for one who turns back or
    /// when the checkout cannot be paid.
    fn pay(&self, checkout_id: &str, choice: PayerChoice) -> Option<String>;

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
}

type Controlled = Arc<dyn GatewaySimulator>;

/// The control interface, to be nested under `/_simulator`.
pub(in crate::simulators) fn routes(gateway: Controlled) -> impl Endpoint {
    let simulator: Arc<dyn Simulator> = gateway.clone();
    shared_routes()
        .at("/books", get(books))
        .at("/pay", post(pay))
        .at("/settle", post(settle))
        .at("/captures", post(captures))
        .at("/refunds", post(refunds))
        .at("/dispute", post(dispute))
        .at("/move", post(move_on))
        .data(simulator)
        .data(gateway)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    checkout_id: String,
    choice: PayerChoice,
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

#[handler]
fn books(Data(gateway): Data<&Controlled>) -> Response {
    Json(gateway.books()).into_response()
}

#[handler]
fn pay(Data(gateway): Data<&Controlled>, Json(body): Json<Decision>) -> Response {
    happened(gateway.pay(&body.checkout_id, body.choice))
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
