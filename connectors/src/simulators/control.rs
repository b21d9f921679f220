//! What all simulated providers can be told, by tests in this process and over HTTP from others.
//!
//! | request under `/_simulator` | effect |
//! |---|---|
//! | `GET /deliveries` | every attempt to deliver a webhook, and what is under way |
//! | `POST /webhook` `{"url","secrets"}` | where webhooks go and how they are signed |
//! | `POST /chances` `{"fail":…}` | misbehaviour by chance |
//! | `POST /faults` `{"fault","requests"}` | misbehaviour of the next requests |
//! | `POST /down` `{"is_down"}` | every request is answered 503 |
//! | `POST /advance` `{"seconds"}` | the clock goes forward |
//!
//! What only gateways or only identity providers can be told is in [`gateway`] and [`identity`].
//! The interface has no authentication: simulators listen on this machine only and hold nobody's money
//! and nobody's documents.

pub(super) mod gateway;
pub(super) mod identity;
mod workings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{IntoResponse, Response, Route, get, handler, post};
use serde::Deserialize;
use serde_json::json;

use super::faults::{Fault, Faults};
use super::mischief::Chances;
use super::rewriting::Rewriting;
use super::webhook_sender::Delivery;
use crate::secret::Secret;
pub use gateway::GatewaySimulator;
pub use identity::IdentitySimulator;
pub(super) use workings::Workings;

/// A simulated provider and what is around every one of them.
pub trait Simulator: fmt::Debug + Send + Sync {
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

    /// Puts the clock forward; what falls due by then happens.
    fn advance(&self, by: Duration);

    /// Every attempt to deliver a webhook, oldest first.
    fn deliveries(&self) -> Vec<Delivery>;

    /// How many webhooks are under way.
    fn webhooks_under_way(&self) -> usize;

    /// How many webhooks were never sent, by chance.
    fn dropped_webhooks(&self) -> u64;
}

type Controlled = Arc<dyn Simulator>;

/// What all have of the control interface; wants [`Controlled`] as data.
fn shared_routes() -> Route {
    Route::new()
        .at("/deliveries", get(deliveries))
        .at("/webhook", post(webhook))
        .at("/chances", post(chances))
        .at("/faults", post(faults))
        .at("/down", post(down))
        .at("/advance", post(advance))
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
struct Advance {
    seconds: u64,
}

/// 200 with an id, or 409 when nothing happened.
fn happened(id: Option<String>) -> Response {
    match id {
        Some(id) => Json(json!({"id": id})).into_response(),
        None => StatusCode::CONFLICT.into_response(),
    }
}

#[handler]
fn deliveries(Data(simulator): Data<&Controlled>) -> Response {
    let body = json!({
        "deliveries": simulator.deliveries(),
        "under_way": simulator.webhooks_under_way(),
        "dropped": simulator.dropped_webhooks(),
    });
    Json(body).into_response()
}

#[handler]
fn webhook(Data(simulator): Data<&Controlled>, Json(body): Json<Webhook>) -> StatusCode {
    if body.secrets.is_empty() {
        return StatusCode::BAD_REQUEST;
    }
    simulator.set_webhook(&body.url, &body.secrets);
    StatusCode::NO_CONTENT
}

#[handler]
fn chances(Data(simulator): Data<&Controlled>, Json(body): Json<Chances>) -> StatusCode {
    simulator.set_chances(body);
    StatusCode::NO_CONTENT
}

#[handler]
fn faults(Data(simulator): Data<&Controlled>, Json(body): Json<Armed>) -> StatusCode {
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
    simulator.faults().arm(&fault, body.requests);
    StatusCode::NO_CONTENT
}

#[handler]
fn down(Data(simulator): Data<&Controlled>, Json(body): Json<Down>) -> StatusCode {
    simulator.set_down(body.is_down);
    StatusCode::NO_CONTENT
}

#[handler]
fn advance(Data(simulator): Data<&Controlled>, Json(body): Json<Advance>) -> StatusCode {
    simulator.advance(Duration::from_secs(body.seconds));
    StatusCode::NO_CONTENT
}
