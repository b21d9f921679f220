//! The rules of profiles.

use std::collections::BTreeSet;

use super::command::{CasesInReview, ProfileAction, ProfileCommand};
use super::event::ProfileEvent;
use super::rejection::ProfileRejection;
use super::state::Profile;

impl Profile {
    /// What happens when `command` is carried out; nothing when it says nothing new. A field that is
    /// recorded is new, whatever it says: what was there before is sealed.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(
        &self,
        command: &ProfileCommand,
    ) -> Result<Option<ProfileEvent>, ProfileRejection> {
        let owner = command.owner.clone();
        match (self, &command.action) {
            (Self::Erased, ProfileAction::Record { .. }) => Err(ProfileRejection::Erased { owner }),
            (Self::Erased, ProfileAction::Erase { .. }) => Ok(None),
            (
                Self::Absent | Self::Known(_),
                ProfileAction::Record {
                    details,
                    removed,
                    by,
                },
            ) => {
                let recorded = details.fields();
                if recorded.is_empty() && removed.is_empty() {
                    return Err(ProfileRejection::Empty {});
                }
                let known = self.fields();
                let replaced: BTreeSet<_> = recorded.iter().map(|(field, _)| *field).collect();
                let removed: BTreeSet<_> = removed
                    .intersection(&known)
                    .filter(|field| !replaced.contains(field))
                    .copied()
                    .collect();
                if recorded.is_empty() && removed.is_empty() {
                    return match self {
                        Self::Absent => Err(ProfileRejection::Empty {}),
                        Self::Known(_) | Self::Erased => Ok(None),
                    };
                }
                Ok(Some(ProfileEvent::ProfileRecorded {
                    owner,
                    details: (**details).clone(),
                    removed,
                    by: by.clone(),
                }))
            }
            (
                Self::Absent | Self::Known(_),
                ProfileAction::Erase {
                    reason,
                    in_review,
                    by,
                    ..
                },
            ) => match (command.in_review, in_review) {
                (Some(case), CasesInReview::Prevent) => {
                    Err(ProfileRejection::CaseInReview { case })
                }
                (Some(_), CasesInReview::Close) | (None, _) => {
                    Ok(Some(ProfileEvent::ProfileErased {
                        owner,
                        reason: *reason,
                        by: by.clone(),
                    }))
                }
            },
        }
    }
}
