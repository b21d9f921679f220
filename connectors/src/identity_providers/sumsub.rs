//! Sumsub: an applicant per case, named by our reference as `externalUserId`.
//!
//! | operation | call | a repeat |
//! |---|---|---|
//! | open | `POST /resources/applicants`, then `/resources/sdkIntegrations/levels/-/websdkLink` or `/resources/accessTokens/sdk` | 409 for the applicant, who is then looked up; a link is made anew |
//! | fetch | `GET /resources/applicants/{id}/status`, by reference `…/-;externalUserId={reference}/one` | harmless |
//! | documents | `GET /resources/applicants/{id}/metadata/resources` | harmless |
//! | reset | `POST /resources/applicants/{id}/reset` | not made by itself |
//!
//! Requests are signed with the time, which Sumsub wants to be of the last minute, so each attempt is
//! signed anew. Nothing about the person is sent: they type it on Sumsub's page.
//!
//! `clientComment` must not be shown to people and is not read; `moderationComment` may.

mod answer;
mod settings;
mod signature;
mod status;
mod webhooks;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::person::PersonalText;
use super::{
    Availability, Call, Caller, Capabilities, CaseEntry, CaseLookup, CaseObservation, CaseRequest,
    DocumentObservation, EntryKind, IdentityProvider, IdentityProviderError,
    IdentityProviderStartError, OpenedCase, Operation, PersonDemand, Provider, ProviderId,
    Reference, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use crate::outbound::form;
use crate::providers::{Body, CallError, looked_up};
use answer::codes;
pub use settings::{SUMSUB_BASE_URL, SumsubDigest, SumsubSettings};
pub use signature::request_signature;

const PROVIDER: Provider = Provider::Sumsub;

const CAPABILITIES: Capabilities = Capabilities {
    operations: &Operation::ALL,
    is_found_by_reference: true,
    person: PersonDemand {
        name: false,
        contact: false,
    },
    longest_entry: Duration::from_secs(30 * 24 * 60 * 60),
    least_polling_interval: Duration::from_secs(30),
};

/// The longest name of a level.
const LONGEST_LEVEL: usize = 128;

/// An account at Sumsub.
#[derive(Debug)]
pub struct SumsubProvider {
    caller: Caller,
    settings: SumsubSettings,
}

impl SumsubProvider {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`IdentityProviderStartError`].
    pub fn try_new(settings: SumsubSettings) -> Result<Self, IdentityProviderStartError> {
        let signer = settings.signer()?;
        let caller = Caller::try_new(PROVIDER, &settings.base_url, settings.calls)?;
        Ok(Self {
            caller: caller.with_signer(signer),
            settings,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, IdentityProviderError> {
        let at = PROVIDER.at(call.operation);
        let read = |answer: &_| at.entity(answer, codes);
        self.caller.call(call, read).await
    }

    /// The applicant of a reference, who is made if there is none.
    async fn applicant(&self, request: &CaseRequest) -> Result<ProviderId, IdentityProviderError> {
        let operation = Operation::OpenCase;
        let path = format!(
            "/resources/applicants?{}",
            query(&[("levelName", &request.level)])
        );
        let body = json!({"externalUserId": request.reference.as_str()});
        // The reference is unique at Sumsub, so that a repeat makes nobody twice.
        let call = Call::post(operation, path, Body::Json(body)).repeatable();
        let id = match self.ask::<wire::NewApplicant>(call).await {
            Ok(applicant) => applicant.id,
            Err(CallError::Refused { refusal, .. })
                if refusal.status == StatusCode::CONFLICT.as_u16() =>
            {
                let found = looked_up(self.named(operation, &request.reference).await)?;
                let at = PROVIDER.at(operation);
                let none = || at.nonsense("an applicant is there and is not");
                found.ok_or_else(none)?.id
            }
            Err(error) => return Err(error),
        };
        id.parse().map_err(PROVIDER.at(operation).bad_id())
    }

    async fn named(
        &self,
        operation: Operation,
        reference: &Reference,
    ) -> Result<wire::Applicant, IdentityProviderError> {
        let path = format!("/resources/applicants/-;externalUserId={reference}/one");
        self.ask(Call::get(operation, path)).await
    }

    async fn entry(&self, request: &CaseRequest) -> Result<CaseEntry, IdentityProviderError> {
        let operation = Operation::OpenCase;
        let lifetime = request.entry_lifetime.min(CAPABILITIES.longest_entry);
        let mut body = json!({
            "levelName": request.level,
            "userId": request.reference.as_str(),
            "ttlInSecs": lifetime.as_secs().max(1),
        });
        match request.entry {
            EntryKind::Page => {
                body["redirect"] = json!({
                    "successUrl": request.return_url.as_str(),
                    "rejectUrl": request.return_url.as_str(),
                });
                let path = "/resources/sdkIntegrations/levels/-/websdkLink";
                let call = Call::post(operation, path, Body::Json(body)).repeatable();
                let link: wire::Link = self.ask(call).await?;
                let url = PROVIDER.at(operation).page_url(&link.url)?;
                Ok(CaseEntry::Page { url })
            }
            EntryKind::Token => {
                let path = "/resources/accessTokens/sdk";
                let call = Call::post(operation, path, Body::Json(body)).repeatable();
                let token: wire::Token = self.ask(call).await?;
                let token = PersonalText::new(token.token);
                Ok(CaseEntry::Token { token })
            }
        }
    }
}

#[async_trait]
impl IdentityProvider for SumsubProvider {
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
        if request.level.is_empty() || request.level.len() > LONGEST_LEVEL {
            return Err(CallError::Invalid {
                field: "level",
                rule: "is the name of a level, at most 128 bytes",
            });
        }
        let case_id = self.applicant(request).await?;
        let entry = self.entry(request).await?;
        Ok(OpenedCase { case_id, entry })
    }

    async fn fetch_case(
        &self,
        lookup: &CaseLookup,
    ) -> Result<CaseObservation, IdentityProviderError> {
        let operation = Operation::FetchCase;
        match lookup {
            CaseLookup::Id(case_id) => {
                let path = format!("/resources/applicants/{case_id}/status");
                let review: wire::Review = self.ask(Call::get(operation, path)).await?;
                Ok(review.observe(case_id.clone(), None))
            }
            CaseLookup::Reference(reference) => {
                let applicant = self.named(operation, reference).await?;
                let case_id = applicant
                    .id
                    .parse()
                    .map_err(PROVIDER.at(operation).bad_id())?;
                Ok(applicant.review.observe(case_id, Some(reference.clone())))
            }
        }
    }

    async fn fetch_documents(
        &self,
        case_id: &ProviderId,
    ) -> Result<Vec<DocumentObservation>, IdentityProviderError> {
        let operation = Operation::FetchDocuments;
        let path = format!("/resources/applicants/{case_id}/metadata/resources");
        let images: wire::Images = self.ask(Call::get(operation, path)).await?;
        let images = images.items.into_iter().map(wire::Image::observe);
        images
            .collect::<Result<_, _>>()
            .map_err(PROVIDER.at(operation).bad_id())
    }

    async fn reset_case(&self, case_id: &ProviderId) -> Result<(), IdentityProviderError> {
        let path = format!("/resources/applicants/{case_id}/reset");
        let call = Call::post(Operation::ResetCase, path, Body::Nothing);
        let _: serde_json::Value = self.ask(call).await?;
        Ok(())
    }

    fn verify_webhook(
        &self,
        delivery: &WebhookDelivery<'_>,
    ) -> Result<WebhookFacts, WebhookRejection> {
        webhooks::verify(&self.settings, delivery)
    }
}

/// A query with `%20` for spaces, which Sumsub's signatures want.
fn query(fields: &[(&str, &str)]) -> String {
    form(fields).replace('+', "%20")
}
