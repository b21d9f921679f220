//! Digio's words for states, all that it documents, and ours for them.
//!
//! A request that is `rejected` does not go on, so it is rejected for good; whether the person may try
//! again, in another case, is for us to decide.

use crate::identity_providers::{CaseStatus, DocumentKind, DocumentVerdict, Reported, Retry};
use crate::providers::reported::provider_words;

provider_words!(RequestWord {
    Requested = "requested",
    Completed = "completed",
    ApprovalPending = "approval_pending",
    Approved = "approved",
    Rejected = "rejected",
    Expired = "expired",
    Terminated = "terminated",
});

provider_words!(EventWord {
    Created = "kyc.request.created",
    Completed = "kyc.request.completed",
    ReviewReady = "kyc.request.review.ready",
    Approved = "kyc.request.approved",
    Rejected = "kyc.request.rejected",
    Expired = "kyc.request.expired",
    Terminated = "kyc.request.terminated",
});

provider_words!(ActionTypeWord {
    DigiLocker = "digilocker",
    AadhaarOffline = "aadhaar_offline",
    Aadhaar = "aadhaar",
    Pan = "pan",
    Selfie = "selfie",
    Video = "video",
    Address = "address_proof",
});

provider_words!(ActionWord {
    Requested = "requested",
    ApprovalPending = "approval_pending",
    Success = "success",
    Approved = "approved",
    Failed = "failed",
    Rejected = "rejected",
});

pub(super) fn request_status(word: &str) -> Reported<CaseStatus> {
    Reported::Known(match RequestWord::from(word) {
        RequestWord::Requested => CaseStatus::AwaitingPerson,
        RequestWord::Completed => CaseStatus::Pending,
        RequestWord::ApprovalPending => CaseStatus::InReview,
        RequestWord::Approved => CaseStatus::Approved,
        RequestWord::Rejected => CaseStatus::Rejected(Retry::Final),
        RequestWord::Expired => CaseStatus::Expired,
        RequestWord::Terminated => CaseStatus::Withdrawn,
        RequestWord::Unknown(word) => return Reported::Unknown(word),
    })
}

/// One spelling of an event's name: Digio writes `kyc.request.approved` and `KYC_REQUEST_APPROVED`.
pub(super) fn event_name(event: &str) -> String {
    event.to_ascii_lowercase().replace('_', ".")
}

/// What an event of a request means. The request's own status, where there is one, is what counts: an event
/// may be older than it.
pub(super) fn event_status(event: &str, status: Option<&str>) -> Reported<CaseStatus> {
    let of_event = match EventWord::from(event_name(event).as_str()) {
        EventWord::Created => CaseStatus::AwaitingPerson,
        EventWord::Completed => CaseStatus::Pending,
        EventWord::ReviewReady => CaseStatus::InReview,
        EventWord::Approved => CaseStatus::Approved,
        EventWord::Rejected => CaseStatus::Rejected(Retry::Final),
        EventWord::Expired => CaseStatus::Expired,
        EventWord::Terminated => CaseStatus::Withdrawn,
        EventWord::Unknown(_) => return Reported::Unknown(event.to_owned()),
    };
    status.map_or(Reported::Known(of_event), request_status)
}

pub(super) fn document_kind(word: &str) -> Reported<DocumentKind> {
    Reported::Known(match ActionTypeWord::from(word) {
        ActionTypeWord::DigiLocker | ActionTypeWord::AadhaarOffline | ActionTypeWord::Aadhaar => {
            DocumentKind::RegisterExtract
        }
        ActionTypeWord::Pan => DocumentKind::TaxCard,
        ActionTypeWord::Selfie => DocumentKind::Selfie,
        ActionTypeWord::Video => DocumentKind::Video,
        ActionTypeWord::Address => DocumentKind::ProofOfAddress,
        ActionTypeWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn document_verdict(word: &str) -> Reported<DocumentVerdict> {
    Reported::Known(match ActionWord::from(word) {
        ActionWord::Requested | ActionWord::ApprovalPending => DocumentVerdict::Open,
        ActionWord::Success | ActionWord::Approved => DocumentVerdict::Good,
        ActionWord::Failed | ActionWord::Rejected => DocumentVerdict::Bad,
        ActionWord::Unknown(word) => return Reported::Unknown(word),
    })
}

#[cfg(test)]
mod tests {
    use super::{document_kind, document_verdict, event_status, request_status};
    use crate::identity_providers::{
        CaseStatus as S, DocumentKind as D, DocumentVerdict as V, Reported as R, Retry,
    };

    /// Every documented word has its meaning, and no other word has one.
    #[test]
    fn words() {
        for (word, status) in [
            ("requested", S::AwaitingPerson),
            ("completed", S::Pending),
            ("approval_pending", S::InReview),
            ("approved", S::Approved),
            ("rejected", S::Rejected(Retry::Final)),
            ("expired", S::Expired),
            ("terminated", S::Withdrawn),
        ] {
            assert_eq!(request_status(word), R::Known(status), "{word}");
        }
        for other in ["", "Approved", "APPROVED", "approved "] {
            assert_eq!(request_status(other), R::Unknown(other.to_owned()));
        }
        for (word, kind) in [
            ("digilocker", D::RegisterExtract),
            ("aadhaar_offline", D::RegisterExtract),
            ("aadhaar", D::RegisterExtract),
            ("pan", D::TaxCard),
            ("selfie", D::Selfie),
            ("video", D::Video),
            ("address_proof", D::ProofOfAddress),
        ] {
            assert_eq!(document_kind(word), R::Known(kind), "{word}");
        }
        assert_eq!(document_kind("image"), R::Unknown("image".to_owned()));
        for (word, verdict) in [
            ("requested", V::Open),
            ("approval_pending", V::Open),
            ("success", V::Good),
            ("approved", V::Good),
            ("failed", V::Bad),
            ("rejected", V::Bad),
        ] {
            assert_eq!(document_verdict(word), R::Known(verdict), "{word}");
        }
        assert_eq!(document_verdict(""), R::Unknown(String::new()));
    }

    #[test]
    fn events() {
        for (suffix, status) in [
            ("created", S::AwaitingPerson),
            ("completed", S::Pending),
            ("review.ready", S::InReview),
            ("approved", S::Approved),
            ("rejected", S::Rejected(Retry::Final)),
            ("expired", S::Expired),
            ("terminated", S::Withdrawn),
        ] {
            let event = format!("kyc.request.{suffix}");
            let capitals = event.to_ascii_uppercase().replace('.', "_");
            for event in [&event, &capitals] {
                assert_eq!(event_status(event, None), R::Known(status), "{event}");
                // The request's own status is the newer one.
                let later = event_status(event, Some("rejected"));
                assert_eq!(later, R::Known(S::Rejected(Retry::Final)), "{event}");
                let unknown = R::Unknown("vanished".to_owned());
                assert_eq!(event_status(event, Some("vanished")), unknown, "{event}");
            }
        }
        let unknown = R::Unknown("kyc.request.eaten".to_owned());
        assert_eq!(event_status("kyc.request.eaten", Some("approved")), unknown);
    }
}
