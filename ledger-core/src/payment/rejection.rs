//! Why a payment refuses.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::identifier::{PaymentId, ProviderName, ProviderReference, RefundId};
use crate::limit::LimitRejection;
use crate::money::AssetCode;
use crate::posting::PostingRejection;
use crate::provider::{FeesRejection, RouteRejection};
use crate::timestamp::Timestamp;

use super::state::PaymentStatus;

/// A rule of payments that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum PaymentRejection {
    /// There is no such payment.
    #[error("the payment {payment} does not exist")]
    NotFound { payment: PaymentId },
    /// The id is taken.
    #[error("the payment {payment} already exists")]
    Exists { payment: PaymentId },
    /// It can no longer be rerouted or ended: it has come further.
    #[error("the payment {payment} is {status}")]
    NotOpen {
        payment: PaymentId,
        status: PaymentStatus,
    },
    /// Its money has not arrived, as far as is known; it may arrive late.
    #[error("the payment {payment} is {status}: its money has not arrived")]
    NotCaptured {
        payment: PaymentId,
        status: PaymentStatus,
    },
    /// A new payment would have ended before it began.
    #[error("the payment would expire at {expires_at}, which has passed")]
    ExpiryPassed { expires_at: Timestamp },
    /// The decision between providers contradicts itself.
    #[error(transparent)]
    Route(#[from] RouteRejection),
    /// Another provider has the payment's money.
    #[error("the money of payment {payment} is with {ours}, not with {theirs}")]
    ProviderDiffers {
        payment: PaymentId,
        ours: ProviderName,
        theirs: ProviderName,
    },
    /// Another attempt's money is the payment's.
    #[error("the money of payment {payment} came by {ours}, not by {theirs}")]
    AttemptDiffers {
        payment: PaymentId,
        ours: ProviderReference,
        theirs: ProviderReference,
    },
    /// A refund or dispute is of another asset than the payment.
    #[error("the payment {payment} is of {ours}, what was observed is of {theirs}")]
    ObservedAssetDiffers {
        payment: PaymentId,
        ours: AssetCode,
        theirs: AssetCode,
    },
    /// The same attempt was captured with another amount before.
    #[error("the payment {payment} was captured with {ours}, not with {theirs}")]
    CapturedAmountDiffers {
        payment: PaymentId,
        ours: Decimal,
        theirs: Decimal,
    },
    /// Its money is not in suspense, or all of it has left.
    #[error("nothing of the payment {payment} is in suspense")]
    NotInSuspense { payment: PaymentId },
    /// A refund is on its way or a dispute is open.
    #[error("the payment {payment} has refunds on their way or open disputes")]
    InMotion { payment: PaymentId },
    /// The refund's id is taken.
    #[error("the payment {payment} already has a refund {refund}")]
    RefundExists {
        payment: PaymentId,
        refund: RefundId,
    },
    /// More than was captured, less refunds, less what is disputed or lost.
    #[error("{refundable} of payment {payment} can be refunded, {requested} was to be")]
    RefundExceedsPayment {
        payment: PaymentId,
        refundable: Decimal,
        requested: Decimal,
    },
    /// The provider reports another amount for a refund than was asked for.
    #[error("the refund {refund} is of {ours}, the provider says {theirs}")]
    RefundAmountDiffers {
        payment: PaymentId,
        refund: RefundId,
        ours: Decimal,
        theirs: Decimal,
    },
    /// The provider's charge is not an amount.
    #[error(transparent)]
    Fees(#[from] FeesRejection),
    /// The movement breaks a rule of movement.
    #[error(transparent)]
    Posting(#[from] PostingRejection),
    /// It breaks a limit of the wallet's owner.
    #[error(transparent)]
    Limit(#[from] LimitRejection),
}

impl PaymentRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "payment_not_found",
            Self::Exists { .. } => "payment_exists",
            Self::NotOpen { .. } => "payment_not_open",
            Self::NotCaptured { .. } => "payment_not_captured",
            Self::ExpiryPassed { .. } => "payment_expiry_passed",
            Self::Route(rejection) => rejection.code(),
            Self::ProviderDiffers { .. } => "payment_provider_differs",
            Self::AttemptDiffers { .. } => "payment_attempt_differs",
            Self::ObservedAssetDiffers { .. } => "observed_asset_differs",
            Self::CapturedAmountDiffers { .. } => "captured_amount_differs",
            Self::NotInSuspense { .. } => "payment_not_in_suspense",
            Self::InMotion { .. } => "payment_in_motion",
            Self::RefundExists { .. } => "refund_exists",
            Self::RefundExceedsPayment { .. } => "refund_exceeds_payment",
            Self::RefundAmountDiffers { .. } => "refund_amount_differs",
            Self::Fees(rejection) => rejection.code(),
            Self::Posting(rejection) => rejection.code(),
            Self::Limit(rejection) => rejection.code(),
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::NotCaptured { .. } | Self::InMotion { .. } => true,
            Self::Exists { .. }
            | Self::NotOpen { .. }
            | Self::ExpiryPassed { .. }
            | Self::Route(_)
            | Self::ProviderDiffers { .. }
            | Self::AttemptDiffers { .. }
            | Self::ObservedAssetDiffers { .. }
            | Self::CapturedAmountDiffers { .. }
            | Self::NotInSuspense { .. }
            | Self::RefundExists { .. }
            | Self::RefundExceedsPayment { .. }
            | Self::RefundAmountDiffers { .. } => false,
            Self::Fees(rejection) => rejection.is_transient(),
            Self::Posting(rejection) => rejection.is_transient(),
            Self::Limit(rejection) => rejection.is_transient(),
        }
    }
}
