//! What can be asked of a payout, and what can be observed about it.

use rust_decimal::Decimal;

use crate::annotation::{Metadata, Reference};
use crate::beneficiary::Beneficiary;
use crate::identifier::{
    ActorId, BeneficiaryId, PayoutId, ProviderName, ProviderReference, TransactionId, WalletId,
};
use crate::ledger::PaymentPolicy;
use crate::money::AssetCode;
use crate::payment::ObservedMoney;
use crate::posting::Standings;
use crate::provider::{ObservedFees, Route};
use crate::timestamp::Timestamp;

/// A payout as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayout {
    /// Whose money it is.
    pub wallet: WalletId,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Decimal,
    /// Who gets it.
    pub beneficiary: BeneficiaryId,
    /// Who asks.
    pub requested_by: ActorId,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
}

/// What a provider says about a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutObservation {
    /// Who says it.
    pub provider: ProviderName,
    /// The provider's own id of the payout; absent where it never took it on.
    pub provider_payout: Option<ProviderReference>,
    /// Which attempt it is about, where that is told: the reference that a provider is given names
    /// it.
    pub attempt: Option<u32>,
    /// What it is of, where the provider says so.
    pub money: Option<ObservedMoney>,
    /// What it says.
    pub status: ObservedPayout,
    /// Why, where something went wrong.
    pub reason: Option<Reference>,
}

/// A provider's word about a payout, in our terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedPayout {
    /// It certainly did not take it on: it said so, or a look-up by our id found none. Only this
    /// lets another attempt be made; a timeout is not this.
    NotAccepted,
    /// Pending, queued, scheduled or under way.
    Processing,
    /// The beneficiary has it.
    Succeeded {
        /// What the provider charges, where it says so by now.
        fees: Option<ObservedFees>,
    },
    /// The beneficiary does not get it, even where it said otherwise before.
    Failed,
    /// The beneficiary's bank sent it back.
    Returned,
    /// It was called off at the provider.
    Cancelled,
}

/// What can be asked of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutAction {
    /// Begin it.
    Request(NewPayout),
    /// Let it go, as a second person.
    Approve {
        /// Who.
        by: ActorId,
    },
    /// Refuse it, as a second person.
    Decline {
        /// Who.
        by: ActorId,
        /// Why.
        reason: Option<Reference>,
    },
    /// Call it off before it was submitted.
    Cancel {
        /// Why.
        reason: Option<Reference>,
    },
    /// Note that a provider is about to be asked; comes before the call.
    Submit {
        /// Which provider, and why.
        route: Route,
    },
    /// Take in what a provider says about it.
    Observe {
        /// What it says.
        observation: PayoutObservation,
        /// The transaction that moves the money, if that is what it means.
        transaction: TransactionId,
        /// The transaction that moves the provider's charge.
        fee_transaction: TransactionId,
    },
}

impl PayoutAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "RequestPayout",
            Self::Approve { .. } => "ApprovePayout",
            Self::Decline { .. } => "DeclinePayout",
            Self::Cancel { .. } => "CancelPayout",
            Self::Submit { .. } => "SubmitPayout",
            Self::Observe { .. } => "ObservePayout",
        }
    }

    /// The transactions that it may post.
    pub(crate) fn transactions(&self) -> Vec<TransactionId> {
        match self {
            Self::Observe {
                transaction,
                fee_transaction,
                ..
            } => vec![*transaction, *fee_transaction],
            Self::Request(_)
            | Self::Approve { .. }
            | Self::Decline { .. }
            | Self::Cancel { .. }
            | Self::Submit { .. } => Vec::new(),
        }
    }
}

/// Something asked of a payout, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutCommand {
    /// The payout's own id, for the rejection to name.
    pub payout: PayoutId,
    /// What is asked.
    pub action: PayoutAction,
    /// The beneficiary concerned.
    pub beneficiary: Beneficiary,
    /// The assets and accounts concerned.
    pub standings: Standings,
    /// What the ledger lets payouts of the asset do.
    pub policy: PaymentPolicy,
    /// The time of recording.
    pub recorded_at: Timestamp,
}
