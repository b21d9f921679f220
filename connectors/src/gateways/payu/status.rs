//! PayU's words for states, all that it documents, and ours for them.
//!
//! | `status` | `unmappedstatus` | ours |
//! |---|---|---|
//! | success | captured | captured |
//! | success | auth | authorized |
//! | failure | failed | failed |
//! | failure | bounced, dropped, userCancelled, autoRefund | expired |
//! | pending | initiated, in progress, pending | the payer or their bank is at it |
//! | any two known words that do not go together | | the same: it is asked again |
//! | any other word | | unknown |

use crate::gateways::{
    DisputePhase, DisputeStatus, PaymentStatus, RefundStatus, Reported, SettlementRowKind,
};
use crate::providers::reported::provider_words;

provider_words!(StatusWord {
    Success = "success",
    Failure = "failure",
    Pending = "pending",
});

provider_words!(UnmappedWord {
    Captured = "captured",
    Auth = "auth",
    Failed = "failed",
    Bounced = "bounced",
    Dropped = "dropped",
    UserCancelled = "usercancelled",
    AutoRefund = "autorefund",
    Initiated = "initiated",
    InProgress = "in progress",
    Pending = "pending",
});

provider_words!(ActionStatusWord {
    Queued = "queued",
    Requested = "requested",
    InProgress = "in progress",
    Pending = "pending",
    OverdraftHit = "od_hit",
    Success = "success",
    Failure = "failure",
    Failed = "failed",
});

provider_words!(ActionWord {
    Capture = "capture",
    Refund = "refund",
    Cancel = "cancel",
});

provider_words!(DisputeWord {
    New = "new",
    PendingResponse = "pending response",
    PendingDocumentReview = "pending doc review",
    SubmittedToBank = "submitted to bank",
    BankCommunicationSent = "bank comm sent",
    InsufficientDocument = "insufficient document",
    ForCustomer = "closed customer favour",
    ForMerchant = "closed in merchant favour",
    FraudLiability = "closed under fraud liability",
});

provider_words!(DisputeKindWord {
    Ombudsman = "rbi/bo",
    Chargeback = "chargeback",
    Retrieval = "retrieval",
    Fraud = "fraud",
    PreArbitration = "pre-arbitration",
    Arbitration = "arbitration",
});

provider_words!(RowWord {
    Capture = "capture",
    Refund = "refund",
    Cancel = "cancel",
    Chargeback = "chargeback",
    ChargebackReversal = "chargeback reversal",
    RefundReversal = "refundreversal",
    Debit = "debit",
    Credit = "credit",
});

/// A payment's state, from the two words that tell it.
pub(super) fn payment_status(status: &str, unmapped: &str) -> Reported<PaymentStatus> {
    use PaymentStatus::{Authorized, AwaitingPayer, Captured, Expired, Failed};
    let unknown = || Reported::Unknown(words(status, unmapped));
    let word = StatusWord::from(status.to_ascii_lowercase().as_str());
    let detail = UnmappedWord::from(unmapped.to_ascii_lowercase().as_str());
    Reported::Known(match (word, detail) {
        (StatusWord::Unknown(_), _) | (_, UnmappedWord::Unknown(_)) => return unknown(),
        (StatusWord::Success, UnmappedWord::Captured) => Captured,
        (StatusWord::Success, UnmappedWord::Auth) => Authorized,
        (StatusWord::Failure, UnmappedWord::Failed) => Failed,
        (
            StatusWord::Failure,
            UnmappedWord::Bounced
            | UnmappedWord::Dropped
            | UnmappedWord::UserCancelled
            | UnmappedWord::AutoRefund,
        ) => Expired,
        (
            StatusWord::Pending,
            UnmappedWord::Initiated | UnmappedWord::InProgress | UnmappedWord::Pending,
        ) => AwaitingPayer,
        // They contradict each other; a sample of PayU's own has `failure` beside `captured`.
        (
            StatusWord::Success,
            UnmappedWord::Failed
            | UnmappedWord::Bounced
            | UnmappedWord::Dropped
            | UnmappedWord::UserCancelled
            | UnmappedWord::AutoRefund
            | UnmappedWord::Initiated
            | UnmappedWord::InProgress
            | UnmappedWord::Pending,
        )
        | (
            StatusWord::Failure,
            UnmappedWord::Captured
            | UnmappedWord::Auth
            | UnmappedWord::Initiated
            | UnmappedWord::InProgress
            | UnmappedWord::Pending,
        )
        | (
            StatusWord::Pending,
            UnmappedWord::Captured
            | UnmappedWord::Auth
            | UnmappedWord::Failed
            | UnmappedWord::Bounced
            | UnmappedWord::Dropped
            | UnmappedWord::UserCancelled
            | UnmappedWord::AutoRefund,
        ) => AwaitingPayer,
    })
}

/// Both words as they stand.
pub(super) fn words(status: &str, unmapped: &str) -> String {
    format!("{status}/{unmapped}")
}

pub(super) fn action_status(word: &str) -> Reported<RefundStatus> {
    Reported::Known(
        match ActionStatusWord::from(word.to_ascii_lowercase().as_str()) {
            ActionStatusWord::Queued
            | ActionStatusWord::Requested
            | ActionStatusWord::InProgress
            | ActionStatusWord::Pending
            | ActionStatusWord::OverdraftHit => RefundStatus::Pending,
            ActionStatusWord::Success => RefundStatus::Processed,
            ActionStatusWord::Failure | ActionStatusWord::Failed => RefundStatus::Failed,
            ActionStatusWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
        },
    )
}

pub(super) fn dispute_status(word: &str) -> Reported<DisputeStatus> {
    Reported::Known(
        match DisputeWord::from(word.to_ascii_lowercase().as_str()) {
            DisputeWord::New | DisputeWord::PendingResponse | DisputeWord::InsufficientDocument => {
                DisputeStatus::Open
            }
            DisputeWord::PendingDocumentReview
            | DisputeWord::SubmittedToBank
            | DisputeWord::BankCommunicationSent => DisputeStatus::UnderReview,
            DisputeWord::ForMerchant => DisputeStatus::Won,
            DisputeWord::ForCustomer | DisputeWord::FraudLiability => DisputeStatus::Lost,
            DisputeWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
        },
    )
}

pub(super) fn dispute_phase(word: &str) -> Reported<DisputePhase> {
    Reported::Known(
        match DisputeKindWord::from(word.to_ascii_lowercase().as_str()) {
            // The Reserve Bank's ombudsman: the money is taken as by a bank.
            DisputeKindWord::Ombudsman | DisputeKindWord::Chargeback => DisputePhase::Chargeback,
            DisputeKindWord::Retrieval => DisputePhase::Retrieval,
            DisputeKindWord::Fraud => DisputePhase::Fraud,
            DisputeKindWord::PreArbitration => DisputePhase::PreArbitration,
            DisputeKindWord::Arbitration => DisputePhase::Arbitration,
            DisputeKindWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
        },
    )
}

pub(super) fn row_kind(word: &str) -> Reported<SettlementRowKind> {
    Reported::Known(match RowWord::from(word.to_ascii_lowercase().as_str()) {
        RowWord::Capture => SettlementRowKind::Payment,
        RowWord::Refund | RowWord::Cancel => SettlementRowKind::Refund,
        RowWord::Chargeback => SettlementRowKind::Chargeback,
        RowWord::ChargebackReversal => SettlementRowKind::ChargebackReversal,
        RowWord::RefundReversal => SettlementRowKind::RefundReversal,
        RowWord::Debit | RowWord::Credit => SettlementRowKind::Adjustment,
        RowWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::{action_status, dispute_phase, dispute_status, row_kind};
    use crate::gateways::{
        DisputePhase as P, DisputeStatus as D, RefundStatus as R, Reported, SettlementRowKind as K,
    };

    /// Every documented word has its meaning in any case, and no other word has one. Those of payments are
    /// in pairs, which the tests with the simulator go through.
    #[test]
    fn words() {
        let actions = [
            ("QUEUED", R::Pending),
            ("IN PROGRESS", R::Pending),
            ("REQUESTED", R::Pending),
            ("od_hit", R::Pending),
            ("SUCCESS", R::Processed),
            ("success", R::Processed),
            ("FAILURE", R::Failed),
        ];
        for (word, status) in actions {
            assert_eq!(action_status(word), Reported::Known(status), "{word}");
        }
        let disputes = [
            ("New", D::Open),
            ("Pending Response", D::Open),
            ("Insufficient Document", D::Open),
            ("Pending Doc Review", D::UnderReview),
            ("Submitted to Bank", D::UnderReview),
            ("Bank Comm Sent", D::UnderReview),
            ("Closed in Merchant Favour", D::Won),
            ("Closed Customer Favour", D::Lost),
            ("Closed under Fraud Liability", D::Lost),
        ];
        for (word, status) in disputes {
            assert_eq!(dispute_status(word), Reported::Known(status), "{word}");
        }
        let phases = [
            ("RBI/BO", P::Chargeback),
            ("Chargeback", P::Chargeback),
            ("Retrieval", P::Retrieval),
            ("Fraud", P::Fraud),
            ("Pre-Arbitration", P::PreArbitration),
            ("Arbitration", P::Arbitration),
        ];
        for (word, phase) in phases {
            assert_eq!(dispute_phase(word), Reported::Known(phase), "{word}");
        }
        let rows = [
            ("capture", K::Payment),
            ("refund", K::Refund),
            ("cancel", K::Refund),
            ("chargeback", K::Chargeback),
            ("chargeback reversal", K::ChargebackReversal),
            ("refundreversal", K::RefundReversal),
            ("debit", K::Adjustment),
        ];
        for (word, kind) in rows {
            assert_eq!(row_kind(word), Reported::Known(kind), "{word}");
        }
        for other in ["", "won", "success ", "refund reversal"] {
            let unknown = other.to_owned();
            assert_eq!(action_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(dispute_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(dispute_phase(other), Reported::Unknown(unknown.clone()));
            assert_eq!(row_kind(other), Reported::Unknown(unknown));
        }
    }
}
