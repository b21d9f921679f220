//! What Digio writes. Fields about the person are not among these.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::status::{document_kind, document_verdict, request_status};
use crate::identity_providers::{CaseObservation, DocumentObservation, IdentifierError};
use crate::providers::loose::Loose;

#[derive(Deserialize)]
pub(super) struct NewRequest {
    pub id: String,
    pub access_token: AccessToken,
}

#[derive(Deserialize)]
pub(super) struct AccessToken {
    pub id: String,
}

#[derive(Deserialize)]
pub(super) struct KycRequest {
    id: String,
    status: String,
    reference_id: Option<String>,
    template_name: Option<String>,
    updated_at: Option<Loose>,
    pub actions: Option<Vec<Action>>,
}

impl KycRequest {
    pub(super) fn observe(self) -> Result<CaseObservation, IdentifierError> {
        let reference = self.reference_id.as_deref();
        Ok(CaseObservation {
            case_id: self.id.parse()?,
            reference: reference.and_then(|text| text.parse().ok()),
            level: self.template_name,
            status: request_status(&self.status),
            provider_status: self.status,
            reasons: Vec::new(),
            message_for_person: None,
            occurred_at: self.updated_at.and_then(|time| instant(&time)),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Action {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    completed_at: Option<Loose>,
}

impl Action {
    pub(super) fn observe(self) -> Result<DocumentObservation, IdentifierError> {
        Ok(DocumentObservation {
            document_id: self.id.parse()?,
            kind: document_kind(&self.kind),
            side: None,
            country: None,
            verdict: document_verdict(&self.status),
            reasons: Vec::new(),
            size_bytes: None,
            added_at: self.completed_at.and_then(|time| instant(&time)),
            is_active: true,
        })
    }
}

/// Milliseconds since 1970, or RFC 3339. Digio also writes times without a zone, which tell no moment.
pub(super) fn instant(time: &Loose) -> Option<DateTime<Utc>> {
    let text = time.said()?;
    match text.parse() {
        Ok(milliseconds) => DateTime::from_timestamp_millis(milliseconds),
        Err(_) => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.to_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Loose, instant};

    #[test]
    fn times() {
        for (text, seconds) in [
            ("1767225600000", Some(1_767_225_600)),
            ("2026-01-01T00:00:00Z", Some(1_767_225_600)),
            ("2026-01-01 00:00:00", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            let found = instant(&Loose::of(text)).map(|time| time.timestamp());
            assert_eq!(found, seconds, "{text}");
        }
    }
}
