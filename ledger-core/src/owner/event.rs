//! What has happened to an owner.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::Reference;
use crate::identifier::{ActorId, CaseId, OwnerId, TierName};

/// What grants a tier.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TierSource {
    /// This verification case, by being approved.
    Case(CaseId),
    /// The platform's staff, without a case.
    Staff,
}

impl fmt::Display for TierSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Case(id) => write!(formatter, "case {id}"),
            Self::Staff => formatter.write_str("staff"),
        }
    }
}

/// What has happened to an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum OwnerEvent {
    /// A tier was granted; it is in force from now on.
    TierGranted {
        /// To whom.
        owner: OwnerId,
        /// Which.
        tier: TierName,
        /// By what; what it granted before is replaced.
        source: TierSource,
        /// By whom; nobody when a provider's word did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<ActorId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// What a source had granted was taken back.
    TierWithdrawn {
        /// From whom.
        owner: OwnerId,
        /// Which.
        tier: TierName,
        /// What had granted it.
        source: TierSource,
        /// By whom; nobody when a provider's word or the time did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<ActorId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
}

impl OwnerEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TierGranted { .. } => "TierGranted",
            Self::TierWithdrawn { .. } => "TierWithdrawn",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }
}
