//! Why a verification case refuses.

use serde::Serialize;

use crate::identifier::{CaseId, ProviderName, ProviderReference, TierName};
use crate::timestamp::Timestamp;

use super::state::CaseStatus;

/// A rule of verification cases that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum CaseRejection {
    /// There is no such case.
    #[error("the case {case} does not exist")]
    NotFound { case: CaseId },
    /// The id is taken.
    #[error("the case {case} already exists")]
    Exists { case: CaseId },
    /// The ledger has no such tier.
    #[error("the ledger has no tier {tier}")]
    TierNotFound { tier: TierName },
    /// It takes in no documents and is handed to nobody now.
    #[error("the case {case} is {status} and takes nothing in")]
    NotCollecting { case: CaseId, status: CaseStatus },
    /// Documents that were requested are not there yet.
    #[error("the case {case} still lacks documents that were requested")]
    DocumentsMissing { case: CaseId },
    /// More documents, providers or reasons than a case may have, or none where one is needed.
    #[error("{what}: 1 to {limit} are allowed, {found} were given")]
    OutOfRange {
        what: &'static str,
        limit: usize,
        found: usize,
    },
    /// There is nothing to look at.
    #[error("the case {case} is {status}: there is nothing to review")]
    NothingToReview { case: CaseId, status: CaseStatus },
    /// People decide what they review.
    #[error("the case {case} is {status}, not in review")]
    NotInReview { case: CaseId, status: CaseStatus },
    /// Somebody else than the owner is to act, or it has ended.
    #[error("the case {case} is {status} and does not expire")]
    NotExpirable { case: CaseId, status: CaseStatus },
    /// Its time has not come, or it has none.
    #[error("the case {case} is not due")]
    NotDue {
        case: CaseId,
        due_at: Option<Timestamp>,
    },
    /// Only what is approved is verified again.
    #[error("the case {case} is {status}, not approved")]
    NotApproved { case: CaseId, status: CaseStatus },
    /// The provider knows the case by another id: somebody else's, or a second applicant.
    #[error("the provider {provider} knows the case {case} as {ours}, not as {theirs}")]
    ReferenceDiffers {
        case: CaseId,
        provider: ProviderName,
        ours: ProviderReference,
        theirs: ProviderReference,
    },
}

impl CaseRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "case_not_found",
            Self::Exists { .. } => "case_exists",
            Self::TierNotFound { .. } => "tier_not_found",
            Self::NotCollecting { .. } => "case_not_collecting",
            Self::DocumentsMissing { .. } => "case_documents_missing",
            Self::OutOfRange { .. } => "case_out_of_range",
            Self::NothingToReview { .. } => "case_nothing_to_review",
            Self::NotInReview { .. } => "case_not_in_review",
            Self::NotExpirable { .. } => "case_not_expirable",
            Self::NotDue { .. } => "case_not_due",
            Self::NotApproved { .. } => "case_not_approved",
            Self::ReferenceDiffers { .. } => "case_reference_differs",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::TierNotFound { .. }
            | Self::DocumentsMissing { .. }
            | Self::NotDue { .. } => true,
            Self::Exists { .. }
            | Self::NotCollecting { .. }
            | Self::OutOfRange { .. }
            | Self::NothingToReview { .. }
            | Self::NotInReview { .. }
            | Self::NotExpirable { .. }
            | Self::NotApproved { .. }
            | Self::ReferenceDiffers { .. } => false,
        }
    }
}
