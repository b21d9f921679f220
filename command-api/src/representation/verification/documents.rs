//! Documents of cases: requests, replies and views.

use documents::{DocumentRow, RowState};
use ledger_core::verification::{CaseDocument, ContentHash, DocumentKind, RemovalReason};
use ledger_core::{ActorId, ProviderReference, Timestamp};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::names::RemovalReasonName;
use crate::choice::choice;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::AnyId;

choice!(
    /// Where a document is.
    DocumentStatusName {
        /// It is kept here.
        Kept => "kept",
        /// It was kept here and is not any more.
        Removed => "removed",
        /// Somebody else has it, such as a provider.
        Elsewhere => "elsewhere",
    }
);

/// A document that will be brought.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct DocumentUploadRequest {
    /// What kind of document it is.
    pub kind: Text<DocumentKind>,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Their SHA-256.
    pub sha256: Text<ContentHash>,
}

/// Where a document can be brought.
#[derive(Debug, Serialize, Object)]
pub struct DocumentUpload {
    /// The address: `PUT` the bytes there, with no other credential. It is good once, and a secret.
    pub url: String,
    /// Until when.
    pub expires_at: Text<Timestamp>,
}

/// A document that was received.
#[derive(Debug, Serialize, Object)]
pub struct CaseDocumentAdded {
    /// Its id.
    pub id: Text<AnyId>,
    /// What kind of document it is.
    pub kind: Text<DocumentKind>,
    /// What kind of file it is.
    pub media_type: String,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Their SHA-256.
    pub sha256: Text<ContentHash>,
    /// The position of the event; where there was such a document already, the position at which that was seen.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A document of a case.
#[derive(Debug, Serialize, Object)]
pub struct CaseDocumentEntry {
    /// By what it is found where it is kept; where that is here, its id.
    pub reference: Text<ProviderReference>,
    /// What kind of document it is.
    pub kind: Text<DocumentKind>,
    /// What kind of file it is, where it is or was kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Their SHA-256.
    pub sha256: Text<ContentHash>,
    /// Where it is.
    pub status: DocumentStatusName,
    /// Who gave it; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text<ActorId>>,
    /// When that was recorded.
    pub received_at: Text<Timestamp>,
    /// When it was recorded that it is kept no longer, once its object is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Text<Timestamp>>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal_reason: Option<RemovalReasonName>,
}

impl CaseDocumentEntry {
    /// A document as the log has it.
    #[must_use]
    pub fn received(document: &CaseDocument, by: &ActorId, at: Timestamp) -> Self {
        Self {
            reference: document.reference.clone().into(),
            kind: document.kind.clone().into(),
            media_type: None,
            size_bytes: i64::try_from(document.size_bytes).unwrap_or(i64::MAX),
            sha256: document.sha256.clone().into(),
            status: DocumentStatusName::Elsewhere,
            by: Some(by.clone().into()),
            received_at: at.into(),
            removed_at: None,
            removal_reason: None,
        }
    }

    /// The log says that it is kept no longer.
    pub fn removed(&mut self, reason: RemovalReason, at: Timestamp) {
        self.status = DocumentStatusName::Removed;
        self.removed_at = Some(at.into());
        self.removal_reason = Some(reason.into());
    }

    /// What is known of its object, read after the log. It says that it is removed, and why, before the log does.
    pub fn tell_object(&mut self, row: &DocumentRow) {
        self.media_type = Some(row.media_type.content_type().to_owned());
        self.status = match row.state {
            RowState::Stored | RowState::Kept => DocumentStatusName::Kept,
            RowState::Storing | RowState::Discarding => DocumentStatusName::Removed,
            RowState::Removing(reason) | RowState::Removed(reason) => {
                self.removal_reason = Some(reason.into());
                DocumentStatusName::Removed
            }
        };
    }
}
