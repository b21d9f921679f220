//! The problems an operation can answer with, as its part of the OpenAPI document.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;

use super::{CONTENT_TYPE, Problem, ProblemDocument};

const INVALID: (u16, &str) = (400, "The request is not valid; `errors` names every field.");
const MISSING: (u16, &str) = (
    404,
    "Something named in the path or the body does not exist.",
);
const STATE: (u16, &str) = (409, "The state of something concerned stands in the way.");
const TOO_LARGE: (u16, &str) = (413, "The body is too large.");
const MEDIA_TYPE: (u16, &str) = (415, "The body is not declared as `application/json`.");
const RULE: (u16, &str) = (422, "A rule of the ledger refuses the command.");
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
        INVALID, MISSING, STATE, TOO_LARGE, MEDIA_TYPE, RULE, FAULT, AGAIN
    ]
);
problem_response!(
    QueryProblem,
    [INVALID, MISSING, UNKNOWN_POSITION, FAULT, AGAIN, LATE]
);

fn problem_response((status, description): (u16, &'static str)) -> MetaResponse {
    let headers = if status == AGAIN.0 {
        vec![retry_after()]
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

fn retry_after() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some("Seconds to wait before asking again.".to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("integer"))),
    }
}
