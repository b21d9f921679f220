//! Sumsub's words for states, all that it documents, and ours for them.
//!
//! | `reviewStatus` | `reviewAnswer`, `reviewRejectType` | status |
//! |---|---|---|
//! | `init`, `awaitingUser` | | awaiting the person |
//! | `pending`, `prechecked`, `queued`, `awaitingService` | | pending |
//! | `onHold` | | in review |
//! | `completed` | `GREEN` | approved |
//! | `completed` | `RED`, `RETRY` | rejected, and may try again |
//! | `completed` | `RED`, `FINAL` | rejected for good |
//!
//! An answer counts only when the review is completed: while a second try is pending, the answer of the
//! first may still be there.

use crate::identity_providers::{CaseStatus, DocumentKind, DocumentVerdict, Reported, Retry};
use crate::providers::reported::provider_words;

provider_words!(ReviewWord {
    Init = "init",
    AwaitingUser = "awaitingUser",
    Pending = "pending",
    Prechecked = "prechecked",
    Queued = "queued",
    AwaitingService = "awaitingService",
    OnHold = "onHold",
    Completed = "completed",
});

provider_words!(AnswerWord {
    Green = "GREEN",
    Red = "RED",
});

provider_words!(RejectWord {
    Retry = "RETRY",
    Final = "FINAL",
});

provider_words!(EventWord {
    Created = "applicantCreated",
    Pending = "applicantPending",
    Prechecked = "applicantPrechecked",
    Reviewed = "applicantReviewed",
    OnHold = "applicantOnHold",
    AwaitingUser = "applicantAwaitingUser",
    AwaitingService = "applicantAwaitingService",
    LevelChanged = "applicantLevelChanged",
    Activated = "applicantActivated",
    WorkflowCompleted = "applicantWorkflowCompleted",
    WorkflowFailed = "applicantWorkflowFailed",
    Reset = "applicantReset",
    Deactivated = "applicantDeactivated",
    Deleted = "applicantDeleted",
    PersonalInfoChanged = "applicantPersonalInfoChanged",
    TagsChanged = "applicantTagsChanged",
    ActionPending = "applicantActionPending",
    ActionReviewed = "applicantActionReviewed",
    ActionOnHold = "applicantActionOnHold",
    MemberChanged = "applicantMembersChanged",
    VideoIdentStatusChanged = "videoIdentStatusChanged",
    VideoIdentCompositionCompleted = "videoIdentCompositionCompleted",
    TransactionApproved = "applicantKytTxnApproved",
    TransactionRejected = "applicantKytTxnRejected",
    TransactionOnHold = "applicantKytOnHold",
});

provider_words!(DocumentWord {
    Passport = "PASSPORT",
    IdCard = "ID_CARD",
    Drivers = "DRIVERS",
    ResidencePermit = "RESIDENCE_PERMIT",
    Visa = "VISA",
    PanCard = "PAN_CARD",
    UtilityBill = "UTILITY_BILL",
    Selfie = "SELFIE",
    ProfileImage = "PROFILE_IMAGE",
    VideoSelfie = "VIDEO_SELFIE",
});

/// What Sumsub says of a review, in its words; what it leaves out is empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReviewWords<'a> {
    pub status: &'a str,
    pub answer: &'a str,
    pub reject_type: &'a str,
}

impl ReviewWords<'_> {
    /// All of them, with slashes between.
    pub(super) fn joined(self) -> String {
        let words = [self.status, self.answer, self.reject_type];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join("/")
    }
}

pub(super) fn review_status(words: ReviewWords<'_>) -> Reported<CaseStatus> {
    let unknown = || Reported::Unknown(words.joined());
    Reported::Known(match ReviewWord::from(words.status) {
        ReviewWord::Init | ReviewWord::AwaitingUser => CaseStatus::AwaitingPerson,
        ReviewWord::Pending
        | ReviewWord::Prechecked
        | ReviewWord::Queued
        | ReviewWord::AwaitingService => CaseStatus::Pending,
        ReviewWord::OnHold => CaseStatus::InReview,
        ReviewWord::Completed => match AnswerWord::from(words.answer) {
            AnswerWord::Green => CaseStatus::Approved,
            AnswerWord::Red => match RejectWord::from(words.reject_type) {
                RejectWord::Retry => CaseStatus::Rejected(Retry::Allowed),
                RejectWord::Final => CaseStatus::Rejected(Retry::Final),
                RejectWord::Unknown(_) => return unknown(),
            },
            AnswerWord::Unknown(_) => return unknown(),
        },
        ReviewWord::Unknown(_) => return unknown(),
    })
}

/// What an event means: a status, or nothing that concerns the case.
pub(super) fn event_status(event: &str, words: ReviewWords<'_>) -> Option<Reported<CaseStatus>> {
    Some(match EventWord::from(event) {
        EventWord::Created
        | EventWord::Pending
        | EventWord::Prechecked
        | EventWord::Reviewed
        | EventWord::AwaitingUser
        | EventWord::AwaitingService
        | EventWord::LevelChanged
        | EventWord::Activated
        | EventWord::WorkflowCompleted => review_status(words),
        EventWord::OnHold => Reported::Known(CaseStatus::InReview),
        EventWord::WorkflowFailed => Reported::Known(CaseStatus::Failed),
        EventWord::Reset => Reported::Known(CaseStatus::Reset),
        EventWord::Deactivated | EventWord::Deleted => Reported::Known(CaseStatus::Withdrawn),
        EventWord::PersonalInfoChanged
        | EventWord::TagsChanged
        | EventWord::ActionPending
        | EventWord::ActionReviewed
        | EventWord::ActionOnHold
        | EventWord::MemberChanged
        | EventWord::VideoIdentStatusChanged
        | EventWord::VideoIdentCompositionCompleted
        | EventWord::TransactionApproved
        | EventWord::TransactionRejected
        | EventWord::TransactionOnHold => return None,
        EventWord::Unknown(event) => Reported::Unknown(event),
    })
}

pub(super) fn document_kind(word: &str) -> Reported<DocumentKind> {
    Reported::Known(match DocumentWord::from(word) {
        DocumentWord::Passport => DocumentKind::Passport,
        DocumentWord::IdCard => DocumentKind::IdentityCard,
        DocumentWord::Drivers => DocumentKind::DrivingLicence,
        DocumentWord::ResidencePermit | DocumentWord::Visa => DocumentKind::ResidencePermit,
        DocumentWord::PanCard => DocumentKind::TaxCard,
        DocumentWord::UtilityBill => DocumentKind::ProofOfAddress,
        DocumentWord::Selfie | DocumentWord::ProfileImage => DocumentKind::Selfie,
        DocumentWord::VideoSelfie => DocumentKind::Video,
        DocumentWord::Unknown(word) => return Reported::Unknown(word),
    })
}

pub(super) fn document_verdict(answer: &str) -> Reported<DocumentVerdict> {
    if answer.is_empty() {
        return Reported::Known(DocumentVerdict::Open);
    }
    Reported::Known(match AnswerWord::from(answer) {
        AnswerWord::Green => DocumentVerdict::Good,
        AnswerWord::Red => DocumentVerdict::Bad,
        AnswerWord::Unknown(word) => return Reported::Unknown(word),
    })
}

#[cfg(test)]
mod tests {
    use super::{ReviewWords, document_kind, document_verdict, event_status, review_status};
    use crate::identity_providers::{
        CaseStatus as S, DocumentKind as D, DocumentVerdict as V, Reported, Retry,
    };

    fn words<'a>(status: &'a str, answer: &'a str, reject_type: &'a str) -> ReviewWords<'a> {
        ReviewWords {
            status,
            answer,
            reject_type,
        }
    }

    /// Every documented combination has its meaning, whatever stands beside a review that is not
    /// completed; no other has one.
    #[test]
    fn reviews() {
        for (status, expected) in [
            ("init", S::AwaitingPerson),
            ("awaitingUser", S::AwaitingPerson),
            ("pending", S::Pending),
            ("prechecked", S::Pending),
            ("queued", S::Pending),
            ("awaitingService", S::Pending),
            ("onHold", S::InReview),
        ] {
            for (answer, reject_type) in [("", ""), ("GREEN", ""), ("RED", "RETRY"), ("?", "?")] {
                let found = review_status(words(status, answer, reject_type));
                assert_eq!(found, Reported::Known(expected), "{status} {answer}");
            }
        }
        for (answer, reject_type, expected) in [
            ("GREEN", "", S::Approved),
            ("GREEN", "RETRY", S::Approved),
            ("RED", "RETRY", S::Rejected(Retry::Allowed)),
            ("RED", "FINAL", S::Rejected(Retry::Final)),
        ] {
            let found = review_status(words("completed", answer, reject_type));
            assert_eq!(found, Reported::Known(expected), "{answer} {reject_type}");
        }
        for (status, answer, reject_type, unknown) in [
            ("completed", "", "", "completed"),
            ("completed", "YELLOW", "", "completed/YELLOW"),
            ("completed", "green", "", "completed/green"),
            ("completed", "RED", "", "completed/RED"),
            ("completed", "RED", "LATER", "completed/RED/LATER"),
            ("Completed", "GREEN", "", "Completed/GREEN"),
            ("", "", "", ""),
        ] {
            let found = review_status(words(status, answer, reject_type));
            assert_eq!(found, Reported::Unknown(unknown.to_owned()));
        }
    }

    #[test]
    fn events() {
        let green = words("completed", "GREEN", "");
        for event in [
            "applicantCreated",
            "applicantPending",
            "applicantPrechecked",
            "applicantReviewed",
            "applicantAwaitingUser",
            "applicantAwaitingService",
            "applicantLevelChanged",
            "applicantActivated",
            "applicantWorkflowCompleted",
        ] {
            let status = event_status(event, green);
            assert_eq!(status, Some(Reported::Known(S::Approved)), "{event}");
        }
        for (event, expected) in [
            ("applicantOnHold", S::InReview),
            ("applicantWorkflowFailed", S::Failed),
            ("applicantReset", S::Reset),
            ("applicantDeactivated", S::Withdrawn),
            ("applicantDeleted", S::Withdrawn),
        ] {
            let status = event_status(event, green);
            assert_eq!(status, Some(Reported::Known(expected)), "{event}");
        }
        for event in [
            "applicantPersonalInfoChanged",
            "applicantTagsChanged",
            "applicantActionPending",
            "applicantActionReviewed",
            "applicantActionOnHold",
            "applicantMembersChanged",
            "videoIdentStatusChanged",
            "videoIdentCompositionCompleted",
            "applicantKytTxnApproved",
            "applicantKytTxnRejected",
            "applicantKytOnHold",
        ] {
            assert_eq!(event_status(event, green), None, "{event}");
        }
        for event in ["", "applicantreviewed", "applicantAbducted"] {
            let unknown = Some(Reported::Unknown(event.to_owned()));
            assert_eq!(event_status(event, green), unknown);
        }
    }

    #[test]
    fn documents() {
        for (word, kind) in [
            ("PASSPORT", D::Passport),
            ("ID_CARD", D::IdentityCard),
            ("DRIVERS", D::DrivingLicence),
            ("RESIDENCE_PERMIT", D::ResidencePermit),
            ("VISA", D::ResidencePermit),
            ("PAN_CARD", D::TaxCard),
            ("UTILITY_BILL", D::ProofOfAddress),
            ("SELFIE", D::Selfie),
            ("PROFILE_IMAGE", D::Selfie),
            ("VIDEO_SELFIE", D::Video),
        ] {
            assert_eq!(document_kind(word), Reported::Known(kind), "{word}");
        }
        let other = Reported::Unknown("OTHER".to_owned());
        assert_eq!(document_kind("OTHER"), other);
        for (answer, verdict) in [("", V::Open), ("GREEN", V::Good), ("RED", V::Bad)] {
            assert_eq!(document_verdict(answer), Reported::Known(verdict));
        }
        let other = Reported::Unknown("BLUE".to_owned());
        assert_eq!(document_verdict("BLUE"), other);
    }
}
