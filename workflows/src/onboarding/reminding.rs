//! Reminding an owner of what is wanted of them.
//!
//! **The reminder goes out first, and is recorded then.** Recorded first, it would be a lie whenever the mail
//! server is down and the node dies before it is up again, and nobody would ever send it. This way it comes
//! twice when a node dies in the moment between: then both have the same `Message-ID`, by which mail servers and
//! readers know them as one. Each reminder is one job of its own, which one node does at a time.
//!
//! **Whether it is still wanted** is looked at just before: whoever has done their part a moment ago, is
//! blocked or was erased gets none. What cannot be sent for good (nothing that reaches such an address is configured,
//! or the provider will not) is given up quietly, and is not recorded; so is what could not be sent after all tries:
//! nobody has to look into a reminder that is missing.

use chrono::Utc;
use event_store::ErrorChain;
use ledger_core::identifier::derived_id;
use ledger_core::onboarding::{
    Awaited, Course, OnboardingAction, OnboardingStep, VerificationStanding,
};
use ledger_core::owner::Owner;
use ledger_core::{LedgerName, OwnerKey};

use super::OnboardingProcess;
use super::advancing::about;
use super::people::{OwnerReminder, PersonSeen, ReminderFault};
use crate::jobs::{JobAttempt, JobError};

/// Which reminder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// In which wait.
    pub(super) wait: u32,
    /// The how manieth in it.
    pub(super) number: u32,
}

impl OnboardingProcess {
    pub(super) async fn remind(
        &self,
        ledger: LedgerName,
        owner: OwnerKey,
        due: Due,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let state = self.onboarding(ledger, owner).await?;
        let Some((course, awaited)) = state.under_way().and_then(|course| wanted(course, due))
        else {
            return Ok(());
        };
        let Some(of) = self.still_missing(ledger, course, awaited.step).await? else {
            return Ok(());
        };
        let texts = [
            "reminder",
            ledger.as_str(),
            course.owner.as_str(),
            &due.wait.to_string(),
            &due.number.to_string(),
        ];
        let (id, until) = (derived_id(&texts), awaited.due_at.as_datetime());
        match self.people.remind(&course.owner, id, of, until).await {
            Ok(()) => {}
            Err(fault @ ReminderFault::Unreachable { .. }) => {
                tracing::info!(error = %ErrorChain(&fault), "a reminder is not sent");
                return Ok(());
            }
            Err(fault @ ReminderFault::Unavailable(_)) if attempt.is_last => {
                tracing::warn!(error = %ErrorChain(&fault), "a reminder is given up");
                return Ok(());
            }
            Err(fault @ ReminderFault::Unavailable(_)) => {
                return Err(JobError::Failed(ErrorChain(&fault).to_string()));
            }
        }
        let Due { wait, number } = due;
        let action = OnboardingAction::Remind { wait, number };
        self.submit(ledger, about(course, action)).await
    }

    /// What the owner is to do, if that is still so.
    async fn still_missing(
        &self,
        ledger: LedgerName,
        course: &Course,
        step: OnboardingStep,
    ) -> Result<Option<OwnerReminder>, JobError> {
        let PersonSeen::Known { verified } = self.people.person(&course.owner).await? else {
            return Ok(None);
        };
        match step {
            OnboardingStep::Contacts => {
                let missing = course.terms.contacts.difference(&verified).next();
                Ok(missing.copied().map(OwnerReminder::Verify))
            }
            OnboardingStep::Verification => {
                let case = self.case(ledger, course.terms.case).await?;
                // What staff grant besides would have been seen; what the case says now may not.
                let (standing, _) =
                    VerificationStanding::of(&course.owner, &course.terms, &case, &Owner::Absent);
                Ok(standing
                    .awaits_owner()
                    .then_some(OwnerReminder::GiveDocuments))
            }
            OnboardingStep::Wallet => Ok(None),
        }
    }
}

/// The wait that a reminder is for, when it is the next one and there is time left.
fn wanted(course: &Course, due: Due) -> Option<(&Course, Awaited)> {
    let awaited = course.awaited?;
    let is_next = awaited.wait == due.wait && awaited.reminders.checked_add(1) == Some(due.number);
    let has_time = awaited.due_at.as_datetime() > Utc::now();
    (is_next && has_time).then_some((course, awaited))
}
