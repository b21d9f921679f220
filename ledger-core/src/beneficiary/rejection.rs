//! Why a beneficiary refuses.

use serde::Serialize;

use crate::identifier::{ActorId, BeneficiaryId, WalletId};

/// A rule of beneficiaries that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum BeneficiaryRejection {
    /// There is no such beneficiary.
    #[error("the beneficiary {beneficiary} does not exist")]
    NotFound { beneficiary: BeneficiaryId },
    /// The id is taken.
    #[error("the beneficiary {beneficiary} already exists")]
    Exists { beneficiary: BeneficiaryId },
    /// It was removed.
    #[error("the beneficiary {beneficiary} was removed")]
    Removed { beneficiary: BeneficiaryId },
    /// Who added it cannot say that it is whose it should be.
    #[error("the beneficiary {beneficiary} was added by {actor}, somebody else has to verify it")]
    VerifierAddedIt {
        beneficiary: BeneficiaryId,
        actor: ActorId,
    },
    /// There is no such wallet.
    #[error("the wallet {wallet} does not exist")]
    WalletNotFound { wallet: WalletId },
    /// The wallet is closed.
    #[error("the wallet {wallet} is closed")]
    WalletClosed { wallet: WalletId },
}

impl BeneficiaryRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "beneficiary_not_found",
            Self::Exists { .. } => "beneficiary_exists",
            Self::Removed { .. } => "beneficiary_removed",
            Self::VerifierAddedIt { .. } => "beneficiary_verifier_added_it",
            Self::WalletNotFound { .. } => "wallet_not_found",
            Self::WalletClosed { .. } => "wallet_closed",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::WalletNotFound { .. } => true,
            Self::Exists { .. }
            | Self::Removed { .. }
            | Self::VerifierAddedIt { .. }
            | Self::WalletClosed { .. } => false,
        }
    }
}
