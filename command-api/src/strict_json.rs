//! Bodies: JSON, read strictly.
//!
//! The bytes are read once, straight into the request's type, which refuses unknown and repeated
//! fields and wrong types. Only when that fails is the body read again as a tree and held against
//! the type's schema, to name everything that is wrong with it and not just the first thing. So
//! the schema in the OpenAPI document and what is refused cannot drift apart unnoticed.

mod explain;
mod node;

use std::time::Duration;

use poem::http::{HeaderMap, header};
use poem::{Body, Request, RequestBody};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;

use crate::operations::Compressible;
use crate::problem::{Problem, catalogue};

pub use explain::check_unique_keys;

/// The media type of bodies.
const CONTENT_TYPE: &str = "application/json";

/// The smallest reply that is worth compressing, in bytes.
const COMPRESSED_FROM: usize = 4 * 1024;

/// The largest body of most commands, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;
/// The largest body of one transaction of up to 1,000 postings, in bytes.
pub const TRANSACTION_BODY_LIMIT: usize = 512 * 1024;
/// The largest body of a batch, in bytes.
pub const BATCH_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// How much of a body that is too large is read before the refusal is sent.
const DISCARDED: u64 = 32 * 1024 * 1024;

/// How long that may take.
const DISCARDING: Duration = Duration::from_secs(5);

/// A required body of at most `LIMIT` bytes.
#[derive(Debug)]
pub struct StrictJson<T, const LIMIT: usize = BODY_LIMIT>(pub T);

/// A body of optional fields, which may be left out altogether.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

/// Reads a body.
///
/// # Errors
/// The problem to answer with: not JSON, or fields that cannot be accepted.
pub fn parse<T: DeserializeOwned + Type>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| explain::explain::<T>(bytes, &error))
}

pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<bytes::Bytes, Problem> {
    let announced = content_length(headers);
    if announced.is_some_and(|length| length > limit) {
        discard(body, DISCARDED).await;
        return Err(too_large(limit));
    }
    let bytes = body
        .into_bytes_limit(limit)
        .await
        .map_err(|error| Problem::from_body(&error))
        .map_err(|problem| {
            if problem.code() == catalogue::BODY_TOO_LARGE {
                too_large(limit)
            } else {
                problem
            }
        })?;
    Ok(bytes)
}

async fn read_json(
    request: &Request,
    body: &mut RequestBody,
    limit: usize,
) -> Result<bytes::Bytes, Problem> {
    let body = body.take().map_err(|error| Problem::from_body(&error))?;
    read_body(request.headers(), body, limit).await
}

/// Reads a body that is refused to its end, within bounds: a client that is still sending when the
/// connection is closed sees a broken pipe instead of why.
pub(crate) async fn discard(body: Body, most_bytes: u64) {
    let mut rest = body.into_async_read().take(most_bytes);
    let mut sink = tokio::io::sink();
    let read = tokio::io::copy(&mut rest, &mut sink);
    // A client that cannot send it in time is cut off.
    drop(tokio::time::timeout(DISCARDING, read).await);
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        catalogue::BODY_TOO_LARGE,
        format!("the body may have at most {limit} bytes"),
    )
    .with_context(serde_json::json!({ "limit_bytes": limit }))
}

/// JSON may be declared with a charset, as long as it is UTF-8.
fn check_content_type(request: &Request) -> Result<(), Problem> {
    let declared = request.content_type().unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case(CONTENT_TYPE));
    let is_utf8 = parts.all(|parameter| {
        parameter.is_empty()
            || parameter.split_once('=').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("charset")
                    && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
    });
    let is_plain = request
        .header(header::CONTENT_ENCODING)
        .is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"));
    if is_json && is_utf8 && is_plain {
        return Ok(());
    }
    Err(Problem::new(
        catalogue::UNSUPPORTED_MEDIA_TYPE,
        "the body must be declared as application/json and not be compressed",
    ))
}

fn request_meta<T: Type>(required: bool) -> MetaRequest {
    MetaRequest {
        description: None,
        content: vec![MetaMediaType {
            content_type: CONTENT_TYPE,
            schema: T::schema_ref(),
        }],
        required,
    }
}

impl<'a, T, const LIMIT: usize> ApiExtractor<'a> for StrictJson<T, LIMIT>
where
    T: DeserializeOwned + Type,
{
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(true))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request)?;
        let bytes = read_json(request, body, LIMIT).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<'a, T> ApiExtractor<'a> for OptionalJson<T>
where
    T: DeserializeOwned + Type + Default,
{
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(false))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = read_json(request, body, BODY_LIMIT).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        check_content_type(request)?;
        Ok(Self(parse(&bytes)?))
    }
}

/// A reply as JSON, written by serde straight into the response.
#[derive(Debug)]
pub struct JsonReply<T>(pub T);

impl<T: Type> Payload for JsonReply<T> {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: serde::Serialize + Send> poem::IntoResponse for JsonReply<T> {
    fn into_response(self) -> poem::Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let is_large = body.len() >= COMPRESSED_FROM;
                let mut response = poem::Response::builder()
                    .header(header::CONTENT_TYPE, CONTENT_TYPE)
                    .body(body);
                if is_large {
                    response.set_data(Compressible);
                }
                response
            }
            Err(error) => Problem::internal(&error).to_response(None),
        }
    }
}
