//! What is known of an owner, folded from events.

use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{OwnerId, TierName};

use super::event::{OwnerEvent, TierSource};

/// A tier and what grants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What grants it.
    pub source: TierSource,
    /// Which.
    pub tier: TierName,
}

/// An owner to whom a tier was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownOwner {
    /// Who.
    pub owner: OwnerId,
    /// What is granted, the last in force.
    pub grants: Vec<Grant>,
}

/// An owner's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Owner {
    /// Nothing was ever granted.
    #[default]
    Absent,
    /// Something was.
    Known(KnownOwner),
}

impl Owner {
    /// The tier in force, if one is granted.
    #[must_use]
    pub fn tier(&self) -> Option<TierName> {
        self.all_grants().last().map(|grant| grant.tier)
    }

    /// What a source grants.
    #[must_use]
    pub fn granted_by(&self, source: TierSource) -> Option<TierName> {
        let grant = self
            .all_grants()
            .iter()
            .find(|grant| grant.source == source);
        grant.map(|grant| grant.tier)
    }

    /// Whether a tier is granted, in force or behind another.
    #[must_use]
    pub fn grants(&self, tier: TierName) -> bool {
        self.all_grants().iter().any(|grant| grant.tier == tier)
    }

    fn all_grants(&self) -> &[Grant] {
        match self {
            Self::Absent => &[],
            Self::Known(known) => &known.grants,
        }
    }

    pub(super) fn in_force(&self) -> Option<Grant> {
        self.all_grants().last().copied()
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &OwnerEvent) -> Result<Self, IllegalEvent> {
        let (owner, source) = match event {
            OwnerEvent::TierGranted { owner, source, .. }
            | OwnerEvent::TierWithdrawn { owner, source, .. } => (owner, *source),
        };
        let others = self
            .all_grants()
            .iter()
            .filter(|grant| grant.source != source);
        let mut grants: Vec<Grant> = others.copied().collect();
        match (self, event) {
            (Self::Absent | Self::Known(_), OwnerEvent::TierGranted { tier, .. }) => {
                grants.push(Grant {
                    source,
                    tier: *tier,
                });
            }
            (Self::Known(_), OwnerEvent::TierWithdrawn { .. }) => {}
            (Self::Absent, OwnerEvent::TierWithdrawn { .. }) => {
                return Err(IllegalEvent {
                    event: event.name(),
                    state: "Absent",
                });
            }
        }
        Ok(Self::Known(KnownOwner {
            owner: owner.clone(),
            grants,
        }))
    }
}
