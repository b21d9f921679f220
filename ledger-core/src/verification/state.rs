//! What a verification case is, folded from its events.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{OwnerId, ProviderName, ProviderReference, TierName};
use crate::timestamp::Timestamp;

use super::event::{CaseEvent, CaseSource, Finding, ObservedFinding, ReviewCause};
use super::words::{ContentHash, DocumentKind, Retry};

/// A case's state, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// Nothing was asked for yet.
    Opened,
    /// Documents were requested.
    AwaitingDocuments,
    /// Those that were requested are there.
    DocumentsReceived,
    /// Providers are working on it.
    Submitted,
    /// People are looking at it.
    InReview,
    /// The owner is who they say.
    Approved,
    /// Rejected; the owner may try again.
    RetryAllowed,
    /// Rejected for good.
    Rejected,
    /// What was needed did not come in time.
    Expired,
    /// Approved, and to be verified again.
    ReverificationDue,
}

impl CaseStatus {
    /// The name, as stored in read models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::AwaitingDocuments => "awaiting_documents",
            Self::DocumentsReceived => "documents_received",
            Self::Submitted => "submitted",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::RetryAllowed => "retry_allowed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::ReverificationDue => "reverification_due",
        }
    }
}

impl fmt::Display for CaseStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a provider was last heard to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// When it came about, by the provider's clock.
    pub at: Timestamp,
    /// What.
    pub finding: Finding,
    /// Whether it is about what the case is about now, and not about an earlier attempt.
    pub stands: bool,
}

/// What is known of a provider that works on a case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProviderView {
    /// By what it knows the case.
    pub reference: Option<ProviderReference>,
    /// What it said last.
    pub heard: Option<Heard>,
    /// When the last verdict of its came about that it has not taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_at: Option<Timestamp>,
}

/// What a case keeps through its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCase {
    /// About whom.
    pub owner: OwnerId,
    /// The tier that an approval grants.
    pub tier: TierName,
    /// How often it has begun; a reset begins it anew.
    pub attempt: u32,
    /// Kinds of documents that were requested.
    pub requested: BTreeSet<DocumentKind>,
    /// Documents received in this attempt: their hashes and kinds.
    pub received: BTreeMap<ContentHash, DocumentKind>,
    /// The providers that work on it.
    pub providers: BTreeMap<ProviderName, ProviderView>,
    /// When it expires; when approved, when the owner is to be verified again.
    pub due_at: Option<Timestamp>,
    /// The tier that stands granted by it.
    pub granted: Option<TierName>,
}

/// A verification case's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum VerificationCase {
    /// Not opened.
    #[default]
    Absent,
    /// Nothing was asked for yet.
    Opened(OpenCase),
    /// Documents were requested.
    AwaitingDocuments(OpenCase),
    /// Those that were requested are there.
    DocumentsReceived(OpenCase),
    /// Providers are working on it.
    Submitted(OpenCase),
    /// People are looking at it.
    InReview(OpenCase, ReviewCause),
    /// The owner is who they say.
    Approved(OpenCase),
    /// Rejected; the owner may try again.
    RetryAllowed(OpenCase),
    /// Rejected for good.
    Rejected(OpenCase),
    /// What was needed did not come in time.
    Expired(OpenCase),
    /// Approved, and to be verified again.
    ReverificationDue(OpenCase),
}

impl VerificationCase {
    /// What it keeps, and its state by name; `None` when there is no case.
    #[must_use]
    pub const fn open(&self) -> Option<(&OpenCase, CaseStatus)> {
        match self {
            Self::Absent => None,
            Self::Opened(open) => Some((open, CaseStatus::Opened)),
            Self::AwaitingDocuments(open) => Some((open, CaseStatus::AwaitingDocuments)),
            Self::DocumentsReceived(open) => Some((open, CaseStatus::DocumentsReceived)),
            Self::Submitted(open) => Some((open, CaseStatus::Submitted)),
            Self::InReview(open, _) => Some((open, CaseStatus::InReview)),
            Self::Approved(open) => Some((open, CaseStatus::Approved)),
            Self::RetryAllowed(open) => Some((open, CaseStatus::RetryAllowed)),
            Self::Rejected(open) => Some((open, CaseStatus::Rejected)),
            Self::Expired(open) => Some((open, CaseStatus::Expired)),
            Self::ReverificationDue(open) => Some((open, CaseStatus::ReverificationDue)),
        }
    }

    /// The tier that it grants its owner now.
    #[must_use]
    pub fn granted(&self) -> Option<TierName> {
        self.open().and_then(|(open, _)| open.granted)
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &CaseEvent) -> Result<Self, IllegalEvent> {
        let illegal = |state| IllegalEvent {
            event: event.name(),
            state,
        };
        match (self.open(), event) {
            (
                None,
                CaseEvent::CaseOpened {
                    owner,
                    tier,
                    expires_at,
                    ..
                },
            ) => Ok(Self::Opened(OpenCase {
                owner: owner.clone(),
                tier: *tier,
                attempt: 1,
                requested: BTreeSet::new(),
                received: BTreeMap::new(),
                providers: BTreeMap::new(),
                due_at: *expires_at,
                granted: None,
            })),
            (None, _) => Err(illegal("Absent")),
            (Some((_, status)), CaseEvent::CaseOpened { .. }) => Err(illegal(status.as_str())),
            (Some((open, status)), _) => {
                let mut next = open.clone();
                if let Some(observed) = event.observed() {
                    next.hear(observed);
                }
                self.follow(next, status, event)
                    .ok_or_else(|| illegal(status.as_str()))
            }
        }
    }

    fn follow(&self, mut next: OpenCase, status: CaseStatus, event: &CaseEvent) -> Option<Self> {
        match event {
            CaseEvent::CaseOpened { .. } => None,
            CaseEvent::DocumentsRequested {
                kinds, expires_at, ..
            } => {
                next.begin_collecting(status);
                next.requested.extend(kinds.iter().cloned());
                next.due_at = expires_at.or(next.due_at);
                Some(Self::AwaitingDocuments(next))
            }
            CaseEvent::DocumentReceived { document, .. } => {
                next.begin_collecting(status);
                let kind = document.kind.clone();
                next.received.insert(document.sha256.clone(), kind);
                Some(if next.lacks_documents() {
                    Self::AwaitingDocuments(next)
                } else {
                    Self::DocumentsReceived(next)
                })
            }
            CaseEvent::CaseSubmitted { providers, source } => {
                if matches!(source, CaseSource::Actor(_)) && status != CaseStatus::Submitted {
                    next.forget_findings();
                }
                for provider in providers {
                    let view = next.providers.entry(*provider).or_default();
                    // Who is asked anew may call it otherwise.
                    if matches!(source, CaseSource::Actor(_)) {
                        view.reference = None;
                    }
                }
                Some(Self::Submitted(next))
            }
            CaseEvent::DocumentRemoved { .. } | CaseEvent::FindingNoted { .. } => {
                Some(self.with(next))
            }
            CaseEvent::CaseReviewStarted { .. }
            | CaseEvent::CaseApproved { .. }
            | CaseEvent::CaseRejected { .. }
            | CaseEvent::CaseExpired { .. }
            | CaseEvent::CaseReset { .. }
            | CaseEvent::ReverificationDue { .. } => decided(next, status, event),
        }
    }

    /// The same state with other data.
    fn with(&self, open: OpenCase) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Opened(_) => Self::Opened(open),
            Self::AwaitingDocuments(_) => Self::AwaitingDocuments(open),
            Self::DocumentsReceived(_) => Self::DocumentsReceived(open),
            Self::Submitted(_) => Self::Submitted(open),
            Self::InReview(_, cause) => Self::InReview(open, *cause),
            Self::Approved(_) => Self::Approved(open),
            Self::RetryAllowed(_) => Self::RetryAllowed(open),
            Self::Rejected(_) => Self::Rejected(open),
            Self::Expired(_) => Self::Expired(open),
            Self::ReverificationDue(_) => Self::ReverificationDue(open),
        }
    }
}

/// What follows a decision, whoever made it; nothing of the events before one.
fn decided(mut next: OpenCase, status: CaseStatus, event: &CaseEvent) -> Option<VerificationCase> {
    match event {
        CaseEvent::CaseReviewStarted { cause, .. } => {
            next.leave_approval(status);
            Some(VerificationCase::InReview(next, *cause))
        }
        CaseEvent::CaseApproved {
            tier,
            reverify_at,
            source,
            ..
        } => {
            next.forget_overruled(source);
            next.granted = Some(*tier);
            next.due_at = *reverify_at;
            Some(VerificationCase::Approved(next))
        }
        CaseEvent::CaseRejected {
            retry,
            expires_at,
            source,
            ..
        } => {
            next.forget_overruled(source);
            next.leave_approval(status);
            match retry {
                Retry::Allowed => {
                    next.due_at = expires_at.or(next.due_at);
                    Some(VerificationCase::RetryAllowed(next))
                }
                Retry::Final => {
                    next.granted = None;
                    Some(VerificationCase::Rejected(next))
                }
            }
        }
        CaseEvent::CaseExpired { source } => {
            next.forget_overruled(source);
            next.granted = None;
            next.due_at = None;
            Some(VerificationCase::Expired(next))
        }
        CaseEvent::CaseReset { .. } => {
            next.begin_anew();
            Some(VerificationCase::Opened(next))
        }
        CaseEvent::ReverificationDue { expires_at, .. } => {
            next.forget_findings();
            next.received.clear();
            next.due_at = *expires_at;
            Some(VerificationCase::ReverificationDue(next))
        }
        CaseEvent::CaseOpened { .. }
        | CaseEvent::DocumentsRequested { .. }
        | CaseEvent::DocumentReceived { .. }
        | CaseEvent::DocumentRemoved { .. }
        | CaseEvent::CaseSubmitted { .. }
        | CaseEvent::FindingNoted { .. } => None,
    }
}

impl OpenCase {
    /// Whether a kind that was requested is still missing.
    #[must_use]
    pub fn lacks_documents(&self) -> bool {
        let received: BTreeSet<&DocumentKind> = self.received.values().collect();
        self.requested.iter().any(|kind| !received.contains(kind))
    }

    /// Whether anything has happened since it was opened or reset.
    pub(super) fn has_progress(&self) -> bool {
        let said = self.providers.values().any(|view| {
            view.heard
                .as_ref()
                .is_some_and(|heard| heard.stands && heard.finding != Finding::Reset)
        });
        !self.requested.is_empty() || !self.received.is_empty() || said
    }

    pub(super) fn hear(&mut self, observed: &ObservedFinding) {
        let view = self.providers.entry(observed.provider).or_default();
        if view.reference.is_none() {
            view.reference.clone_from(&observed.reference);
        }
        match observed.finding {
            Finding::Approved { .. } | Finding::Rejected { .. } | Finding::Expired => {
                view.verdict_at = Some(observed.observed_at);
            }
            Finding::Reset => view.verdict_at = None,
            Finding::Pending | Finding::Review => {}
        }
        view.heard = Some(Heard {
            at: observed.observed_at,
            finding: observed.finding.clone(),
            stands: true,
        });
    }

    fn forget_findings(&mut self) {
        for heard in self.providers.values_mut().flat_map(|view| &mut view.heard) {
            heard.stands = false;
        }
    }

    /// What people or the time decide stands against all that providers said before.
    fn forget_overruled(&mut self, source: &CaseSource) {
        match source {
            CaseSource::Actor(_) | CaseSource::Time => self.forget_findings(),
            CaseSource::Provider(_) => {}
        }
    }

    /// After a rejection or for a new verification, documents are given again.
    fn begin_collecting(&mut self, status: CaseStatus) {
        match status {
            CaseStatus::RetryAllowed | CaseStatus::InReview => {
                self.received.clear();
                self.forget_findings();
            }
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::Approved
            | CaseStatus::Rejected
            | CaseStatus::Expired
            | CaseStatus::ReverificationDue => {}
        }
    }

    /// An approval that is contradicted does not stand while that is looked into.
    fn leave_approval(&mut self, status: CaseStatus) {
        if status == CaseStatus::Approved {
            self.granted = None;
            self.due_at = None;
        }
    }

    fn begin_anew(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
        self.requested.clear();
        self.received.clear();
        self.due_at = None;
        self.granted = None;
        self.forget_findings();
    }
}
