//! Identity providers: a person's identity checked on a page of theirs, and what they say about it, in our
//! words.
//!
//! **What an adapter promises**
//!
//! * *As little as possible about people.* A provider is told what it cannot do without ([`PersonDemand`]),
//!   and of what it tells only decisions, codes and what documents there are is read: no names, numbers,
//!   dates of birth or file names. `Debug` of what is about a person shows nothing, and faults hold a
//!   provider's codes, never its words, which may quote what a person typed.
//! * *One case per reference*, where the provider can find a case by it ([`Capabilities::is_found_by_reference`]):
//!   opening again gives the case that is there, with a new way in.
//! * *Total status.* A provider's status is parsed into its documented words or `Unknown`, and from there
//!   matched without a rest onto ours ([`Reported`]). An unknown one is stored, told to a person, and
//!   changes nothing.
//! * *Nothing is final but what a person of ours says.* A rejection may be followed by an approval and an
//!   approval by a reset, of the same case. Observations carry when they happened
//!   ([`CaseObservation::occurred_at`]), because webhooks overtake each other.
//! * *An approval is for a level.* [`CaseObservation::level`] says which; whoever decides compares it with
//!   the one that was asked for.
//! * *Typed failure*, by what a caller may do next ([`IdentityProviderError::advice`](crate::providers::CallError::advice)).
//!
//! None of the three schemes signs the time of a webhook, so a replay verifies: deduplication by
//! [`WebhookFacts::event_id`](crate::providers::WebhookFacts::event_id) and the body's digest is the
//! caller's, as storing and deciding are. Nothing here keeps state about a case.

mod capabilities;
mod case;
pub mod digio;
mod document;
mod fault;
pub mod onfido;
mod person;
mod reason;
pub mod sumsub;
mod webhook;

use std::fmt;

use async_trait::async_trait;

use crate::providers;
pub use crate::providers::{
    Advice, Attempt, Availability, CallPolicy, CircuitPolicy, CredentialsError, IdentifierError,
    MAX_WEBHOOK_BYTES, ProviderId, Reference, Refusal, Reported, SecretRing, SignatureCoverage,
    WebhookDelivery, WebhookRejection,
};
pub use capabilities::{Capabilities, Operation, PersonDemand, Provider};
pub use case::{
    CaseEntry, CaseLookup, CaseObservation, CaseRequest, CaseStatus, EntryKind, OpenedCase, Retry,
};
pub use document::{DocumentKind, DocumentObservation, DocumentSide, DocumentVerdict};
pub use fault::{IdentityProviderError, IdentityProviderStartError};
pub use person::{Person, PersonName, PersonNameError, PersonalText};
pub use reason::ReasonCode;

type Call = providers::Call<Operation>;
type Caller = providers::Caller<Provider, Operation>;

/// What an identity provider's webhook holds.
pub type WebhookContent = providers::WebhookContent<CaseObservation>;

/// What an identity provider's genuine webhook tells.
pub type WebhookFacts = providers::WebhookFacts<CaseObservation>;

/// One identity provider with one set of credentials.
///
/// An operation that the provider does not have answers
/// [`Unsupported`](crate::providers::CallError::Unsupported) without a call;
/// [`Capabilities::supports`] tells it beforehand.
#[async_trait]
pub trait IdentityProvider: fmt::Debug + Send + Sync {
    /// Whose adapter it is.
    fn provider(&self) -> Provider;

    /// What it can do and what it demands.
    fn capabilities(&self) -> &Capabilities;

    /// Whether the provider is asked for an operation now, as this process has seen it lately.
    fn availability(&self, operation: Operation) -> Availability;

    /// Opens a case and gives the person's way in. Asked again with the same reference it gives the case
    /// that is there with a new way in, where the provider finds cases by reference.
    async fn open_case(&self, request: &CaseRequest) -> Result<OpenedCase, IdentityProviderError>;

    /// How far a case is now.
    async fn fetch_case(
        &self,
        lookup: &CaseLookup,
    ) -> Result<CaseObservation, IdentityProviderError>;

    /// What documents there are in a case, without what is in them.
    async fn fetch_documents(
        &self,
        case_id: &ProviderId,
    ) -> Result<Vec<DocumentObservation>, IdentityProviderError>;

    /// Takes a decision back, so that the person starts over in the same case.
    async fn reset_case(&self, case_id: &ProviderId) -> Result<(), IdentityProviderError>;

    /// Verifies a webhook on its raw bytes against every secret that is valid now, and reads it.
    fn verify_webhook(
        &self,
        delivery: &WebhookDelivery<'_>,
    ) -> Result<WebhookFacts, WebhookRejection>;
}
