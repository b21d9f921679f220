//! Webhooks of payment providers: their way in, and what operators see of them and do about them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use poem_openapi::OpenApi;
use uuid::Uuid;
use workflows::webhooks::{
    Arrived, Content, ContentError, ContentFault, IntakeError, MAX_WEBHOOK_BYTES, Receipt, Replay,
    WebhookFilter, WebhookRecord, WebhookStatus,
};

use super::identity::{IdParameter, optional_time, time};
use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::responses::{CommandProblem, QueryProblem, WebhookProblem};
use crate::problem::{FieldCode, FieldFault, Problem, catalogue};
use crate::raw_body::RawBody;
use crate::reading::limit;
use crate::reply::Answer;
use crate::representation::webhook::{
    ReceiptView, WebhookContentView, WebhookDeliveryList, WebhookDeliveryView, WebhookHeaderView,
    WebhookReceiptView,
};
use crate::routes::Part;
use crate::services::Services;
use crate::text_formats::AnyId;
use ledger_core::LedgerName;

/// Where a webhook goes.
#[derive(Debug)]
pub struct EndpointParameters {
    provider: String,
    endpoint: String,
}

impl ParameterGroup for EndpointParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let provider = from.path::<Word>("provider", "The payment provider.");
        let endpoint = from.path::<Word>("endpoint", "The endpoint's name in the configuration.");
        let (Word(provider), Word(endpoint)) = (provider?, endpoint?);
        Ok(Self { provider, endpoint })
    }
}

/// Which webhooks.
#[derive(Debug)]
pub struct WebhooksQuery {
    filter: WebhookFilter,
    limit: i64,
}

impl ParameterGroup for WebhooksQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let provider = from.query::<Word>("provider", "Only of this provider.");
        let endpoint = from.query::<Word>("endpoint", "Only of this endpoint.");
        let ledger = from.query::<LedgerName>("ledger", "Only for this ledger.");
        let event_id = from.query::<Word>("event_id", "Only of this event of the provider.");
        let status = from.query::<Word>(
            "status",
            "Only `waiting`, `confirming`, `applied`, `of_no_concern` or `parked` ones.",
        );
        let before = from.query::<AnyId>(
            "before",
            "Only those before this one: the last id of the page before.",
        );
        let limit = limit(from);
        let status = match status?.map(|Word(text)| text.parse::<WebhookStatus>()) {
            None => None,
            Some(Ok(status)) => Some(status),
            Some(Err(error)) => {
                let fault = FieldFault::new(FieldCode::InvalidFormat, error.to_string());
                return Err(from.refuse("status", fault));
            }
        };
        let text = |word: Option<Word>| word.map(|Word(text)| text);
        Ok(Self {
            filter: WebhookFilter {
                provider: text(provider?),
                endpoint: text(endpoint?),
                ledger: ledger?,
                status,
                event_id: text(event_id?),
                before: before?.map(|id| id.0),
            },
            limit: limit?,
        })
    }
}

/// Operations on webhooks.
#[derive(Clone)]
pub struct WebhookOperations(pub Services);

#[OpenApi]
impl WebhookOperations {
    /// Take a webhook of a payment provider. Its signature is the proof of who sends it. It is answered as
    /// soon as it is stored, and processed afterwards; a delivery of an event that is stored is answered
    /// alike.
    #[oai(
        path = "/v1/webhooks/:provider/:endpoint",
        method = "post",
        operation_id = "receive_webhook",
        tag = "Part::Webhooks"
    )]
    async fn receive(
        &self,
        parameters: Parameters<EndpointParameters>,
        body: RawBody<MAX_WEBHOOK_BYTES>,
    ) -> Result<Answer<WebhookReceiptView>, WebhookProblem> {
        let Parameters(EndpointParameters { provider, endpoint }) = parameters;
        let webhooks = &self.0.webhooks;
        webhooks.check_endpoint(&provider, &endpoint)?;
        let (body, headers) = body.read().await?;
        let arrived = Arrived {
            body,
            headers,
            at: Utc::now(),
        };
        let receipt = webhooks.receive(&provider, &endpoint, arrived).await?;
        Ok(Answer(WebhookReceiptView {
            receipt: match receipt {
                Receipt::Stored => ReceiptView::Stored,
                Receipt::Duplicate => ReceiptView::Duplicate,
            },
        }))
    }

    /// List webhooks that came, newest first, without their content.
    #[oai(
        path = "/v1/webhook-deliveries",
        method = "get",
        operation_id = "list_webhook_deliveries",
        tag = "Part::Webhooks"
    )]
    async fn list(
        &self,
        parameters: Parameters<WebhooksQuery>,
    ) -> Result<Answer<WebhookDeliveryList>, QueryProblem> {
        let Parameters(query) = parameters;
        let records = self.0.webhooks.list(&query.filter, query.limit).await;
        let records = records.map_err(|error| Problem::from_database(&error))?;
        let items = records
            .into_iter()
            .map(delivery_view)
            .collect::<Result<_, Problem>>()?;
        Ok(Answer(WebhookDeliveryList { items }))
    }

    /// Get a webhook, without its content.
    #[oai(
        path = "/v1/webhook-deliveries/:id",
        method = "get",
        operation_id = "get_webhook_delivery",
        tag = "Part::Webhooks"
    )]
    async fn get(
        &self,
        parameters: Parameters<IdParameter>,
    ) -> Result<Answer<WebhookDeliveryView>, QueryProblem> {
        let Parameters(IdParameter { id }) = parameters;
        let record = self.0.webhooks.get(id).await;
        let record = record.map_err(|error| Problem::from_database(&error))?;
        Ok(Answer(delivery_view(record.ok_or_else(|| not_found(id))?)?))
    }

    /// Get what came, byte for byte, until it is forgotten. It may tell of people.
    #[oai(
        path = "/v1/webhook-deliveries/:id/content",
        method = "get",
        operation_id = "get_webhook_content",
        tag = "Part::Webhooks"
    )]
    async fn content(
        &self,
        parameters: Parameters<IdParameter>,
    ) -> Result<Answer<WebhookContentView>, QueryProblem> {
        let Parameters(IdParameter { id }) = parameters;
        let found = match self.0.webhooks.content(id).await {
            Ok(found) => found.ok_or_else(|| not_found(id))?,
            Err(ContentFault::Database(error)) => return Err(Problem::from_database(&error).into()),
            Err(ContentFault::Content(ContentError::Forgotten)) => return Err(forgotten(id).into()),
            Err(error @ ContentFault::Content(ContentError::Sealed(_))) => {
                return Err(Problem::internal(&error).into());
            }
        };
        Ok(Answer(content_view(id, &found)))
    }

    /// Process a webhook again from what is stored. What it says and was applied before has no second
    /// effect.
    #[oai(
        path = "/v1/webhook-deliveries/:id/replay",
        method = "post",
        operation_id = "replay_webhook",
        tag = "Part::Webhooks"
    )]
    async fn replay(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
    ) -> Result<Answer<WebhookDeliveryView>, CommandProblem> {
        let Parameters(IdParameter { id }) = parameters;
        let replay = self.0.webhooks.replay(id).await;
        let record = match replay.map_err(|error| Problem::from_database(&error))? {
            Replay::Done(record) => *record,
            Replay::Forgotten => return Err(forgotten(id).into()),
            Replay::NotFound => return Err(not_found(id).into()),
        };
        tracing::info!(webhook.id = %id, by = %context.caller.scope(), "a webhook is replayed");
        Ok(Answer(delivery_view(record)?))
    }
}

fn not_found(id: Uuid) -> Problem {
    let detail = format!("there is no webhook {id}");
    Problem::new(catalogue::WEBHOOK_NOT_FOUND, detail)
}

fn forgotten(id: Uuid) -> Problem {
    let detail = format!("the content of the webhook {id} was forgotten");
    Problem::new(catalogue::WEBHOOK_FORGOTTEN, detail)
}

/// A webhook without its content, as it is told.
pub(crate) fn delivery_view(record: WebhookRecord) -> Result<WebhookDeliveryView, Problem> {
    Ok(WebhookDeliveryView {
        id: AnyId(record.id).into(),
        provider: record.provider,
        endpoint: record.endpoint,
        ledger: record.ledger,
        event_id: record.event_id,
        event_type: record.event_type,
        body_digest: record.body_digest,
        occurred_at: optional_time(record.occurred_at)?,
        received_at: time(record.received_at)?,
        status: record.status,
        attempts: record.attempts,
        replays: record.replays,
        due_at: time(record.due_at)?,
        reason: record.reason,
        position: record.position,
        changed_at: time(record.changed_at)?,
    })
}

/// The content of a webhook, as it is told.
pub(crate) fn content_view(id: Uuid, content: &Content) -> WebhookContentView {
    let headers = content.headers.iter().filter_map(|(name, value)| {
        Some(WebhookHeaderView {
            name: name.to_string(),
            value: value.to_str().ok()?.to_owned(),
        })
    });
    WebhookContentView {
        id: AnyId(id).into(),
        headers: headers.collect(),
        body_base64: STANDARD.encode(&content.body),
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        use workflows::webhooks::WebhookRejection as Rejection;
        let code = match error {
            IntakeError::UnknownEndpoint => catalogue::WEBHOOK_ENDPOINT_NOT_FOUND,
            IntakeError::Overloaded => "overloaded",
            IntakeError::Unavailable => catalogue::LOG_UNAVAILABLE,
            IntakeError::Rejected(Rejection::TooLong) => catalogue::BODY_TOO_LARGE,
            IntakeError::Rejected(Rejection::ContentType) => catalogue::UNSUPPORTED_MEDIA_TYPE,
            IntakeError::Rejected(
                Rejection::NotSigned
                | Rejection::MalformedSignature
                | Rejection::WrongSignature
                | Rejection::TooOld
                | Rejection::TooNew
                | Rejection::Ambiguous,
            ) => catalogue::WEBHOOK_SIGNATURE_INVALID,
        };
        Self::new(code, error.to_string())
    }
}
