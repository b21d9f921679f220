//! What can be asked about a profile.

use std::collections::BTreeSet;

use crate::identifier::{ActorId, CaseId, OwnerId};

use super::details::{PersonalDetails, ProfileField};
use super::event::ErasureReason;

/// What is to become of an owner's cases in review when the owner is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CasesInReview {
    /// They stand in the way.
    Prevent,
    /// They are rejected for good.
    Close,
}

/// What can be asked about a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileAction {
    /// Record what is known of the owner; what is not named stays as it is.
    Record {
        /// What is known now.
        details: Box<PersonalDetails>,
        /// What is not known any more.
        removed: BTreeSet<ProfileField>,
        /// Who records it.
        by: ActorId,
    },
    /// Make everything that was ever recorded unreadable, for ever.
    Erase {
        /// Why.
        reason: ErasureReason,
        /// The owner's cases, as far as the caller knows them; others are not looked at.
        cases: Vec<CaseId>,
        /// What is to become of those that are in review.
        in_review: CasesInReview,
        /// Who does.
        by: ActorId,
    },
}

impl ProfileAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Record { .. } => "RecordProfile",
            Self::Erase { .. } => "EraseProfile",
        }
    }
}

/// Something asked about a profile, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileCommand {
    /// Whose.
    pub owner: OwnerId,
    /// What is asked.
    pub action: ProfileAction,
    /// A case of the owner that providers or people are looking at.
    pub in_review: Option<CaseId>,
}
