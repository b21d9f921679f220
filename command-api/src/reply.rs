//! How replies to commands are sent: status, `Location`, and whether they were given before.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use serde::Serialize;

use crate::commands::Carried;
use crate::idempotency::REPLAYED_HEADER;
use crate::strict_json::JsonReply;

/// 201: something new exists.
#[derive(Debug)]
pub struct Created<T> {
    body: T,
    location: String,
    replayed: bool,
}

impl<T> Created<T> {
    /// What was created, and the path it is read at.
    #[must_use]
    pub const fn new(carried: &Carried, location: String, body: T) -> Self {
        Self {
            body,
            location,
            replayed: carried.replayed,
        }
    }
}

/// 200: the command was carried out, or tried without effect.
#[derive(Debug)]
pub struct Done<T> {
    body: T,
    replayed: bool,
}

impl<T> Done<T> {
    /// What was done.
    #[must_use]
    pub const fn new(carried: &Carried, body: T) -> Self {
        Self {
            body,
            replayed: carried.replayed,
        }
    }

    /// What was done by several commands.
    #[must_use]
    pub const fn batch(replayed: bool, body: T) -> Self {
        Self { body, replayed }
    }
}

/// A command that can be tried without effect: 201, or 200 for the trial.
#[derive(Debug)]
pub enum CreatedOrTried<T> {
    /// It exists now.
    Created(Created<T>),
    /// It would exist.
    Tried(Done<T>),
}

/// Something new: 201, or 200 when there was such a thing already.
#[derive(Debug)]
pub enum CreatedOrKnown<T> {
    /// It exists now.
    Created(Created<T>),
    /// It existed before.
    Known(Done<T>),
}

impl<T: Serialize + Send> IntoResponse for CreatedOrKnown<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Created(created) => created.into_response(),
            Self::Known(done) => done.into_response(),
        }
    }
}

impl<T: Type + Serialize + Send> ApiResponse for CreatedOrKnown<T> {
    fn meta() -> MetaResponses {
        let known = "The same was there already; nothing was written.";
        let mut responses = Created::<T>::meta().responses;
        responses.insert(0, response_of::<T>(200, known));
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn respond<T: Serialize + Send>(status: StatusCode, body: T, replayed: bool) -> Response {
    let mut response = JsonReply(body).into_response();
    if response.is_success() {
        response.set_status(status);
    }
    if replayed {
        response
            .headers_mut()
            .insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    }
    response
}

impl<T: Serialize + Send> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = respond(StatusCode::CREATED, self.body, self.replayed);
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

impl<T: Serialize + Send> IntoResponse for Done<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, self.body, self.replayed)
    }
}

impl<T: Serialize + Send> IntoResponse for CreatedOrTried<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Created(created) => created.into_response(),
            Self::Tried(done) => done.into_response(),
        }
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        let description = "Durable in the log; given again, with the first ids, to the same request under the same key.";
        let mut response = response_of::<T>(201, description);
        response.headers.push(string_header(
            "Location",
            "The path at which the new resource is read.",
        ));
        response.headers.push(replayed_header());
        MetaResponses {
            responses: vec![response],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Done<T> {
    fn meta() -> MetaResponses {
        let mut response = response_of::<T>(200, "Done, and durable in the log.");
        response.headers.push(replayed_header());
        MetaResponses {
            responses: vec![response],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + Serialize + Send> ApiResponse for CreatedOrTried<T> {
    fn meta() -> MetaResponses {
        let tried = "A dry run: it would be accepted, and nothing was written.";
        let mut responses = Created::<T>::meta().responses;
        responses.insert(0, response_of::<T>(200, tried));
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 201: something was made whose reply holds a secret; kept by no cache.
#[derive(Debug)]
pub struct Started<T>(pub T);

/// 202: taken, and something is still to be done, by the caller or in the background.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

/// 204: done, and there is nothing to say.
#[derive(Debug)]
pub struct Nothing;

impl<T: Serialize + Send> IntoResponse for Started<T> {
    fn into_response(self) -> Response {
        let mut response = respond(StatusCode::CREATED, self.0, false);
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<T: Serialize + Send> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        respond(StatusCode::ACCEPTED, self.0, false)
    }
}

impl IntoResponse for Nothing {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into()
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Started<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![response_of::<T>(
                201,
                "Made; the secrets in it are shown this once.",
            )],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Accepted<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![response_of::<T>(202, "Taken; the rest follows.")],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl ApiResponse for Nothing {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Done.",
                status: Some(204),
                status_range: None,
                content: Vec::new(),
                headers: Vec::new(),
            }],
        }
    }

    fn register(_: &mut Registry) {}
}

/// A reply to a query.
#[derive(Debug)]
pub struct Answer<T>(pub T);

impl<T: Serialize + Send> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        JsonReply(self.0).into_response()
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Answer<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![response_of::<T>(
                200,
                "The answer, true at the position `as_of`.",
            )],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn response_of<T: Type>(status: u16, description: &'static str) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: JsonReply::<T>::CONTENT_TYPE,
            schema: T::schema_ref(),
        }],
        headers: Vec::new(),
    }
}

fn replayed_header() -> MetaHeader {
    let mut header = string_header(
        REPLAYED_HEADER,
        "`true` when this reply was given before to the same request under the same key.",
    );
    header.required = false;
    header
}

fn string_header(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    }
}
