//! What is known of a profile, folded from events: which fields there are, and nothing of what they say.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;

use super::details::ProfileField;
use super::event::ProfileEvent;

/// A profile with something in it, or with nothing any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProfile {
    /// The fields that are there.
    pub fields: BTreeSet<ProfileField>,
}

/// A profile's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Profile {
    /// Nothing was ever recorded.
    #[default]
    Absent,
    /// Something was.
    Known(KnownProfile),
    /// It was erased.
    Erased,
}

impl Profile {
    /// Whether the person was erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        matches!(self, Self::Erased)
    }

    /// The fields that are there.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<ProfileField> {
        match self {
            Self::Known(known) => known.fields.clone(),
            Self::Absent | Self::Erased => BTreeSet::new(),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Known(_) => "Known",
            Self::Erased => "Erased",
        }
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &ProfileEvent) -> Result<Self, IllegalEvent> {
        match (self, event) {
            (
                Self::Absent | Self::Known(_),
                ProfileEvent::ProfileRecorded {
                    details, removed, ..
                },
            ) => {
                let mut fields = self.fields();
                fields.retain(|field| !removed.contains(field));
                fields.extend(details.fields().into_iter().map(|(field, _)| field));
                Ok(Self::Known(KnownProfile { fields }))
            }
            (Self::Absent | Self::Known(_), ProfileEvent::ProfileErased { .. }) => Ok(Self::Erased),
            (
                Self::Erased,
                ProfileEvent::ProfileRecorded { .. } | ProfileEvent::ProfileErased { .. },
            ) => Err(IllegalEvent {
                event: event.name(),
                state: self.name(),
            }),
        }
    }
}
