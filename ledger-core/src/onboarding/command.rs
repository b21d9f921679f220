//! What can be asked of an onboarding.

use std::collections::BTreeSet;

use crate::identifier::{ActorId, OwnerId};
use crate::money::AssetCode;
use crate::owner::TierKnown;
use crate::timestamp::Timestamp;
use crate::verification::ReasonCode;

use super::words::{ContactKind, OnboardingTerms, VerificationStanding};

/// What may be taken up again by whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reopen {
    /// What ended because time passed: for owners.
    Expired,
    /// What was cancelled or rejected as well: for staff.
    Ended,
}

/// What can be asked of an onboarding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnboardingAction {
    /// Begin it.
    Start {
        /// What it is to lead to.
        terms: OnboardingTerms,
        /// Who begins it.
        by: ActorId,
    },
    /// See how far the owner has come.
    Advance {
        /// The kinds of which the owner has a contact that is verified now.
        verified: BTreeSet<ContactKind>,
        /// Until when the owner has time for contacts, if that is waited for from now on.
        contacts_due_at: Timestamp,
        /// The same for the case, where it has no time of its own.
        documents_due_at: Timestamp,
    },
    /// Note that the owner was reminded.
    Remind {
        /// In which wait.
        wait: u32,
        /// The how manieth reminder in it: 1, 2, 3 …
        number: u32,
    },
    /// End it because the owner's time has passed.
    Expire,
    /// Call it off.
    Cancel {
        /// Why.
        reasons: Vec<ReasonCode>,
        /// Who does.
        by: ActorId,
    },
    /// Take it up again.
    Resume {
        /// What may be taken up.
        reopen: Reopen,
        /// Who does.
        by: ActorId,
    },
}

impl OnboardingAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "StartOnboarding",
            Self::Advance { .. } => "AdvanceOnboarding",
            Self::Remind { .. } => "RemindOnboarding",
            Self::Expire => "ExpireOnboarding",
            Self::Cancel { .. } => "CancelOnboarding",
            Self::Resume { .. } => "ResumeOnboarding",
        }
    }

    /// What it is to lead to, where the command says so.
    #[must_use]
    pub const fn terms(&self) -> Option<&OnboardingTerms> {
        match self {
            Self::Start { terms, .. } => Some(terms),
            Self::Advance { .. }
            | Self::Remind { .. }
            | Self::Expire
            | Self::Cancel { .. }
            | Self::Resume { .. } => None,
        }
    }
}

/// The wallet that an owner is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalletSeen {
    /// Not opened.
    Absent,
    /// The owner's, and open, even if frozen.
    Open,
    /// The owner's, and closed.
    Closed,
    /// Somebody else's.
    AnotherOwners,
}

/// Whether the ledger has the assets that a command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetsKnown {
    /// It has.
    All,
    /// It has not this one.
    Unknown(AssetCode),
}

/// How everything stands that an onboarding looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The owner's case, or what was granted without one.
    pub standing: VerificationStanding,
    /// Until when the case waits for its owner, where it does and says so.
    pub case_due_at: Option<Timestamp>,
    /// The wallet.
    pub wallet: WalletSeen,
}

impl Seen {
    /// Nothing is there: for an owner of whom nothing was ever begun.
    pub const NOTHING: Self = Self {
        standing: VerificationStanding::NotOpened,
        case_due_at: None,
        wallet: WalletSeen::Absent,
    };
}

/// Something asked of an onboarding, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnboardingCommand {
    /// Whose it is.
    pub owner: OwnerId,
    /// What is asked.
    pub action: OnboardingAction,
    /// The time of recording.
    pub recorded_at: Timestamp,
    /// Whether the ledger has the tier named.
    pub tier: TierKnown,
    /// Whether it has the assets named.
    pub assets: AssetsKnown,
    /// How everything stands.
    pub seen: Seen,
}
