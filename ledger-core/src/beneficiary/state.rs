//! What a beneficiary is, folded from its events.

use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{ActorId, WalletId};

use super::event::{BeneficiaryDestination, BeneficiaryEvent};

/// A beneficiary that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBeneficiary {
    /// Whose payouts may go there.
    pub wallet: WalletId,
    /// Where.
    pub destination: BeneficiaryDestination,
    /// Who added it.
    pub added_by: ActorId,
}

/// A beneficiary's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Beneficiary {
    /// Not added.
    #[default]
    Absent,
    /// Added, and not verified yet.
    Added(KnownBeneficiary),
    /// Verified: payouts may go there.
    Verified(KnownBeneficiary),
    /// Removed, for ever.
    Removed(KnownBeneficiary),
}

impl Beneficiary {
    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &BeneficiaryEvent) -> Result<Self, IllegalEvent> {
        match (self, event) {
            (
                Self::Absent,
                BeneficiaryEvent::BeneficiaryAdded {
                    wallet,
                    destination,
                    by,
                },
            ) => Ok(Self::Added(KnownBeneficiary {
                wallet: *wallet,
                destination: destination.clone(),
                added_by: by.clone(),
            })),
            (Self::Added(known), BeneficiaryEvent::BeneficiaryVerified { .. }) => {
                Ok(Self::Verified(known.clone()))
            }
            (
                Self::Added(known) | Self::Verified(known),
                BeneficiaryEvent::BeneficiaryRemoved { .. },
            ) => Ok(Self::Removed(known.clone())),
            (
                Self::Absent | Self::Added(_) | Self::Verified(_) | Self::Removed(_),
                BeneficiaryEvent::BeneficiaryAdded { .. }
                | BeneficiaryEvent::BeneficiaryVerified { .. }
                | BeneficiaryEvent::BeneficiaryRemoved { .. },
            ) => Err(IllegalEvent {
                event: event.name(),
                state: self.name(),
            }),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Added(_) => "Added",
            Self::Verified(_) => "Verified",
            Self::Removed(_) => "Removed",
        }
    }
}
