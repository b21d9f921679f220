//! Paths, the token, and the way of a request into the account.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::{Method, StatusCode};
use poem::web::{Data, Path};
use poem::{Endpoint, EndpointExt, Request, Response, Route, handler};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::account::{Account, NewDocument, Run, failure, instant};
use crate::simulators::cases::{Asked, Office};
use crate::simulators::control::identity;
use crate::simulators::front::Reply;

const NAME: &str = "Onfido";

type Here = Arc<Office<Account>>;

pub(super) fn routes(office: &Here) -> impl Endpoint + use<> {
    Route::new()
        .at("/l/:key", poem::get(show).post(decide))
        .nest("/_simulator", identity::routes(office.clone()))
        .at("/*path", interface)
        .data(Arc::clone(office))
}

#[handler]
fn show(Data(office): Data<&Here>, Path(key): Path<String>) -> Response {
    office.show_page(NAME, &key, &format!("/l/{key}"))
}

#[handler]
fn decide(Data(office): Data<&Here>, Path(key): Path<String>, form: String) -> Response {
    office.take_page(NAME, &key, &form, |page| page.return_url.clone())
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

fn nowhere() -> Reply {
    refuse(
        StatusCode::NOT_FOUND,
        "Could not find the requested resource",
    )
}

/// A 422 that names fields.
fn invalid(fields: &[(&str, &str)]) -> Reply {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut body = failure(status, "There was a validation error on this request");
    let fields = fields
        .iter()
        .map(|(name, fault)| ((*name).to_owned(), json!([fault])));
    body["error"]["fields"] = Value::Object(fields.collect::<Map<_, _>>());
    Reply::new(status, body)
}

impl Account {
    fn serve(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let expected = format!("Token token={}", self.settings.api_token.reveal());
        if asked.header("authorization") != Some(expected.as_str()) {
            let message = "Authorization error: please re-check your credentials";
            return refuse(StatusCode::UNAUTHORIZED, message);
        }
        let path = asked.request.path.trim_matches('/').to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        let ["v3.6", rest @ ..] = parts.as_slice() else {
            return nowhere();
        };
        match (&asked.request.method, rest) {
            (&Method::POST, ["applicants"]) => self.create_applicant(asked, now),
            (&Method::GET, ["applicants", id]) => found(&self.applicants, id),
            (&Method::DELETE, ["applicants", id]) => self.delete_applicant(id),
            (&Method::POST, ["documents"]) => self.upload(asked, now),
            (&Method::GET, ["documents"]) => self.list_documents(asked),
            (&Method::GET, ["documents", id]) => found(&self.documents, id),
            (&Method::POST, ["workflow_runs"]) => self.create_run(asked, now),
            (&Method::GET, ["workflow_runs"]) => self.list_runs(asked),
            (&Method::GET, ["workflow_runs", id]) => {
                let run = self.place(id).and_then(|place| self.runs.get(place));
                run.map_or_else(nowhere, |run| Reply::ok(run.shown()))
            }
            (&Method::POST, ["sdk_token"]) => self.token(asked),
            _ => nowhere(),
        }
    }

    fn has_applicant(&self, id: &str) -> bool {
        self.applicants
            .iter()
            .any(|applicant| applicant["id"] == id)
    }

    fn create_applicant(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let mut body = asked.json().unwrap_or_default();
        let missing = ["first_name", "last_name"].map(|name| {
            let text = body[name].as_str().unwrap_or_default();
            let is_name = !text.is_empty() && !text.contains(|c| "!#$%*=<>;{}\"".contains(c));
            (!is_name).then_some((
                name,
                "can't be blank or has characters that are not allowed",
            ))
        });
        let missing: Vec<_> = missing.into_iter().flatten().collect();
        if !missing.is_empty() {
            return invalid(&missing);
        }
        let id = self.new_id();
        body["href"] = format!("/v3.6/applicants/{id}").into();
        body["id"] = id.into();
        body["created_at"] = instant(now).into();
        body["sandbox"] = true.into();
        self.applicants.push(body.clone());
        Reply::new(StatusCode::CREATED, body)
    }

    /// With everything about them.
    fn delete_applicant(&mut self, id: &str) -> Reply {
        if !self.has_applicant(id) {
            return nowhere();
        }
        self.applicants.retain(|applicant| applicant["id"] != id);
        self.documents
            .retain(|document| document["applicant_id"] != id);
        Reply::new(StatusCode::NO_CONTENT, Value::Null)
    }

    fn upload(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let text = |name| asked.text_part(name).unwrap_or_default();
        let (applicant_id, kind, side) = (text("applicant_id"), text("type"), text("side"));
        if !self.has_applicant(&applicant_id) {
            return invalid(&[("applicant_id", "is invalid")]);
        }
        let Some(file) = asked.part("file").filter(|file| !file.content.is_empty()) else {
            return invalid(&[("file", "can't be blank")]);
        };
        let new = NewDocument {
            applicant_id: &applicant_id,
            kind: &kind,
            side: (!side.is_empty()).then_some(side.as_str()),
            file_name: file.file_name.as_deref().unwrap_or("file"),
            size: file.content.len(),
        };
        let document = self.add_document(new, now);
        Reply::new(StatusCode::CREATED, document)
    }

    fn list_documents(&self, asked: &Asked) -> Reply {
        let Some(applicant_id) = asked.request.query.get("applicant_id") else {
            return invalid(&[("applicant_id", "can't be blank")]);
        };
        let is_of = |document: &&Value| document["applicant_id"] == applicant_id.as_str();
        let documents: Vec<Value> = self.documents.iter().filter(is_of).cloned().collect();
        Reply::ok(json!({"documents": documents}))
    }

    fn create_run(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let body = asked.json().unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (applicant_id, workflow_id) = (text("applicant_id"), text("workflow_id"));
        if !self.has_applicant(&applicant_id) {
            return invalid(&[("applicant_id", "is invalid")]);
        }
        let workflow = workflow_id.parse::<Uuid>();
        if !workflow.is_ok_and(|workflow| self.settings.workflows.contains(&workflow)) {
            return invalid(&[("workflow_id", "is invalid")]);
        }
        let id = self.new_id();
        let mut link = match &body["link"] {
            link @ Value::Object(_) => link.clone(),
            _ => json!({}),
        };
        link["url"] = format!("{}/l/{id}", self.base_url).into();
        if link["expires_at"].is_null() {
            link["expires_at"] = instant(now + TimeDelta::days(30)).into();
        }
        let tags = body["tags"].as_array().into_iter().flatten();
        let tags = tags.filter_map(Value::as_str).map(str::to_owned).collect();
        let run = Run {
            id,
            applicant_id,
            workflow_id,
            status: "awaiting_input".to_owned(),
            tags,
            customer_user_id: body["customer_user_id"].as_str().map(str::to_owned),
            reasons: Vec::new(),
            link,
            sdk_token: self.new_token(),
            created_at: now,
            updated_at: now,
        };
        let shown = run.shown();
        self.runs.push(run);
        Reply::new(StatusCode::CREATED, shown)
    }

    /// Newest first unless asked otherwise; every tag that is asked for must be there.
    fn list_runs(&self, asked: &Asked) -> Reply {
        let wanted = |name: &str| {
            let text = asked.request.query.get(name).map(String::as_str);
            let words = text.unwrap_or_default().split(',');
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
        };
        let (tags, statuses, applicants) =
            (wanted("tags"), wanted("status"), wanted("applicant_id"));
        let mut runs: Vec<&Run> = self.runs.iter().collect();
        runs.retain(|run| {
            tags.iter().all(|tag| run.tags.iter().any(|own| own == tag))
                && (statuses.is_empty() || statuses.contains(&run.status.as_str()))
                && (applicants.is_empty() || applicants.contains(&run.applicant_id.as_str()))
        });
        if asked.request.query.get("sort").map(String::as_str) != Some("asc") {
            runs.reverse();
        }
        Reply::ok(runs.into_iter().map(Run::shown).collect())
    }

    fn token(&mut self, asked: &Asked) -> Reply {
        let body = asked.json().unwrap_or_default();
        if !self.has_applicant(body["applicant_id"].as_str().unwrap_or_default()) {
            return invalid(&[("applicant_id", "is invalid")]);
        }
        Reply::ok(json!({"token": self.new_token()}))
    }
}

fn found(objects: &[Value], id: &str) -> Reply {
    let object = objects.iter().find(|object| object["id"] == id);
    object.map_or_else(nowhere, |object| Reply::ok(object.clone()))
}
