//! Stripe's words for states, all that it documents, and ours for them.

use crate::gateways::{
    CheckoutStatus, DisputePhase, DisputeStatus, PaymentStatus, PayoutStatus, RefundStatus,
    Reported,
};
use crate::providers::reported::provider_words;

provider_words!(IntentWord {
    RequiresPaymentMethod = "requires_payment_method",
    RequiresConfirmation = "requires_confirmation",
    RequiresAction = "requires_action",
    Processing = "processing",
    RequiresCapture = "requires_capture",
    Canceled = "canceled",
    Succeeded = "succeeded",
});

provider_words!(ChargeWord {
    Succeeded = "succeeded",
    Pending = "pending",
    Failed = "failed",
});

provider_words!(SessionWord {
    Open = "open",
    Complete = "complete",
    Expired = "expired",
});

provider_words!(RefundWord {
    Pending = "pending",
    RequiresAction = "requires_action",
    Succeeded = "succeeded",
    Failed = "failed",
    Canceled = "canceled",
});

provider_words!(PayoutWord {
    Pending = "pending",
    InTransit = "in_transit",
    Paid = "paid",
    Failed = "failed",
    Canceled = "canceled",
});

provider_words!(DisputeWord {
    WarningNeedsResponse = "warning_needs_response",
    WarningUnderReview = "warning_under_review",
    WarningClosed = "warning_closed",
    NeedsResponse = "needs_response",
    UnderReview = "under_review",
    Won = "won",
    Lost = "lost",
    Prevented = "prevented",
});

/// What an intent says without its charge.
pub(super) fn intent_status(word: &str, has_failed: bool) -> Reported<PaymentStatus> {
    Reported::Known(match IntentWord::from(word) {
        IntentWord::RequiresPaymentMethod if has_failed => PaymentStatus::Failed,
        IntentWord::RequiresPaymentMethod => PaymentStatus::Created,
        IntentWord::RequiresConfirmation | IntentWord::RequiresAction | IntentWord::Processing => {
            PaymentStatus::AwaitingPayer
        }
        IntentWord::RequiresCapture => PaymentStatus::Authorized,
        IntentWord::Canceled => PaymentStatus::Expired,
        IntentWord::Succeeded => PaymentStatus::Captured,
        IntentWord::Unknown(word) => return Reported::Unknown(word),
    })
}

/// What a charge says, before refunds and disputes.
pub(super) fn charge_status(word: &str, is_captured: bool) -> Reported<PaymentStatus> {
    Reported::Known(match ChargeWord::from(word) {
        ChargeWord::Succeeded if is_captured => PaymentStatus::Captured,
        ChargeWord::Succeeded => PaymentStatus::Authorized,
        ChargeWord::Pending => PaymentStatus::AwaitingPayer,
        ChargeWord::Failed => PaymentStatus::Failed,
        ChargeWord::Unknown(word) => return Reported::Unknown(word),
    })
}

/// A complete session is paid when its payment is; with methods that take days it is not yet.
pub(super) fn session_status(word: &str, payment: Option<&str>) -> Reported<CheckoutStatus> {
    Reported::Known(match (SessionWord::from(word), payment) {
        (SessionWord::Complete, Some("paid" | "no_payment_required")) => CheckoutStatus::Paid,
        (SessionWord::Open | SessionWord::Complete, _) => CheckoutStatus::Open,
        (SessionWord::Expired, _) => CheckoutStatus::Expired,
        (SessionWord::Unknown(word), _) => return Reported::Unknown(word),
    })
}

pub(super) fn refund_status(word: &str) -> Reported<RefundStatus> {
    Reported::Known(match RefundWord::from(word) {
        RefundWord::Pending | RefundWord::RequiresAction => RefundStatus::Pending,
        RefundWord::Succeeded => RefundStatus::Processed,
        RefundWord::Failed => RefundStatus::Failed,
        RefundWord::Canceled => RefundStatus::Cancelled,
        RefundWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn payout_status(word: &str) -> Reported<PayoutStatus> {
    Reported::Known(match PayoutWord::from(word) {
        PayoutWord::Pending => PayoutStatus::Pending,
        PayoutWord::InTransit => PayoutStatus::Processing,
        PayoutWord::Paid => PayoutStatus::Paid,
        PayoutWord::Failed => PayoutStatus::Failed,
        PayoutWord::Canceled => PayoutStatus::Cancelled,
        PayoutWord::Unknown(word) => return Reported::Unknown(word),
    })
}

/// A warning is a question of the bank before any money moves.
pub(super) fn dispute_status(word: &str) -> (Reported<DisputeStatus>, Reported<DisputePhase>) {
    let (status, phase) = match DisputeWord::from(word) {
        DisputeWord::WarningNeedsResponse => (DisputeStatus::Open, DisputePhase::Retrieval),
        DisputeWord::WarningUnderReview => (DisputeStatus::UnderReview, DisputePhase::Retrieval),
        DisputeWord::WarningClosed => (DisputeStatus::Closed, DisputePhase::Retrieval),
        DisputeWord::NeedsResponse => (DisputeStatus::Open, DisputePhase::Chargeback),
        DisputeWord::UnderReview => (DisputeStatus::UnderReview, DisputePhase::Chargeback),
        DisputeWord::Won => (DisputeStatus::Won, DisputePhase::Chargeback),
        DisputeWord::Lost => (DisputeStatus::Lost, DisputePhase::Chargeback),
        DisputeWord::Prevented => (DisputeStatus::Closed, DisputePhase::Chargeback),
        DisputeWord::Unknown(word) => {
            return (
                Reported::Unknown(word),
                Reported::Known(DisputePhase::Chargeback),
            );
        }
    };
    (Reported::Known(status), Reported::Known(phase))
}

#[cfg(test)]
mod tests {
    use super::{
        charge_status, dispute_status, intent_status, payout_status, refund_status, session_status,
    };
    use crate::gateways::{
        CheckoutStatus as C, DisputePhase, DisputeStatus as D, PaymentStatus as M,
        PayoutStatus as P, RefundStatus as R, Reported,
    };

    /// Every documented word has its meaning, and no other word has one.
    #[test]
    fn words() {
        let intents = [
            ("requires_payment_method", M::Created, M::Failed),
            ("requires_confirmation", M::AwaitingPayer, M::AwaitingPayer),
            ("requires_action", M::AwaitingPayer, M::AwaitingPayer),
            ("processing", M::AwaitingPayer, M::AwaitingPayer),
            ("requires_capture", M::Authorized, M::Authorized),
            ("canceled", M::Expired, M::Expired),
            ("succeeded", M::Captured, M::Captured),
        ];
        for (word, fresh, failed) in intents {
            assert_eq!(intent_status(word, false), Reported::Known(fresh), "{word}");
            assert_eq!(intent_status(word, true), Reported::Known(failed), "{word}");
        }
        let charges = [
            ("succeeded", M::Captured, M::Authorized),
            ("pending", M::AwaitingPayer, M::AwaitingPayer),
            ("failed", M::Failed, M::Failed),
        ];
        for (word, captured, not) in charges {
            assert_eq!(
                charge_status(word, true),
                Reported::Known(captured),
                "{word}"
            );
            assert_eq!(charge_status(word, false), Reported::Known(not), "{word}");
        }
        let sessions = [
            ("open", "unpaid", C::Open),
            ("complete", "unpaid", C::Open),
            ("complete", "paid", C::Paid),
            ("complete", "no_payment_required", C::Paid),
            ("complete", "new", C::Open),
            ("expired", "unpaid", C::Expired),
        ];
        for (word, payment, status) in sessions {
            assert_eq!(
                session_status(word, Some(payment)),
                Reported::Known(status),
                "{word}"
            );
        }
        let refunds = [
            ("pending", R::Pending),
            ("requires_action", R::Pending),
            ("succeeded", R::Processed),
            ("failed", R::Failed),
            ("canceled", R::Cancelled),
        ];
        for (word, status) in refunds {
            assert_eq!(refund_status(word), Reported::Known(status), "{word}");
        }
        let payouts = [
            ("pending", P::Pending),
            ("in_transit", P::Processing),
            ("paid", P::Paid),
            ("failed", P::Failed),
            ("canceled", P::Cancelled),
        ];
        for (word, status) in payouts {
            assert_eq!(payout_status(word), Reported::Known(status), "{word}");
        }
        let (question, money) = (DisputePhase::Retrieval, DisputePhase::Chargeback);
        let disputes = [
            ("warning_needs_response", D::Open, question),
            ("warning_under_review", D::UnderReview, question),
            ("warning_closed", D::Closed, question),
            ("needs_response", D::Open, money),
            ("under_review", D::UnderReview, money),
            ("won", D::Won, money),
            ("lost", D::Lost, money),
            ("prevented", D::Closed, money),
        ];
        for (word, status, phase) in disputes {
            let expected = (Reported::Known(status), Reported::Known(phase));
            assert_eq!(dispute_status(word), expected, "{word}");
        }
        for other in ["", "Paid", "SUCCEEDED", "paid "] {
            let unknown = other.to_owned();
            assert_eq!(
                intent_status(other, true),
                Reported::Unknown(unknown.clone())
            );
            assert_eq!(
                charge_status(other, true),
                Reported::Unknown(unknown.clone())
            );
            assert_eq!(
                session_status(other, Some("paid")),
                Reported::Unknown(unknown.clone())
            );
            assert_eq!(refund_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(payout_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(dispute_status(other).0, Reported::Unknown(unknown));
        }
    }
}
