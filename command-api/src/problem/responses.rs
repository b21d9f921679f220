//! The problems an operation can answer with, as its part of the OpenAPI document.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;

use super::{CONTENT_TYPE, Problem, ProblemDocument};

const INVALID: (u16, &str) = (400, "The request is not valid; `errors` names every field.");
const UNKNOWN_CALLER: (u16, &str) = (401, "The caller has to say who they are.");
const FORBIDDEN: (u16, &str) = (403, "The caller may not do this.");
const MISSING: (u16, &str) = (
    404,
    "Something named in the path or the body does not exist.",
);
const TOO_SLOW: (u16, &str) = (408, "The body does not come.");
const STATE: (u16, &str) = (409, "The state of something concerned stands in the way.");
const GONE: (u16, &str) = (410, "It was there and is not any more.");
const TOO_LARGE: (u16, &str) = (413, "The body is too large.");
const MEDIA_TYPE: (u16, &str) = (415, "The body is not declared as `application/json`.");
const RULE: (u16, &str) = (422, "A rule of the ledger refuses the command.");
const TOO_OFTEN: (u16, &str) = (
    429,
    "Too many requests or attempts; wait for as long as `Retry-After` says.",
);
const FAULT: (u16, &str) = (500, "Daybook failed.");
const AGAIN: (u16, &str) = (503, "Daybook cannot serve at the moment; ask again later.");
const LATE: (u16, &str) = (
    504,
    "The read model did not reach `min_position` in time; ask again.",
);
const UNKNOWN_POSITION: (u16, &str) = (409, "`min_position` is beyond the end of the log.");

/// Why a command was not carried out.
#[derive(Debug)]
pub struct CommandProblem(pub Problem);

/// Why a query has no answer.
#[derive(Debug)]
pub struct QueryProblem(pub Problem);

/// Why a payer's browser gets no page.
#[derive(Debug)]
pub struct PageProblem(pub Problem);

/// Why a document was not taken.
#[derive(Debug)]
pub struct UploadProblem(pub Problem);

/// Why a document is not given out.
#[derive(Debug)]
pub struct DownloadProblem(pub Problem);

/// Why a webhook was not taken.
#[derive(Debug)]
pub struct WebhookProblem(pub Problem);

macro_rules! problem_response {
    ($name:ident, [$($response:expr),*]) => {
        impl<T: Into<Problem>> From<T> for $name {
            fn from(error: T) -> Self {
                Self(error.into())
            }
        }

        impl From<$name> for poem::Error {
            fn from(problem: $name) -> Self {
                problem.0.into()
            }
        }

        impl ApiResponse for $name {
            fn meta() -> MetaResponses {
                MetaResponses {
                    responses: [$($response),*].map(problem_response).into(),
                }
            }

            fn register(registry: &mut Registry) {
                ProblemDocument::register(registry);
            }
        }
    };
}

problem_response!(
    CommandProblem,
    [
        INVALID,
        UNKNOWN_CALLER,
        FORBIDDEN,
        MISSING,
        STATE,
        TOO_LARGE,
        MEDIA_TYPE,
        RULE,
        TOO_OFTEN,
        FAULT,
        AGAIN
    ]
);
problem_response!(
    QueryProblem,
    [
        INVALID,
        UNKNOWN_CALLER,
        FORBIDDEN,
        MISSING,
        UNKNOWN_POSITION,
        TOO_OFTEN,
        FAULT,
        AGAIN,
        LATE
    ]
);

problem_response!(
    PageProblem,
    [INVALID, UNKNOWN_CALLER, TOO_OFTEN, FAULT, AGAIN]
);

problem_response!(
    WebhookProblem,
    [
        INVALID,
        UNKNOWN_CALLER,
        MISSING,
        TOO_SLOW,
        TOO_LARGE,
        MEDIA_TYPE,
        TOO_OFTEN,
        FAULT,
        AGAIN
    ]
);

problem_response!(
    UploadProblem,
    [
        INVALID,
        UNKNOWN_CALLER,
        FORBIDDEN,
        MISSING,
        TOO_SLOW,
        STATE,
        GONE,
        TOO_LARGE,
        MEDIA_TYPE,
        RULE,
        TOO_OFTEN,
        FAULT,
        AGAIN
    ]
);

problem_response!(
    DownloadProblem,
    [
        INVALID,
        UNKNOWN_CALLER,
        FORBIDDEN,
        MISSING,
        STATE,
        GONE,
        TOO_OFTEN,
        FAULT,
        AGAIN
    ]
);

/// The problem that every operation can answer with, whatever its other errors are.
pub(crate) fn too_often() -> MetaResponse {
    problem_response(TOO_OFTEN)
}

fn problem_response((status, description): (u16, &'static str)) -> MetaResponse {
    let headers = if [AGAIN.0, TOO_OFTEN.0].contains(&status) {
        vec![retry_after()]
    } else if status == UNKNOWN_CALLER.0 {
        vec![challenge()]
    } else {
        Vec::new()
    };
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: CONTENT_TYPE,
            schema: ProblemDocument::schema_ref(),
        }],
        headers,
    }
}

fn challenge() -> MetaHeader {
    MetaHeader {
        name: "WWW-Authenticate".to_owned(),
        description: Some("What is asked for: a bearer credential (RFC 6750).".to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    }
}

fn retry_after() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some("Seconds to wait before asking again.".to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("integer"))),
    }
}
