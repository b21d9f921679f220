//! Bodies that are signed: kept byte for byte, with the headers that belong to them.

use bytes::Bytes;
use poem::http::HeaderMap;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::strict_json::read_body;

/// A body of at most `LIMIT` bytes in whatever media type its sender uses.
#[derive(Debug)]
pub struct RawBody<const LIMIT: usize> {
    /// The body, byte for byte.
    pub bytes: Bytes,
    /// All headers of the request.
    pub headers: HeaderMap,
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
        let bytes = read_body(request, body, LIMIT).await?;
        Ok(Self {
            bytes,
            headers: request.headers().clone(),
        })
    }
}
