//! Why a profile is not changed.

use serde::Serialize;

use crate::identifier::{CaseId, OwnerId};

/// A rule of profiles that a command breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum ProfileRejection {
    /// The person was erased; nothing is recorded of them any more.
    #[error("the person behind the owner {owner} was erased")]
    Erased { owner: OwnerId },
    /// The command says nothing.
    #[error("nothing is recorded and nothing removed")]
    Empty {},
    /// Providers or people are looking at a case of the owner.
    #[error("the verification case {case} is in review")]
    CaseInReview { case: CaseId },
}

impl ProfileRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Erased { .. } => "profile_erased",
            Self::Empty {} => "profile_empty",
            Self::CaseInReview { .. } => "profile_case_in_review",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Erased { .. } | Self::Empty {} => false,
            Self::CaseInReview { .. } => true,
        }
    }
}
