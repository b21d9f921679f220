//! What has happened to a payout. The money itself is reserved and moved by the hold and the
//! `TransactionPosted` beside them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::{
    ActorId, BeneficiaryId, ProviderName, ProviderReference, TransactionId, WalletId,
};
use crate::money::{Amount, AssetCode};
use crate::payment::Returned;
use crate::provider::{Fees, Route};

/// What has happened to a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum PayoutEvent {
    /// It was begun; a hold with the payout's id reserves it.
    PayoutRequested {
        /// Whose money it is.
        wallet: WalletId,
        /// Which asset.
        asset: AssetCode,
        /// How much.
        amount: Amount,
        /// Who gets it.
        beneficiary: BeneficiaryId,
        /// Who asked.
        requested_by: ActorId,
        /// It is more than this, so a second person has to approve it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval_above: Option<Amount>,
        /// The caller's name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// The caller's metadata.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        metadata: Metadata,
    },
    /// A second person let it go.
    PayoutApproved {
        /// Who.
        by: ActorId,
    },
    /// A second person refused it; the hold was voided.
    PayoutDeclined {
        /// Who.
        by: ActorId,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// It was called off; the hold was voided.
    PayoutCancelled {
        /// Where, when it was at the provider.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderName>,
        /// The provider's own id of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_payout: Option<ProviderReference>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// A provider is about to be asked. From here on it may have the payout, whatever is heard.
    PayoutSubmitted {
        /// Which attempt: 1, 2, 3 …; a part of the provider's idempotency key.
        attempt: u32,
        /// Which provider, and why.
        route: Route,
    },
    /// The provider certainly did not take it on; another attempt may be made.
    PayoutNotAccepted {
        /// Which attempt.
        attempt: u32,
        /// Where.
        provider: ProviderName,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// The provider has taken it on.
    PayoutProcessing {
        /// Where.
        provider: ProviderName,
        /// The provider's own id of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_payout: Option<ProviderReference>,
    },
    /// The beneficiary has it; the hold was captured.
    PayoutSucceeded {
        /// Where.
        provider: ProviderName,
        /// The provider's own id of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_payout: Option<ProviderReference>,
        /// The transaction that moved it.
        transaction: TransactionId,
        /// What the provider charges, if it said so by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fees: Option<Fees>,
        /// The transaction that moved the charge; none when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fee_transaction: Option<TransactionId>,
    },
    /// The provider told later what it charges.
    PayoutFeesRecorded {
        /// Where.
        provider: ProviderName,
        /// What it charges.
        fees: Fees,
        /// The transaction that moved it; none when it charges nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
    /// The beneficiary does not get it. What was reserved or had left is back.
    PayoutFailed {
        /// Where.
        provider: ProviderName,
        /// The provider's own id of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_payout: Option<ProviderReference>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
        /// Where what had left came back to, if it had left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
    },
    /// The beneficiary's bank sent it back. What was reserved or had left is back.
    PayoutReturned {
        /// Where.
        provider: ProviderName,
        /// The provider's own id of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_payout: Option<ProviderReference>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
        /// Where what had left came back to, if it had left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
    },
}

impl PayoutEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PayoutRequested { .. } => "PayoutRequested",
            Self::PayoutApproved { .. } => "PayoutApproved",
            Self::PayoutDeclined { .. } => "PayoutDeclined",
            Self::PayoutCancelled { .. } => "PayoutCancelled",
            Self::PayoutSubmitted { .. } => "PayoutSubmitted",
            Self::PayoutNotAccepted { .. } => "PayoutNotAccepted",
            Self::PayoutProcessing { .. } => "PayoutProcessing",
            Self::PayoutSucceeded { .. } => "PayoutSucceeded",
            Self::PayoutFeesRecorded { .. } => "PayoutFeesRecorded",
            Self::PayoutFailed { .. } => "PayoutFailed",
            Self::PayoutReturned { .. } => "PayoutReturned",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }
}
