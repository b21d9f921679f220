//! Verification cases as they stand. Customers see of theirs what is wanted of them and what came of it, and
//! not by whom, on whose word and why: who is suspected of something must not learn by what.

use ledger_core::verification::{
    CaseDocument, CaseSource, ContentHash, DocumentKind, OpenCase, ProviderView, ReasonCode,
    VerificationCase,
};
use ledger_core::{ActorId, CaseId, OwnerId, ProviderName, ProviderReference, TierName, Timestamp};
use poem_openapi::Object;
use projections::queries::verification::rows::{
    CaseDecision, CaseOutcome, CaseRow, ReceivedDocument,
};
use serde::Serialize;
use workflows::identity_checks::{CheckEntry, EntryText};

use super::names::{CaseOutcomeName, CaseStatusName, FindingName, RetryName, ReviewCauseName};
use super::{FindingParts, FindingView, texts};
use crate::choice::choice;
use crate::problem::Problem;
use crate::representation::payments::Audience;
use crate::representation::position::PositionNumber;
use crate::text::Text;

/// A verification case.
#[derive(Debug, Serialize, Object)]
pub struct CaseView {
    /// Its id.
    pub id: Text<CaseId>,
    /// About whom.
    pub owner: Text<OwnerId>,
    /// How far it has come.
    pub status: CaseStatusName,
    /// When it came there.
    pub status_since: Text<Timestamp>,
    /// The tier that it was opened for.
    pub tier: Text<TierName>,
    /// The tier that stands granted by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<Text<TierName>>,
    /// How often it has begun: a reset begins it anew.
    pub attempt: i64,
    /// Kinds of documents that were requested.
    pub requested: Vec<Text<DocumentKind>>,
    /// Documents received in this attempt.
    pub documents: Vec<CaseDocumentView>,
    /// The providers that it was handed to, in order of name; for staff.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<CaseProviderView>,
    /// The person's ways in at providers, while they have something to do there; for the person and for whoever
    /// hands cases over. A provider is asked a moment after the case is handed to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<CaseEntryView>,
    /// Why people look at it; while they do, for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_cause: Option<ReviewCauseName>,
    /// What was decided last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<CaseDecisionView>,
    /// When it expires; when approved, when the owner is to be verified again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Text<Timestamp>>,
    /// Who opened it; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<Text<ActorId>>,
    /// When it was opened.
    pub opened_at: Text<Timestamp>,
    /// When its last event was recorded.
    pub changed_at: Text<Timestamp>,
    /// The position of its first event.
    pub position: PositionNumber,
}

/// A document that was received.
#[derive(Debug, Serialize, Object)]
pub struct CaseDocumentView {
    /// What kind it is.
    pub kind: Text<DocumentKind>,
    /// By what it is found where it is kept.
    pub reference: Text<ProviderReference>,
    /// The SHA-256 of its bytes.
    pub sha256: Text<ContentHash>,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Who gave it; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text<ActorId>>,
    /// When that was recorded.
    pub received_at: Text<Timestamp>,
}

/// A provider that a case was handed to.
#[derive(Debug, Serialize, Object)]
pub struct CaseProviderView {
    /// Which.
    pub provider: Text<ProviderName>,
    /// By what it knows the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<ProviderReference>>,
    /// What it said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<FindingName>,
    /// Until when its approval holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Text<Timestamp>>,
    /// What its rejection leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryName>,
    /// Why, in its codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Text<ReasonCode>>,
    /// When that came about, by its clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Text<Timestamp>>,
    /// Whether that counts: it is about what the case is about now, and was not overruled.
    pub stands: bool,
}

choice!(
    /// How a person gets in.
    CaseEntryKindName {
        /// By a page of the provider, to which the browser is sent.
        Page => "page",
        /// By a token for the provider's software.
        Token => "token",
    }
);

/// A person's way in at a provider. Whoever has it acts as the person.
#[derive(Debug, Serialize, Object)]
pub struct CaseEntryView {
    /// At whom.
    pub provider: Text<ProviderName>,
    /// How.
    pub kind: CaseEntryKindName,
    /// What the browser opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the provider's software is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Until when it is good.
    pub expires_at: Text<Timestamp>,
}

impl CaseEntryView {
    /// A way in; nothing where its time cannot be told.
    #[must_use]
    pub fn of(entry: CheckEntry) -> Option<Self> {
        let (kind, url, token) = match entry.text {
            EntryText::Page(url) => (CaseEntryKindName::Page, Some(url), None),
            EntryText::Token(token) => (CaseEntryKindName::Token, None, Some(token)),
        };
        Some(Self {
            provider: entry.provider.into(),
            kind,
            url,
            token,
            expires_at: Timestamp::try_new(entry.expires_at).ok()?.into(),
        })
    }
}

/// What was decided.
#[derive(Debug, Serialize, Object)]
pub struct CaseDecisionView {
    /// What it came to.
    pub outcome: CaseOutcomeName,
    /// The tier that was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Text<TierName>>,
    /// When the owner is to be verified again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverify_at: Option<Text<Timestamp>>,
    /// What a rejection leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryName>,
    /// Why; for staff.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Text<ReasonCode>>,
    /// Who decided, where somebody of the platform did; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text<ActorId>>,
    /// The word that decided, where a provider's did; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingView>,
    /// When it was recorded.
    pub decided_at: Text<Timestamp>,
}

impl CaseView {
    /// A case as somebody sees it.
    ///
    /// # Errors
    /// A row that no projector wrote.
    pub fn of(row: CaseRow, audience: Audience) -> Result<Self, Problem> {
        let Some((open, status)) = row.open() else {
            let nothing = std::io::Error::other("a verification case has no state");
            return Err(Problem::internal(&nothing));
        };
        let mut view = Self {
            id: row.case.into(),
            owner: open.owner.clone().into(),
            status: status.into(),
            status_since: row.status_since.into(),
            tier: open.tier.into(),
            granted: open.granted.map(Text),
            attempt: open.attempt.into(),
            requested: texts(open.requested.iter().cloned()),
            documents: row.documents.iter().map(CaseDocumentView::from).collect(),
            providers: providers(open),
            entries: Vec::new(),
            review_cause: match &row.state {
                VerificationCase::InReview(_, cause) => Some((*cause).into()),
                _ => None,
            },
            decision: row.decision.as_ref().map(CaseDecisionView::from),
            due_at: open.due_at.map(Text),
            opened_by: Some(row.opened_by.clone().into()),
            opened_at: row.opened_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        };
        match audience {
            Audience::Staff => {}
            Audience::Customer => view.conceal(),
        }
        Ok(view)
    }

    fn conceal(&mut self) {
        self.providers.clear();
        self.review_cause = None;
        self.opened_by = None;
        for document in &mut self.documents {
            document.by = None;
        }
        if let Some(decision) = &mut self.decision {
            decision.reasons.clear();
            decision.by = None;
            decision.finding = None;
        }
    }
}

fn providers(open: &OpenCase) -> Vec<CaseProviderView> {
    let of = |(name, view): (&ProviderName, &ProviderView)| {
        let heard = view.heard.as_ref();
        let parts = heard.map(|heard| FindingParts::of(&heard.finding));
        let mut shown = CaseProviderView {
            provider: (*name).into(),
            reference: view.reference.clone().map(Text),
            says: None,
            valid_until: None,
            retry: None,
            reasons: Vec::new(),
            said_at: heard.map(|heard| heard.at.into()),
            stands: heard.is_some_and(|heard| heard.stands),
        };
        if let Some(parts) = parts {
            shown.says = Some(parts.says);
            shown.valid_until = parts.valid_until.map(Text);
            shown.retry = parts.retry.map(Into::into);
            shown.reasons = texts(parts.reasons);
        }
        shown
    };
    open.providers.iter().map(of).collect()
}

impl From<&ReceivedDocument> for CaseDocumentView {
    fn from(received: &ReceivedDocument) -> Self {
        Self {
            by: Some(received.by.clone().into()),
            ..Self::of(&received.document, received.at)
        }
    }
}

impl CaseDocumentView {
    /// A document, without who gave it.
    pub(super) fn of(document: &CaseDocument, at: Timestamp) -> Self {
        Self {
            kind: document.kind.clone().into(),
            reference: document.reference.clone().into(),
            sha256: document.sha256.clone().into(),
            size_bytes: i64::try_from(document.size_bytes).unwrap_or(i64::MAX),
            by: None,
            received_at: at.into(),
        }
    }
}

impl From<&CaseDecision> for CaseDecisionView {
    fn from(decision: &CaseDecision) -> Self {
        let (outcome, tier, reverify_at, retry) = match decision.outcome {
            CaseOutcome::Approved { tier, reverify_at } => {
                (CaseOutcomeName::Approved, Some(tier), reverify_at, None)
            }
            CaseOutcome::Rejected { retry } => (CaseOutcomeName::Rejected, None, None, Some(retry)),
        };
        let (by, finding) = match &decision.source {
            CaseSource::Actor(by) => (Some(by.clone().into()), None),
            CaseSource::Provider(observed) => (None, Some(observed.into())),
            CaseSource::Time => (None, None),
        };
        Self {
            outcome,
            tier: tier.map(Text),
            reverify_at: reverify_at.map(Text),
            retry: retry.map(Into::into),
            reasons: texts(decision.reasons.iter().cloned()),
            by,
            finding,
            decided_at: decision.at.into(),
        }
    }
}
