//! What onboardings are told in.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{CaseId, OwnerId, TierName, WalletId};
use crate::money::AssetCode;
use crate::owner::Owner;
use crate::timestamp::Timestamp;
use crate::verification::{CaseStatus, VerificationCase};

/// A way to reach an owner that has to be theirs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    /// An email address.
    Email,
    /// A phone number.
    Phone,
}

/// What an onboarding is at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnboardingStep {
    /// The owner shows that contacts are theirs.
    Contacts,
    /// A verification case finds out who they are.
    Verification,
    /// Their wallet is opened.
    Wallet,
}

impl OnboardingStep {
    /// In order.
    pub const ALL: [Self; 3] = [Self::Contacts, Self::Verification, Self::Wallet];

    /// The name, as stored in read models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Verification => "verification",
            Self::Wallet => "wallet",
        }
    }
}

impl fmt::Display for OnboardingStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What an onboarding is to lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnboardingTerms {
    /// The tier that the owner is verified for.
    pub tier: TierName,
    /// The case that finds out who they are, opened when contacts are verified, unless it is there.
    pub case: CaseId,
    /// The wallet that they get, unless they have it.
    pub wallet: WalletId,
    /// What they mean to hold in it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub assets: BTreeSet<AssetCode>,
    /// What has to be theirs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contacts: BTreeSet<ContactKind>,
}

/// How it stands with what an owner is to be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerificationStanding {
    /// There is no case, and no tier was granted without one.
    NotOpened,
    /// Documents are wanted of the owner.
    AwaitsOwner,
    /// It was rejected; the owner may try again.
    RetryAllowed,
    /// Others work on it.
    InProgress,
    /// A tier is granted.
    Granted {
        /// Which; staff may decide on another one than was asked for.
        tier: TierName,
    },
    /// It was rejected for good.
    Rejected,
    /// What was needed did not come in time.
    Expired,
}

impl VerificationStanding {
    /// How it stands with an owner, by the case about them and what was granted to them without it, and until when
    /// the case waits for its owner, where it does. A case about somebody else is none.
    #[must_use]
    pub fn of(
        owner: &OwnerId,
        terms: &OnboardingTerms,
        case: &VerificationCase,
        grants: &Owner,
    ) -> (Self, Option<Timestamp>) {
        let about = case.open().filter(|(open, _)| open.owner == *owner);
        let granted = about.and_then(|(open, _)| open.granted);
        let granted = granted.or(grants.grants(terms.tier).then_some(terms.tier));
        if let Some(tier) = granted {
            return (Self::Granted { tier }, None);
        }
        let Some((open, status)) = about else {
            return (Self::NotOpened, None);
        };
        match status {
            CaseStatus::AwaitingDocuments | CaseStatus::ReverificationDue => {
                (Self::AwaitsOwner, open.due_at)
            }
            CaseStatus::RetryAllowed => (Self::RetryAllowed, open.due_at),
            CaseStatus::Opened
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::Approved => (Self::InProgress, None),
            CaseStatus::Rejected => (Self::Rejected, None),
            CaseStatus::Expired => (Self::Expired, None),
        }
    }

    /// Whether the owner is to do something.
    #[must_use]
    pub const fn awaits_owner(self) -> bool {
        match self {
            Self::AwaitsOwner | Self::RetryAllowed => true,
            Self::NotOpened
            | Self::InProgress
            | Self::Granted { .. }
            | Self::Rejected
            | Self::Expired => false,
        }
    }

    /// The tier that is granted.
    #[must_use]
    pub const fn granted(self) -> Option<TierName> {
        match self {
            Self::Granted { tier } => Some(tier),
            Self::NotOpened
            | Self::AwaitsOwner
            | Self::RetryAllowed
            | Self::InProgress
            | Self::Rejected
            | Self::Expired => None,
        }
    }
}
