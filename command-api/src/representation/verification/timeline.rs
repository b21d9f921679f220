//! What happened to a verification case.

use ledger_core::event::RecordedEvent;
use ledger_core::verification::{CaseEvent, CaseSource, DocumentKind, ReasonCode};
use ledger_core::{ActorId, Event, ProviderName, ProviderReference, TierName, Timestamp};
use poem_openapi::Object;
use serde::Serialize;

use super::names::{RemovalReasonName, RetryName, ReviewCauseName};
use super::views::CaseDocumentView;
use super::{FindingView, texts};
use crate::problem::Problem;
use crate::representation::position::PositionNumber;
use crate::text::Text;

/// Something that happened to a case.
#[derive(Debug, Serialize, Object)]
pub struct CaseEventView {
    /// Its place in the case's history: 1, 2, 3 …
    pub sequence: i64,
    /// What happened, such as `CaseApproved`.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub event_type: String,
    /// Who did it; neither this nor `finding` is there where the time has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text<ActorId>>,
    /// The provider's word that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingView>,
    /// The tier that the case was opened for, or that was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Text<TierName>>,
    /// The documents that were requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Text<DocumentKind>>,
    /// The document that was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<CaseDocumentView>,
    /// The document that is kept no longer, by what it was found where it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_document: Option<Text<ProviderReference>>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal_reason: Option<RemovalReasonName>,
    /// The providers that it was handed to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Text<ProviderName>>,
    /// Why people began to look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<ReviewCauseName>,
    /// What the rejection leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryName>,
    /// When the case, or its approval, ends if nothing comes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// When the owner is to be verified again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverify_at: Option<Text<Timestamp>>,
    /// Why, in codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Text<ReasonCode>>,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// Its position in the log.
    pub position: PositionNumber,
}

impl CaseEventView {
    /// An event of a case's stream.
    ///
    /// # Errors
    /// An event of something else, which is not in such a stream.
    pub fn of(recorded: &RecordedEvent) -> Result<Self, Problem> {
        let Event::VerificationCase(event) = &recorded.event else {
            let other = std::io::Error::other("an event of something else in a case's stream");
            return Err(Problem::internal(&other));
        };
        let mut view = Self {
            sequence: recorded.sequence,
            event_type: event.name().to_owned(),
            by: None,
            finding: None,
            tier: None,
            kinds: Vec::new(),
            document: None,
            removed_document: None,
            removal_reason: None,
            providers: Vec::new(),
            cause: None,
            retry: None,
            expires_at: None,
            reverify_at: None,
            reasons: Vec::new(),
            recorded_at: recorded.recorded_at.into(),
            position: recorded.position.into(),
        };
        view.tell(event, recorded.recorded_at);
        Ok(view)
    }

    fn tell(&mut self, event: &CaseEvent, at: Timestamp) {
        match event {
            CaseEvent::CaseOpened {
                tier,
                expires_at,
                by,
                ..
            } => {
                self.tier = Some((*tier).into());
                self.expires_at = expires_at.map(Text);
                self.by = Some(by.clone().into());
            }
            CaseEvent::DocumentsRequested {
                kinds,
                expires_at,
                by,
            } => {
                self.kinds = texts(kinds.iter().cloned());
                self.expires_at = expires_at.map(Text);
                self.by = Some(by.clone().into());
            }
            CaseEvent::DocumentReceived { document, by } => {
                self.document = Some(CaseDocumentView::of(document, at));
                self.by = Some(by.clone().into());
            }
            CaseEvent::DocumentRemoved { document, reason } => {
                self.removed_document = Some(document.clone().into());
                self.removal_reason = Some((*reason).into());
            }
            CaseEvent::CaseSubmitted { providers, source } => {
                self.providers = texts(providers.iter().copied());
                self.tell_source(source);
            }
            CaseEvent::FindingNoted { observed } => self.finding = Some(observed.into()),
            CaseEvent::CaseReviewStarted {
                cause,
                source,
                reasons,
            } => {
                self.cause = Some((*cause).into());
                self.tell_source(source);
                self.tell_reasons(reasons);
            }
            CaseEvent::CaseApproved {
                tier,
                reverify_at,
                source,
                reasons,
            } => {
                self.tier = Some((*tier).into());
                self.reverify_at = reverify_at.map(Text);
                self.tell_source(source);
                self.tell_reasons(reasons);
            }
            CaseEvent::CaseRejected {
                retry,
                expires_at,
                source,
                reasons,
            } => {
                self.retry = Some((*retry).into());
                self.expires_at = expires_at.map(Text);
                self.tell_source(source);
                self.tell_reasons(reasons);
            }
            CaseEvent::CaseExpired { source } => self.tell_source(source),
            CaseEvent::CaseReset { source, reasons } => {
                self.tell_source(source);
                self.tell_reasons(reasons);
            }
            CaseEvent::ReverificationDue {
                expires_at,
                source,
                reasons,
            } => {
                self.expires_at = expires_at.map(Text);
                self.tell_source(source);
                self.tell_reasons(reasons);
            }
        }
    }

    fn tell_source(&mut self, source: &CaseSource) {
        match source {
            CaseSource::Actor(by) => self.by = Some(by.clone().into()),
            CaseSource::Provider(observed) => self.finding = Some(observed.into()),
            CaseSource::Time => {}
        }
    }

    fn tell_reasons(&mut self, reasons: &[ReasonCode]) {
        self.reasons = texts(reasons.iter().cloned());
    }
}
