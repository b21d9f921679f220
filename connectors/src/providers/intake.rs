//! What the intake of webhooks needs of a provider, whatever it provides.
//!
//! A webhook goes through three hands, and each needs less than the adapter can do:
//!
//! 1. **Taking in** needs only that a delivery is genuine, what its event is called, and how much of it is
//!    signed ([`WebhookNotice`]). It stores the raw bytes and answers; what they tell is not looked at.
//!    Any provider is a [`WebhookVerifier`] here, so that one intake serves gateways and identity providers.
//! 2. **Processing** verifies the stored bytes again, as of the time at which they came, and reads them:
//!    [`WebhookFacts`] with the observations of [`Gateway`] or [`IdentityProvider`].
//! 3. **Confirming** asks the provider what is true now ([`WebhookConfirmer`]), where a signature does not
//!    cover everything, or where a webhook alone must not decide. None of the identity providers signs when a
//!    webhook was sent, so that a genuine approval of last year verifies today: who would approve somebody
//!    by a webhook asks first.
//!
//! Nothing here keeps state. That a delivery came before is told by [`WebhookNotice::body_digest`] in the
//! intake's table, not by the event's name, which some providers put where no signature covers it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{CallError, SignatureCoverage, WebhookDelivery, WebhookFacts, WebhookRejection};
use crate::gateways::Gateway;
use crate::identity_providers::{
    self, CaseLookup, CaseObservation, IdentityProvider, IdentityProviderError,
};

/// What is known of a genuine webhook before anybody looks at what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookNotice {
    /// The name of the event, alike in every delivery of it.
    pub event_id: String,
    /// The kind of event in the provider's words.
    pub event_type: String,
    /// When the provider says it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// SHA-256 of the body in hexadecimal.
    pub body_digest: String,
    /// How much of it the signature covers.
    pub coverage: SignatureCoverage,
}

impl<T> From<WebhookFacts<T>> for WebhookNotice {
    fn from(facts: WebhookFacts<T>) -> Self {
        Self {
            event_id: facts.event_id,
            event_type: facts.event_type,
            occurred_at: facts.occurred_at,
            body_digest: facts.body_digest,
            coverage: facts.coverage,
        }
    }
}

/// Whoever sends webhooks: an account at a gateway or at an identity provider.
pub trait WebhookVerifier: fmt::Debug + Send + Sync {
    /// The provider's name, as it stands in the address of its webhooks. No two providers have the same,
    /// whatever they provide.
    fn provider_name(&self) -> &'static str;

    /// Verifies a webhook on its raw bytes against every secret that is valid now.
    ///
    /// # Errors
    /// [`WebhookRejection`]: it is not genuine, or not what the provider sends, and is not to be stored.
    fn notice(&self, delivery: &WebhookDelivery<'_>) -> Result<WebhookNotice, WebhookRejection>;
}

impl WebhookVerifier for Arc<dyn Gateway> {
    fn provider_name(&self) -> &'static str {
        self.provider().as_str()
    }

    fn notice(&self, delivery: &WebhookDelivery<'_>) -> Result<WebhookNotice, WebhookRejection> {
        self.verify_webhook(delivery).map(WebhookNotice::from)
    }
}

impl WebhookVerifier for Arc<dyn IdentityProvider> {
    fn provider_name(&self) -> &'static str {
        self.provider().as_str()
    }

    fn notice(&self, delivery: &WebhookDelivery<'_>) -> Result<WebhookNotice, WebhookRejection> {
        self.verify_webhook(delivery).map(WebhookNotice::from)
    }
}

/// Whoever can be asked whether what a webhook tells is so.
#[async_trait]
pub trait WebhookConfirmer: WebhookVerifier {
    /// One thing that a webhook tells.
    type Observation;

    /// Why an asking gives nothing.
    type Fault;

    /// How that thing is now. What the provider leaves out of its answer and names in its webhooks, such as
    /// our reference, is taken over from what was told; a status never is.
    ///
    /// # Errors
    /// Those of the call. A provider may tell of something a moment before it can be asked about it
    /// ([`CallError::NotFound`]): ask again later.
    async fn confirm(&self, told: &Self::Observation) -> Result<Self::Observation, Self::Fault>;
}

#[async_trait]
impl WebhookConfirmer for Arc<dyn IdentityProvider> {
    type Observation = CaseObservation;
    type Fault = IdentityProviderError;

    async fn confirm(
        &self,
        told: &CaseObservation,
    ) -> Result<CaseObservation, IdentityProviderError> {
        let lookup = CaseLookup::Id(told.case_id.clone());
        let mut now = self.fetch_case(&lookup).await?;
        if now.case_id != told.case_id {
            return Err(CallError::Nonsense {
                provider: self.provider(),
                operation: identity_providers::Operation::FetchCase,
                reason: "it is another case than the one that was asked for".to_owned(),
            });
        }
        if now.reference.is_none() {
            now.reference.clone_from(&told.reference);
        }
        Ok(now)
    }
}
