//! Documents of cases: bringing them in two ways, listing them, and looking at them.
//!
//! A document is stored first and recorded then; what comes of it when that breaks off is said in
//! `documents::keeping`. Whoever breaks off does not break this off: it goes on by itself until it is settled.

use documents::uploads::{TakenUpload, UploadRequest};
use documents::{Claims, DocumentFault, NewDocument, Promise, StoredDocument};
use event_store::executor::IdempotencyKey;
use ledger_core::event::RecordedEvent;
use ledger_core::owner::TierKnown;
use ledger_core::verification::{
    CaseAction, CaseCommand, CaseDocument, CaseEvent, CaseRejection, ContentHash, DocumentKind,
    VerificationCase,
};
use ledger_core::{
    ActorId, CaseId, Command, Event, LedgerName, OwnerId, Position, Rejection, Stream, Timestamp,
};
use poem_openapi::OpenApi;
use serde::Serialize;
use tracing::Instrument;
use uuid::Uuid;

use crate::commands::{Carried, Intent, Later};
use crate::context::RequestContext;
use crate::document_body::{Bringing, DocumentForm, RawDocument, bytes_of, claims_of};
use crate::idempotency::{Key, KeyText};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::responses::{CommandProblem, QueryProblem, UploadProblem};
use crate::problem::{FieldCode, FieldFault, Problem, catalogue};
use crate::reply::{Answer, Created, CreatedOrKnown, Done, Started};
use crate::representation::answer::ListAnswer;
use crate::representation::payments::Audience;
use crate::representation::verification::documents::{
    CaseDocumentAdded, CaseDocumentEntry, DocumentUpload, DocumentUploadRequest,
};
use crate::routes::Part;
use crate::routes::groups::{CaseCommandParameters, ledger};
use crate::routes::payments::{actor_id, audience};
use crate::services::Services;
use crate::strict_json::StrictJson;
use crate::text_formats::AnyId;

/// Where a document is brought.
#[derive(Debug)]
pub struct UploadParameters {
    token: String,
}

impl ParameterGroup for UploadParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let token = from.path::<Word>("token", "What the address ends with; nobody can guess it.");
        let Word(token) = token?;
        Ok(Self { token })
    }
}

/// Which case's documents.
#[derive(Debug)]
pub struct CaseDocumentsQuery {
    ledger: LedgerName,
    case: CaseId,
}

impl ParameterGroup for CaseDocumentsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, case) = (ledger(from), from.path("case_id", "The case."));
        Ok(Self {
            ledger: ledger?,
            case: case?,
        })
    }
}

/// What makes bringing a document the same request.
#[derive(Debug, Serialize)]
struct BroughtDocument {
    kind: DocumentKind,
    sha256: ContentHash,
    size_bytes: u64,
}

/// A case, as the log has it.
pub(super) struct KnownCase {
    pub(super) owner: OwnerId,
    pub(super) events: Vec<RecordedEvent>,
    state: VerificationCase,
}

/// Documents of cases.
#[derive(Clone)]
pub struct CaseDocuments(pub Services);

#[OpenApi]
impl CaseDocuments {
    /// Bring a document for a case: what kind it is, and then the file. The same bytes of the same kind twice, in
    /// one attempt of a case, are one document: the second is answered with the first.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/documents",
        method = "post",
        operation_id = "add_case_document",
        tag = "Part::Verification"
    )]
    async fn add(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseCommandParameters>,
        form: DocumentForm,
    ) -> Result<CreatedOrKnown<CaseDocumentAdded>, UploadProblem> {
        let Parameters(parameters) = parameters;
        let added = self.0.clone().add_document(context, parameters, form);
        Ok(by_itself(added).await?)
    }

    /// Open an address at which one document can be brought, by whoever has the address, once and for some minutes.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/document-uploads",
        method = "post",
        operation_id = "open_case_document_upload",
        tag = "Part::Verification"
    )]
    async fn open_upload(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseDocumentsQuery>,
        request: StrictJson<DocumentUploadRequest>,
    ) -> Result<Started<DocumentUpload>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, case) = (parameters.ledger, parameters.case);
        let known = self.0.known_case(ledger, case).await?;
        let by = actor_id(&context)?;
        known.check_collecting(case, &request.kind.0, &by)?;
        let size = u64::try_from(request.size_bytes).map_err(|_| {
            let fault = FieldFault::new(FieldCode::OutOfRange, "must be a number of bytes");
            Problem::invalid_request(vec![fault.at_pointer("/size_bytes")])
        })?;
        let upload = UploadRequest {
            ledger,
            case,
            owner: known.owner,
            kind: request.kind.0,
            promise: Promise {
                size,
                sha256: request.sha256.0,
            },
            actor: by.as_str().to_owned(),
        };
        let address = self.0.documents.open_address(&upload).await?;
        let path = format!("v1/document-uploads/{}", *address.token);
        let url = self.0.public_url.join(&path);
        let url = url.map_err(|error| Problem::internal(&error))?;
        let expires_at = Timestamp::try_new(address.expires_at);
        Ok(Started(DocumentUpload {
            url: url.to_string(),
            expires_at: expires_at
                .map_err(|error| Problem::internal(&error))?
                .into(),
        }))
    }

    /// Bring a document to an address that was opened for it. What breaks off or is refused may be brought again
    /// while the address is good.
    #[oai(
        path = "/v1/document-uploads/:token",
        method = "put",
        operation_id = "bring_case_document",
        tag = "Part::Verification"
    )]
    async fn bring(
        &self,
        context: RequestContext,
        parameters: Parameters<UploadParameters>,
        document: RawDocument,
    ) -> Result<Created<CaseDocumentAdded>, UploadProblem> {
        let Parameters(UploadParameters { token }) = parameters;
        let upload = self.0.documents.take_address(&token).await?;
        let brought = self.0.clone().bring_document(context, upload, document);
        Ok(by_itself(brought).await?)
    }

    /// List the documents that were received for a case, in order, without their content.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/documents",
        method = "get",
        operation_id = "list_case_documents",
        tag = "Part::Verification"
    )]
    async fn list(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseDocumentsQuery>,
    ) -> Result<Answer<ListAnswer<CaseDocumentEntry>>, QueryProblem> {
        let Parameters(CaseDocumentsQuery { ledger, case }) = parameters;
        let known = self.0.known_case(ledger, case).await?;
        let rows = self.0.documents.of_case(ledger, case).await?;
        let mut entries = known.entries();
        for entry in &mut entries {
            let row = rows
                .iter()
                .find(|row| row.id.to_string() == entry.reference.0.as_str());
            if let Some(row) = row {
                entry.tell_object(row);
            }
            match audience(&context) {
                Audience::Staff => {}
                Audience::Customer => entry.by = None,
            }
        }
        let position = known
            .events
            .last()
            .map_or(Position::START, |event| event.position);
        Ok(Answer(ListAnswer::of(projections::queries::AsOf {
            position,
            value: entries,
        })))
    }
}

/// Carries something out to its end, also when whoever asked for it has left.
async fn by_itself<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(error) => Err(Problem::internal(&error)),
    }
}

impl KnownCase {
    /// Refuses at once what the ledger would refuse after all of it had come.
    fn check_collecting(
        &self,
        case: CaseId,
        kind: &DocumentKind,
        by: &ActorId,
    ) -> Result<(), Problem> {
        let internal = |error: &(dyn std::error::Error + 'static)| Problem::internal(error);
        let document = CaseDocument {
            reference: "x".parse().map_err(|error| internal(&error))?,
            kind: kind.clone(),
            sha256: "0".repeat(64).parse().map_err(|error| internal(&error))?,
            size_bytes: 1,
        };
        let recorded_at = Timestamp::try_new(chrono::Utc::now());
        let command = CaseCommand {
            case,
            action: CaseAction::ReceiveDocument {
                document,
                by: by.clone(),
            },
            recorded_at: recorded_at.map_err(|error| internal(&error))?,
            tier: TierKnown::Known,
        };
        self.state
            .decide(&command)
            .map(drop)
            .map_err(|rejection| Rejection::from(rejection).into())
    }

    /// What was received, and what of it was removed.
    fn entries(&self) -> Vec<CaseDocumentEntry> {
        let mut entries: Vec<CaseDocumentEntry> = Vec::new();
        for recorded in &self.events {
            let Event::VerificationCase(event) = &recorded.event else {
                continue;
            };
            match &**event {
                CaseEvent::DocumentReceived { document, by } => {
                    let at = recorded.recorded_at;
                    entries.push(CaseDocumentEntry::received(document, by, at));
                }
                CaseEvent::DocumentRemoved { document, reason } => {
                    let removed = entries
                        .iter_mut()
                        .filter(|entry| entry.reference.0 == *document);
                    for entry in removed {
                        entry.removed(*reason, recorded.recorded_at);
                    }
                }
                _ => {}
            }
        }
        entries
    }

    /// A document as the log has it.
    pub(super) fn received(&self, id: Uuid) -> Option<&CaseDocument> {
        let id = id.to_string();
        self.events.iter().find_map(|recorded| {
            let Event::VerificationCase(event) = &recorded.event else {
                return None;
            };
            match &**event {
                CaseEvent::DocumentReceived { document, .. }
                    if document.reference.as_str() == id =>
                {
                    Some(document)
                }
                _ => None,
            }
        })
    }

    /// By what the log knows a document that was just recorded, or was there already.
    fn reference(
        &self,
        carried: &Carried,
        stored: &StoredDocument,
        kind: &DocumentKind,
    ) -> Option<Uuid> {
        let received = self.events.iter().rev().filter_map(|recorded| {
            let Event::VerificationCase(event) = &recorded.event else {
                return None;
            };
            match &**event {
                CaseEvent::DocumentReceived { document, .. } => Some((recorded.position, document)),
                _ => None,
            }
        });
        let is_it = |(position, document): &(Position, &CaseDocument)| {
            if carried.replayed {
                *position == carried.position
            } else {
                document.sha256 == stored.sha256 && document.kind == *kind
            }
        };
        let mut found = received.filter(is_it);
        found.next()?.1.reference.as_str().parse().ok()
    }
}

impl Services {
    /// A case as the log has it, for those who have to know its owner now.
    pub(super) async fn known_case(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<KnownCase, Problem> {
        self.existing_head(ledger).await?;
        let events = self
            .log
            .stream(ledger, Stream::VerificationCase(case))
            .await?;
        let mut state = VerificationCase::default();
        for recorded in &events {
            if let Event::VerificationCase(event) = &recorded.event {
                let next = state.evolve(event);
                state = next.map_err(|error| Problem::internal(&error))?;
            }
        }
        let Some((open, _)) = state.open() else {
            return Err(Rejection::from(CaseRejection::NotFound { case }).into());
        };
        Ok(KnownCase {
            owner: open.owner.clone(),
            events,
            state,
        })
    }

    async fn add_document(
        self,
        context: RequestContext,
        parameters: CaseCommandParameters,
        form: DocumentForm,
    ) -> Result<CreatedOrKnown<CaseDocumentAdded>, Problem> {
        let (ledger, case) = (parameters.ledger, parameters.case);
        let known = self.known_case(ledger, case).await?;
        let most_bytes = self.documents.settings().most_bytes;
        let by = actor_id(&context)?;
        let (form, kind, file) = form.begin(most_bytes).await?;
        // Under a key it may be a request that was carried out before the case went on.
        if parameters.key.is_none() {
            known.check_collecting(case, &kind, &by)?;
        }
        let new = NewDocument {
            ledger,
            case,
            owner: known.owner,
            kind,
            claims: claims_of(&file),
            promise: None,
        };
        let stored = self
            .documents
            .store(&new, bytes_of(file, most_bytes))
            .await?;
        if let Err(problem) = form.end().await {
            self.discard(&new, &stored).await;
            return Err(problem);
        }
        let carried = self
            .record_document(&context, parameters.key, &new, &stored, by)
            .await;
        let (carried, id) = self.settle_document(&new, &stored, carried).await?;
        let added = added(&carried, id, &new, &stored);
        if id == stored.id || carried.replayed {
            let location = format!("/v1/ledgers/{ledger}/cases/{case}/documents/{id}");
            return Ok(CreatedOrKnown::Created(Created::new(
                &carried, location, added,
            )));
        }
        Ok(CreatedOrKnown::Known(Done::new(&carried, added)))
    }

    async fn record_document(
        &self,
        context: &RequestContext,
        key: Option<KeyText>,
        new: &NewDocument,
        stored: &StoredDocument,
        by: ActorId,
    ) -> Result<Carried, Problem> {
        let request = BroughtDocument {
            kind: new.kind.clone(),
            sha256: stored.sha256.clone(),
            size_bytes: stored.size,
        };
        let command = receive(new, stored, by)?;
        let intent = Intent::of_one(new.ledger, Key::from_header(key), &request, command);
        self.commands.submit_one(context, intent).await
    }

    async fn bring_document(
        self,
        context: RequestContext,
        upload: TakenUpload,
        document: RawDocument,
    ) -> Result<Created<CaseDocumentAdded>, Problem> {
        let brought = self.brought(&context, &upload, document).await;
        let left = match &brought {
            Ok((_, id)) => self.documents.use_up_address(upload.id, *id).await,
            // What became of it is found out later; until then nobody brings it again.
            Err(problem) if is_open(problem) => Ok(()),
            Err(_) => self.documents.put_back_address(upload.id).await,
        };
        if let Err(fault) = left {
            tracing::warn!(
                error = %event_store::ErrorChain(&fault),
                "what became of an address for a document cannot be noted"
            );
        }
        Ok(brought?.0)
    }

    async fn brought(
        &self,
        context: &RequestContext,
        upload: &TakenUpload,
        document: RawDocument,
    ) -> Result<(Created<CaseDocumentAdded>, Uuid), Problem> {
        let request = &upload.request;
        let (claims, bytes): (Claims, Bringing<'_>) = document.begin(request.promise.size).await?;
        let new = NewDocument {
            ledger: request.ledger,
            case: request.case,
            owner: request.owner.clone(),
            kind: request.kind.clone(),
            claims,
            promise: Some(request.promise.clone()),
        };
        let stored = self.documents.store(&new, bytes).await?;
        let by = request.actor.parse();
        let by =
            by.map_err(|error: <ActorId as std::str::FromStr>::Err| Problem::internal(&error))?;
        let later = Later {
            ledger: new.ledger,
            command: receive(&new, &stored, by)?,
            key: IdempotencyKey::of_process("document upload", &upload.id.to_string()),
            actor: Some(request.actor.clone()),
            correlation_id: context.correlation_id.clone(),
        };
        let carried = self.commands.submit_later(later).await;
        let (carried, id) = self.settle_document(&new, &stored, carried).await?;
        let (ledger, case) = (new.ledger, new.case);
        let location = format!("/v1/ledgers/{ledger}/cases/{case}/documents/{id}");
        let added = added(&carried, id, &new, &stored);
        Ok((Created::new(&carried, location, added), id))
    }

    /// Has what was stored be kept when the log has it, and removed when the log never will; by what the log knows it.
    async fn settle_document(
        &self,
        new: &NewDocument,
        stored: &StoredDocument,
        carried: Result<Carried, Problem>,
    ) -> Result<(Carried, Uuid), Problem> {
        let carried = match carried {
            Ok(carried) => carried,
            Err(problem) => {
                if !is_open(&problem) {
                    self.discard(new, stored).await;
                }
                return Err(problem);
            }
        };
        let known = self.known_case(new.ledger, new.case).await?;
        let found = known.reference(&carried, stored, &new.kind);
        let id = match found {
            Some(id) if id == stored.id => {
                self.keep(stored).await?;
                id
            }
            other => {
                self.discard(new, stored).await;
                other.unwrap_or(stored.id)
            }
        };
        Ok((carried, id))
    }

    async fn keep(&self, stored: &StoredDocument) -> Result<(), Problem> {
        match self.documents.keep(stored.id).await {
            Ok(()) => Ok(()),
            Err(fault @ DocumentFault::Swept { .. }) => Err(fault.into()),
            Err(fault) => {
                tracing::warn!(
                    document.id = %stored.id,
                    error = %event_store::ErrorChain(&fault),
                    "that a document is kept is noted later"
                );
                Ok(())
            }
        }
    }

    async fn discard(&self, new: &NewDocument, stored: &StoredDocument) {
        if let Err(fault) = self.documents.discard_stored(new, stored).await {
            tracing::warn!(
                document.id = %stored.id,
                error = %event_store::ErrorChain(&fault),
                "a document that was not recorded is swept later"
            );
        }
    }
}

/// Whether a command may still take effect, or has.
fn is_open(problem: &Problem) -> bool {
    [
        catalogue::OUTCOME_UNKNOWN,
        catalogue::LOG_UNAVAILABLE,
        catalogue::INTERNAL_FAULT,
    ]
    .contains(&problem.code())
}

fn receive(new: &NewDocument, stored: &StoredDocument, by: ActorId) -> Result<Command, Problem> {
    let reference = stored.id.to_string().parse();
    let document = CaseDocument {
        reference: reference.map_err(
            |error: <ledger_core::ProviderReference as std::str::FromStr>::Err| {
                Problem::internal(&error)
            },
        )?,
        kind: new.kind.clone(),
        sha256: stored.sha256.clone(),
        size_bytes: stored.size,
    };
    Ok(Command::VerificationCase {
        case: new.case,
        action: Box::new(CaseAction::ReceiveDocument { document, by }),
    })
}

fn added(
    carried: &Carried,
    id: Uuid,
    new: &NewDocument,
    stored: &StoredDocument,
) -> CaseDocumentAdded {
    CaseDocumentAdded {
        id: AnyId(id).into(),
        kind: new.kind.clone().into(),
        media_type: stored.media_type.content_type().to_owned(),
        size_bytes: i64::try_from(stored.size).unwrap_or(i64::MAX),
        sha256: stored.sha256.clone().into(),
        position: carried.position.into(),
        recorded_at: carried.recorded_at.into(),
    }
}
