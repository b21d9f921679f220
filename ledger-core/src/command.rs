//! Everything that can be asked of a ledger.

use crate::annotation::{Metadata, Reference};
use crate::beneficiary::BeneficiaryAction;
use crate::hold::{CaptureRequest, HoldRequest};
use crate::identifier::{
    BeneficiaryId, CaseId, HoldId, LedgerName, OwnerId, PaymentId, PayoutId, SettlementId,
    SystemAccountName, TierName, TransactionId, WalletId,
};
use crate::ledger::{RequestedPolicy, SystemAccount};
use crate::limit::RequestedTier;
use crate::money::AssetCode;
use crate::onboarding::OnboardingAction;
use crate::owner::OwnerAction;
use crate::payment::PaymentAction;
use crate::payout::PayoutAction;
use crate::posting::{FreezeScope, NormalSide};
use crate::profile::ProfileAction;
use crate::settlement::SettlementAction;
use crate::timestamp::Timestamp;
use crate::transaction::TransactionRequest;
use crate::verification::CaseAction;
use crate::wallet::RequestedOverdraft;

/// Something asked of a ledger, before anything about it has been checked.
///
/// New ids come with the command, so that it can be decided again and give the same events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the fields are those of the aggregates' commands, explained there"
)]
pub enum Command {
    /// Open the ledger itself.
    OpenLedger {
        name: LedgerName,
        system_accounts: Vec<SystemAccount>,
    },
    /// Add an asset of the ledger's own.
    RegisterAsset { code: AssetCode, scale: u32 },
    /// Add a system account.
    OpenSystemAccount {
        name: SystemAccountName,
        normal_side: NormalSide,
    },
    /// Open a wallet.
    OpenWallet {
        wallet: WalletId,
        owner: OwnerId,
        overdraft: Vec<(AssetCode, RequestedOverdraft)>,
        reference: Option<Reference>,
        metadata: Metadata,
    },
    /// Freeze a wallet.
    FreezeWallet {
        wallet: WalletId,
        scope: FreezeScope,
        reason: Option<Reference>,
    },
    /// Let a wallet's money move again.
    UnfreezeWallet {
        wallet: WalletId,
        reason: Option<Reference>,
    },
    /// Change how far a wallet's account may be overdrawn.
    SetWalletOverdraft {
        wallet: WalletId,
        asset: AssetCode,
        overdraft: RequestedOverdraft,
    },
    /// End a wallet.
    CloseWallet {
        wallet: WalletId,
        reason: Option<Reference>,
    },
    /// Move money.
    PostTransaction {
        transaction: TransactionId,
        request: TransactionRequest,
    },
    /// Turn a transaction round by a new one.
    RevertTransaction {
        transaction: TransactionId,
        reverting_transaction: TransactionId,
        effective_at: Option<Timestamp>,
        reference: Option<Reference>,
        metadata: Metadata,
    },
    /// Reserve money.
    PlaceHold { hold: HoldId, request: HoldRequest },
    /// Settle all or a part of a hold by a new transaction.
    CaptureHold {
        hold: HoldId,
        transaction: TransactionId,
        request: CaptureRequest,
    },
    /// Give a hold back.
    VoidHold {
        hold: HoldId,
        reason: Option<Reference>,
    },
    /// End a hold whose time has passed.
    ExpireHold { hold: HoldId },
    /// Change what payments and payouts of an asset may do.
    SetPaymentPolicy {
        asset: AssetCode,
        policy: RequestedPolicy,
    },
    /// Change what the owners in a tier may do, or add the tier.
    SetTier {
        tier: TierName,
        rules: Box<RequestedTier>,
    },
    /// Change the tier of owners to whom none was granted.
    SetDefaultTier { tier: TierName },
    /// Something about an owner.
    Owner {
        owner: OwnerId,
        action: Box<OwnerAction>,
    },
    /// Something about a verification case.
    VerificationCase {
        case: CaseId,
        action: Box<CaseAction>,
    },
    /// Something about an owner's profile.
    Profile {
        owner: OwnerId,
        action: Box<ProfileAction>,
    },
    /// Something about an owner's onboarding.
    Onboarding {
        owner: OwnerId,
        action: Box<OnboardingAction>,
    },
    /// Something about a payment.
    Payment {
        payment: PaymentId,
        action: Box<PaymentAction>,
    },
    /// Something about a payout.
    Payout {
        payout: PayoutId,
        action: Box<PayoutAction>,
    },
    /// Something about a beneficiary.
    Beneficiary {
        beneficiary: BeneficiaryId,
        action: Box<BeneficiaryAction>,
    },
    /// Something about a settlement.
    Settlement {
        settlement: SettlementId,
        action: Box<SettlementAction>,
    },
}

impl Command {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenLedger { .. } => "OpenLedger",
            Self::RegisterAsset { .. } => "RegisterAsset",
            Self::OpenSystemAccount { .. } => "OpenSystemAccount",
            Self::OpenWallet { .. } => "OpenWallet",
            Self::FreezeWallet { .. } => "FreezeWallet",
            Self::UnfreezeWallet { .. } => "UnfreezeWallet",
            Self::SetWalletOverdraft { .. } => "SetWalletOverdraft",
            Self::CloseWallet { .. } => "CloseWallet",
            Self::PostTransaction { .. } => "PostTransaction",
            Self::RevertTransaction { .. } => "RevertTransaction",
            Self::PlaceHold { .. } => "PlaceHold",
            Self::CaptureHold { .. } => "CaptureHold",
            Self::VoidHold { .. } => "VoidHold",
            Self::ExpireHold { .. } => "ExpireHold",
            Self::SetPaymentPolicy { .. } => "SetPaymentPolicy",
            Self::SetTier { .. } => "SetTier",
            Self::SetDefaultTier { .. } => "SetDefaultTier",
            Self::Owner { action, .. } => action.name(),
            Self::VerificationCase { action, .. } => action.name(),
            Self::Profile { action, .. } => action.name(),
            Self::Onboarding { action, .. } => action.name(),
            Self::Payment { action, .. } => action.name(),
            Self::Payout { action, .. } => action.name(),
            Self::Beneficiary { action, .. } => action.name(),
            Self::Settlement { action, .. } => action.name(),
        }
    }

    /// The owner of whom it records something personal, whose key seals that.
    #[must_use]
    pub fn records_person(&self) -> Option<&OwnerId> {
        match self {
            Self::Profile { owner, action } => match **action {
                ProfileAction::Record { .. } => Some(owner),
                ProfileAction::Erase { .. } => None,
            },
            _ => None,
        }
    }
}
