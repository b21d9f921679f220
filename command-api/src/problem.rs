//! Every error a caller sees: `application/problem+json` of RFC 9457 with a stable `code`.
//!
//! [`catalogue`] is the one table from code to status and title; [`field`] holds the codes of single
//! fields; [`mapping`] turns the errors of other crates into problems.

pub mod catalogue;
pub mod documents;
pub mod field;
pub mod mapping;
pub mod responses;

use std::borrow::Cow;
use std::time::Duration;

use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use serde::Serialize;
use serde_json::Value;

pub use field::{FieldCode, FieldError, FieldFault};

/// The media type of problems.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// How long a caller is asked to wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request has no ordinary reply.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.0.detail)]
pub struct Problem(Box<ProblemParts>);

#[derive(Debug, Clone)]
struct ProblemParts {
    code: Cow<'static, str>,
    detail: String,
    retryable: bool,
    errors: Vec<FieldError>,
    context: Option<Value>,
    allow: Option<HeaderValue>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem with a code of [`catalogue`].
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let code = code.into();
        let retryable = catalogue::entry_of(&code).retryable;
        Self(Box::new(ProblemParts {
            code,
            detail: detail.into(),
            retryable,
            errors: Vec::new(),
            context: None,
            allow: None,
            retry_after: None,
        }))
    }

    /// A request with fields that cannot be accepted; `errors` names each.
    #[must_use]
    pub fn invalid_request(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.place(), only.detail),
            several => format!("{} fields of the request are not valid", several.len()),
        };
        Self::new(catalogue::INVALID_REQUEST, detail).with_errors(errors)
    }

    /// Names the fields concerned.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds the ids and amounts concerned.
    #[must_use]
    pub fn with_context(mut self, context: Value) -> Self {
        let says_nothing = context.as_object().is_none_or(serde_json::Map::is_empty);
        self.0.context = (!says_nothing).then_some(context);
        self
    }

    /// Sets whether the same request may succeed later, where the code alone does not tell.
    #[must_use]
    pub fn with_retryable(mut self, retryable: Retryable) -> Self {
        self.0.retryable = retryable == Retryable::Yes;
        self
    }

    /// Adds the header `Allow`, as RFC 9110 asks of 405.
    #[must_use]
    pub fn with_allow(mut self, allow: HeaderValue) -> Self {
        self.0.allow = Some(allow);
        self
    }

    /// Says how long to wait before trying again.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// How long to wait before trying again, where that is said.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The fields concerned.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The HTTP status of the code.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        catalogue::entry_of(&self.0.code).status
    }

    /// What a caller has to do who is not known (RFC 6750, 3).
    fn challenge(&self) -> &'static str {
        if self.0.code == catalogue::CREDENTIAL_INVALID {
            r#"Bearer realm="daybook", error="invalid_token""#
        } else {
            r#"Bearer realm="daybook""#
        }
    }

    /// The response; `instance` names the request, if it has an id.
    #[must_use]
    pub fn to_response(&self, instance: Option<String>) -> Response {
        let entry = catalogue::entry_of(&self.0.code);
        let document = ProblemDocument {
            r#type: format!("urn:daybook:problem:{}", self.0.code),
            title: entry.title.to_owned(),
            status: entry.status.as_u16(),
            detail: self.0.detail.clone(),
            code: self.0.code.clone().into_owned(),
            retryable: self.0.retryable,
            instance,
            errors: self.0.errors.clone(),
            context: self.0.context.clone(),
        };
        let mut builder = Response::builder()
            .status(entry.status)
            .header(header::CONTENT_TYPE, CONTENT_TYPE);
        if let Some(wait) = self.0.retry_after {
            let seconds = wait.as_secs().max(1).to_string();
            builder = builder.header(header::RETRY_AFTER, seconds);
        } else if entry.status == StatusCode::SERVICE_UNAVAILABLE {
            builder = builder.header(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if entry.status == StatusCode::UNAUTHORIZED {
            builder = builder.header(header::WWW_AUTHENTICATE, self.challenge());
        }
        if let Some(allow) = &self.0.allow {
            builder = builder.header(header::ALLOW, allow);
        }
        builder.body(serde_json::to_vec(&document).unwrap_or_default())
    }
}

/// Whether the same request may succeed later without being changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// It may.
    Yes,
    /// It will not.
    No,
}

impl From<bool> for Retryable {
    fn from(retryable: bool) -> Self {
        if retryable { Self::Yes } else { Self::No }
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.http_status()
    }

    fn as_response(&self) -> Response {
        self.to_response(None)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.to_response(None)
    }
}

/// A problem as RFC 9457 writes it.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Problem")]
pub struct ProblemDocument {
    /// A URI that stands for the code: `urn:daybook:problem:<code>`.
    r#type: String,
    /// The code in words; the same for every problem of the code.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this very request, for people.
    detail: String,
    /// The stable, machine-readable code; docs/API.md lists all.
    code: String,
    /// Whether the same request may succeed later without being changed.
    retryable: bool,
    /// The request: `urn:daybook:request:<X-Request-Id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Each field that cannot be accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[oai(default)]
    errors: Vec<FieldError>,
    /// The ids and amounts concerned; its keys depend on the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
}
