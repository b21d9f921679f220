//! What has happened to a settlement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::Reference;
use crate::identifier::{
    ActorId, PaymentId, ProviderName, ProviderReference, SystemAccountName, TransactionId,
};
use crate::money::{Amount, AssetCode};
use crate::provider::Fees;
use crate::timestamp::Timestamp;

/// Which way money went with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettlementNet {
    /// We were paid.
    Received(Amount),
    /// We paid: refunds and fees were more than payments.
    Taken(Amount),
    /// Neither.
    #[default]
    Nothing,
}

impl SettlementNet {
    /// Whether nothing moved.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// What kind of difference a break is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BreakKind {
    /// The report has something that we do not know.
    UnknownHere,
    /// We have something that the report should have and has not.
    MissingInReport,
    /// Both have it, with another amount.
    AmountDiffers,
    /// Both have it, with another charge.
    FeeDiffers,
    /// The rows do not add up to what was paid.
    TotalDiffers,
}

/// One difference between our ledger and a provider's report. Amounts are of the batch's asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementBreak {
    /// What kind.
    pub kind: BreakKind,
    /// What it is about: the provider's own id of a payment, refund or adjustment.
    pub subject: ProviderReference,
    /// Our payment, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// What we have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<Amount>,
    /// What the report has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Amount>,
}

/// What has happened to a settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(
    clippy::large_enum_variant,
    reason = "the large one is what nearly all settlements consist of"
)]
pub enum SettlementEvent {
    /// The batch was paid.
    SettlementRecorded {
        /// By whom.
        provider: ProviderName,
        /// The provider's own id of it.
        batch: ProviderReference,
        /// Of which asset.
        asset: AssetCode,
        /// What came of it at the bank.
        net: SettlementNet,
        /// What went out of it to beneficiaries: taken from us, or received when more came back.
        #[serde(default, skip_serializing_if = "SettlementNet::is_nothing")]
        payouts: SettlementNet,
        /// What the provider kept for itself and was not recorded with its payments.
        fees: Fees,
        /// The account that stands for the bank account.
        bank: SystemAccountName,
        /// The bank's number of the transfer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bank_reference: Option<ProviderReference>,
        /// When it was paid, as the provider says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settled_at: Option<Timestamp>,
        /// The transaction that moved it; none when nothing moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
    /// A difference was found.
    SettlementBreakFound {
        /// Which.
        difference: SettlementBreak,
    },
    /// A difference is explained.
    SettlementBreakResolved {
        /// What kind it was.
        kind: BreakKind,
        /// What it was about.
        subject: ProviderReference,
        /// Who explained it.
        by: ActorId,
        /// How.
        resolution: Reference,
    },
}

impl SettlementEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SettlementRecorded { .. } => "SettlementRecorded",
            Self::SettlementBreakFound { .. } => "SettlementBreakFound",
            Self::SettlementBreakResolved { .. } => "SettlementBreakResolved",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }
}
