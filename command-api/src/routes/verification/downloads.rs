//! Looking at a document of a case: for people of compliance, and never without a record.

use documents::keeping::Content;
use documents::{DocumentRow, RowState};
use futures_util::TryStreamExt;
use identity::document_reads::AskedDocument;
use identity::subject::Subject;
use ledger_core::{CaseId, LedgerName, OwnerId};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::DownloadProblem;
use crate::problem::{Problem, catalogue};
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::services::Services;
use crate::text_formats::AnyId;

/// Which document.
#[derive(Debug)]
pub struct DocumentQuery {
    ledger: LedgerName,
    case: CaseId,
    document: Uuid,
}

impl ParameterGroup for DocumentQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, case) = (ledger(from), from.path("case_id", "The case."));
        let document = from.path::<AnyId>("document_id", "The document.");
        Ok(Self {
            ledger: ledger?,
            case: case?,
            document: document?.0,
        })
    }
}

/// A document, to be saved and never shown in place.
pub struct DocumentContent {
    row: DocumentRow,
    content: Content,
}

/// Documents as they are.
#[derive(Clone)]
pub struct CaseDocumentContent(pub Services);

#[OpenApi]
impl CaseDocumentContent {
    /// Get a document's content. It was seen to be as it was stored before the first byte is answered; every look is
    /// recorded, and every refusal.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/documents/:document_id",
        method = "get",
        operation_id = "get_case_document",
        tag = "Part::Verification"
    )]
    async fn content(
        &self,
        context: RequestContext,
        parameters: Parameters<DocumentQuery>,
    ) -> Result<DocumentContent, DownloadProblem> {
        let Parameters(query) = parameters;
        let actor = context
            .caller
            .principal()
            .map(|principal| principal.subject);
        let mut owner = None;
        let found = self.0.content_of(&query, actor, &mut owner).await;
        let (case, document) = (query.case.to_string(), query.document.to_string());
        let asked = AskedDocument {
            ledger: Some(query.ledger),
            case: &case,
            document: &document,
            owner: owner.as_ref(),
        };
        let identities = self.0.identities();
        match found {
            Ok(content) => {
                identities.record_document_read(actor, asked).await?;
                Ok(content)
            }
            Err(problem) => {
                let recorded = identities.record_document_refused(actor, asked, problem.code());
                recorded.await?;
                Err(problem.into())
            }
        }
    }
}

impl Services {
    async fn content_of(
        &self,
        query: &DocumentQuery,
        actor: Option<Subject>,
        owner: &mut Option<OwnerId>,
    ) -> Result<DocumentContent, Problem> {
        let known = self.known_case(query.ledger, query.case).await?;
        *owner = Some(known.owner.clone());
        let missing = || Problem::new("document_not_found", "the case has no such document here");
        let received = known.received(query.document).ok_or_else(missing)?;
        let rows = self.documents.of_case(query.ledger, query.case).await?;
        let mut rows = rows.into_iter().filter(|row| row.id == query.document);
        let mut row = rows.next().ok_or_else(missing)?;
        // What it has to be is what the log says.
        row.content = Some((received.size_bytes, received.sha256.clone()));
        if let Some(Subject::Machine(_)) = actor {
            let detail = "documents are looked at by people, and a machine is none";
            return Err(Problem::new(catalogue::FORBIDDEN, detail));
        }
        match row.state {
            RowState::Stored | RowState::Kept => {}
            RowState::Storing | RowState::Discarding => return Err(missing()),
            RowState::Removing(_) | RowState::Removed(_) => {
                let detail = "the document is kept no longer";
                return Err(Problem::new("document_removed", detail));
            }
        }
        let content = self.documents.read(&row).await?;
        Ok(DocumentContent { row, content })
    }
}

impl IntoResponse for DocumentContent {
    fn into_response(self) -> Response {
        let Self { row, content } = self;
        let name = format!(
            "attachment; filename=\"{}.{}\"",
            row.id,
            row.media_type.name()
        );
        let content = content.map_err(|fault| {
            // Whoever is being answered sees the connection break before the last byte.
            tracing::error!(
                error = %event_store::ErrorChain(&fault),
                "a document could not be given out to its end"
            );
            std::io::Error::other(fault)
        });
        let mut response = Response::builder()
            .status(StatusCode::OK)
            .header(header::CONTENT_TYPE, row.media_type.content_type())
            .header(header::CONTENT_DISPOSITION, name)
            .header(header::CACHE_CONTROL, "no-store")
            .header("cross-origin-resource-policy", "same-origin")
            .header(
                header::CONTENT_SECURITY_POLICY,
                "sandbox; default-src 'none'",
            )
            .body(Body::from_bytes_stream(content));
        if let Some((size, _)) = row.content
            && let Ok(size) = HeaderValue::from_str(&size.to_string())
        {
            response.headers_mut().insert(header::CONTENT_LENGTH, size);
        }
        response
    }
}

impl ApiResponse for DocumentContent {
    fn meta() -> MetaResponses {
        let content = documents::MediaType::ALL.map(|media_type| MetaMediaType {
            content_type: media_type.content_type(),
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format(
                "string", "binary",
            ))),
        });
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The document, to be saved: `Content-Disposition` is `attachment`.",
                status: Some(200),
                status_range: None,
                content: content.into(),
                headers: Vec::new(),
            }],
        }
    }

    fn register(_: &mut Registry) {}
}
