//! Razorpay's words for states, all that it documents, and ours for them.

use crate::gateways::{
    CheckoutStatus, DisputePhase, DisputeStatus, PayoutStatus, RefundStatus, Reported,
    SettlementStatus,
};
use crate::providers::reported::provider_words;

provider_words!(PaymentWord {
    Created = "created",
    Authorized = "authorized",
    Captured = "captured",
    Refunded = "refunded",
    Failed = "failed",
});

provider_words!(OrderWord {
    Created = "created",
    Attempted = "attempted",
    Paid = "paid",
});

provider_words!(LinkWord {
    Created = "created",
    PartiallyPaid = "partially_paid",
    Paid = "paid",
    Cancelled = "cancelled",
    Expired = "expired",
});

provider_words!(RefundWord {
    Pending = "pending",
    Processed = "processed",
    Failed = "failed",
});

provider_words!(DisputeWord {
    Open = "open",
    UnderReview = "under_review",
    Won = "won",
    Lost = "lost",
    Closed = "closed",
});

provider_words!(PhaseWord {
    Fraud = "fraud",
    Retrieval = "retrieval",
    Chargeback = "chargeback",
    PreArbitration = "pre_arbitration",
    Arbitration = "arbitration",
});

provider_words!(PayoutWord {
    Pending = "pending",
    Queued = "queued",
    Scheduled = "scheduled",
    Processing = "processing",
    Processed = "processed",
    Reversed = "reversed",
    Failed = "failed",
    Cancelled = "cancelled",
    Rejected = "rejected",
});

provider_words!(SettlementWord {
    Created = "created",
    Processed = "processed",
    Failed = "failed",
});

pub(super) fn order_status(word: &str) -> Reported<CheckoutStatus> {
    Reported::Known(match OrderWord::from(word) {
        OrderWord::Created | OrderWord::Attempted => CheckoutStatus::Open,
        OrderWord::Paid => CheckoutStatus::Paid,
        OrderWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn link_status(word: &str) -> Reported<CheckoutStatus> {
    Reported::Known(match LinkWord::from(word) {
        LinkWord::Created => CheckoutStatus::Open,
        LinkWord::PartiallyPaid => CheckoutStatus::PartlyPaid,
        LinkWord::Paid => CheckoutStatus::Paid,
        LinkWord::Cancelled => CheckoutStatus::Cancelled,
        LinkWord::Expired => CheckoutStatus::Expired,
        LinkWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn refund_status(word: &str) -> Reported<RefundStatus> {
    Reported::Known(match RefundWord::from(word) {
        RefundWord::Pending => RefundStatus::Pending,
        RefundWord::Processed => RefundStatus::Processed,
        RefundWord::Failed => RefundStatus::Failed,
        RefundWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn dispute_status(word: &str) -> Reported<DisputeStatus> {
    Reported::Known(match DisputeWord::from(word) {
        DisputeWord::Open => DisputeStatus::Open,
        DisputeWord::UnderReview => DisputeStatus::UnderReview,
        DisputeWord::Won => DisputeStatus::Won,
        DisputeWord::Lost => DisputeStatus::Lost,
        DisputeWord::Closed => DisputeStatus::Closed,
        DisputeWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn dispute_phase(word: &str) -> Reported<DisputePhase> {
    Reported::Known(match PhaseWord::from(word) {
        PhaseWord::Fraud => DisputePhase::Fraud,
        PhaseWord::Retrieval => DisputePhase::Retrieval,
        PhaseWord::Chargeback => DisputePhase::Chargeback,
        PhaseWord::PreArbitration => DisputePhase::PreArbitration,
        PhaseWord::Arbitration => DisputePhase::Arbitration,
        PhaseWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn payout_status(word: &str) -> Reported<PayoutStatus> {
    Reported::Known(match PayoutWord::from(word) {
        PayoutWord::Pending | PayoutWord::Queued | PayoutWord::Scheduled => PayoutStatus::Pending,
        PayoutWord::Processing => PayoutStatus::Processing,
        PayoutWord::Processed => PayoutStatus::Paid,
        PayoutWord::Reversed => PayoutStatus::Returned,
        PayoutWord::Failed => PayoutStatus::Failed,
        PayoutWord::Cancelled | PayoutWord::Rejected => PayoutStatus::Cancelled,
        PayoutWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn settlement_status(word: &str) -> Reported<SettlementStatus> {
    Reported::Known(match SettlementWord::from(word) {
        SettlementWord::Created => SettlementStatus::Created,
        SettlementWord::Processed => SettlementStatus::Processed,
        SettlementWord::Failed => SettlementStatus::Failed,
        SettlementWord::Unknown(word) => return Reported::Unknown(word),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        dispute_status, link_status, order_status, payout_status, refund_status, settlement_status,
    };
    use crate::gateways::{
        CheckoutStatus as C, DisputeStatus as D, PayoutStatus as P, RefundStatus as R, Reported,
        SettlementStatus as S,
    };

    /// Every documented word has its meaning, and no other word has one.
    #[test]
    fn words() {
        let orders = [
            ("created", C::Open),
            ("attempted", C::Open),
            ("paid", C::Paid),
        ];
        for (word, status) in orders {
            assert_eq!(order_status(word), Reported::Known(status), "{word}");
        }
        let links = [
            ("created", C::Open),
            ("partially_paid", C::PartlyPaid),
            ("paid", C::Paid),
            ("cancelled", C::Cancelled),
            ("expired", C::Expired),
        ];
        for (word, status) in links {
            assert_eq!(link_status(word), Reported::Known(status), "{word}");
        }
        let refunds = [
            ("pending", R::Pending),
            ("processed", R::Processed),
            ("failed", R::Failed),
        ];
        for (word, status) in refunds {
            assert_eq!(refund_status(word), Reported::Known(status), "{word}");
        }
        let disputes = [
            ("open", D::Open),
            ("under_review", D::UnderReview),
            ("won", D::Won),
            ("lost", D::Lost),
            ("closed", D::Closed),
        ];
        for (word, status) in disputes {
            assert_eq!(dispute_status(word), Reported::Known(status), "{word}");
        }
        let payouts = [
            ("pending", P::Pending),
            ("queued", P::Pending),
            ("scheduled", P::Pending),
            ("processing", P::Processing),
            ("processed", P::Paid),
            ("reversed", P::Returned),
            ("failed", P::Failed),
            ("cancelled", P::Cancelled),
            ("rejected", P::Cancelled),
        ];
        for (word, status) in payouts {
            assert_eq!(payout_status(word), Reported::Known(status), "{word}");
        }
        let settlements = [
            ("created", S::Created),
            ("processed", S::Processed),
            ("failed", S::Failed),
        ];
        for (word, status) in settlements {
            assert_eq!(settlement_status(word), Reported::Known(status), "{word}");
        }
        for other in ["", "Paid", "PROCESSED", "paid ", "lost-and-found"] {
            let unknown = other.to_owned();
            assert_eq!(order_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(link_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(refund_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(dispute_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(payout_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(settlement_status(other), Reported::Unknown(unknown));
        }
    }
}
