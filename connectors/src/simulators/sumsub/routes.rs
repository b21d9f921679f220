//! Paths, signatures, and the way of a request into the account.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem::http::{Method, StatusCode};
use poem::web::{Data, Path};
use poem::{Endpoint, EndpointExt, Request, Response, Route, handler};
use serde_json::{Value, json};

use super::account::{Account, Applicant, Image, LinkWish, failure};
use crate::identity_providers::sumsub::request_signature;
use crate::simulators::cases::{Asked, Office};
use crate::simulators::control::identity;
use crate::simulators::front::Reply;

const NAME: &str = "Sumsub";

/// How old a request's signature may be, in seconds.
const TOLERANCE_SECONDS: i64 = 60;

/// The longest file.
const LONGEST_FILE: usize = 64 * 1024 * 1024;

type Here = Arc<Office<Account>>;

pub(super) fn routes(office: &Here) -> impl Endpoint + use<> {
    Route::new()
        .at("/websdk/p/:key", poem::get(show).post(decide))
        .nest("/_simulator", identity::routes(office.clone()))
        .at("/*path", interface)
        .data(Arc::clone(office))
}

#[handler]
fn show(Data(office): Data<&Here>, Path(key): Path<String>) -> Response {
    office.show_page(NAME, &key, &format!("/websdk/p/{key}"))
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

fn refuse_coded(status: StatusCode, code: u32, name: &str) -> Reply {
    let mut body = failure(status, name);
    body["errorCode"] = code.into();
    body["errorName"] = name.into();
    Reply::new(status, body)
}

impl Account {
    fn serve(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        if let Some(refusal) = self.unauthorized(asked) {
            return refusal;
        }
        let path = asked.request.path.trim_start_matches('/').to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        let ["resources", rest @ ..] = parts.as_slice() else {
            return refuse(StatusCode::NOT_FOUND, "Not found");
        };
        match asked.request.method {
            Method::GET => self.look(rest),
            Method::POST => self.work(rest, asked, now),
            _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        }
    }

    fn unauthorized(&self, asked: &Asked) -> Option<Reply> {
        let status = StatusCode::UNAUTHORIZED;
        if asked.header("x-app-token") != Some(self.settings.app_token.reveal()) {
            return Some(refuse(status, "Invalid app token"));
        }
        let timestamp = asked.header("x-app-access-ts").unwrap_or_default();
        let age = timestamp
            .parse()
            .map_or(i64::MAX, |time: i64| (Utc::now().timestamp() - time).abs());
        if age > TOLERANCE_SECONDS {
            return Some(refuse(status, "Request timestamp is out of range"));
        }
        let expected = request_signature(
            self.settings.secret_key.reveal(),
            timestamp,
            asked.request.method.as_str(),
            &asked.request.path_and_query,
            &asked.body,
        );
        let is_signed = asked.header("x-app-access-sig") == Some(expected.as_str());
        (!is_signed).then(|| refuse_coded(status, 4003, "app-token-signature mismatch"))
    }

    /// The applicant that a part of a path names, by id or as `-;externalUserId=…`.
    fn named(&self, part: &str) -> Option<usize> {
        match part.strip_prefix("-;externalUserId=") {
            Some(user) => self.place_of_user(user),
            None => self.place(part),
        }
    }

    fn look(&self, parts: &[&str]) -> Reply {
        if parts == ["status", "api"] {
            return Reply::ok(json!({}));
        }
        let ["applicants", id, rest @ ..] = parts else {
            return refuse(StatusCode::NOT_FOUND, "Not found");
        };
        let place = self.named(id);
        let Some(applicant) = place.and_then(|place| self.applicants.get(place)) else {
            return refuse(StatusCode::NOT_FOUND, "Applicant not found");
        };
        match rest {
            ["one"] => Reply::ok(applicant.shown()),
            ["status"] => Reply::ok(applicant.review()),
            ["requiredIdDocsStatus"] => Reply::ok(applicant.steps()),
            ["metadata", "resources"] => {
                let items: Vec<Value> = applicant.images.iter().map(Image::shown).collect();
                Reply::ok(json!({"totalItems": items.len(), "items": items}))
            }
            _ => refuse(StatusCode::NOT_FOUND, "Not found"),
        }
    }

    fn work(&mut self, parts: &[&str], asked: &Asked, now: DateTime<Utc>) -> Reply {
        match parts {
            ["applicants"] => self.create(asked, now),
            ["accessTokens", "sdk"] | ["accessTokens"] => self.token(asked, now),
            ["sdkIntegrations", "levels", "-", "websdkLink"] => self.link(asked, now),
            ["applicants", id, rest @ ..] => match self.named(id) {
                Some(place) => self.change(place, rest, asked, now),
                None => refuse(StatusCode::NOT_FOUND, "Applicant not found"),
            },
            _ => refuse(StatusCode::NOT_FOUND, "Not found"),
        }
    }

    fn change(&mut self, place: usize, rest: &[&str], asked: &Asked, now: DateTime<Utc>) -> Reply {
        let done = match rest {
            ["info", "idDoc"] => return self.upload(place, asked, now),
            ["status", "pending"] => self.submit(place, now),
            ["reset"] => self.reset(place, now),
            ["moveToLevel"] => {
                let level = asked.request.query.get("name").cloned().unwrap_or_default();
                if !self.settings.levels.contains(&level) {
                    return refuse(StatusCode::NOT_FOUND, "Level not found");
                }
                self.move_to_level(place, &level, now);
                let applicant = self.applicants.get(place);
                return Reply::ok(applicant.map_or(Value::Null, Applicant::shown));
            }
            _ => return refuse(StatusCode::NOT_FOUND, "Not found"),
        };
        match done {
            true => Reply::ok(json!({"ok": 1})),
            false => refuse(
                StatusCode::CONFLICT,
                "The applicant's status does not allow it",
            ),
        }
    }

    fn create(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let level = asked
            .request
            .query
            .get("levelName")
            .cloned()
            .unwrap_or_default();
        if !self.settings.levels.contains(&level) {
            return refuse(StatusCode::NOT_FOUND, "Level not found");
        }
        let body = asked.json().unwrap_or_default();
        let Some(user) = body["externalUserId"]
            .as_str()
            .filter(|user| !user.is_empty())
        else {
            return refuse(StatusCode::BAD_REQUEST, "externalUserId is required");
        };
        if let Some(applicant) = self
            .place_of_user(user)
            .and_then(|place| self.applicants.get(place))
        {
            let message = format!(
                "Applicant with external user id '{user}' already exists: {}",
                applicant.id
            );
            return refuse(StatusCode::CONFLICT, &message);
        }
        let place = self.add(user, &level, now);
        let applicant = self.applicants.get(place);
        let shown = applicant.map_or(Value::Null, Applicant::shown);
        Reply::new(StatusCode::CREATED, shown)
    }

    fn wish(&self, asked: &Asked) -> Result<LinkWish, Reply> {
        let body = asked.json().unwrap_or_default();
        let query = &asked.request.query;
        let text = |name: &str| {
            let in_body = body[name].as_str().map(str::to_owned);
            in_body
                .or_else(|| query.get(name).cloned())
                .unwrap_or_default()
        };
        let (level, user) = (text("levelName"), text("userId"));
        if !self.settings.levels.contains(&level) {
            return Err(refuse(StatusCode::NOT_FOUND, "Level not found"));
        }
        if user.is_empty() {
            return Err(refuse(StatusCode::BAD_REQUEST, "userId is required"));
        }
        let seconds = query.get("ttlInSecs").and_then(|text| text.parse().ok());
        let seconds = body["ttlInSecs"].as_i64().or(seconds).unwrap_or(600);
        Ok(LinkWish {
            external_user_id: user,
            level,
            success_url: body["redirect"]["successUrl"].as_str().map(str::to_owned),
            lifetime: TimeDelta::seconds(seconds.clamp(1, 31_536_000)),
        })
    }

    fn link(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        match self.wish(asked) {
            Ok(wish) => Reply::ok(json!({"url": self.new_link(wish, now)})),
            Err(refusal) => refusal,
        }
    }

    fn token(&mut self, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let wish = match self.wish(asked) {
            Ok(wish) => wish,
            Err(refusal) => return refusal,
        };
        let user = wish.external_user_id.clone();
        // A token lets into the same page.
        let link = self.new_link(wish, now);
        let key = link.rsplit('/').next().unwrap_or_default();
        Reply::ok(json!({"token": format!("_act-sbx-jwt-{key}"), "userId": user}))
    }

    fn upload(&mut self, place: usize, asked: &Asked, now: DateTime<Utc>) -> Reply {
        let Some(applicant) = self.applicants.get(place) else {
            return refuse(StatusCode::NOT_FOUND, "Applicant not found");
        };
        let conflict = StatusCode::CONFLICT;
        if !applicant.is_active {
            return refuse_coded(conflict, 1008, "applicant-marked-as-deleted");
        }
        if applicant.status == "pending" {
            return refuse_coded(conflict, 1006, "no-upload-verification-in-progress");
        }
        if applicant.status == "completed" && !applicant.may_retry() {
            return refuse_coded(conflict, 1009, "applicant-with-final-reject");
        }
        let metadata = asked.text_part("metadata");
        let metadata = metadata.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let (Some(metadata), Some(content)) = (metadata, asked.part("content")) else {
            return refuse(StatusCode::BAD_REQUEST, "metadata and content are required");
        };
        match content.content.len() {
            0 => return refuse_coded(StatusCode::BAD_REQUEST, 1003, "empty-file"),
            size if size > LONGEST_FILE => {
                return refuse_coded(StatusCode::BAD_REQUEST, 1002, "file-too-big");
            }
            _ => {}
        }
        let kind = metadata["idDocType"].as_str().unwrap_or_default();
        let size = content.content.len();
        let Some(image) = self.add_image(place, kind, size, now) else {
            return refuse(StatusCode::NOT_FOUND, "Applicant not found");
        };
        image.side = metadata["idDocSubType"].as_str().map(str::to_owned);
        image.country = metadata["country"].as_str().unwrap_or("IND").to_owned();
        if let Some(name) = &content.file_name {
            image.file_name.clone_from(name);
        }
        if let Some(kind) = &content.content_type {
            image.file_type.clone_from(kind);
        }
        let id = image.id.clone();
        let mut reply = Reply::ok(metadata);
        reply.headers.push(("x-image-id", id));
        reply
    }
}

impl Image {
    fn shown(&self) -> Value {
        let mut definition = json!({"country": self.country, "idDocType": self.kind});
        if let Some(side) = &self.side {
            definition["idDocSubType"] = side.as_str().into();
        }
        json!({
            "id": self.id,
            "previewId": self.id,
            "addedDate": self.added_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            "fileMetadata": {
                "fileName": self.file_name,
                "fileType": self.file_type,
                "fileSize": self.size,
            },
            "idDocDef": definition,
            "deactivated": !self.is_active,
            "source": "fileupload",
        })
    }
}

impl Applicant {
    fn review(&self) -> Value {
        let date = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S+0000").to_string();
        let mut review = json!({
            "reviewId": format!("r{}", self.id),
            "attemptId": format!("a{}", self.attempt),
            "attemptCnt": self.attempt,
            "levelName": self.level,
            "createDate": date(self.created_at),
            "reviewStatus": self.status,
        });
        if let Some(result) = &self.result {
            review["reviewResult"] = result.clone();
        }
        if let Some(reviewed_at) = self.reviewed_at {
            review["reviewDate"] = date(reviewed_at).into();
        }
        review
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "createdAt": self.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            "clientId": "simulated.client",
            "inspectionId": self.inspection_id,
            "externalUserId": self.external_user_id,
            // What Sumsub knows of the person, which an adapter has no business with.
            "info": {"firstName": "Asha", "lastName": "Rao", "dob": "1990-01-01"},
            "fixedInfo": {},
            "requiredIdDocs": {"docSets": [{"idDocSetType": "IDENTITY"}, {"idDocSetType": "SELFIE"}]},
            "review": self.review(),
            "type": "individual",
        })
    }

    fn steps(&self) -> Value {
        let step = |kinds: &[&str]| {
            let is_of = |image: &&Image| image.is_active && kinds.contains(&image.kind.as_str());
            let images: Vec<&Image> = self.images.iter().filter(is_of).collect();
            images.first().map(|first| {
                let ids: Vec<&str> = images.iter().map(|image| image.id.as_str()).collect();
                json!({
                    "reviewResult": self.result.clone().unwrap_or(json!({})),
                    "country": first.country,
                    "idDocType": first.kind,
                    "imageIds": ids,
                })
            })
        };
        json!({
            "IDENTITY": step(&["PASSPORT", "ID_CARD", "DRIVERS", "RESIDENCE_PERMIT"]),
            "SELFIE": step(&["SELFIE"]),
        })
    }
}
