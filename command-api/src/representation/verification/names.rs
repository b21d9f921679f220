//! The enumerations of verification cases, and the domain's types they stand for.

use ledger_core::verification::{CaseStatus, RemovalReason, Retry, ReviewCause};
use projections::queries::verification::CaseOrder;

use crate::choice::{choice, stands_for};

choice!(
    /// How far a case has come.
    CaseStatusName {
        /// Nothing was asked for yet.
        Opened => "opened",
        /// Documents were requested.
        AwaitingDocuments => "awaiting_documents",
        /// Those that were requested are there.
        DocumentsReceived => "documents_received",
        /// Providers are working on it.
        Submitted => "submitted",
        /// People are looking at it.
        InReview => "in_review",
        /// The owner is who they say.
        Approved => "approved",
        /// Rejected; the owner may try again.
        RetryAllowed => "retry_allowed",
        /// Rejected for good.
        Rejected => "rejected",
        /// What was needed did not come in time.
        Expired => "expired",
        /// Approved, and to be verified again.
        ReverificationDue => "reverification_due",
    }
);

stands_for!(CaseStatusName for CaseStatus {
    Opened, AwaitingDocuments, DocumentsReceived, Submitted, InReview, Approved, RetryAllowed,
    Rejected, Expired, ReverificationDue,
});

choice!(
    /// What a rejection leaves open.
    RetryName {
        /// The owner may try again, with other documents.
        Allowed => "allowed",
        /// Nothing.
        Final => "final",
    }
);

stands_for!(RetryName for Retry { Allowed, Final });

choice!(
    /// Why people of the platform have to look.
    ReviewCauseName {
        /// Somebody wished to.
        Requested => "requested",
        /// A provider's own people look; its verdict ends the review.
        AtProvider => "at_provider",
        /// Providers disagree, or one disagrees with what was decided.
        Disagreement => "disagreement",
    }
);

stands_for!(ReviewCauseName for ReviewCause { Requested, AtProvider, Disagreement });

choice!(
    /// What comes first.
    CaseOrderName {
        /// What was opened last.
        Newest => "newest",
        /// What has been in its state for longest.
        LongestWaiting => "longest_waiting",
    }
);

stands_for!(CaseOrderName for CaseOrder { Newest, LongestWaiting });

choice!(
    /// What a provider says.
    FindingName {
        /// It is working on it.
        Pending => "pending",
        /// People there look at it.
        Review => "review",
        /// The owner is who they say.
        Approved => "approved",
        /// The owner is not, or it cannot be told.
        Rejected => "rejected",
        /// The owner has not done what was needed in time.
        Expired => "expired",
        /// Everything begins anew.
        Reset => "reset",
    }
);

choice!(
    /// What was decided.
    CaseOutcomeName {
        /// The owner is who they say.
        Approved => "approved",
        /// The owner is not, or it could not be told.
        Rejected => "rejected",
    }
);

choice!(
    /// Why a document is kept no longer.
    RemovalReasonName {
        /// The time for which it had to be kept is over.
        Retention => "retention",
        /// Whom it is about was erased.
        Erasure => "erasure",
    }
);

stands_for!(RemovalReasonName for RemovalReason { Retention, Erasure });
