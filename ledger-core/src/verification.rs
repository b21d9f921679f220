//! A verification case: how far the platform has come in finding out who an owner is.
//!
//! | state | Open | RequestDocuments | ReceiveDocument | RemoveDocument | Submit | StartReview | Approve, Reject | Expire | Reset | RequireReverification |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | Absent | → Opened, or `tier_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` |
//! | Opened | `case_exists` | → AwaitingDocuments | → DocumentsReceived | noted | → Submitted | `case_nothing_to_review` | `case_not_in_review` | → Expired, or `case_not_due` | nothing, or Opened when there was progress | `case_not_approved` |
//! | AwaitingDocuments | `case_exists` | AwaitingDocuments, or nothing | AwaitingDocuments, → DocumentsReceived with the last that was requested | noted | `case_documents_missing` | `case_nothing_to_review` | `case_not_in_review` | → Expired, or `case_not_due` | → Opened | `case_not_approved` |
//! | DocumentsReceived | `case_exists` | → AwaitingDocuments, or nothing | DocumentsReceived | noted | → Submitted | → InReview | `case_not_in_review` | → Expired, or `case_not_due` | → Opened | `case_not_approved` |
//! | Submitted | `case_exists` | `case_not_collecting` | `case_not_collecting` | noted | Submitted with one more provider, or nothing | → InReview | `case_not_in_review` | `case_not_expirable` | → Opened | `case_not_approved` |
//! | InReview | `case_exists` | → AwaitingDocuments | `case_not_collecting` | noted | `case_not_collecting` | nothing | → Approved; → RetryAllowed or Rejected | `case_not_expirable` | → Opened | `case_not_approved` |
//! | Approved | `case_exists` | `case_not_collecting` | `case_not_collecting` | noted | `case_not_collecting` | `case_nothing_to_review` | `case_not_in_review` | `case_not_expirable` | → Opened | → ReverificationDue, or `case_not_due` |
//! | RetryAllowed | `case_exists` | → AwaitingDocuments | → DocumentsReceived or AwaitingDocuments | noted | → Submitted | → InReview | `case_not_in_review` | → Expired, or `case_not_due` | → Opened | `case_not_approved` |
//! | Rejected | `case_exists` | `case_not_collecting` | `case_not_collecting` | noted | `case_not_collecting` | → InReview | `case_not_in_review` | `case_not_expirable` | → Opened | `case_not_approved` |
//! | Expired | `case_exists` | `case_not_collecting` | `case_not_collecting` | noted | `case_not_collecting` | → InReview | `case_not_in_review` | nothing | → Opened | `case_not_approved` |
//! | ReverificationDue | `case_exists` | → AwaitingDocuments | → DocumentsReceived or AwaitingDocuments | noted | → Submitted | → InReview | `case_not_in_review` | → Expired, or `case_not_due` | → Opened | nothing |
//!
//! **What a provider says** is observed, in any order, late and twice. An observation that is older than
//! the last of its provider, or says the same, leaves no event; one whose provider knows the case by
//! another reference than since it was handed over last is `case_reference_differs`. What the others lead
//! to, where one provider is asked:
//!
//! | state | pending | review | approved | rejected, retry | rejected, final | expired | reset |
//! |---|---|---|---|---|---|---|---|
//! | Absent | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` | `case_not_found` |
//! | Opened, AwaitingDocuments, DocumentsReceived | → Submitted | → InReview | → Approved | → RetryAllowed | → Rejected | → Expired | → Opened |
//! | ReverificationDue | → Submitted | → InReview | → Approved | → RetryAllowed | → Rejected | noted | → Opened |
//! | Submitted | noted | → InReview | → Approved | → RetryAllowed | → Rejected | → Expired | → Opened |
//! | RetryAllowed | → Submitted | → InReview | → Approved | noted | → Rejected | → Expired | → Opened |
//! | InReview, begun by the provider | noted | noted | → Approved | → RetryAllowed | → Rejected | noted | → Opened |
//! | InReview, begun otherwise | noted | noted | noted | noted | noted | noted | → Opened |
//! | Approved | noted | → InReview | noted | → RetryAllowed | → Rejected | noted | → Opened |
//! | Rejected | noted | → InReview | → InReview | → InReview | noted | noted | → Opened |
//! | Expired | → Submitted | → InReview | → Approved | → RetryAllowed | → Rejected | noted | → Opened |
//!
//! **Several providers.** A case that was submitted to several is approved or rejected by them when all
//! have spoken and agree. When they do not, staff decide: the case is in review, and no later word of a
//! provider takes it out. So is one that was approved, when a provider rejects it and another did not; and
//! one that was rejected for good, when a provider says anything else.
//!
//! **The tier.** An approval grants the owner a tier ([`crate::owner`]), in the same append. It stands while
//! the case is approved or is verified again, and ends with a reset, an expiry, a final rejection, and
//! whatever takes an approved case elsewhere than to its re-verification.
//!
//! **Documents are kept for some time only.** That one is kept no longer is noted in every state and changes none:
//! what it led to stands.
//!
//! **What is not here.** No name, number, address, image or comment: documents are a reference, a kind, a
//! size and a hash, and reasons are codes.

mod command;
mod consensus;
mod decide;
mod event;
mod observe;
mod rejection;
mod state;
#[cfg(test)]
mod tests;
mod words;

pub use command::{CaseAction, CaseCommand, CaseObservation, ReverificationCause};
pub use event::{CaseEvent, CaseSource, Finding, ObservedFinding, ReviewCause};
pub use rejection::CaseRejection;
pub use state::{CaseStatus, Heard, OpenCase, ProviderView, VerificationCase};
pub use words::{
    CaseDocument, ContentHash, DocumentKind, ReasonCode, RemovalReason, Retry, WordError,
};

use crate::identifier::derived_id;

crate::aggregate::impl_observing_aggregate!(
    VerificationCase,
    "verification_case",
    CaseCommand,
    CaseEvent,
    CaseRejection
);

/// The most documents, and kinds of them, in one attempt of a case.
pub const MAX_DOCUMENTS: usize = 64;

/// The most providers that one case is submitted to.
pub const MAX_PROVIDERS: usize = 8;

/// The most reasons of one rejection.
pub const MAX_REASONS: usize = 32;

/// What stands for the id of a provider's event where the provider gives none: made of what tells its
/// events apart, such as the applicant, the type and the time. For
/// `IdempotencyKey::of_provider_event`; the same parts always make the same id.
#[must_use]
pub fn provider_event_id(parts: &[&str]) -> String {
    let mut texts = vec!["verification event"];
    texts.extend_from_slice(parts);
    derived_id(&texts).to_string()
}
