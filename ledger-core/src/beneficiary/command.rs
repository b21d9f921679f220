//! What can be asked of a beneficiary.

use crate::annotation::Reference;
use crate::identifier::{ActorId, BeneficiaryId, WalletId};
use crate::posting::WalletStatus;

use super::event::BeneficiaryDestination;

/// What can be asked of a beneficiary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeneficiaryAction {
    /// Add it.
    Add {
        /// Whose payouts may go there once it is verified.
        wallet: WalletId,
        /// Where.
        destination: BeneficiaryDestination,
        /// Who adds it.
        by: ActorId,
    },
    /// Note that it was verified.
    Verify {
        /// How.
        method: Reference,
        /// Who did.
        by: ActorId,
    },
    /// Let nothing go there any more.
    Remove {
        /// Who.
        by: ActorId,
        /// Why.
        reason: Option<Reference>,
    },
}

impl BeneficiaryAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "AddBeneficiary",
            Self::Verify { .. } => "VerifyBeneficiary",
            Self::Remove { .. } => "RemoveBeneficiary",
        }
    }
}

/// Something asked of a beneficiary, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeneficiaryCommand {
    /// The beneficiary's own id, for the rejection to name.
    pub beneficiary: BeneficiaryId,
    /// What is asked.
    pub action: BeneficiaryAction,
    /// What the wallet concerned allows; absent when there is none.
    pub wallet: Option<WalletStatus>,
}
