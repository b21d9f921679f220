//! Money that goes back to its payer.

use chrono::{DateTime, Utc};

use super::{Attempt, Money, PaymentFailure, ProviderId, Reference, Reported};

/// A refund to be made.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// The payment.
    pub payment_id: ProviderId,
    /// Our name for it.
    pub reference: Reference,
    /// Whether it may have been made already.
    pub attempt: Attempt,
    /// How much goes back.
    pub amount: Money,
    /// Why, for the provider's records; at most 100 characters.
    pub reason: String,
}

/// Which refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLookup {
    /// The payment it belongs to.
    pub payment_id: ProviderId,
    /// The provider's id, where it is known; without it the reference is searched.
    pub refund_id: Option<ProviderId>,
    /// Our name for it.
    pub reference: Reference,
}

/// The state of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefundStatus {
    /// It is on its way.
    Pending,
    /// It is done.
    Processed,
    /// It was not possible; the money is ours again.
    Failed,
    /// It was withdrawn; the money is ours again.
    Cancelled,
}

/// What a refund gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefundKind {
    /// Money that was ours.
    OfCaptured,
    /// An authorization that was never taken: nothing was ours, so nothing is taken from a wallet.
    OfUncaptured,
    /// The provider does not say; the payment has to be fetched.
    NotSaid,
}

/// What a provider says of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundObservation {
    /// The provider's id.
    pub refund_id: ProviderId,
    /// The payment it belongs to.
    pub payment_id: ProviderId,
    /// Our reference; nothing for a refund that the provider or a person made without us.
    pub reference: Option<Reference>,
    /// In our words.
    pub status: Reported<RefundStatus>,
    /// In the provider's words.
    pub provider_status: String,
    /// How much goes back.
    pub amount: Money,
    /// What it gives back.
    pub kind: RefundKind,
    /// The bank's name for it (ARN, RRN, UTR), which often comes later than the money.
    pub bank_reference: Option<String>,
    /// Why it failed.
    pub failure: Option<PaymentFailure>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
}
