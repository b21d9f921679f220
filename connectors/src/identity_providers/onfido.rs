//! Onfido (version 3.6): a workflow run per case, with our reference as a tag and as `customer_user_id`.
//!
//! | operation | call | a repeat |
//! |---|---|---|
//! | open | `POST /applicants`, then `POST /workflow_runs` | looks for the tag first: `GET /workflow_runs?tags=` |
//! | fetch | `GET /workflow_runs/{id}`, by reference `GET /workflow_runs?tags=` | harmless |
//! | documents | `GET /workflow_runs/{id}`, then `GET /documents?applicant_id=` | harmless |
//!
//! Onfido has no idempotency keys. What an opening whose answer was lost leaves behind is at worst an
//! applicant without a run; one whose run is refused is deleted again. A run cannot be reset: another try
//! is another case. The link of a run cannot be renewed either, so opening again gives the link that is
//! there.
//!
//! The applicant's name is wanted and nothing else about the person is sent. Checks, the older interface,
//! are not used, and events of theirs are of no concern.

mod answer;
mod settings;
mod status;
mod webhooks;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::{
    Advice, Attempt, Availability, Call, Caller, Capabilities, CaseLookup, CaseObservation,
    CaseRequest, DocumentObservation, IdentityProvider, IdentityProviderError,
    IdentityProviderStartError, OpenedCase, Operation, PersonDemand, Provider, ProviderId,
    Reference, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use crate::outbound::form;
use crate::providers::{Body, CallError, looked_up};
use answer::codes;
pub use settings::{ONFIDO_BASE_URL, OnfidoSettings};

const PROVIDER: Provider = Provider::Onfido;

const CAPABILITIES: Capabilities = Capabilities {
    operations: &[
        Operation::OpenCase,
        Operation::FetchCase,
        Operation::FetchDocuments,
    ],
    is_found_by_reference: true,
    person: PersonDemand {
        name: true,
        contact: false,
    },
    longest_entry: Duration::from_secs(30 * 24 * 60 * 60),
    least_polling_interval: Duration::from_secs(30),
};

/// An account at Onfido.
#[derive(Debug)]
pub struct OnfidoProvider {
    caller: Caller,
    authorization: HeaderValue,
    settings: OnfidoSettings,
}

impl OnfidoProvider {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`IdentityProviderStartError`].
    pub fn try_new(settings: OnfidoSettings) -> Result<Self, IdentityProviderStartError> {
        Ok(Self {
            authorization: settings.authorization()?,
            caller: Caller::try_new(PROVIDER, &settings.base_url, settings.calls)?,
            settings,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, IdentityProviderError> {
        let at = PROVIDER.at(call.operation);
        let call = call.with_header(AUTHORIZATION, self.authorization.clone());
        let read = |answer: &_| at.entity(answer, codes);
        self.caller.call(call, read).await
    }

    async fn run(
        &self,
        operation: Operation,
        case_id: &ProviderId,
    ) -> Result<wire::Run, IdentityProviderError> {
        let path = format!("/workflow_runs/{case_id}");
        self.ask(Call::get(operation, path)).await
    }

    /// The latest run with our reference.
    async fn tagged(
        &self,
        operation: Operation,
        reference: &Reference,
    ) -> Result<Option<wire::Run>, IdentityProviderError> {
        let query = form(&[("tags", reference.as_str()), ("sort", "desc")]);
        let path = format!("/workflow_runs?{query}");
        let runs: Vec<wire::Run> = self.ask(Call::get(operation, path)).await?;
        Ok(runs.into_iter().find(|run| run.has_tag(reference.as_str())))
    }

    async fn new_run(&self, request: &CaseRequest) -> Result<wire::Run, IdentityProviderError> {
        let operation = Operation::OpenCase;
        let Some(name) = &request.person.name else {
            return Err(CallError::Invalid {
                field: "name",
                rule: "is wanted by Onfido",
            });
        };
        let applicant = json!({"first_name": name.given(), "last_name": name.family()});
        let call = Call::post(operation, "/applicants", Body::Json(applicant));
        let applicant: wire::Applicant = self.ask(call).await?;
        let applicant_id = applicant
            .id
            .parse()
            .map_err(PROVIDER.at(operation).bad_id())?;
        let run = run_body(request, &applicant_id);
        let call = Call::post(operation, "/workflow_runs", Body::Json(run));
        let outcome = self.ask(call).await;
        if let Err(error) = &outcome
            && error.advice() != Advice::LookUpFirst
        {
            self.forget(&applicant_id).await;
        }
        outcome
    }

    /// Nobody needs an applicant without a run, and it is personal data.
    async fn forget(&self, applicant_id: &ProviderId) {
        let mut call = Call::get(Operation::OpenCase, format!("/applicants/{applicant_id}"))
            .with_header(AUTHORIZATION, self.authorization.clone());
        call.method = Method::DELETE;
        let at = PROVIDER.at(Operation::OpenCase);
        let read = |answer: &crate::outbound::Answer| match answer.status.is_success() {
            true => Ok(()),
            false => Err(at.error(answer, codes)),
        };
        if let Err(error) = self.caller.call(call, read).await {
            tracing::warn!(
                error.code = error.code(),
                applicant.id = %applicant_id,
                "an applicant without a case is left at Onfido and should be deleted there"
            );
        }
    }
}

#[async_trait]
impl IdentityProvider for OnfidoProvider {
    fn provider(&self) -> Provider {
        PROVIDER
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn availability(&self, operation: Operation) -> Availability {
        self.caller.availability(operation)
    }

    async fn open_case(&self, request: &CaseRequest) -> Result<OpenedCase, IdentityProviderError> {
        let operation = Operation::OpenCase;
        if request.level.parse::<Uuid>().is_err() {
            return Err(CallError::Invalid {
                field: "level",
                rule: "is the id of a workflow of Onfido",
            });
        }
        let found = match request.attempt {
            Attempt::First => None,
            Attempt::Again => {
                looked_up(self.tagged(operation, &request.reference).await)?.flatten()
            }
        };
        let run = match found {
            Some(run) => run,
            None => self.new_run(request).await?,
        };
        run.opened(PROVIDER.at(operation), request.entry)
    }

    async fn fetch_case(
        &self,
        lookup: &CaseLookup,
    ) -> Result<CaseObservation, IdentityProviderError> {
        let operation = Operation::FetchCase;
        let run = match lookup {
            CaseLookup::Id(case_id) => self.run(operation, case_id).await?,
            CaseLookup::Reference(reference) => {
                let found = self.tagged(operation, reference).await?;
                found.ok_or_else(|| PROVIDER.at(operation).not_found())?
            }
        };
        run.observe().map_err(PROVIDER.at(operation).bad_id())
    }

    async fn fetch_documents(
        &self,
        case_id: &ProviderId,
    ) -> Result<Vec<DocumentObservation>, IdentityProviderError> {
        let operation = Operation::FetchDocuments;
        let run = self.run(operation, case_id).await?;
        let query = form(&[("applicant_id", &run.applicant_id)]);
        let call = Call::get(operation, format!("/documents?{query}"));
        let documents: wire::Documents = self.ask(call).await?;
        let documents = documents.documents.into_iter().map(wire::Document::observe);
        documents
            .collect::<Result<_, _>>()
            .map_err(PROVIDER.at(operation).bad_id())
    }

    async fn reset_case(&self, _case_id: &ProviderId) -> Result<(), IdentityProviderError> {
        Err(PROVIDER.at(Operation::ResetCase).unsupported())
    }

    fn verify_webhook(
        &self,
        delivery: &WebhookDelivery<'_>,
    ) -> Result<WebhookFacts, WebhookRejection> {
        webhooks::verify(&self.settings.webhook_tokens, delivery)
    }
}

fn run_body(request: &CaseRequest, applicant_id: &ProviderId) -> serde_json::Value {
    let lifetime = request.entry_lifetime.min(CAPABILITIES.longest_entry);
    let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
    let expires_at = Utc::now().checked_add_signed(lifetime);
    json!({
        "applicant_id": applicant_id.as_str(),
        "workflow_id": request.level,
        "tags": [request.reference.as_str()],
        "customer_user_id": request.reference.as_str(),
        "link": {
            "completed_redirect_url": request.return_url.as_str(),
            "expired_redirect_url": request.return_url.as_str(),
            "expires_at": expires_at.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        },
    })
}
