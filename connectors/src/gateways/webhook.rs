//! What a gateway tells us unasked.

use super::{
    CheckoutObservation, DisputeObservation, PaymentObservation, PayoutObservation,
    RefundObservation, SettlementObservation,
};
use crate::providers;

/// One thing that a webhook tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Of a checkout.
    Checkout(CheckoutObservation),
    /// Of a payment.
    Payment(PaymentObservation),
    /// Of a refund.
    Refund(RefundObservation),
    /// Of a dispute.
    Dispute(DisputeObservation),
    /// Of a payout.
    Payout(PayoutObservation),
    /// Of a settlement.
    Settlement(SettlementObservation),
}

/// What a gateway's webhook holds.
pub type WebhookContent = providers::WebhookContent<Observation>;

/// What a gateway's genuine webhook tells.
pub type WebhookFacts = providers::WebhookFacts<Observation>;
