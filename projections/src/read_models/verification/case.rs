//! One case after each of its events.

use ledger_core::event::RecordedEvent;
use ledger_core::verification::{
    CaseDocument, CaseEvent, CaseSource, CaseStatus, OpenCase, ReasonCode, Retry, VerificationCase,
};
use ledger_core::{ActorId, CaseId, Event, Position, ProviderName, Stream, TierName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::read_model::FoldError;

/// A verification case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRow {
    /// Its id.
    pub case: CaseId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: ActorId,
    /// As the domain has it; never absent.
    pub state: VerificationCase,
    /// The position at which it came to its state.
    pub status_position: Position,
    /// When that was recorded.
    pub status_since: Timestamp,
    /// When its last event was recorded.
    pub changed_at: Timestamp,
    /// The documents of this attempt, in the order in which they came.
    pub documents: Vec<ReceivedDocument>,
    /// What was decided last; nothing after it was reset.
    pub decision: Option<CaseDecision>,
    /// How far it came since it began, or began anew.
    pub round: Round,
}

/// A document that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedDocument {
    /// Which.
    pub document: CaseDocument,
    /// Who gave it.
    pub by: ActorId,
    /// When that was recorded.
    pub at: Timestamp,
}

/// What a decision came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// The owner is who they say.
    Approved {
        /// The tier that was granted.
        tier: TierName,
        /// When the owner is to be verified again.
        reverify_at: Option<Timestamp>,
    },
    /// The owner is not, or it could not be told.
    Rejected {
        /// Whether they may try again.
        retry: Retry,
    },
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseDecision {
    /// What it came to.
    pub outcome: CaseOutcome,
    /// Who decided, or whose word did.
    pub source: CaseSource,
    /// Why.
    pub reasons: Vec<ReasonCode>,
    /// When it was recorded.
    pub at: Timestamp,
}

/// How far a case came since it began, was reset, or was to be verified again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// 1, 2, 3 …
    pub number: i32,
    /// When it began.
    pub begun_at: Timestamp,
    /// The step it came to last.
    pub last: CaseStatus,
    /// When.
    pub last_at: Timestamp,
    /// Each step that it came to, for itself and for each of its providers, once.
    pub reached: Vec<(CaseStatus, Option<ProviderName>)>,
}

impl CaseRow {
    /// What the domain keeps of it, and its state by name.
    ///
    /// A row is written for a case that was opened, so that there is always something.
    #[must_use]
    pub const fn open(&self) -> Option<(&OpenCase, CaseStatus)> {
        self.state.open()
    }

    /// The tier that it grants, or else the one that it is to grant.
    #[must_use]
    pub fn tier(&self) -> Option<TierName> {
        let (open, _) = self.open()?;
        Some(open.granted.unwrap_or(open.tier))
    }
}

/// A case after these of its events, in order, but for its round; `None` when there are none.
///
/// # Errors
/// [`FoldError::Event`] when one cannot follow.
pub fn case_after(events: &[RecordedEvent]) -> Result<Option<CaseRow>, FoldError> {
    let mut row = None;
    for recorded in events {
        if let (Event::VerificationCase(event), Stream::VerificationCase(case)) =
            (&recorded.event, recorded.stream)
        {
            row = Some(next(row.as_ref(), case, recorded, event)?);
        }
    }
    Ok(row)
}

/// The case after one more event, but for its round.
pub(super) fn next(
    known: Option<&CaseRow>,
    case: CaseId,
    recorded: &RecordedEvent,
    event: &CaseEvent,
) -> Result<CaseRow, FoldError> {
    let refuse = |reason: String| FoldError::Event {
        position: recorded.position,
        reason,
    };
    let before = known.map_or(VerificationCase::Absent, |row| row.state.clone());
    let state = before
        .evolve(event)
        .map_err(|error| refuse(error.to_string()))?;
    let Some((open, status)) = state.open() else {
        return Err(refuse(format!("the case {case} is not known")));
    };
    let at = recorded.recorded_at;
    let mut row = match (known, event) {
        (Some(row), _) => row.clone(),
        (None, CaseEvent::CaseOpened { by, .. }) => CaseRow {
            case,
            position: recorded.position,
            opened_at: at,
            opened_by: by.clone(),
            state: VerificationCase::Absent,
            status_position: recorded.position,
            status_since: at,
            changed_at: at,
            documents: Vec::new(),
            decision: None,
            round: Round {
                number: 0,
                begun_at: at,
                last: status,
                last_at: at,
                reached: Vec::new(),
            },
        },
        (None, _) => return Err(refuse(format!("the case {case} is not known"))),
    };
    if before.open().map(|(_, status)| status) != Some(status) {
        row.status_position = recorded.position;
        row.status_since = at;
    }
    let had = before.open().map(|(open, _)| open);
    row.note_documents(had, open, at, event);
    row.note_decision(at, event);
    row.changed_at = at;
    row.state = state;
    Ok(row)
}

impl CaseRow {
    fn note_documents(
        &mut self,
        before: Option<&OpenCase>,
        open: &OpenCase,
        at: Timestamp,
        event: &CaseEvent,
    ) {
        // With the first document of another attempt, those before it are of no use any more.
        let began_anew = before.is_some_and(|before| {
            let mut known = before.received.keys();
            known.any(|hash| !open.received.contains_key(hash))
        });
        if began_anew {
            self.documents.clear();
        }
        if let CaseEvent::DocumentReceived { document, by } = event {
            let same = |known: &ReceivedDocument| known.document.sha256 == document.sha256;
            self.documents.retain(|known| !same(known));
            self.documents.push(ReceivedDocument {
                document: document.clone(),
                by: by.clone(),
                at,
            });
        }
        let is_there =
            |known: &ReceivedDocument| open.received.contains_key(&known.document.sha256);
        self.documents.retain(is_there);
    }

    fn note_decision(&mut self, at: Timestamp, event: &CaseEvent) {
        let (outcome, source, reasons) = match event {
            CaseEvent::CaseApproved {
                tier,
                reverify_at,
                source,
                reasons,
            } => {
                let (tier, reverify_at) = (*tier, *reverify_at);
                (CaseOutcome::Approved { tier, reverify_at }, source, reasons)
            }
            CaseEvent::CaseRejected {
                retry,
                source,
                reasons,
                ..
            } => (CaseOutcome::Rejected { retry: *retry }, source, reasons),
            CaseEvent::CaseReset { .. } => {
                self.decision = None;
                return;
            }
            CaseEvent::CaseOpened { .. }
            | CaseEvent::DocumentsRequested { .. }
            | CaseEvent::DocumentReceived { .. }
            | CaseEvent::DocumentRemoved { .. }
            | CaseEvent::CaseSubmitted { .. }
            | CaseEvent::FindingNoted { .. }
            | CaseEvent::CaseReviewStarted { .. }
            | CaseEvent::CaseExpired { .. }
            | CaseEvent::ReverificationDue { .. } => return,
        };
        self.decision = Some(CaseDecision {
            outcome,
            source: source.clone(),
            reasons: reasons.clone(),
            at,
        });
    }
}
