//! One onboarding after each of its events.

use ledger_core::event::RecordedEvent;
use ledger_core::onboarding::{
    Course, Onboarding, OnboardingEvent, OnboardingStatus, OnboardingStep,
};
use ledger_core::verification::ReasonCode;
use ledger_core::{ActorId, Position, Timestamp};
use serde::{Deserialize, Serialize};

use crate::read_model::FoldError;

/// An onboarding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnboardingRow {
    /// The position at which it was begun, the last time.
    pub position: Position,
    /// When that was recorded.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: ActorId,
    /// As the domain has it; never absent.
    pub state: Onboarding,
    /// The position at which it came to its state and step.
    pub place_position: Position,
    /// When that was recorded.
    pub place_since: Timestamp,
    /// When its last event was recorded.
    pub changed_at: Timestamp,
    /// Who called it off, and why; nothing once it is taken up.
    pub cancelled: Option<Cancellation>,
}

/// Who called an onboarding off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who.
    pub by: ActorId,
    /// Why.
    pub reasons: Vec<ReasonCode>,
}

impl OnboardingRow {
    /// What the domain keeps of it, and its state by name.
    ///
    /// A row is written for an onboarding that was begun, so that there is always something.
    #[must_use]
    pub const fn course(&self) -> Option<(&Course, OnboardingStatus)> {
        self.state.course()
    }

    fn place(&self) -> (Option<OnboardingStatus>, Option<OnboardingStep>) {
        place(&self.state)
    }
}

fn place(state: &Onboarding) -> (Option<OnboardingStatus>, Option<OnboardingStep>) {
    (state.course().map(|(_, status)| status), state.step())
}

/// The onboarding after one more event.
pub(super) fn next(
    known: Option<&OnboardingRow>,
    recorded: &RecordedEvent,
    event: &OnboardingEvent,
) -> Result<OnboardingRow, FoldError> {
    let refuse = |reason: String| FoldError::Event {
        position: recorded.position,
        reason,
    };
    let before = known.map_or(Onboarding::Absent, |row| row.state.clone());
    let state = before
        .evolve(event)
        .map_err(|error| refuse(error.to_string()))?;
    let (position, at) = (recorded.position, recorded.recorded_at);
    let mut row = match (known, event) {
        (_, OnboardingEvent::OnboardingStarted { by, .. }) => OnboardingRow {
            position,
            started_at: at,
            started_by: by.clone(),
            state: before,
            place_position: position,
            place_since: at,
            changed_at: at,
            cancelled: None,
        },
        (Some(row), _) => row.clone(),
        (None, _) => return Err(refuse("the onboarding is not known".to_owned())),
    };
    if row.place() != place(&state) {
        row.place_position = position;
        row.place_since = at;
    }
    match event {
        OnboardingEvent::OnboardingCancelled { by, reasons, .. } => {
            row.cancelled = Some(Cancellation {
                by: by.clone(),
                reasons: reasons.clone(),
            });
        }
        OnboardingEvent::OnboardingResumed { .. } => row.cancelled = None,
        OnboardingEvent::OnboardingStarted { .. }
        | OnboardingEvent::OnboardingContactVerified { .. }
        | OnboardingEvent::OnboardingContactRemoved { .. }
        | OnboardingEvent::OnboardingVerificationSeen { .. }
        | OnboardingEvent::OnboardingOwnerAwaited { .. }
        | OnboardingEvent::OnboardingReminderSent { .. }
        | OnboardingEvent::OnboardingCompleted { .. }
        | OnboardingEvent::OnboardingRejected { .. }
        | OnboardingEvent::OnboardingExpired { .. } => {}
    }
    row.changed_at = at;
    row.state = state;
    Ok(row)
}
