//! Paths, authentication, and the way of a request into the account.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::http::{HeaderMap, Method, StatusCode};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, get, handler, post};
use serde_json::{Value, json};

use super::account::Account;
use super::bodies::{self, Answered, Refusal, Version, told};
use super::{Office, pages};
use crate::simulators::control;
use crate::simulators::front::{Reply, lock};
use crate::simulators::server::fields;

/// How long a token is good for, in seconds.
const TOKEN_LIFE: i64 = 36_000;

/// What a request gives: the fields of its form or of its JSON, or of its query.
pub(super) type Given = HashMap<String, String>;

pub(super) fn routes(office: &Arc<Office>) -> impl Endpoint + use<> {
    Route::new()
        .at("/@simulated/:id", get(pages::show).post(pages::decide))
        .at("/oauth2/token/", post(authorize))
        .nest("/_simulator", control::gateway::routes(office.clone()))
        .at("/*path", interface)
        .data(Arc::clone(office))
}

/// A request of a merchant's server.
pub(super) struct Asked {
    method: Method,
    path: String,
    query: Given,
    headers: HeaderMap,
    given: Given,
}

#[handler]
async fn interface(
    Data(office): Data<&Arc<Office>>,
    request: &poem::Request,
    body: String,
) -> Response {
    let asked = Asked {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: query(request.uri().query().unwrap_or_default()),
        headers: request.headers().clone(),
        given: given(request.headers(), &body),
    };
    let work = || office.serve(&asked).unwrap_or_else(Refusal::reply);
    office.front.answer(work).await
}

#[handler]
async fn authorize(
    Data(office): Data<&Arc<Office>>,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let given = given(headers, &body);
    let work = || {
        let text = |name: &str| given.get(name).map_or("", String::as_str);
        let settings = &office.settings;
        if text("grant_type") != "client_credentials" {
            let body = json!({"error": "unsupported_grant_type"});
            return Reply::new(StatusCode::BAD_REQUEST, body);
        }
        let is_client = text("client_id") == settings.client_id
            && text("client_secret") == settings.client_secret.reveal();
        if !is_client {
            let body = json!({"error": "invalid_client"});
            return Reply::new(StatusCode::UNAUTHORIZED, body);
        }
        office.happen(|account, now| account.give_token(now))
    };
    office.front.answer(work).await
}

/// Instamojo's own client writes a slash after the query.
fn query(encoded: &str) -> Given {
    fields(encoded.trim_end_matches('/'))
}

fn given(headers: &HeaderMap, body: &str) -> Given {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return fields(body);
    }
    let Ok(Value::Object(values)) = serde_json::from_str(body) else {
        return Given::new();
    };
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    values
        .into_iter()
        .filter_map(|(name, value)| text(value).map(|text| (name, text)))
        .collect()
}

impl Office {
    fn serve(&self, asked: &Asked) -> Answered {
        let (version, path) = if let Some(path) = asked.path.strip_prefix("/api/1.1/") {
            self.check_keys(&asked.headers)?;
            (Version::One, path)
        } else if let Some(path) = asked.path.strip_prefix("/v2/") {
            self.check_token(&asked.headers)?;
            (Version::Two, path)
        } else {
            return Err(Refusal::not_found());
        };
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        self.happen(|account, now| match asked.method {
            Method::GET => account.serve_get(version, &parts, &asked.query),
            Method::POST => account.serve_post(version, &parts, &asked.given, now),
            _ => Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
            )),
        })
    }

    fn check_keys(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let is = |name: &str, expected: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value == Some(expected)
        };
        if is("x-api-key", self.settings.api_key.reveal())
            && is("x-auth-token", self.settings.auth_token.reveal())
        {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Authentication credentials were not provided.",
        ))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let now = self.front.now();
        let value = headers.get(AUTHORIZATION);
        let token = value
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let account = lock(&self.account);
        let end = token.and_then(|token| account.tokens.get(token));
        if end.is_some_and(|end| *end > now) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "The access token is invalid or has expired.",
        ))
    }
}

impl Account {
    fn give_token(&mut self, now: DateTime<Utc>) -> Reply {
        let token = self.new_hexadecimal(30);
        let end = TimeDelta::try_seconds(TOKEN_LIFE).and_then(|life| now.checked_add_signed(life));
        self.tokens.insert(token.clone(), end.unwrap_or(now));
        Reply::ok(json!({
            "access_token": token,
            "expires_in": TOKEN_LIFE,
            "token_type": "Bearer",
            "scope": "read write",
        }))
    }

    fn serve_get(&self, version: Version, parts: &[&str], query: &Given) -> Answered {
        use Version::{One, Two};
        match (version, parts) {
            (One, ["debug"]) => Ok(Reply::ok(json!({"success": true}))),
            (One, ["payment-requests"]) => self.list_requests(query),
            (One, ["payment-requests", id]) => self.fetch_request(id),
            (One, ["payment-requests", id, payment]) => self.fetch_payment_of(id, payment),
            (Two, ["gateway", "orders"]) => self.list_orders(query),
            (Two, ["gateway", "orders", name]) => self.fetch_order(name),
            (Two, ["payouts"]) => self.list_payouts(query),
            (Two, ["payouts", id]) => self.fetch_payout(id.trim_start_matches("id:")),
            (_, ["payments"]) => self.list_payments(version, query),
            (_, ["payments", id]) => self.fetch_payment(version, id),
            (_, ["refunds"]) => self.list_refunds(version, query),
            (_, ["refunds", id]) => {
                let found = self.refunds.iter().find(|refund| refund.id == *id);
                let found = found.ok_or_else(Refusal::not_found)?;
                let body = bodies::refund(found);
                Ok(told(Version::One, StatusCode::OK, "refund", body))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn serve_post(
        &mut self,
        version: Version,
        parts: &[&str],
        given: &Given,
        now: DateTime<Utc>,
    ) -> Answered {
        use Version::{One, Two};
        match (version, parts) {
            (One, ["payment-requests"]) => self.create_request(given, now),
            (One, ["payment-requests", id, "disable"]) => self.enable(id, Enabling::Off, now),
            (One, ["payment-requests", id, "enable"]) => self.enable(id, Enabling::On, now),
            (One, ["refunds"]) => {
                let payment_id = given.get("payment_id").map_or("", String::as_str);
                self.create_refund(version, payment_id, given, now)
            }
            (Two, ["gateway", "orders"]) => self.create_order(given, now),
            (Two, ["payments", id, "refund"]) => self.create_refund(version, id, given, now),
            _ => Err(Refusal::not_found()),
        }
    }
}

/// Whether a payment request can be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enabling {
    On,
    Off,
}

/// A page of a list, the latest first: 50 rows unless told otherwise, 500 at most.
pub(super) fn page<T>(all: &[T], query: &Given, body: impl Fn(&T) -> Value) -> (Vec<Value>, bool) {
    let number = |name: &str, default: usize| {
        let text = query.get(name).map(|text| text.trim_end_matches('/'));
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let limit = number("limit", 50).clamp(1, 500);
    let skip = number("page", 1).saturating_sub(1).saturating_mul(limit);
    let rows = all.iter().rev().skip(skip).take(limit).map(body);
    let is_more = all.len() > skip.saturating_add(limit);
    (rows.collect(), is_more)
}
