//! Paths, authentication, and the way of a request into the account.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::http::{HeaderMap, Method, StatusCode};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, handler, post};
use serde_json::Value;

use super::Office;
use super::account::Account;
use super::bodies::{Answered, Refusal};
use super::orders::Query;
use super::pages;
use crate::simulators::control;
use crate::simulators::front::Reply;
use crate::simulators::server::fields;

pub(super) fn routes(office: &Arc<Office>) -> impl Endpoint + use<> {
    Route::new()
        .at("/v1/checkout/embedded", post(pages::checkout))
        .at("/v1/checkout/pay", post(pages::decide_order))
        .at(
            "/l/:id",
            poem::get(pages::show_link).post(pages::decide_link),
        )
        .nest("/_simulator", control::gateway::routes(office.clone()))
        .at("/*path", interface)
        .data(Arc::clone(office))
}

/// A request of a merchant's server.
struct Asked {
    method: Method,
    path: String,
    query: Query,
    headers: HeaderMap,
    body: String,
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
        query: fields(request.uri().query().unwrap_or_default()),
        headers: request.headers().clone(),
        body,
    };
    let work = || match office.serve(&asked) {
        Ok(body) => Reply::ok(body),
        Err(refusal) => refusal.reply(),
    };
    office.front.answer(work).await
}

impl Asked {
    fn json(&self) -> Answered {
        let kind = self.headers.get(CONTENT_TYPE);
        let is_json = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/json"));
        let body = if self.body.is_empty() {
            "{}"
        } else {
            &self.body
        };
        let refused = || Refusal::bad("The request body is not valid JSON.");
        match is_json || self.body.is_empty() {
            true => serde_json::from_str(body).map_err(|_| refused()),
            false => Err(refused()),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Office {
    fn serve(&self, asked: &Asked) -> Answered {
        if !self.is_key(&asked.headers) {
            return Err(Refusal {
                status: StatusCode::UNAUTHORIZED,
                ..Refusal::bad("Authentication failed")
            });
        }
        self.happen(|account, now| account.serve(asked, now))
    }

    fn is_key(&self, headers: &HeaderMap) -> bool {
        let settings = &self.settings;
        let expected = format!("{}:{}", settings.key_id, settings.key_secret.reveal());
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .is_some_and(|given| given == expected.as_bytes())
    }
}

impl Account {
    fn serve(&mut self, asked: &Asked, now: DateTime<Utc>) -> Answered {
        let path = asked.path.strip_prefix("/v1/").unwrap_or_default();
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        match asked.method {
            Method::GET => self.serve_get(&parts, &asked.query),
            Method::POST => self.serve_post(&parts, asked, &asked.json()?, now),
            _ => Err(nowhere()),
        }
    }

    fn serve_get(&self, parts: &[&str], query: &Query) -> Answered {
        match parts {
            ["orders"] => self.list_orders(query),
            ["orders", id] => self.fetch_order(id),
            ["orders", id, "payments"] => self.payments_of_order(id),
            ["payment_links"] => self.list_links(query),
            ["payment_links", id] => self.fetch_link(id),
            ["payments", id] => self.fetch_payment(id),
            ["payments", id, "refunds"] => self.list_refunds(Some(id), query),
            ["payments", payment, "refunds", id] => self.fetch_refund(Some(payment), id),
            ["refunds"] => self.list_refunds(None, query),
            ["refunds", id] => self.fetch_refund(None, id),
            ["disputes"] => self.list_disputes(query),
            ["disputes", id] => self.fetch_dispute(id),
            ["settlements"] => self.list_settlements(query),
            ["settlements", "recon", "combined"] => self.report(query),
            ["settlements", id] => self.fetch_settlement(id),
            ["fund_accounts", id] => self.fetch_fund_account(id),
            ["payouts"] => self.list_payouts(query),
            ["payouts", id] => self.fetch_payout(id),
            _ => Err(nowhere()),
        }
    }

    fn serve_post(
        &mut self,
        parts: &[&str],
        asked: &Asked,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Answered {
        match parts {
            ["orders"] => self.create_order(body, now),
            ["payment_links"] => self.create_link(body, now),
            ["payment_links", id, "cancel"] => self.cancel_link(id, now),
            ["payments", id, "capture"] => self.capture(id, body, now),
            ["payments", id, "refund"] => {
                self.create_refund(id, body, asked.header("x-refund-idempotency"), now)
            }
            ["contacts"] => self.create_contact(body, now),
            ["fund_accounts"] => self.create_fund_account(body, now),
            ["payouts"] => self.create_payout(body, asked.header("x-payout-idempotency"), now),
            ["payouts", id, "cancel"] => self.cancel_payout(id),
            _ => Err(nowhere()),
        }
    }
}

fn nowhere() -> Refusal {
    Refusal::bad("The requested URL was not found on the server.")
}
