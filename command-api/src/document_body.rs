//! Bodies that are documents: read as they come, never as a whole.

use std::io;

use bytes::Bytes;
use documents::{BodyFault, Claims, DocumentFault};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use ledger_core::verification::DocumentKind;
use multer::{Constraints, Field, Multipart, SizeLimit};
use poem::http::{HeaderMap, header};
use poem::{Body, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::problem::{FieldCode, FieldFault, Problem, catalogue};
use crate::text::TextFormat;

/// What a body of parts may have besides the document, in bytes.
const AROUND: u64 = 64 * 1024;

/// The longest kind of document, and a little more, in bytes.
const MOST_KIND_BYTES: u64 = 256;

/// How much of a body is read before it is refused that says how long it is: whoever waits to be told to go on
/// sends nothing, and whoever does not should see the answer, and not a connection that breaks.
const DISCARDED: u64 = 2 * 1024 * 1024;

/// The bytes of a document as they come.
pub(crate) type Bringing<'a> = BoxStream<'a, Result<Bytes, BodyFault>>;

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    text.parse().ok()
}

/// Nothing is unpacked here: what is small on its way and large afterwards is refused as it is.
fn check_not_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let is_plain = |value: &header::HeaderValue| {
        let value = value.to_str().unwrap_or_default().trim();
        ["identity", "binary", "8bit", "7bit"]
            .into_iter()
            .any(|plain| value.eq_ignore_ascii_case(plain))
    };
    let encodings = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .chain(headers.get_all("content-transfer-encoding"));
    if encodings.into_iter().all(is_plain) {
        return Ok(());
    }
    let detail = "the document has to come as it is, without Content-Encoding";
    Err(Problem::new("document_encoded", detail))
}

async fn check_length(headers: &HeaderMap, body: Body, limit: u64) -> Result<Body, Problem> {
    match content_length(headers) {
        Some(length) if length > limit => {
            if !headers.contains_key(header::EXPECT) {
                crate::strict_json::discard(body, DISCARDED).await;
            }
            Err(BodyFault::TooLarge { limit }.into())
        }
        Some(_) | None => Ok(body),
    }
}

/// A body that is one document, byte for byte.
#[derive(Debug)]
pub struct RawDocument {
    body: Body,
    headers: HeaderMap,
}

impl RawDocument {
    /// Begins to read a document that has this many bytes.
    ///
    /// # Errors
    /// The problem to answer with: it cannot be that document.
    pub(crate) async fn begin(self, size: u64) -> Result<(Claims, Bringing<'static>), Problem> {
        check_not_encoded(&self.headers)?;
        if let Some(found) = content_length(&self.headers)
            && found < size
        {
            let promised = size;
            return Err(DocumentFault::SizeDiffers { promised, found }.into());
        }
        let body = check_length(&self.headers, self.body, size).await?;
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let claims = Claims {
            content_type: content_type
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            file_name: None,
        };
        let bytes = body.into_bytes_stream();
        Ok((claims, bytes.map_err(|_| BodyFault::BrokenOff).boxed()))
    }
}

/// A body of parts: `kind`, then `file`.
#[derive(Debug)]
pub struct DocumentForm {
    body: Body,
    headers: HeaderMap,
}

/// A body of parts whose last part is being read.
pub(crate) struct OpenForm {
    parts: Multipart<'static>,
    most_bytes: u64,
}

impl DocumentForm {
    /// Begins to read the parts; what kind of document it is, what its sender says of it, and its bytes.
    ///
    /// # Errors
    /// The problem to answer with.
    pub(crate) async fn begin(
        self,
        most_bytes: u64,
    ) -> Result<(OpenForm, DocumentKind, Field<'static>), Problem> {
        let declared = self.headers.get(header::CONTENT_TYPE);
        let declared = declared.and_then(|value| value.to_str().ok());
        let boundary = multer::parse_boundary(declared.unwrap_or_default()).map_err(|_| {
            let detail = "the body must be declared as multipart/form-data with a boundary";
            Problem::new(catalogue::UNSUPPORTED_MEDIA_TYPE, detail)
        })?;
        check_not_encoded(&self.headers)?;
        let limit = most_bytes.saturating_add(AROUND);
        let body = match check_length(&self.headers, self.body, limit).await {
            Ok(body) => body,
            Err(_) => return Err(BodyFault::TooLarge { limit: most_bytes }.into()),
        };
        let sizes = SizeLimit::new()
            .whole_stream(limit)
            .for_field("kind", MOST_KIND_BYTES);
        let constraints = Constraints::new().size_limit(sizes);
        let parts = Multipart::with_constraints(whole(body), boundary, constraints);
        let mut form = OpenForm { parts, most_bytes };
        let kind = form.kind().await?;
        let file = form.part("file").await?;
        check_not_encoded(file.headers())?;
        Ok((form, kind, file))
    }
}

fn whole(body: Body) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    body.into_bytes_stream()
}

fn refused(code: FieldCode, rule: &'static str, name: &str) -> Problem {
    let fault = FieldFault::new(code, rule).at_pointer(format!("/{name}"));
    Problem::invalid_request(vec![fault])
}

impl OpenForm {
    async fn kind(&mut self) -> Result<DocumentKind, Problem> {
        let text = self.part("kind").await?.text().await;
        let text = text.map_err(|error| fault_of(error, self.most_bytes))?;
        let kind = <DocumentKind as TextFormat>::read(&text);
        kind.map_err(|fault| Problem::invalid_request(vec![fault.at_pointer("/kind")]))
    }

    async fn part(&mut self, name: &'static str) -> Result<Field<'static>, Problem> {
        let next = self.parts.next_field().await;
        let next = next.map_err(|error| fault_of(error, self.most_bytes))?;
        match next {
            Some(field) if field.name() == Some(name) => Ok(field),
            Some(field) => {
                let found = field.name().unwrap_or_default();
                match found {
                    "kind" | "file" => Err(refused(
                        FieldCode::MissingField,
                        "must be there; `kind` comes before `file`",
                        name,
                    )),
                    _ => Err(refused(
                        FieldCode::UnknownField,
                        "is no part of this",
                        found,
                    )),
                }
            }
            None => Err(refused(FieldCode::MissingField, "must be there", name)),
        }
    }

    /// Sees that nothing follows the document.
    ///
    /// # Errors
    /// The problem to answer with.
    pub(crate) async fn end(mut self) -> Result<(), Problem> {
        match self.parts.next_field().await {
            Ok(None) => Ok(()),
            Ok(Some(field)) => Err(match field.name().unwrap_or_default() {
                known @ ("kind" | "file") => {
                    refused(FieldCode::DuplicateField, "is there twice", known)
                }
                other => refused(FieldCode::UnknownField, "is no part of this", other),
            }),
            Err(error) => Err(fault_of(error, self.most_bytes).into()),
        }
    }
}

/// What a sender says of the file in a part.
pub(crate) fn claims_of(file: &Field<'_>) -> Claims {
    let content_type = file.headers().get(header::CONTENT_TYPE);
    Claims {
        content_type: content_type
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        file_name: file.file_name().map(str::to_owned),
    }
}

/// The bytes of the file in a part.
pub(crate) fn bytes_of(file: Field<'static>, most_bytes: u64) -> Bringing<'static> {
    file.map_err(move |error| fault_of(error, most_bytes))
        .boxed()
}

fn fault_of(error: multer::Error, limit: u64) -> BodyFault {
    match error {
        multer::Error::StreamSizeExceeded { .. } => BodyFault::TooLarge { limit },
        multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::StreamReadFailed(_) => BodyFault::BrokenOff,
        other => BodyFault::Malformed(other.to_string()),
    }
}

fn binary() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary")))
}

fn take(request: &Request, body: &mut RequestBody) -> Result<(Body, HeaderMap), Problem> {
    let body = body.take().map_err(|error| Problem::from_body(&error))?;
    Ok((body, request.headers().clone()))
}

impl<'a> ApiExtractor<'a> for RawDocument {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let content = [
            "application/octet-stream",
            "application/pdf",
            "image/jpeg",
            "image/png",
            "image/webp",
            "image/heic",
        ];
        Some(MetaRequest {
            description: Some("The document, byte for byte."),
            content: content
                .into_iter()
                .map(|content_type| MetaMediaType {
                    content_type,
                    schema: binary(),
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
        let (body, headers) = take(request, body)?;
        Ok(Self { body, headers })
    }
}

impl<'a> ApiExtractor<'a> for DocumentForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let kind = crate::text::schema_of::<DocumentKind>();
        let form = MetaSchema {
            required: vec!["kind", "file"],
            properties: vec![
                ("kind", MetaSchemaRef::Inline(Box::new(kind))),
                ("file", binary()),
            ],
            ..MetaSchema::new("object")
        };
        Some(MetaRequest {
            description: Some("The kind of document, and then the document."),
            content: vec![MetaMediaType {
                content_type: "multipart/form-data",
                schema: MetaSchemaRef::Inline(Box::new(form)),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let (body, headers) = take(request, body)?;
        Ok(Self { body, headers })
    }
}
