//! What simulated identity providers can be told, beside what all can.
//!
//! | request under `/_simulator` | effect |
//! |---|---|
//! | `GET /cases` | what really is |
//! | `POST /decide` `{"case_id","choice"}` | the person or a reviewer does something |
//! | `POST /say` `{"case_id","word"}` | the case gets a status that nobody documents |

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{Endpoint, EndpointExt, IntoResponse, Response, get, handler, post};
use serde::Deserialize;

use super::{Simulator, happened, shared_routes};
use crate::simulators::cases::{CaseChoice, SimulatedCase};

/// A simulated identity provider and the people around it.
pub trait IdentitySimulator: Simulator {
    /// Something happens to a case. Says whether that was possible.
    fn decide(&self, case_id: &str, choice: CaseChoice) -> bool;

    /// A case gets a status in a word that nobody documents, and a webhook tells it. Says whether there
    /// is such a case.
    fn say(&self, case_id: &str, word: &str) -> bool;

    /// Every case, oldest first.
    fn cases(&self) -> Vec<SimulatedCase>;
}

type Controlled = Arc<dyn IdentitySimulator>;

/// The control interface, to be nested under `/_simulator`.
pub(in crate::simulators) fn routes(provider: Controlled) -> impl Endpoint {
    let simulator: Arc<dyn Simulator> = provider.clone();
    shared_routes()
        .at("/cases", get(cases))
        .at("/decide", post(decide))
        .at("/say", post(say))
        .data(simulator)
        .data(provider)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    case_id: String,
    choice: CaseChoice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    case_id: String,
    word: String,
}

#[handler]
fn cases(Data(provider): Data<&Controlled>) -> Response {
    Json(provider.cases()).into_response()
}

#[handler]
fn decide(Data(provider): Data<&Controlled>, Json(body): Json<Decision>) -> Response {
    let done = provider.decide(&body.case_id, body.choice);
    happened(done.then_some(body.case_id))
}

#[handler]
fn say(Data(provider): Data<&Controlled>, Json(body): Json<Saying>) -> StatusCode {
    match provider.say(&body.case_id, &body.word) {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::CONFLICT,
    }
}
