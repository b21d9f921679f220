//! Problems from what can go wrong with documents of cases.

use std::time::Duration;

use documents::content::{ContentRefusal, MediaType};
use documents::uploads::TakeFault;
use documents::{BodyFault, DocumentFault};
use event_store::{ErrorChain, VaultError};
use serde_json::json;

use super::{FieldCode, FieldFault, Problem, Retryable, catalogue};

/// How long a caller waits for an address to be used up or to end.
const ADDRESSES: Duration = Duration::from_secs(60);

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        let detail = fault.to_string();
        match fault {
            BodyFault::TooLarge { limit } => {
                let problem = Self::new(catalogue::BODY_TOO_LARGE, detail);
                problem.with_context(json!({ "limit_bytes": limit }))
            }
            // What it is told will hardly reach whoever broke off.
            BodyFault::BrokenOff => {
                let fault = FieldFault::new(FieldCode::TooShort, detail);
                let errors = vec![fault.at_pointer("")];
                Self::invalid_request(errors).with_retryable(Retryable::Yes)
            }
            BodyFault::TooSlow => Self::new(catalogue::BODY_TOO_SLOW, detail),
            BodyFault::Malformed(_) => Self::new("malformed_multipart", detail),
        }
    }
}

impl From<ContentRefusal> for Problem {
    fn from(refusal: ContentRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            ContentRefusal::Empty => Self::new("document_empty", detail),
            ContentRefusal::NotAllowed { found } => {
                let allowed = MediaType::ALL.map(MediaType::content_type);
                Self::new("document_type_not_allowed", detail)
                    .with_context(json!({ "found": found, "known": allowed }))
            }
            ContentRefusal::Differs { found, claim } => {
                let context = json!({ "found": found.content_type(), "claim": claim.as_str() });
                Self::new("document_type_differs", detail).with_context(context)
            }
            ContentRefusal::Unreadable { found } => {
                let context = json!({ "found": found.content_type() });
                Self::new("document_unreadable", detail).with_context(context)
            }
            ContentRefusal::TooManyPixels { width, height } => {
                let context = json!({ "width": width, "height": height });
                Self::new("document_too_many_pixels", detail).with_context(context)
            }
        }
    }
}

impl From<DocumentFault> for Problem {
    fn from(fault: DocumentFault) -> Self {
        let detail = fault.to_string();
        match fault {
            DocumentFault::Body(fault) => fault.into(),
            DocumentFault::Refused(refusal) => refusal.into(),
            DocumentFault::SizeDiffers { promised, found } => {
                let context = json!({ "size_bytes": promised, "found": found });
                Self::new("document_size_differs", detail).with_context(context)
            }
            DocumentFault::HashDiffers => Self::new("document_hash_differs", detail),
            DocumentFault::Busy => Self::new("too_many_uploads", detail),
            DocumentFault::TooManyAddresses { limit } => {
                Self::new("too_many_upload_addresses", detail)
                    .with_retry_after(ADDRESSES)
                    .with_context(json!({ "limit": limit }))
            }
            DocumentFault::NoVault => Self::new(
                catalogue::PERSONAL_DATA_UNAVAILABLE,
                "this deployment has no master key that is kept, so it keeps nothing personal",
            ),
            DocumentFault::Erased => Self::new("profile_erased", detail),
            DocumentFault::Storage(source) => {
                tracing::error!(
                    error = %ErrorChain(&source),
                    "the storage of documents cannot be used"
                );
                Self::new("document_storage_unavailable", detail)
            }
            DocumentFault::Damaged { document, reason } => {
                tracing::error!(
                    document.id = %document,
                    reason,
                    "a document is not as it was stored"
                );
                let context = json!({ "document": document });
                Self::new("document_damaged", detail).with_context(context)
            }
            DocumentFault::Database(source) => Self::from_database(&source),
            DocumentFault::Vault(VaultError::Database(source)) => Self::from_database(&source),
            DocumentFault::Vault(_)
            | DocumentFault::Sealing(_)
            | DocumentFault::Row(_)
            | DocumentFault::Swept { .. } => Self::internal(&fault),
        }
    }
}

impl From<TakeFault> for Problem {
    fn from(fault: TakeFault) -> Self {
        let detail = fault.to_string();
        match fault {
            TakeFault::Unknown => Self::new("upload_not_found", detail),
            TakeFault::Expired { .. } => Self::new("upload_expired", detail),
            TakeFault::Used { document } => {
                let context = json!({ "document": document });
                Self::new("upload_used", detail).with_context(context)
            }
            TakeFault::InUse => Self::new("upload_in_use", detail),
            TakeFault::Fault(fault) => fault.into(),
        }
    }
}
