//! Every reason for which a command is refused.

use serde::Serialize;

use crate::beneficiary::BeneficiaryRejection;
use crate::hold::HoldRejection;
use crate::ledger::LedgerRejection;
use crate::onboarding::OnboardingRejection;
use crate::owner::OwnerRejection;
use crate::payment::PaymentRejection;
use crate::payout::PayoutRejection;
use crate::profile::ProfileRejection;
use crate::settlement::SettlementRejection;
use crate::transaction::TransactionRejection;
use crate::verification::CaseRejection;
use crate::wallet::WalletRejection;

#[cfg(test)]
mod tests;

/// Why a command is refused. A refused command leaves no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
pub enum Rejection {
    /// By the ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerRejection),
    /// By a wallet.
    #[error(transparent)]
    Wallet(#[from] WalletRejection),
    /// By a transaction.
    #[error(transparent)]
    Transaction(#[from] TransactionRejection),
    /// By a hold.
    #[error(transparent)]
    Hold(#[from] HoldRejection),
    /// By a payment.
    #[error(transparent)]
    Payment(#[from] PaymentRejection),
    /// By a payout.
    #[error(transparent)]
    Payout(#[from] PayoutRejection),
    /// By a beneficiary.
    #[error(transparent)]
    Beneficiary(#[from] BeneficiaryRejection),
    /// By a settlement.
    #[error(transparent)]
    Settlement(#[from] SettlementRejection),
    /// By an owner.
    #[error(transparent)]
    Owner(#[from] OwnerRejection),
    /// By a verification case.
    #[error(transparent)]
    VerificationCase(#[from] CaseRejection),
    /// By an owner's profile.
    #[error(transparent)]
    Profile(#[from] ProfileRejection),
    /// By an onboarding.
    #[error(transparent)]
    Onboarding(#[from] OnboardingRejection),
}

impl Rejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ledger(rejection) => rejection.code(),
            Self::Wallet(rejection) => rejection.code(),
            Self::Transaction(rejection) => rejection.code(),
            Self::Hold(rejection) => rejection.code(),
            Self::Payment(rejection) => rejection.code(),
            Self::Payout(rejection) => rejection.code(),
            Self::Beneficiary(rejection) => rejection.code(),
            Self::Settlement(rejection) => rejection.code(),
            Self::Owner(rejection) => rejection.code(),
            Self::VerificationCase(rejection) => rejection.code(),
            Self::Profile(rejection) => rejection.code(),
            Self::Onboarding(rejection) => rejection.code(),
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Ledger(rejection) => rejection.is_transient(),
            Self::Wallet(rejection) => rejection.is_transient(),
            Self::Transaction(rejection) => rejection.is_transient(),
            Self::Hold(rejection) => rejection.is_transient(),
            Self::Payment(rejection) => rejection.is_transient(),
            Self::Payout(rejection) => rejection.is_transient(),
            Self::Beneficiary(rejection) => rejection.is_transient(),
            Self::Settlement(rejection) => rejection.is_transient(),
            Self::Owner(rejection) => rejection.is_transient(),
            Self::VerificationCase(rejection) => rejection.is_transient(),
            Self::Profile(rejection) => rejection.is_transient(),
            Self::Onboarding(rejection) => rejection.is_transient(),
        }
    }
}
