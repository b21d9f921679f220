//! The rules of owners.

use super::command::{OwnerAction, OwnerCommand, TierKnown};
use super::event::OwnerEvent;
use super::rejection::OwnerRejection;
use super::state::{Grant, Owner};

impl Owner {
    /// What happens when `command` is carried out; nothing when it says nothing new.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &OwnerCommand) -> Result<Option<OwnerEvent>, OwnerRejection> {
        let owner = command.owner.clone();
        match &command.action {
            OwnerAction::GrantTier {
                tier,
                source,
                by,
                reason,
            } => {
                if command.tier == TierKnown::Unknown {
                    return Err(OwnerRejection::TierNotFound { tier: *tier });
                }
                let grant = Grant {
                    source: *source,
                    tier: *tier,
                };
                let is_new = self.in_force() != Some(grant);
                Ok(is_new.then(|| OwnerEvent::TierGranted {
                    owner,
                    tier: *tier,
                    source: *source,
                    by: by.clone(),
                    reason: reason.clone(),
                }))
            }
            OwnerAction::WithdrawTier { source, by, reason } => {
                let granted = self.granted_by(*source);
                Ok(granted.map(|tier| OwnerEvent::TierWithdrawn {
                    owner,
                    tier,
                    source: *source,
                    by: by.clone(),
                    reason: reason.clone(),
                }))
            }
        }
    }
}
