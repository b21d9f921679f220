//! Digio (India): a KYC request of a template per case, with our reference as `reference_id`.
//!
//! | operation | call | a repeat |
//! |---|---|---|
//! | open | `POST /client/kyc/v2/request/with_template` | makes another request |
//! | fetch, documents | `POST /client/kyc/v2/{id}/response` | harmless, although it is a `POST` |
//!
//! Digio has no key that makes a repeat harmless and finds nothing by reference. What an opening whose answer
//! was lost leaves behind is a request that nobody is told of (`notify_customer` is off) and that expires
//! by itself; its webhooks have our reference, too. A request cannot be reset: another try is another case.
//!
//! The person is known to Digio by an email address or an Indian phone number, and nothing else about them is
//! sent. Digio's page has it in its address, so that a way in is personal data. The answer to a fetch holds
//! what the person handed in; of it only states are read.

mod answer;
mod entry;
mod settings;
mod status;
mod webhooks;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    Availability, Call, Caller, Capabilities, CaseLookup, CaseObservation, CaseRequest,
    DocumentObservation, IdentityProvider, IdentityProviderError, IdentityProviderStartError,
    OpenedCase, Operation, PersonDemand, Provider, ProviderId, WebhookDelivery, WebhookFacts,
    WebhookRejection,
};
use crate::providers::{Body, CallError};
use answer::codes;
use entry::customer_identifier;
pub use settings::{DIGIO_BASE_URL, DIGIO_GATEWAY_URL, DigioSettings};

const PROVIDER: Provider = Provider::Digio;

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

const CAPABILITIES: Capabilities = Capabilities {
    operations: &[
        Operation::OpenCase,
        Operation::FetchCase,
        Operation::FetchDocuments,
    ],
    is_found_by_reference: false,
    person: PersonDemand {
        name: false,
        contact: true,
    },
    longest_entry: Duration::from_secs(90 * 24 * 60 * 60),
    least_polling_interval: Duration::from_secs(30),
};

/// The longest name of a template.
const LONGEST_TEMPLATE: usize = 128;

/// An account at Digio.
#[derive(Debug)]
pub struct DigioProvider {
    caller: Caller,
    authorization: HeaderValue,
    settings: DigioSettings,
}

impl DigioProvider {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`IdentityProviderStartError`].
    pub fn try_new(settings: DigioSettings) -> Result<Self, IdentityProviderStartError> {
        settings.check()?;
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

    async fn response(
        &self,
        operation: Operation,
        case_id: &ProviderId,
    ) -> Result<wire::KycRequest, IdentityProviderError> {
        let path = format!("/client/kyc/v2/{case_id}/response");
        let call = Call::post(operation, path, Body::Nothing).repeatable();
        self.ask(call).await
    }
}

#[async_trait]
impl IdentityProvider for DigioProvider {
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
        if request.level.is_empty() || request.level.len() > LONGEST_TEMPLATE {
            return Err(CallError::Invalid {
                field: "level",
                rule: "is the name of a template, at most 128 bytes",
            });
        }
        let identifier = customer_identifier(&request.person)?;
        let lifetime = request.entry_lifetime.min(CAPABILITIES.longest_entry);
        let days = lifetime.as_secs().div_ceil(A_DAY.as_secs()).max(1);
        let body = json!({
            "customer_identifier": identifier,
            "template_name": request.level,
            "reference_id": request.reference.as_str(),
            "transaction_id": request.reference.as_str(),
            "notify_customer": false,
            "generate_access_token": true,
            "expire_in_days": days,
        });
        let path = "/client/kyc/v2/request/with_template";
        let made: wire::NewRequest = self
            .ask(Call::post(operation, path, Body::Json(body)))
            .await?;
        let case_id = made.id.parse().map_err(PROVIDER.at(operation).bad_id())?;
        let token = made.access_token.id;
        let entry = entry::entry(&self.settings, request, &case_id, identifier, token)?;
        Ok(OpenedCase { case_id, entry })
    }

    async fn fetch_case(
        &self,
        lookup: &CaseLookup,
    ) -> Result<CaseObservation, IdentityProviderError> {
        let operation = Operation::FetchCase;
        match lookup {
            CaseLookup::Id(case_id) => {
                let response = self.response(operation, case_id).await?;
                response.observe().map_err(PROVIDER.at(operation).bad_id())
            }
            CaseLookup::Reference(_) => Err(PROVIDER.at(operation).unsupported()),
        }
    }

    async fn fetch_documents(
        &self,
        case_id: &ProviderId,
    ) -> Result<Vec<DocumentObservation>, IdentityProviderError> {
        let operation = Operation::FetchDocuments;
        let response = self.response(operation, case_id).await?;
        let actions = response.actions.into_iter().flatten();
        actions
            .map(wire::Action::observe)
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
        webhooks::verify(&self.settings.webhook_secrets, delivery)
    }
}
