//! What can be asked of a settlement.

use rust_decimal::Decimal;

use crate::annotation::Reference;
use crate::identifier::{
    ActorId, ProviderName, ProviderReference, SettlementId, SystemAccountName, TransactionId,
};
use crate::money::AssetCode;
use crate::posting::Standings;
use crate::provider::ObservedFees;
use crate::timestamp::Timestamp;

use super::event::{BreakKind, SettlementBreak};

/// A batch as its provider reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementReport {
    /// By whom.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub batch: ProviderReference,
    /// Of which asset.
    pub asset: AssetCode,
    /// What arrived at the bank; negative when it left.
    pub net: Decimal,
    /// What went out of it to beneficiaries, where the provider pays them from what it has collected;
    /// negative when more came back.
    pub payouts: Decimal,
    /// What the provider kept for itself and was not recorded with its payments.
    pub fees: ObservedFees,
    /// The account that stands for the bank account.
    pub bank: SystemAccountName,
    /// The bank's number of the transfer.
    pub bank_reference: Option<ProviderReference>,
    /// When it was paid, as the provider says.
    pub settled_at: Option<Timestamp>,
}

/// What can be asked of a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettlementAction {
    /// Note that the batch was paid.
    Record {
        /// The batch.
        report: SettlementReport,
        /// The transaction that moves it.
        transaction: TransactionId,
    },
    /// Note a difference.
    RecordBreak {
        /// Which.
        difference: SettlementBreak,
    },
    /// Note that a difference is explained.
    ResolveBreak {
        /// What kind.
        kind: BreakKind,
        /// What it is about.
        subject: ProviderReference,
        /// Who explains it.
        by: ActorId,
        /// How.
        resolution: Reference,
    },
}

impl SettlementAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Record { .. } => "RecordSettlement",
            Self::RecordBreak { .. } => "RecordSettlementBreak",
            Self::ResolveBreak { .. } => "ResolveSettlementBreak",
        }
    }
}

/// Something asked of a settlement, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementCommand {
    /// The settlement's own id, for the rejection to name.
    pub settlement: SettlementId,
    /// What is asked.
    pub action: SettlementAction,
    /// The assets concerned.
    pub standings: Standings,
}
