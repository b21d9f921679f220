//! What can be asked about an owner.

use crate::annotation::Reference;
use crate::identifier::{ActorId, OwnerId, TierName};

use super::event::TierSource;

/// What can be asked about an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerAction {
    /// Grant a tier.
    GrantTier {
        /// Which.
        tier: TierName,
        /// What grants it.
        source: TierSource,
        /// Who does; nobody when a provider's word did.
        by: Option<ActorId>,
        /// Why.
        reason: Option<Reference>,
    },
    /// Take back what a source has granted.
    WithdrawTier {
        /// What granted it.
        source: TierSource,
        /// Who does; nobody when a provider's word or the time did.
        by: Option<ActorId>,
        /// Why.
        reason: Option<Reference>,
    },
}

impl OwnerAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::GrantTier { .. } => "GrantTier",
            Self::WithdrawTier { .. } => "WithdrawTier",
        }
    }

    /// The tier that must be one of the ledger's.
    #[must_use]
    pub const fn tier(&self) -> Option<TierName> {
        match self {
            Self::GrantTier { tier, .. } => Some(*tier),
            Self::WithdrawTier { .. } => None,
        }
    }
}

/// Whether the ledger has the tier that a command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierKnown {
    /// It has, or none is named.
    Known,
    /// It has not.
    Unknown,
}

/// Something asked about an owner, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerCommand {
    /// Who.
    pub owner: OwnerId,
    /// What is asked.
    pub action: OwnerAction,
    /// Whether the ledger has the tier named.
    pub tier: TierKnown,
}
