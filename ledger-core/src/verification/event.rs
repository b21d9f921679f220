//! What has happened to a verification case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{ActorId, OwnerId, ProviderName, ProviderReference, TierName};
use crate::timestamp::Timestamp;

use super::words::{CaseDocument, DocumentKind, ReasonCode, RemovalReason, Retry};

/// What a provider says of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Finding {
    /// It is working on it.
    Pending,
    /// People there look at it, or it is on hold.
    Review,
    /// The owner is who they say.
    Approved {
        /// Until when that holds; for ever when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<Timestamp>,
    },
    /// The owner is not, or it cannot be told.
    Rejected {
        /// Whether the owner may try again.
        retry: Retry,
        /// Why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
    /// The owner has not done what was needed in time.
    Expired,
    /// Everything begins anew.
    Reset,
}

/// A finding, and whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedFinding {
    /// Who says so.
    pub provider: ProviderName,
    /// The provider's own id of the applicant, check or request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ProviderReference>,
    /// When it came about, by the provider's clock: the order of its findings.
    pub observed_at: Timestamp,
    /// What it says.
    pub finding: Finding,
}

/// What led to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseSource {
    /// Somebody did it.
    Actor(ActorId),
    /// A provider said it.
    Provider(ObservedFinding),
    /// The time has passed.
    Time,
}

/// Why people of the platform have to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewCause {
    /// Somebody wished to.
    Requested,
    /// A provider's own people look; its verdict ends the review.
    AtProvider,
    /// Providers disagree, or one disagrees with what was decided.
    Disagreement,
}

/// What has happened to a verification case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum CaseEvent {
    /// It was opened.
    CaseOpened {
        /// About whom.
        owner: OwnerId,
        /// The tier that an approval grants.
        tier: TierName,
        /// When it expires if nothing comes of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// Who opened it.
        by: ActorId,
    },
    /// Documents were asked for.
    DocumentsRequested {
        /// Which kinds.
        kinds: Vec<DocumentKind>,
        /// When the case expires without them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// Who asked.
        by: ActorId,
    },
    /// A document was received and stored.
    DocumentReceived {
        /// Which.
        document: CaseDocument,
        /// Who gave it.
        by: ActorId,
    },
    /// A document that was received is kept no longer. That it was received stays true.
    DocumentRemoved {
        /// Which, by what the store found it by.
        document: ProviderReference,
        /// Why.
        reason: RemovalReason,
    },
    /// It was handed to providers.
    CaseSubmitted {
        /// Which.
        providers: Vec<ProviderName>,
        /// By whom, or whose word told that it was.
        source: CaseSource,
    },
    /// A provider said something that decides nothing yet.
    FindingNoted {
        /// What.
        observed: ObservedFinding,
    },
    /// People look at it.
    CaseReviewStarted {
        /// Why.
        cause: ReviewCause,
        /// Who began, or whose word led to it.
        source: CaseSource,
        /// Why, in codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
    /// The owner is who they say.
    CaseApproved {
        /// The tier that is granted.
        tier: TierName,
        /// When the owner is to be verified again; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reverify_at: Option<Timestamp>,
        /// Who decided.
        source: CaseSource,
        /// Why, in codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
    /// The owner is not, or it cannot be told.
    CaseRejected {
        /// Whether the owner may try again.
        retry: Retry,
        /// When the case expires if the owner does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// Who decided.
        source: CaseSource,
        /// Why, in codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
    /// What was needed did not come in time.
    CaseExpired {
        /// What told.
        source: CaseSource,
    },
    /// Everything begins anew.
    CaseReset {
        /// Who reset it.
        source: CaseSource,
        /// Why, in codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
    /// The approval stands, but the owner is to be verified again.
    ReverificationDue {
        /// When the approval ends without that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// What demands it.
        source: CaseSource,
        /// Why, in codes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<ReasonCode>,
    },
}

impl CaseEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CaseOpened { .. } => "CaseOpened",
            Self::DocumentsRequested { .. } => "DocumentsRequested",
            Self::DocumentReceived { .. } => "DocumentReceived",
            Self::DocumentRemoved { .. } => "DocumentRemoved",
            Self::CaseSubmitted { .. } => "CaseSubmitted",
            Self::FindingNoted { .. } => "FindingNoted",
            Self::CaseReviewStarted { .. } => "CaseReviewStarted",
            Self::CaseApproved { .. } => "CaseApproved",
            Self::CaseRejected { .. } => "CaseRejected",
            Self::CaseExpired { .. } => "CaseExpired",
            Self::CaseReset { .. } => "CaseReset",
            Self::ReverificationDue { .. } => "ReverificationDue",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }

    /// The finding that led to it, if one did.
    #[must_use]
    pub const fn observed(&self) -> Option<&ObservedFinding> {
        match self {
            Self::FindingNoted { observed } => Some(observed),
            Self::CaseSubmitted { source, .. }
            | Self::CaseReviewStarted { source, .. }
            | Self::CaseApproved { source, .. }
            | Self::CaseRejected { source, .. }
            | Self::CaseExpired { source }
            | Self::CaseReset { source, .. }
            | Self::ReverificationDue { source, .. } => match source {
                CaseSource::Provider(observed) => Some(observed),
                CaseSource::Actor(_) | CaseSource::Time => None,
            },
            Self::CaseOpened { .. }
            | Self::DocumentsRequested { .. }
            | Self::DocumentReceived { .. }
            | Self::DocumentRemoved { .. } => None,
        }
    }
}
