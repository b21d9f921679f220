//! Why a payout refuses.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::identifier::{
    ActorId, BeneficiaryId, PayoutId, ProviderName, ProviderReference, WalletId,
};
use crate::posting::PostingRejection;
use crate::provider::{FeesRejection, RouteRejection};

use super::state::PayoutStatus;

/// A rule of payouts that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum PayoutRejection {
    /// There is no such payout.
    #[error("the payout {payout} does not exist")]
    NotFound { payout: PayoutId },
    /// The id is taken.
    #[error("the payout {payout} already exists")]
    Exists { payout: PayoutId },
    /// It does not wait for a second person.
    #[error("the payout {payout} is {status} and waits for nobody's approval")]
    NotAwaitingApproval {
        payout: PayoutId,
        status: PayoutStatus,
    },
    /// A program is no person, whatever it was given to do.
    #[error("the payout {payout} waits for a person, and {actor} is none")]
    ApproverIsMachine { payout: PayoutId, actor: ActorId },
    /// Who asked cannot be the second person.
    #[error("the payout {payout} was asked for by {actor}, somebody else has to decide about it")]
    ApproverIsRequester { payout: PayoutId, actor: ActorId },
    /// A second person has to approve it first.
    #[error("the payout {payout} awaits approval")]
    AwaitingApproval { payout: PayoutId },
    /// A provider may have it already.
    #[error("the payout {payout} is {status}: {provider} may have it")]
    Submitted {
        payout: PayoutId,
        status: PayoutStatus,
        provider: ProviderName,
    },
    /// It has ended.
    #[error("the payout {payout} is {status}")]
    Ended {
        payout: PayoutId,
        status: PayoutStatus,
    },
    /// No provider was asked, as far as is known.
    #[error("the payout {payout} is {status}: it was not submitted to {provider}")]
    NotSubmitted {
        payout: PayoutId,
        status: PayoutStatus,
        provider: ProviderName,
    },
    /// The provider that speaks is not the one that was asked last.
    #[error("the payout {payout} was submitted to {ours}, not to {theirs}")]
    ProviderDiffers {
        payout: PayoutId,
        ours: ProviderName,
        theirs: ProviderName,
    },
    /// The provider speaks of another attempt than the last.
    #[error("the payout {payout} is at its attempt {ours}, what was observed is of {theirs}")]
    AttemptDiffers {
        payout: PayoutId,
        ours: u32,
        theirs: u32,
    },
    /// The provider speaks of another payout of its own: it may have made a second one.
    #[error("the payout {payout} is {ours} at the provider, not {theirs}")]
    ReferenceDiffers {
        payout: PayoutId,
        ours: ProviderReference,
        theirs: ProviderReference,
    },
    /// It has ended, and a provider says that it is on its way or was paid: money has left that
    /// nothing reserves, perhaps for the second time.
    #[error("the payout {payout} is {status}, but {provider} says that it takes place")]
    SucceededAfterEnd {
        payout: PayoutId,
        status: PayoutStatus,
        provider: ProviderName,
    },
    /// The provider says that it did not take on what it has taken on.
    #[error("the payout {payout} is {status}, so {provider} has accepted it")]
    WasAccepted {
        payout: PayoutId,
        status: PayoutStatus,
        provider: ProviderName,
    },
    /// The provider reports another amount or asset than was submitted.
    #[error("the payout {payout} is of {ours}, the provider says {theirs}")]
    AmountDiffers {
        payout: PayoutId,
        ours: Decimal,
        theirs: Decimal,
    },
    /// Nobody may be paid there: not known, not verified or removed.
    #[error("the beneficiary {beneficiary} is not verified")]
    BeneficiaryNotVerified { beneficiary: BeneficiaryId },
    /// The beneficiary is another wallet's.
    #[error("the beneficiary {beneficiary} is not one of the wallet {wallet}")]
    BeneficiaryOfOther {
        beneficiary: BeneficiaryId,
        wallet: WalletId,
    },
    /// The decision between providers contradicts itself.
    #[error(transparent)]
    Route(#[from] RouteRejection),
    /// The provider's charge is not an amount.
    #[error(transparent)]
    Fees(#[from] FeesRejection),
    /// The amount breaks a rule of movement.
    #[error(transparent)]
    Posting(#[from] PostingRejection),
}

impl PayoutRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "payout_not_found",
            Self::Exists { .. } => "payout_exists",
            Self::NotAwaitingApproval { .. } => "payout_not_awaiting_approval",
            Self::ApproverIsMachine { .. } => "payout_approver_is_machine",
            Self::ApproverIsRequester { .. } => "payout_approver_is_requester",
            Self::AwaitingApproval { .. } => "payout_awaiting_approval",
            Self::Submitted { .. } => "payout_submitted",
            Self::Ended { .. } => "payout_ended",
            Self::NotSubmitted { .. } => "payout_not_submitted",
            Self::ProviderDiffers { .. } => "payout_provider_differs",
            Self::AttemptDiffers { .. } => "payout_attempt_differs",
            Self::ReferenceDiffers { .. } => "payout_reference_differs",
            Self::SucceededAfterEnd { .. } => "payout_succeeded_after_end",
            Self::WasAccepted { .. } => "payout_was_accepted",
            Self::AmountDiffers { .. } => "payout_amount_differs",
            Self::BeneficiaryNotVerified { .. } => "beneficiary_not_verified",
            Self::BeneficiaryOfOther { .. } => "beneficiary_of_other_wallet",
            Self::Route(rejection) => rejection.code(),
            Self::Fees(rejection) => rejection.code(),
            Self::Posting(rejection) => rejection.code(),
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::AwaitingApproval { .. }
            | Self::NotSubmitted { .. }
            | Self::BeneficiaryNotVerified { .. } => true,
            Self::Exists { .. }
            | Self::NotAwaitingApproval { .. }
            | Self::ApproverIsMachine { .. }
            | Self::ApproverIsRequester { .. }
            | Self::Submitted { .. }
            | Self::Ended { .. }
            | Self::ProviderDiffers { .. }
            | Self::AttemptDiffers { .. }
            | Self::ReferenceDiffers { .. }
            | Self::SucceededAfterEnd { .. }
            | Self::WasAccepted { .. }
            | Self::AmountDiffers { .. }
            | Self::BeneficiaryOfOther { .. }
            | Self::Route(_) => false,
            Self::Fees(rejection) => rejection.is_transient(),
            Self::Posting(rejection) => rejection.is_transient(),
        }
    }
}
