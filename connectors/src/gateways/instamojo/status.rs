//! Instamojo's words for states, all that it documents, and ours for them.

use crate::gateways::{CheckoutStatus, PaymentMethod, PaymentStatus, RefundStatus, Reported};
use crate::providers::reported::provider_words;

provider_words!(RequestWord {
    Pending = "pending",
    Sent = "sent",
    Failed = "failed",
    Completed = "completed",
    Expired = "expired",
});

provider_words!(PaymentWord {
    Credit = "credit",
    Successful = "successful",
    True = "true",
    Failed = "failed",
    False = "false",
    Pending = "pending",
    Initiated = "initiated",
});

provider_words!(RefundWord {
    Refunded = "refunded",
    Processed = "processed",
    Pending = "pending",
    Initiated = "initiated",
    Processing = "processing",
    Failed = "failed",
});

/// `Failed` is about the last attempt or the message to the payer: the page can still be paid.
pub(super) fn request_status(word: &str) -> Reported<CheckoutStatus> {
    Reported::Known(
        match RequestWord::from(word.to_ascii_lowercase().as_str()) {
            RequestWord::Pending | RequestWord::Sent | RequestWord::Failed => CheckoutStatus::Open,
            RequestWord::Completed => CheckoutStatus::Paid,
            RequestWord::Expired => CheckoutStatus::Expired,
            RequestWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
        },
    )
}

/// The second version of the interface has truth values in places.
pub(super) fn payment_status(word: &str) -> Reported<PaymentStatus> {
    Reported::Known(
        match PaymentWord::from(word.to_ascii_lowercase().as_str()) {
            PaymentWord::Credit | PaymentWord::Successful | PaymentWord::True => {
                PaymentStatus::Captured
            }
            PaymentWord::Failed | PaymentWord::False => PaymentStatus::Failed,
            PaymentWord::Pending | PaymentWord::Initiated => PaymentStatus::AwaitingPayer,
            PaymentWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
        },
    )
}

pub(super) fn refund_status(word: &str) -> Reported<RefundStatus> {
    Reported::Known(match RefundWord::from(word.to_ascii_lowercase().as_str()) {
        RefundWord::Refunded | RefundWord::Processed => RefundStatus::Processed,
        RefundWord::Pending | RefundWord::Initiated | RefundWord::Processing => {
            RefundStatus::Pending
        }
        RefundWord::Failed => RefundStatus::Failed,
        RefundWord::Unknown(_) => return Reported::Unknown(word.to_owned()),
    })
}

pub(super) fn method(word: &str) -> PaymentMethod {
    match word.to_ascii_uppercase().as_str() {
        "CARD" | "CREDIT CARD" | "DEBIT CARD" => PaymentMethod::Card,
        "UPI" => PaymentMethod::Upi,
        "NETBANKING" | "NET BANKING" => PaymentMethod::NetBanking,
        "WALLET" => PaymentMethod::Wallet,
        "EMI" => PaymentMethod::Instalments,
        "PAYLATER" | "PAY LATER" => PaymentMethod::PayLater,
        "NEFT" | "BANK TRANSFER" => PaymentMethod::BankTransfer,
        _ => PaymentMethod::Other(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{payment_status, refund_status, request_status};
    use crate::gateways::{CheckoutStatus as C, PaymentStatus as M, RefundStatus as R, Reported};

    /// Every documented word has its meaning in any case, and no other word has one.
    #[test]
    fn words() {
        let requests = [
            ("Pending", C::Open),
            ("Sent", C::Open),
            ("Failed", C::Open),
            ("Completed", C::Paid),
            ("completed", C::Paid),
            ("Expired", C::Expired),
        ];
        for (word, status) in requests {
            assert_eq!(request_status(word), Reported::Known(status), "{word}");
        }
        let payments = [
            ("Credit", M::Captured),
            ("successful", M::Captured),
            ("true", M::Captured),
            ("Failed", M::Failed),
            ("false", M::Failed),
            ("Pending", M::AwaitingPayer),
            ("Initiated", M::AwaitingPayer),
        ];
        for (word, status) in payments {
            assert_eq!(payment_status(word), Reported::Known(status), "{word}");
        }
        let refunds = [
            ("Refunded", R::Processed),
            ("Processed", R::Processed),
            ("Pending", R::Pending),
            ("Initiated", R::Pending),
            ("Processing", R::Pending),
            ("Failed", R::Failed),
        ];
        for (word, status) in refunds {
            assert_eq!(refund_status(word), Reported::Known(status), "{word}");
        }
        for other in ["", "Credited", "Credit ", "1", "Closed"] {
            let unknown = other.to_owned();
            assert_eq!(request_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(payment_status(other), Reported::Unknown(unknown.clone()));
            assert_eq!(refund_status(other), Reported::Unknown(unknown));
        }
    }
}
