//! Payments that a payer's bank wants back.

use chrono::{DateTime, Utc};

use super::{Charges, Money, ProviderId, Reported};

/// The state of a dispute. `UnderReview` may go back to `Open`; a won one may begin again in a later
/// phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisputeStatus {
    /// We may answer.
    Open,
    /// It is being looked at.
    UnderReview,
    /// We keep the money.
    Won,
    /// The payer has it back.
    Lost,
    /// It ended without a decision about the money.
    Closed,
}

/// How far a dispute has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisputePhase {
    /// The bank asks about fraud.
    Fraud,
    /// The bank asks for papers; no money moves.
    Retrieval,
    /// The bank takes the money back.
    Chargeback,
    /// We were right once and the bank objects.
    PreArbitration,
    /// The card network decides.
    Arbitration,
}

/// What a provider says of a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeObservation {
    /// The provider's id.
    pub dispute_id: ProviderId,
    /// The payment that is disputed.
    pub payment_id: ProviderId,
    /// In our words.
    pub status: Reported<DisputeStatus>,
    /// In the provider's words.
    pub provider_status: String,
    /// How far it has gone.
    pub phase: Reported<DisputePhase>,
    /// What is disputed, which may be less than the payment.
    pub amount: Money,
    /// What has been taken from us so far.
    pub deducted: Money,
    /// What the provider keeps for the dispute itself, once it says so; not part of what is deducted.
    pub charges: Option<Charges>,
    /// The network's or the provider's reason.
    pub reason: Option<String>,
    /// Until when we may answer.
    pub respond_by: Option<DateTime<Utc>>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
}
