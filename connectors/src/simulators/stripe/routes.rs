//! Paths, authentication, idempotency keys, expansion, and the way of a request into the account.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::http::header::AUTHORIZATION;
use poem::http::{HeaderMap, Method, StatusCode};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, handler};
use serde_json::{Value, json};

use super::Office;
use super::account::{
    Account, Answered, CHARGE, DISPUTE, ENTRY, Form, INTENT, Kept, PAYOUT, REFUND, Refusal,
    SESSION, TRANSFER,
};
use super::pages;
use super::sessions::shown;
use crate::simulators::control;
use crate::simulators::front::{Reply, is_remembered};
use crate::simulators::server::fields;

pub(super) fn routes(office: &Arc<Office>) -> impl Endpoint + use<> {
    Route::new()
        .at("/c/pay/:id", poem::get(pages::show).post(pages::decide))
        .nest("/_simulator", control::gateway::routes(office.clone()))
        .at("/*path", interface)
        .data(Arc::clone(office))
}

/// A request of a merchant's server.
struct Asked {
    method: Method,
    path: String,
    form: Form,
    headers: HeaderMap,
}

#[handler]
async fn interface(
    Data(office): Data<&Arc<Office>>,
    request: &poem::Request,
    body: String,
) -> Response {
    let mut form = fields(request.uri().query().unwrap_or_default());
    form.extend(fields(&body));
    let asked = Asked {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        form,
        headers: request.headers().clone(),
    };
    let mut response = office.front.answer(|| office.serve(&asked)).await;
    let id = format!("req_{:014}", office.front.requests());
    if let Ok(id) = id.parse() {
        response.headers_mut().insert("request-id", id);
    }
    response
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The request as it is compared with an earlier one of the same key.
    fn content(&self) -> (String, Vec<(String, String)>) {
        let mut pairs: Vec<_> = self.form.clone().into_iter().collect();
        pairs.sort();
        (self.path.clone(), pairs)
    }

    fn expansions(&self) -> Vec<&str> {
        let is_one = |name: &str| name.starts_with("expand[");
        let pairs = self.form.iter().filter(|(name, _)| is_one(name));
        pairs.map(|(_, value)| value.as_str()).collect()
    }
}

impl Office {
    fn serve(&self, asked: &Asked) -> Reply {
        let expected = format!("Bearer {}", self.api_key.reveal());
        if asked.header(AUTHORIZATION.as_str()) != Some(expected.as_str()) {
            return Refusal {
                status: StatusCode::UNAUTHORIZED,
                kind: "invalid_request_error",
                code: None,
                message: "Invalid API Key provided".to_owned(),
                param: None,
            }
            .reply();
        }
        self.happen(|account, now| account.serve(asked, now))
    }
}

impl Account {
    fn serve(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        self.kept.retain(|_, kept| is_remembered(kept.kept_at, now));
        let key = asked
            .header("idempotency-key")
            .filter(|_| asked.method == Method::POST);
        if let Some(kept) = key.and_then(|key| self.kept.get(key)) {
            if kept.request != asked.content() {
                return Refusal {
                    status: StatusCode::BAD_REQUEST,
                    kind: "idempotency_error",
                    code: None,
                    message: "Keys for idempotent requests can only be used with the same \
                              parameters they were first used with."
                        .to_owned(),
                    param: None,
                }
                .reply();
            }
            let mut reply = Reply::ok(kept.answer.clone());
            reply
                .headers
                .push(("idempotent-replayed", "true".to_owned()));
            return reply;
        }
        match self.work(asked, now) {
            Ok(mut answer) => {
                for expansion in asked.expansions() {
                    self.expand(&mut answer, expansion);
                }
                if let Some(key) = key {
                    let kept = Kept {
                        request: asked.content(),
                        answer: answer.clone(),
                        kept_at: now,
                    };
                    self.kept.insert(key.to_owned(), kept);
                }
                Reply::ok(answer)
            }
            Err(refusal) => refusal.reply(),
        }
    }

    fn work(&mut self, asked: &Asked, now: DateTime<Utc>) -> Answered {
        let path = asked.path.strip_prefix("/v1/").unwrap_or_default();
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let outcome = match asked.method {
            Method::GET => self.work_get(&parts, &asked.form),
            Method::POST => self.work_post(&parts, &asked.form, now),
            _ => Err(None),
        };
        outcome.map_err(|refusal| refusal.unwrap_or_else(|| nowhere(asked)))
    }

    fn work_get(&self, parts: &[&str], form: &Form) -> Result<Value, Option<Refusal>> {
        let is_of = |name: &'static str| {
            let wanted = form.get(name).cloned();
            move |object: &Value| {
                let wanted = wanted.as_deref();
                wanted.is_none_or(|wanted| object[name] == wanted)
            }
        };
        let answer = match parts {
            ["checkout", "sessions"] => {
                let wanted = is_of("payment_intent");
                let list = self.list(SESSION, "/v1/checkout/sessions", form, wanted);
                list.map(|mut list| {
                    if let Some(data) = list["data"].as_array_mut() {
                        for session in data {
                            *session = shown(session.take());
                        }
                    }
                    list
                })
            }
            ["checkout", "sessions", id] => self.get(SESSION, id).map(shown),
            ["payment_intents", "search"] => self.search_intents(form),
            ["payment_intents"] => self.list(INTENT, "/v1/payment_intents", form, |_| true),
            ["payment_intents", id] => self.get(INTENT, id),
            ["charges", id] => self.get(CHARGE, id),
            ["refunds"] => self.list(REFUND, "/v1/refunds", form, is_of("payment_intent")),
            ["refunds", id] => self.get(REFUND, id),
            ["disputes"] => self.list(DISPUTE, "/v1/disputes", form, is_of("payment_intent")),
            ["disputes", id] => self.get(DISPUTE, id),
            ["payouts"] => self.list(PAYOUT, "/v1/payouts", form, is_of("status")),
            ["payouts", id] => self.get(PAYOUT, id),
            ["transfers"] => self.list(TRANSFER, "/v1/transfers", form, is_of("transfer_group")),
            ["transfers", id] => self.get(TRANSFER, id),
            ["account"] => Ok(json!({
                "id": "acct_of_the_merchant",
                "object": "account",
                "settings": {"payouts": {"schedule": {"interval": self.interval}}},
            })),
            ["balance_transactions"] => self.list_entries(form),
            ["balance_transactions", id] => self.get(ENTRY, id),
            _ => return Err(None),
        };
        answer.map_err(Some)
    }

    fn work_post(
        &mut self,
        parts: &[&str],
        form: &Form,
        now: DateTime<Utc>,
    ) -> Result<Value, Option<Refusal>> {
        let answer = match parts {
            ["checkout", "sessions"] => self.create_session(form, now),
            ["checkout", "sessions", id, "expire"] => self.expire_session(id, now),
            ["payment_intents", id, "capture"] => self.capture(id, form, now),
            ["payment_intents", id, "cancel"] => self.cancel(id, now),
            ["refunds"] => self.create_refund(form, now),
            ["payouts"] => self.create_payout(form, now),
            ["payouts", id, "cancel"] => self.cancel_payout(id, now),
            ["transfers"] => self.create_transfer(form, now),
            ["transfers", id, "reversals"] => self.reverse_transfer(id, now),
            _ => return Err(None),
        };
        answer.map_err(Some)
    }

    /// Puts objects where ids are, along a path such as `payment_intent.latest_charge`.
    fn expand(&self, object: &mut Value, path: &str) {
        let (field, rest) = match path.split_once('.') {
            Some((field, rest)) => (field, Some(rest)),
            None => (path, None),
        };
        if field == "data" {
            let objects = object["data"].as_array_mut();
            for (object, rest) in objects.into_iter().flatten().zip(std::iter::repeat(rest)) {
                if let Some(rest) = rest {
                    self.expand(object, rest);
                }
            }
            return;
        }
        if let Some(id) = object[field].as_str() {
            let found = match field {
                "payment_intent" => self.get(INTENT, id).ok(),
                "latest_charge" | "charge" => self.get(CHARGE, id).ok(),
                "balance_transaction" => self.get(ENTRY, id).ok(),
                "source" => self.source(id),
                _ => None,
            };
            if let Some(found) = found {
                object[field] = found;
            }
        }
        if let Some(rest) = rest
            && object[field].is_object()
        {
            self.expand(&mut object[field], rest);
        }
    }
}

fn nowhere(asked: &Asked) -> Refusal {
    Refusal {
        status: StatusCode::NOT_FOUND,
        kind: "invalid_request_error",
        code: None,
        message: format!(
            "Unrecognized request URL ({}: {}).",
            asked.method, asked.path
        ),
        param: None,
    }
}
