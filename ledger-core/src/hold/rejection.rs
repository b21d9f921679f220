//! Why a hold refuses.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::identifier::HoldId;
use crate::limit::LimitRejection;
use crate::posting::PostingRejection;
use crate::timestamp::Timestamp;

use super::event::HoldManager;
use super::state::HoldStatus;

/// A rule of holds that a command breaks; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum HoldRejection {
    /// There is no such hold.
    #[error("the hold {hold} does not exist")]
    NotFound { hold: HoldId },
    /// The id is taken.
    #[error("the hold {hold} already exists")]
    Exists { hold: HoldId },
    /// It has ended.
    #[error("the hold {hold} is {status}")]
    NotActive { hold: HoldId, status: HoldStatus },
    /// It belongs to a payment or payout and ends with it.
    #[error("the hold {hold} belongs to the {manager} and ends with it")]
    Managed { hold: HoldId, manager: HoldManager },
    /// Its time has passed.
    #[error("the hold {hold} expired at {expires_at}")]
    Expired { hold: HoldId, expires_at: Timestamp },
    /// Its time has not come, or it has none.
    #[error("the hold {hold} is not due to expire")]
    NotDue {
        hold: HoldId,
        expires_at: Option<Timestamp>,
    },
    /// A new hold would have ended before it began.
    #[error("the hold would expire at {expires_at}, which has passed")]
    ExpiryPassed { expires_at: Timestamp },
    /// Neither the capture nor the hold names who receives.
    #[error("the capture of hold {hold} names no destination, and the hold has none")]
    DestinationMissing { hold: HoldId },
    /// The captured amount is not an amount of the hold's asset.
    #[error("the amount to capture is not an amount of the hold's asset: {reason}")]
    CaptureNotAnAmount { hold: HoldId, reason: String },
    /// More than is left.
    #[error("the hold {hold} has {remaining} left, {requested} was to be captured")]
    CaptureExceedsHold {
        hold: HoldId,
        remaining: Decimal,
        requested: Decimal,
    },
    /// The reservation breaks a rule of movement.
    #[error(transparent)]
    Posting(#[from] PostingRejection),
    /// It breaks a limit of an owner.
    #[error(transparent)]
    Limit(#[from] LimitRejection),
}

impl HoldRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "hold_not_found",
            Self::Exists { .. } => "hold_exists",
            Self::NotActive { .. } => "hold_not_active",
            Self::Managed { .. } => "hold_managed",
            Self::Expired { .. } => "hold_expired",
            Self::NotDue { .. } => "hold_not_due",
            Self::ExpiryPassed { .. } => "hold_expiry_passed",
            Self::DestinationMissing { .. } => "capture_destination_missing",
            Self::CaptureNotAnAmount { .. } => "capture_not_an_amount",
            Self::CaptureExceedsHold { .. } => "capture_exceeds_hold",
            Self::Posting(rejection) => rejection.code(),
            Self::Limit(rejection) => rejection.code(),
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::NotDue { .. } => true,
            Self::Exists { .. }
            | Self::NotActive { .. }
            | Self::Managed { .. }
            | Self::Expired { .. }
            | Self::ExpiryPassed { .. }
            | Self::DestinationMissing { .. }
            | Self::CaptureNotAnAmount { .. }
            | Self::CaptureExceedsHold { .. } => false,
            Self::Posting(rejection) => rejection.is_transient(),
            Self::Limit(rejection) => rejection.is_transient(),
        }
    }
}
