//! Bodies that are signed: kept byte for byte, with the headers that belong to them.
//!
//! Anybody can send one. So it is read only when its address is known to be one, and not waited for long.

use std::time::Duration;

use bytes::Bytes;
use poem::http::HeaderMap;
use poem::{Body, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::problem::{Problem, catalogue};
use crate::strict_json::read_body;

/// How long a body may take to come.
const READING: Duration = Duration::from_secs(10);

/// A body of at most `LIMIT` bytes in whatever media type its sender uses; not read yet.
#[derive(Debug)]
pub struct RawBody<const LIMIT: usize> {
    body: Body,
    headers: HeaderMap,
}

impl<const LIMIT: usize> RawBody<LIMIT> {
    /// The body, byte for byte, and all headers of the request.
    ///
    /// # Errors
    /// The problem to answer with: it is too large, breaks off, or does not come.
    pub async fn read(self) -> Result<(Bytes, HeaderMap), Problem> {
        let read = read_body(&self.headers, self.body, LIMIT);
        let bytes = tokio::time::timeout(READING, read).await.map_err(|_| {
            let detail = format!("the body did not come within {} s", READING.as_secs());
            Problem::new(catalogue::BODY_TOO_SLOW, detail)
        })??;
        Ok((bytes, self.headers))
    }
}

impl<'a, const LIMIT: usize> ApiExtractor<'a> for RawBody<LIMIT> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let schema = || MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let content = ["application/json", "application/x-www-form-urlencoded"];
        Some(MetaRequest {
            description: Some("The body as the provider signs it."),
            content: content
                .into_iter()
                .map(|content_type| MetaMediaType {
                    content_type,
                    schema: schema(),
                })
                .collect(),
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let body = body.take().map_err(|error| Problem::from_body(&error))?;
        Ok(Self {
            body,
            headers: request.headers().clone(),
        })
    }
}
