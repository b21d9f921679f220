//! Paths, authentication, and the way of a request into the account.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use poem::http::{Method, StatusCode};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Request, Response, Route, handler};
use serde_json::{Value, json};

use super::account::{Account, Wish, failure, time};
use crate::simulators::cases::{Asked, Office};
use crate::simulators::control::identity;
use crate::simulators::front::Reply;
use crate::simulators::server::fields;

const NAME: &str = "Digio";

type Here = Arc<Office<Account>>;

pub(super) fn routes(office: &Here) -> impl Endpoint + use<> {
    Route::new()
        .at(
            "/gateway/login/:id/:text/:contact",
            poem::get(show).post(decide),
        )
        .nest("/_simulator", identity::routes(office.clone()))
        .at("/*path", interface)
        .data(Arc::clone(office))
}

/// The token that a page's address has, and where the browser goes afterwards.
fn token(request: &Request) -> (String, Option<String>) {
    let mut query = fields(request.uri().query().unwrap_or_default());
    let token = query.remove("token_id").unwrap_or_default();
    (token, query.remove("redirect_url"))
}

#[handler]
fn show(Data(office): Data<&Here>, request: &Request) -> Response {
    let (token, _) = token(request);
    office.show_page(NAME, &token, &request.original_uri().to_string())
}

/// Digio appends how it went and which request it was, unsigned.
#[handler]
fn decide(Data(office): Data<&Here>, request: &Request, form: String) -> Response {
    let (token, redirect_url) = token(request);
    office.take_page(NAME, &token, &form, |page| {
        let mut url: url::Url = redirect_url?.parse().ok()?;
        url.query_pairs_mut()
            .append_pair("status", "success")
            .append_pair("digio_doc_id", &page.case_id)
            .append_pair("message", "KYC completed");
        Some(url.into())
    })
}

#[handler]
async fn interface(Data(office): Data<&Here>, request: &Request, body: Vec<u8>) -> Response {
    let asked = Asked::read(request, body).await;
    office
        .answer(|account, now| account.serve(&asked, now))
        .await
}

fn refuse(status: StatusCode, message: &str) -> Reply {
    Reply::new(status, failure(status, message))
}

impl Account {
    fn serve(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let credentials = format!(
            "{}:{}",
            self.settings.client_id,
            self.settings.client_secret.reveal()
        );
        let expected = format!("Basic {}", STANDARD.encode(credentials));
        if asked.header("authorization") != Some(expected.as_str()) {
            return refuse(StatusCode::UNAUTHORIZED, "Invalid client credentials");
        }
        let path = asked.request.path.trim_matches('/').to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (&asked.request.method, parts.as_slice()) {
            (&Method::POST, ["client", "kyc", "v2", "request", "with_template"]) => {
                self.create(asked, now)
            }
            (&Method::GET | &Method::POST, ["client", "kyc", "v2", id, "response"]) => {
                let request = self.place(id).and_then(|place| self.requests.get(place));
                match request {
                    Some(request) => Reply::ok(request.shown()),
                    None => refuse(StatusCode::NOT_FOUND, "No such request"),
                }
            }
            _ => refuse(StatusCode::NOT_FOUND, "No such path"),
        }
    }

    fn create(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let body = asked.json().unwrap_or_default();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let wish = Wish {
            template: text("template_name").unwrap_or_default(),
            customer_identifier: text("customer_identifier").unwrap_or_default(),
            reference_id: text("reference_id"),
            transaction_id: text("transaction_id"),
            days: body["expire_in_days"].as_i64().unwrap_or(10),
        };
        if wish.customer_identifier.is_empty() {
            let message = "customer_identifier is mandatory";
            return refuse(StatusCode::BAD_REQUEST, message);
        }
        if !self.settings.templates.contains(&wish.template) {
            return refuse(StatusCode::BAD_REQUEST, "No such template");
        }
        if !(1..=90).contains(&wish.days) {
            return refuse(StatusCode::BAD_REQUEST, "expire_in_days is 1 to 90");
        }
        let place = self.add(wish, now);
        let Some(request) = self.requests.get(place) else {
            return refuse(StatusCode::NOT_FOUND, "No such request");
        };
        let mut shown = request.shown();
        if let Value::Object(fields) = &mut shown {
            fields.remove("actions");
        }
        if body["generate_access_token"] == true {
            shown["access_token"] = json!({
                "id": request.token,
                "entity_id": request.id,
                "created_at": time(now),
                "valid_till": time(now + TimeDelta::days(request.days)),
            });
        }
        Reply::ok(shown)
    }
}
