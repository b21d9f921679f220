//! What Sumsub writes. Fields about the person are not among these.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;

use super::status::{ReviewWords, document_kind, document_verdict, review_status};
use crate::identity_providers::{
    CaseObservation, DocumentObservation, DocumentSide, IdentifierError, PersonalText, ProviderId,
    ReasonCode, Reference,
};
use crate::providers::loose::Loose;

#[derive(Deserialize)]
pub(super) struct NewApplicant {
    pub id: String,
}

#[derive(Deserialize)]
pub(super) struct Applicant {
    pub id: String,
    pub review: Review,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub url: String,
}

#[derive(Deserialize)]
pub(super) struct Token {
    pub token: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReviewResult {
    review_answer: Option<String>,
    review_reject_type: Option<String>,
    reject_labels: Option<Vec<String>>,
    moderation_comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Review {
    review_status: String,
    review_result: Option<ReviewResult>,
    level_name: Option<String>,
    review_date: Option<String>,
}

impl ReviewResult {
    pub(super) fn words<'a>(&'a self, status: &'a str) -> ReviewWords<'a> {
        ReviewWords {
            status,
            answer: self.review_answer.as_deref().unwrap_or_default(),
            reject_type: self.review_reject_type.as_deref().unwrap_or_default(),
        }
    }

    pub(super) fn reasons(&self) -> Vec<ReasonCode> {
        let labels = self.reject_labels.iter().flatten();
        ReasonCode::of_all(labels.map(String::as_str))
    }

    pub(super) fn message_for_person(&self) -> Option<PersonalText> {
        let comment = self.moderation_comment.as_deref()?.trim();
        (!comment.is_empty()).then(|| PersonalText::new(comment))
    }
}

impl Review {
    pub(super) fn observe(
        self,
        case_id: ProviderId,
        reference: Option<Reference>,
    ) -> CaseObservation {
        let result = self.review_result.unwrap_or_default();
        let words = result.words(&self.review_status);
        // The date of a first try stays while the second is on its way, and would make it look old.
        let decided_at = self
            .review_date
            .filter(|_| self.review_status == "completed");
        CaseObservation {
            case_id,
            reference,
            level: self.level_name,
            status: review_status(words),
            provider_status: words.joined(),
            reasons: result.reasons(),
            message_for_person: result.message_for_person(),
            occurred_at: decided_at.as_deref().and_then(instant),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Images {
    pub items: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    id: Loose,
    added_date: Option<String>,
    file_metadata: Option<FileMetadata>,
    id_doc_def: Option<DocumentDefinition>,
    review_result: Option<ReviewResult>,
    #[serde(default)]
    deactivated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileMetadata {
    file_size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentDefinition {
    country: Option<String>,
    id_doc_type: Option<String>,
    id_doc_sub_type: Option<String>,
}

impl Image {
    pub(super) fn observe(self) -> Result<DocumentObservation, IdentifierError> {
        let definition = self.id_doc_def.as_ref();
        let kind = definition.and_then(|definition| definition.id_doc_type.as_deref());
        let side = definition.and_then(|definition| definition.id_doc_sub_type.as_deref());
        let result = self.review_result.unwrap_or_default();
        Ok(DocumentObservation {
            document_id: self.id.text().parse()?,
            kind: document_kind(kind.unwrap_or_default()),
            side: match side {
                Some("FRONT_SIDE") => Some(DocumentSide::Front),
                Some("BACK_SIDE") => Some(DocumentSide::Back),
                Some(_) | None => None,
            },
            country: definition.and_then(|definition| definition.country.clone()),
            verdict: document_verdict(result.review_answer.as_deref().unwrap_or_default()),
            reasons: result.reasons(),
            size_bytes: self.file_metadata.and_then(|file| file.file_size),
            added_at: self.added_date.as_deref().and_then(instant),
            is_active: !self.deactivated,
        })
    }
}

/// A time as Sumsub writes it, which is not RFC 3339: `2025-03-05 04:41:48.704` in UTC, or
/// `2025-03-05 04:41:48+0000`.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%z");
    let zoned = zoned.map(|time| time.to_utc());
    let plain = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
    zoned.or_else(|_| plain.map(|time| time.and_utc())).ok()
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn times() {
        for (text, milliseconds) in [
            ("2025-03-05 04:41:48.704", Some(1_741_149_708_704)),
            ("2025-03-05 04:41:48", Some(1_741_149_708_000)),
            ("2025-03-05 04:41:48+0000", Some(1_741_149_708_000)),
            ("2025-03-05 10:11:48+0530", Some(1_741_149_708_000)),
            ("", None),
            ("yesterday", None),
            ("2025-13-05 04:41:48", None),
        ] {
            let found = instant(text).map(|time| time.timestamp_millis());
            assert_eq!(found, milliseconds, "{text}");
        }
    }
}
