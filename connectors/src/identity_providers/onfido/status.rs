//! Onfido's words for states, all that it documents, and ours for them.
//!
//! A run that is `declined` does not go on, so it is rejected for good; whether the person may try again, in
//! another case, is for us to decide. `awaiting_client_input` waits for data of ours and not of the
//! person, which only people can give.

use crate::identity_providers::{CaseStatus, DocumentKind, Reported, Retry};
use crate::providers::reported::provider_words;

provider_words!(RunWord {
    Processing = "processing",
    AwaitingInput = "awaiting_input",
    AwaitingClientInput = "awaiting_client_input",
    Approved = "approved",
    Declined = "declined",
    Review = "review",
    Abandoned = "abandoned",
    Error = "error",
});

provider_words!(EventWord {
    RunCompleted = "workflow_run.completed",
    TaskStarted = "workflow_task.started",
    TaskCompleted = "workflow_task.completed",
    CheckStarted = "check.started",
    CheckReopened = "check.reopened",
    CheckWithdrawn = "check.withdrawn",
    CheckCompleted = "check.completed",
    CheckFormCompleted = "check.form_completed",
    ReportWithdrawn = "report.withdrawn",
    ReportResumed = "report.resumed",
    ReportCancelled = "report.cancelled",
    ReportAwaitingApproval = "report.awaiting_approval",
    ReportCompleted = "report.completed",
    WatchlistUpdated = "watchlist_monitor.matches_updated",
    AuditLogCreated = "audit_log.created",
    TimelineCreated = "workflow_timeline_file.created",
    EvidenceCreated = "workflow_run_evidence_folder.created",
});

provider_words!(DocumentWord {
    Passport = "passport",
    DrivingLicence = "driving_licence",
    IdentityCard = "national_identity_card",
    ResidencePermit = "residence_permit",
    Visa = "visa",
    WorkPermit = "work_permit",
    VoterId = "voter_id",
    TaxId = "tax_id",
    UtilityBill = "utility_bill",
    BankStatement = "bank_building_society_statement",
    CouncilTax = "council_tax",
});

pub(super) fn run_status(word: &str) -> Reported<CaseStatus> {
    Reported::Known(match RunWord::from(word) {
        RunWord::AwaitingInput => CaseStatus::AwaitingPerson,
        RunWord::Processing => CaseStatus::Pending,
        RunWord::AwaitingClientInput | RunWord::Review => CaseStatus::InReview,
        RunWord::Approved => CaseStatus::Approved,
        RunWord::Declined => CaseStatus::Rejected(Retry::Final),
        RunWord::Abandoned => CaseStatus::Expired,
        RunWord::Error => CaseStatus::Failed,
        RunWord::Unknown(word) => return Reported::Unknown(word),
    })
}

/// What an event about a thing means: a status, or nothing that concerns a case. Events of runs that nobody
/// documents are unknown; those of other things do not concern us.
pub(super) fn event_status(event: &str, thing: &str, status: &str) -> Option<Reported<CaseStatus>> {
    match EventWord::from(event) {
        EventWord::RunCompleted => Some(run_status(status)),
        EventWord::TaskStarted
        | EventWord::TaskCompleted
        | EventWord::CheckStarted
        | EventWord::CheckReopened
        | EventWord::CheckWithdrawn
        | EventWord::CheckCompleted
        | EventWord::CheckFormCompleted
        | EventWord::ReportWithdrawn
        | EventWord::ReportResumed
        | EventWord::ReportCancelled
        | EventWord::ReportAwaitingApproval
        | EventWord::ReportCompleted
        | EventWord::WatchlistUpdated
        | EventWord::AuditLogCreated
        | EventWord::TimelineCreated
        | EventWord::EvidenceCreated => None,
        EventWord::Unknown(event) => (thing == "workflow_run").then_some(Reported::Unknown(event)),
    }
}

pub(super) fn document_kind(word: &str) -> Reported<DocumentKind> {
    Reported::Known(match DocumentWord::from(word) {
        DocumentWord::Passport => DocumentKind::Passport,
        DocumentWord::DrivingLicence => DocumentKind::DrivingLicence,
        DocumentWord::IdentityCard => DocumentKind::IdentityCard,
        DocumentWord::ResidencePermit | DocumentWord::Visa | DocumentWord::WorkPermit => {
            DocumentKind::ResidencePermit
        }
        DocumentWord::VoterId => DocumentKind::VoterCard,
        DocumentWord::TaxId => DocumentKind::TaxCard,
        DocumentWord::UtilityBill | DocumentWord::BankStatement | DocumentWord::CouncilTax => {
            DocumentKind::ProofOfAddress
        }
        DocumentWord::Unknown(word) => return Reported::Unknown(word),
    })
}

#[cfg(test)]
mod tests {
    use super::{document_kind, event_status, run_status};
    use crate::identity_providers::{CaseStatus as S, DocumentKind as D, Reported as R, Retry};

    /// Every documented word has its meaning, and no other word has one.
    #[test]
    fn words() {
        for (word, status) in [
            ("awaiting_input", S::AwaitingPerson),
            ("processing", S::Pending),
            ("awaiting_client_input", S::InReview),
            ("review", S::InReview),
            ("approved", S::Approved),
            ("declined", S::Rejected(Retry::Final)),
            ("abandoned", S::Expired),
            ("error", S::Failed),
        ] {
            assert_eq!(run_status(word), R::Known(status), "{word}");
            let event = event_status("workflow_run.completed", "workflow_run", word);
            assert_eq!(event, Some(R::Known(status)), "{word}");
        }
        for other in ["", "Approved", "complete", "approved "] {
            assert_eq!(run_status(other), R::Unknown(other.to_owned()));
        }
        for (word, kind) in [
            ("passport", D::Passport),
            ("driving_licence", D::DrivingLicence),
            ("national_identity_card", D::IdentityCard),
            ("residence_permit", D::ResidencePermit),
            ("visa", D::ResidencePermit),
            ("work_permit", D::ResidencePermit),
            ("voter_id", D::VoterCard),
            ("tax_id", D::TaxCard),
            ("utility_bill", D::ProofOfAddress),
            ("bank_building_society_statement", D::ProofOfAddress),
            ("council_tax", D::ProofOfAddress),
        ] {
            assert_eq!(document_kind(word), R::Known(kind), "{word}");
        }
        assert_eq!(document_kind("unknown"), R::Unknown("unknown".to_owned()));
    }

    #[test]
    fn events() {
        for event in [
            "workflow_task.started",
            "workflow_task.completed",
            "check.started",
            "check.reopened",
            "check.withdrawn",
            "check.completed",
            "check.form_completed",
            "report.withdrawn",
            "report.resumed",
            "report.cancelled",
            "report.awaiting_approval",
            "report.completed",
            "watchlist_monitor.matches_updated",
            "audit_log.created",
            "workflow_timeline_file.created",
            "workflow_run_evidence_folder.created",
        ] {
            assert_eq!(event_status(event, "workflow_run", "approved"), None);
        }
        let vanished = event_status("workflow_run.vanished", "workflow_run", "approved");
        assert_eq!(
            vanished,
            Some(R::Unknown("workflow_run.vanished".to_owned()))
        );
        assert_eq!(event_status("other.created", "other", "approved"), None);
    }
}
