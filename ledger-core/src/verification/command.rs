//! What can be asked of a verification case, and what can be observed about it.

use crate::identifier::{ActorId, CaseId, OwnerId, ProviderName, ProviderReference, TierName};
use crate::owner::TierKnown;
use crate::timestamp::Timestamp;

use super::event::ObservedFinding;
use super::words::{CaseDocument, DocumentKind, ReasonCode, RemovalReason, Retry};

/// What a provider was found to say of a case.
pub type CaseObservation = ObservedFinding;

/// What demands that an owner is verified again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReverificationCause {
    /// The time that the approval names has come.
    Scheduled,
    /// Somebody.
    Actor(ActorId),
}

/// What can be asked of a verification case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseAction {
    /// Open it.
    Open {
        /// About whom.
        owner: OwnerId,
        /// The tier that an approval grants.
        tier: TierName,
        /// When it expires if nothing comes of it.
        expires_at: Option<Timestamp>,
        /// Who opens it.
        by: ActorId,
    },
    /// Ask for documents.
    RequestDocuments {
        /// Which kinds.
        kinds: Vec<DocumentKind>,
        /// When the case expires without them.
        expires_at: Option<Timestamp>,
        /// Who asks.
        by: ActorId,
    },
    /// Note a document that was stored.
    ReceiveDocument {
        /// Which.
        document: CaseDocument,
        /// Who gave it.
        by: ActorId,
    },
    /// Note that a document is kept no longer. It changes nothing of the case, and is noted every time.
    RemoveDocument {
        /// Which, by what the store found it by.
        document: ProviderReference,
        /// Why.
        reason: RemovalReason,
    },
    /// Hand it to providers.
    Submit {
        /// Which.
        providers: Vec<ProviderName>,
        /// Who does.
        by: ActorId,
    },
    /// Note what a provider says.
    Observe(CaseObservation),
    /// Have the platform's own people look.
    StartReview {
        /// Why.
        reasons: Vec<ReasonCode>,
        /// Who will.
        by: ActorId,
    },
    /// Decide that the owner is who they say.
    Approve {
        /// The tier to grant; the case's own when absent.
        tier: Option<TierName>,
        /// When the owner is to be verified again.
        reverify_at: Option<Timestamp>,
        /// Why.
        reasons: Vec<ReasonCode>,
        /// Who decides.
        by: ActorId,
    },
    /// Decide that the owner is not, or that it cannot be told.
    Reject {
        /// Whether the owner may try again.
        retry: Retry,
        /// When the case expires if the owner does not.
        expires_at: Option<Timestamp>,
        /// Why.
        reasons: Vec<ReasonCode>,
        /// Who decides.
        by: ActorId,
    },
    /// End it because its time has passed.
    Expire,
    /// Begin anew.
    Reset {
        /// Why.
        reasons: Vec<ReasonCode>,
        /// Who does.
        by: ActorId,
    },
    /// Have the owner verified again, while the approval stands.
    RequireReverification {
        /// What demands it.
        cause: ReverificationCause,
        /// When the approval ends without that.
        expires_at: Option<Timestamp>,
        /// Why.
        reasons: Vec<ReasonCode>,
    },
}

impl CaseAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "OpenCase",
            Self::RequestDocuments { .. } => "RequestDocuments",
            Self::ReceiveDocument { .. } => "ReceiveDocument",
            Self::RemoveDocument { .. } => "RemoveDocument",
            Self::Submit { .. } => "SubmitCase",
            Self::Observe(_) => "ObserveCase",
            Self::StartReview { .. } => "StartCaseReview",
            Self::Approve { .. } => "ApproveCase",
            Self::Reject { .. } => "RejectCase",
            Self::Expire => "ExpireCase",
            Self::Reset { .. } => "ResetCase",
            Self::RequireReverification { .. } => "RequireReverification",
        }
    }

    /// The tier that must be one of the ledger's.
    #[must_use]
    pub const fn tier(&self) -> Option<TierName> {
        match self {
            Self::Open { tier, .. } => Some(*tier),
            Self::Approve { tier, .. } => *tier,
            Self::RequestDocuments { .. }
            | Self::ReceiveDocument { .. }
            | Self::RemoveDocument { .. }
            | Self::Submit { .. }
            | Self::Observe(_)
            | Self::StartReview { .. }
            | Self::Reject { .. }
            | Self::Expire
            | Self::Reset { .. }
            | Self::RequireReverification { .. } => None,
        }
    }
}

/// Something asked of a verification case, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseCommand {
    /// The case's own id, for the rejection to name.
    pub case: CaseId,
    /// What is asked.
    pub action: CaseAction,
    /// The time of recording.
    pub recorded_at: Timestamp,
    /// Whether the ledger has the tier named.
    pub tier: TierKnown,
}
