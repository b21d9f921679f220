//! What the log says of a case, and which asking of each provider counts.

use std::collections::BTreeMap;

use event_store::{EventFilter, LogReader};
use ledger_core::event::RecordedEvent;
use ledger_core::verification::{
    CaseEvent, CaseSource, CaseStatus, Heard, OpenCase, ReviewCause, VerificationCase,
};
use ledger_core::{AggregateType, CaseId, Event, LedgerName, Position, ProviderName};
use uuid::Uuid;

use crate::jobs::JobError;

/// The most events of one case that are read: more than any has by orders of magnitude.
const MOST_EVENTS: i64 = 10_000;

/// When a case was handed to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Submitted {
    /// The position of the event.
    pub(super) position: Position,
    /// The command that it came of.
    pub(super) command: Uuid,
}

/// A case, with the last time that it was handed to each provider by somebody of ours.
#[derive(Debug)]
pub(super) struct CaseHistory {
    pub(super) state: VerificationCase,
    pub(super) submitted: BTreeMap<ProviderName, Submitted>,
    /// How often it has begun anew.
    pub(super) resets: usize,
}

impl CaseHistory {
    /// What the log says.
    pub(super) async fn read(
        log: &LogReader,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<Self, JobError> {
        let filter = EventFilter {
            aggregate_type: Some(AggregateType::VerificationCase),
            aggregate_id: Some(case.to_string()),
            ..EventFilter::default()
        };
        let read = log.read_filtered(ledger, &filter, Position::START, MOST_EVENTS);
        let mut history = Self {
            state: VerificationCase::Absent,
            submitted: BTreeMap::new(),
            resets: 0,
        };
        for stored in read.await? {
            let recorded = stored.decode()?;
            let Event::VerificationCase(event) = &recorded.event else {
                continue;
            };
            let next = history.state.evolve(event);
            history.state = next.map_err(|error| JobError::Failed(error.to_string()))?;
            history.note_submission(event, &recorded);
        }
        Ok(history)
    }

    /// What was said of a case before our own people began anew is of no concern afterwards, however late it
    /// is heard.
    fn note_submission(&mut self, event: &CaseEvent, recorded: &RecordedEvent) {
        if let CaseEvent::CaseReset { .. } = event {
            self.resets += 1;
        }
        match event {
            CaseEvent::CaseSubmitted {
                providers,
                source: CaseSource::Actor(_),
            } => {
                let submitted = Submitted {
                    position: recorded.position,
                    command: recorded.metadata.command_id,
                };
                let all = providers.iter().map(|provider| (*provider, submitted));
                self.submitted.extend(all);
            }
            CaseEvent::CaseReset {
                source: CaseSource::Actor(_),
                ..
            } => self.submitted.clear(),
            CaseEvent::CaseOpened { .. }
            | CaseEvent::DocumentsRequested { .. }
            | CaseEvent::DocumentReceived { .. }
            | CaseEvent::CaseSubmitted { .. }
            | CaseEvent::FindingNoted { .. }
            | CaseEvent::DocumentRemoved { .. }
            | CaseEvent::CaseReviewStarted { .. }
            | CaseEvent::CaseApproved { .. }
            | CaseEvent::CaseRejected { .. }
            | CaseEvent::CaseExpired { .. }
            | CaseEvent::CaseReset { .. }
            | CaseEvent::ReverificationDue { .. } => {}
        }
    }

    pub(super) const fn open(&self) -> Option<(&OpenCase, CaseStatus)> {
        self.state.open()
    }

    /// Whether this is the asking of the provider that counts.
    pub(super) fn is_current(&self, provider: ProviderName, submission: Position) -> bool {
        self.submitted
            .get(&provider)
            .is_some_and(|last| last.position == submission)
    }

    /// Whether the case waits for what it was handed over for.
    pub(super) fn waits(&self) -> bool {
        matches!(
            self.state,
            VerificationCase::Submitted(_) | VerificationCase::InReview(_, ReviewCause::AtProvider)
        )
    }

    /// What a provider was last heard to say that still counts.
    pub(super) fn standing(&self, provider: ProviderName) -> Option<&Heard> {
        self.last_heard(provider).filter(|heard| heard.stands)
    }

    /// What a provider was last heard to say, whether it counts or not.
    pub(super) fn last_heard(&self, provider: ProviderName) -> Option<&Heard> {
        let (open, _) = self.open()?;
        open.providers.get(&provider)?.heard.as_ref()
    }
}
