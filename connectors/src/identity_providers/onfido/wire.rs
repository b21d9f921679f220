//! What Onfido writes. Fields about the person are not among these.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::status::{document_kind, run_status};
use crate::identity_providers::fault::At;
use crate::identity_providers::{
    CaseEntry, CaseObservation, DocumentObservation, DocumentSide, DocumentVerdict, EntryKind,
    IdentifierError, IdentityProviderError, OpenedCase, PersonalText, ReasonCode, Reported,
};

#[derive(Deserialize)]
pub(super) struct Applicant {
    pub id: String,
}

#[derive(Deserialize)]
pub(super) struct Run {
    id: String,
    pub applicant_id: String,
    workflow_id: Option<String>,
    status: String,
    tags: Option<Vec<String>>,
    customer_user_id: Option<String>,
    reasons: Option<Vec<String>>,
    updated_at: Option<DateTime<Utc>>,
    link: Option<Link>,
    sdk_token: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    url: Option<String>,
}

impl Run {
    pub(super) fn has_tag(&self, wanted: &str) -> bool {
        self.tags.iter().flatten().any(|tag| tag == wanted)
    }

    pub(super) fn opened(
        self,
        at: At,
        entry: EntryKind,
    ) -> Result<OpenedCase, IdentityProviderError> {
        let entry = match entry {
            EntryKind::Page => {
                let url = self.link.and_then(|link| link.url);
                let url = at.page_url(&url.ok_or_else(|| at.nonsense("the run has no link"))?)?;
                CaseEntry::Page { url }
            }
            EntryKind::Token => {
                let token = self.sdk_token.filter(|token| !token.is_empty());
                let token = token.ok_or_else(|| at.nonsense("the run has no token"))?;
                let token = PersonalText::new(token);
                CaseEntry::Token { token }
            }
        };
        Ok(OpenedCase {
            case_id: self.id.parse().map_err(at.bad_id())?,
            entry,
        })
    }

    pub(super) fn observe(self) -> Result<CaseObservation, IdentifierError> {
        let reference = self.customer_user_id.as_deref();
        Ok(CaseObservation {
            case_id: self.id.parse()?,
            reference: reference.and_then(|text| text.parse().ok()),
            level: self.workflow_id,
            status: run_status(&self.status),
            reasons: ReasonCode::of_all(self.reasons.iter().flatten().map(String::as_str)),
            provider_status: self.status,
            message_for_person: None,
            occurred_at: self.updated_at,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Documents {
    pub documents: Vec<Document>,
}

#[derive(Deserialize)]
pub(super) struct Document {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    side: Option<String>,
    issuing_country: Option<String>,
    file_size: Option<u64>,
    created_at: Option<DateTime<Utc>>,
}

impl Document {
    /// Onfido judges reports and not files, so the verdict stays open.
    pub(super) fn observe(self) -> Result<DocumentObservation, IdentifierError> {
        Ok(DocumentObservation {
            document_id: self.id.parse()?,
            kind: document_kind(self.kind.as_deref().unwrap_or_default()),
            side: match self.side.as_deref() {
                Some("front") => Some(DocumentSide::Front),
                Some("back") => Some(DocumentSide::Back),
                Some(_) | None => None,
            },
            country: self.issuing_country,
            verdict: Reported::Known(DocumentVerdict::Open),
            reasons: Vec::new(),
            size_bytes: self.file_size,
            added_at: self.created_at,
            is_active: true,
        })
    }
}
