//! What has happened to an onboarding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{ActorId, CaseId, OwnerId, TierName, WalletId};
use crate::timestamp::Timestamp;
use crate::verification::ReasonCode;

use super::words::{ContactKind, OnboardingStep, OnboardingTerms, VerificationStanding};

/// What has happened to an onboarding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum OnboardingEvent {
    /// It was begun.
    OnboardingStarted {
        /// Whose it is.
        owner: OwnerId,
        /// What it is to lead to.
        terms: OnboardingTerms,
        /// Who began it.
        by: ActorId,
    },
    /// The owner has shown that a contact is theirs.
    OnboardingContactVerified {
        /// Whose it is.
        owner: OwnerId,
        /// What kind of contact.
        kind: ContactKind,
    },
    /// The owner has no such contact any more.
    OnboardingContactRemoved {
        /// Whose it is.
        owner: OwnerId,
        /// What kind of contact.
        kind: ContactKind,
    },
    /// The verification stands otherwise than before.
    OnboardingVerificationSeen {
        /// Whose it is.
        owner: OwnerId,
        /// The case.
        case: CaseId,
        /// How it stands.
        standing: VerificationStanding,
    },
    /// The owner is waited for from now on.
    OnboardingOwnerAwaited {
        /// Whose it is.
        owner: OwnerId,
        /// For what.
        step: OnboardingStep,
        /// The how manieth wait it is: 1, 2, 3 …
        wait: u32,
        /// Until when.
        due_at: Timestamp,
    },
    /// The owner was reminded.
    OnboardingReminderSent {
        /// Whose it is.
        owner: OwnerId,
        /// Of what.
        step: OnboardingStep,
        /// The how manieth reminder of this wait: 1, 2, 3 …
        number: u32,
    },
    /// Everything is done: contacts are verified, the tier is granted, and the owner has the wallet.
    OnboardingCompleted {
        /// Whose it is.
        owner: OwnerId,
        /// The tier that is granted.
        tier: TierName,
        /// The wallet that they have.
        wallet: WalletId,
    },
    /// The owner was rejected for good.
    OnboardingRejected {
        /// Whose it is.
        owner: OwnerId,
    },
    /// The owner has not done in time what was wanted.
    OnboardingExpired {
        /// Whose it is.
        owner: OwnerId,
        /// What was wanted.
        step: OnboardingStep,
    },
    /// It was called off.
    OnboardingCancelled {
        /// Whose it is.
        owner: OwnerId,
        /// Who did.
        by: ActorId,
        /// Why, in codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
    /// It was taken up again.
    OnboardingResumed {
        /// Whose it is.
        owner: OwnerId,
        /// Who did.
        by: ActorId,
    },
}

impl OnboardingEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OnboardingStarted { .. } => "OnboardingStarted",
            Self::OnboardingContactVerified { .. } => "OnboardingContactVerified",
            Self::OnboardingContactRemoved { .. } => "OnboardingContactRemoved",
            Self::OnboardingVerificationSeen { .. } => "OnboardingVerificationSeen",
            Self::OnboardingOwnerAwaited { .. } => "OnboardingOwnerAwaited",
            Self::OnboardingReminderSent { .. } => "OnboardingReminderSent",
            Self::OnboardingCompleted { .. } => "OnboardingCompleted",
            Self::OnboardingRejected { .. } => "OnboardingRejected",
            Self::OnboardingExpired { .. } => "OnboardingExpired",
            Self::OnboardingCancelled { .. } => "OnboardingCancelled",
            Self::OnboardingResumed { .. } => "OnboardingResumed",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }

    /// Whose onboarding it is.
    #[must_use]
    pub const fn owner(&self) -> &OwnerId {
        match self {
            Self::OnboardingStarted { owner, .. }
            | Self::OnboardingContactVerified { owner, .. }
            | Self::OnboardingContactRemoved { owner, .. }
            | Self::OnboardingVerificationSeen { owner, .. }
            | Self::OnboardingOwnerAwaited { owner, .. }
            | Self::OnboardingReminderSent { owner, .. }
            | Self::OnboardingCompleted { owner, .. }
            | Self::OnboardingRejected { owner }
            | Self::OnboardingExpired { owner, .. }
            | Self::OnboardingCancelled { owner, .. }
            | Self::OnboardingResumed { owner, .. } => owner,
        }
    }
}
