//! A local Twilio Verify (version 2).
//!
//! | request under `/v2/Services/{VA…}` | answer |
//! |---|---|
//! | `POST /Verifications` (`To`, `Channel`, `CustomCode`) | 201; the same verification again while it is pending, with the new code |
//! | `GET /Verifications/{VE… or number}` | 200 while it is known |
//! | `POST /Verifications/{VE… or number}` (`Status`) | 200; `approved` or `canceled` |
//! | `POST /VerificationCheck` (`Code` and `To` or `VerificationSid`) | 200, `approved` or still `pending`; 404 once it is approved, canceled or expired |
//!
//! Basic authentication with the account's SID and token is wanted (401, 20003). A verification expires
//! after ten minutes, takes five starts (then 429, 60203) and five checks (then 429, 60202). Bodies are
//! forms; errors are `{"code","message","more_info","status"}`.

mod verifications;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::header::AUTHORIZATION;
use poem::http::{HeaderMap, StatusCode};
use poem::web::{Data, Path};
use poem::{EndpointExt, Response, Route, get, handler, post};
use serde_json::{Value, json};

use super::SentCode;
use super::faults::Faults;
use super::front::Reply;
use super::server::{Desk, Server, Voice, fields, is_form};
use crate::secret::Secret;
use verifications::{Refusal, Verifications};

/// Whose service it is.
#[derive(Debug, Clone)]
pub struct TwilioAccount {
    /// `AC…`.
    pub account_sid: String,
    /// The account's token.
    pub auth_token: Secret,
    /// `VA…`.
    pub service_sid: String,
}

/// A running simulator.
#[derive(Debug)]
pub struct TwilioVerifySimulator {
    server: Server,
    office: Arc<Office>,
}

#[derive(Debug)]
struct Office {
    account: TwilioAccount,
    desk: Desk,
    verifications: Mutex<Verifications>,
}

impl TwilioVerifySimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(account: TwilioAccount) -> io::Result<Self> {
        let office = Arc::new(Office {
            verifications: Mutex::new(Verifications::new(&account)),
            account,
            desk: Desk::default(),
        });
        let routes = Route::new()
            .at("/v2/Services/:service/Verifications", post(start))
            .at(
                "/v2/Services/:service/Verifications/:sid",
                get(fetch).post(update),
            )
            .at("/v2/Services/:service/VerificationCheck", post(check))
            .at("/*path", poem::endpoint::make_sync(|_| nowhere()))
            .data(Arc::clone(&office));
        Ok(Self {
            server: Server::start(routes).await?,
            office,
        })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What to do wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.office.desk.faults
    }

    /// How many requests came, right or wrong.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.office.desk.requests()
    }

    /// Puts the simulator's clock forward.
    pub fn advance(&self, by: Duration) {
        self.office.desk.advance(by);
    }

    /// The last messages it would have sent, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<SentCode> {
        self.office.verifications().sent()
    }
}

impl Office {
    fn verifications(&self) -> MutexGuard<'_, Verifications> {
        self.verifications
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(
        &self,
        headers: &HeaderMap,
        service: &str,
        work: impl FnOnce(&mut Verifications) -> Result<(StatusCode, Value), Refusal>,
    ) -> Response {
        let work = || {
            if !self.is_account(headers) {
                return Refusal::new(StatusCode::UNAUTHORIZED, 20_003, "Authenticate").reply();
            }
            if service != self.account.service_sid {
                return Refusal::not_found(&format!("/Services/{service}")).reply();
            }
            match work(&mut self.verifications()) {
                Ok((status, body)) => Reply::new(status, body),
                Err(refusal) => refusal.reply(),
            }
        };
        self.desk.answer(&VOICE, work).await
    }

    fn is_account(&self, headers: &HeaderMap) -> bool {
        let TwilioAccount {
            account_sid,
            auth_token,
            ..
        } = &self.account;
        let expected = format!("{account_sid}:{}", auth_token.reveal());
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .is_some_and(|given| given == expected.as_bytes())
    }
}

const VOICE: Voice = Voice {
    error: error_body,
    failed: 20_500,
    limited: 20_429,
};

fn error_body(status: StatusCode, code: u32, message: &str) -> Value {
    json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    })
}

impl Refusal {
    fn reply(&self) -> Reply {
        let body = error_body(self.status, self.code, &self.message);
        Reply::new(self.status, body)
    }
}

fn nowhere() -> Response {
    let body = Refusal::not_found("").reply().body;
    Response::builder()
        .status(StatusCode::NOT_FOUND)
        .content_type("application/json")
        .body(body.to_string())
}

/// The form's fields, or none of them when the body is no form, as Twilio does.
fn form_of(headers: &HeaderMap, body: &str) -> std::collections::HashMap<String, String> {
    fields(if is_form(headers) { body } else { "" })
}

#[handler]
async fn start(
    Data(office): Data<&Arc<Office>>,
    Path(service): Path<String>,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let form = form_of(headers, &body);
    let now = office.desk.now();
    office
        .answer(headers, &service, |all| {
            Ok((StatusCode::CREATED, all.start(&form, now)?))
        })
        .await
}

#[handler]
async fn fetch(
    Data(office): Data<&Arc<Office>>,
    Path((service, sid)): Path<(String, String)>,
    headers: &HeaderMap,
) -> Response {
    let now = office.desk.now();
    office
        .answer(headers, &service, |all| {
            Ok((StatusCode::OK, all.fetch(&sid, now)?))
        })
        .await
}

#[handler]
async fn update(
    Data(office): Data<&Arc<Office>>,
    Path((service, sid)): Path<(String, String)>,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let form = form_of(headers, &body);
    let now = office.desk.now();
    office
        .answer(headers, &service, |all| {
            Ok((StatusCode::OK, all.update(&sid, &form, now)?))
        })
        .await
}

#[handler]
async fn check(
    Data(office): Data<&Arc<Office>>,
    Path(service): Path<String>,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let form = form_of(headers, &body);
    let now = office.desk.now();
    office
        .answer(headers, &service, |all| {
            Ok((StatusCode::OK, all.check(&form, now)?))
        })
        .await
}
