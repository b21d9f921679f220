//! A local MSG91, of which it has the OTP interface (version 5).
//!
//! | request under `/api/v5/otp` | answer |
//! |---|---|
//! | `POST` (`template_id`, `mobile`, `otp`, `otp_length`, `otp_expiry`) | `success` with a `request_id` |
//! | `GET` or `POST /verify` (`mobile`, `otp`) | `success`; an error when it does not match, expired, or was verified |
//! | `GET` or `POST /retry` (`mobile`, `retrytype`) | `success`, at most twice for one code |
//!
//! Fields come in the query, also in a JSON object as body; the key in the `authkey` header, also in
//! the query. Answers have status 200, errors too: `{"type":"error","message":…}`. Without `otp`,
//! `otp_length` and `otp_expiry` a code has four digits and holds for a day.

mod requests;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poem::http::{HeaderMap, StatusCode, Uri};
use poem::web::Data;
use poem::{EndpointExt, Response, Route, get, handler, post};
use serde_json::{Value, json};

use super::SentCode;
use super::faults::Faults;
use super::front::Reply;
use super::server::{Desk, Server, Voice, fields};
use crate::secret::Secret;
use requests::Requests;

/// Whose account it is.
#[derive(Debug, Clone)]
pub struct Msg91Account {
    /// The key.
    pub authkey: Secret,
    /// The one template for codes.
    pub template_id: String,
}

/// A running simulator.
#[derive(Debug)]
pub struct Msg91Simulator {
    server: Server,
    office: Arc<Office>,
}

#[derive(Debug)]
struct Office {
    account: Msg91Account,
    desk: Desk,
    requests: Mutex<Requests>,
}

impl Msg91Simulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(account: Msg91Account) -> io::Result<Self> {
        let office = Arc::new(Office {
            account,
            desk: Desk::default(),
            requests: Mutex::default(),
        });
        let routes = Route::new()
            .at("/api/v5/otp", post(send))
            .at("/api/v5/otp/verify", get(verify).post(verify))
            .at("/api/v5/otp/retry", get(retry).post(retry))
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
        self.office.requests().sent()
    }
}

/// An error of which MSG91 tells only the words, mostly.
#[derive(Debug)]
struct Refusal {
    code: Option<&'static str>,
    message: &'static str,
}

impl Refusal {
    const fn words(message: &'static str) -> Self {
        Self {
            code: None,
            message,
        }
    }
}

impl Office {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(
        &self,
        headers: &HeaderMap,
        fields: &HashMap<String, String>,
        work: impl FnOnce(&mut Requests) -> Result<Value, Refusal>,
    ) -> Response {
        let work = || {
            let outcome = if self.is_account(headers, fields) {
                work(&mut self.requests())
            } else {
                Err(Refusal {
                    code: Some("201"),
                    message: "Authentication failure",
                })
            };
            let body = outcome.unwrap_or_else(|refusal| {
                let mut body = json!({"type": "error", "message": refusal.message});
                if let Some(code) = refusal.code {
                    body["code"] = code.into();
                }
                body
            });
            Reply::ok(body)
        };
        self.desk.answer(&VOICE, work).await
    }

    fn is_account(&self, headers: &HeaderMap, fields: &HashMap<String, String>) -> bool {
        let in_header = headers.get("authkey").and_then(|key| key.to_str().ok());
        let key = in_header.or(fields.get("authkey").map(String::as_str));
        key == Some(self.account.authkey.reveal())
    }
}

const VOICE: Voice = Voice {
    error: error_body,
    failed: 500,
    limited: 429,
};

fn error_body(_status: StatusCode, code: u32, message: &str) -> Value {
    json!({"type": "error", "message": message, "code": code.to_string()})
}

/// The fields of the query and of a JSON body, which wins.
fn all_fields(uri: &Uri, body: &str) -> HashMap<String, String> {
    let mut all = fields(uri.query().unwrap_or_default());
    if let Ok(Value::Object(object)) = serde_json::from_str(body) {
        for (name, value) in object {
            let text = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            all.insert(name, text);
        }
    }
    all
}

#[handler]
async fn send(
    Data(office): Data<&Arc<Office>>,
    uri: &Uri,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let fields = all_fields(uri, &body);
    let now = office.desk.now();
    let template = &office.account.template_id;
    office
        .answer(headers, &fields, |all| all.send(&fields, template, now))
        .await
}

#[handler]
async fn verify(
    Data(office): Data<&Arc<Office>>,
    uri: &Uri,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let fields = all_fields(uri, &body);
    let now = office.desk.now();
    office
        .answer(headers, &fields, |all| all.verify(&fields, now))
        .await
}

#[handler]
async fn retry(
    Data(office): Data<&Arc<Office>>,
    uri: &Uri,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let fields = all_fields(uri, &body);
    let now = office.desk.now();
    office
        .answer(headers, &fields, |all| all.retry(&fields, now))
        .await
}
