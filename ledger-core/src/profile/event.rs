//! What has happened to a profile.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{ActorId, OwnerId};
use crate::personal::PersonalField;

use super::details::{PersonalDetails, ProfileField};

/// Why a person was erased: a word, because a sentence may tell of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureReason {
    /// The person asked for it.
    Requested,
    /// The time for which it had to be kept is over.
    RetentionEnded,
    /// A court or an authority ordered it.
    Ordered,
    /// It should not have been recorded.
    RecordedInError,
}

/// What has happened to a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::large_enum_variant,
    reason = "events of profiles are in a box as a whole"
)]
pub enum ProfileEvent {
    /// Something was recorded; fields that are not named stay as they were.
    ProfileRecorded {
        /// Of whom.
        owner: OwnerId,
        /// What is known now.
        details: PersonalDetails,
        /// What is not known any more.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        removed: BTreeSet<ProfileField>,
        /// Who recorded it.
        by: ActorId,
    },
    /// Everything before was erased; nothing follows.
    ProfileErased {
        /// Of whom.
        owner: OwnerId,
        /// Why.
        reason: ErasureReason,
        /// Who did.
        by: ActorId,
    },
}

impl ProfileEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProfileRecorded { .. } => "ProfileRecorded",
            Self::ProfileErased { .. } => "ProfileErased",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }

    /// The owner.
    #[must_use]
    pub const fn owner(&self) -> &OwnerId {
        match self {
            Self::ProfileRecorded { owner, .. } | Self::ProfileErased { owner, .. } => owner,
        }
    }

    /// What of it tells of the person, by the name of the field.
    pub fn personal_fields(&mut self) -> Vec<(&'static str, &mut dyn PersonalField)> {
        match self {
            Self::ProfileRecorded { details, .. } => details
                .fields_mut()
                .into_iter()
                .map(|(field, personal)| (field.as_str(), personal))
                .collect(),
            Self::ProfileErased { .. } => Vec::new(),
        }
    }
}
