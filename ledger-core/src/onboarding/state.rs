//! What an onboarding is, folded from its events.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::OwnerId;
use crate::timestamp::Timestamp;

use super::event::OnboardingEvent;
use super::words::{ContactKind, OnboardingStep, OnboardingTerms, VerificationStanding};

/// An onboarding's state, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnboardingStatus {
    /// Something is still missing.
    UnderWay,
    /// Everything is done.
    Completed,
    /// The owner was rejected for good.
    Rejected,
    /// The owner has not done in time what was wanted.
    Expired,
    /// It was called off.
    Cancelled,
}

impl OnboardingStatus {
    /// The name, as stored in read models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnderWay => "under_way",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for OnboardingStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A wait for the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// For what.
    pub step: OnboardingStep,
    /// The how manieth it is.
    pub wait: u32,
    /// Until when.
    pub due_at: Timestamp,
    /// How often they were reminded in it.
    pub reminders: u32,
}

/// What an onboarding keeps through its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Whose it is.
    pub owner: OwnerId,
    /// What it is to lead to.
    pub terms: OnboardingTerms,
    /// How often it was begun or taken up.
    pub round: u32,
    /// Which of the contacts that are needed are verified.
    pub verified: BTreeSet<ContactKind>,
    /// How the verification stands.
    pub standing: VerificationStanding,
    /// The wait for the owner, while they are waited for.
    pub awaited: Option<Awaited>,
    /// How many waits there were.
    pub waits: u32,
}

impl Course {
    /// The contacts that are still to be verified.
    pub fn missing_contacts(&self) -> impl Iterator<Item = ContactKind> {
        let missing = self.terms.contacts.difference(&self.verified);
        missing.copied()
    }

    /// The first step of which something is missing.
    #[must_use]
    pub fn step(&self) -> OnboardingStep {
        if self.missing_contacts().next().is_some() {
            OnboardingStep::Contacts
        } else if self.standing.granted().is_none() {
            OnboardingStep::Verification
        } else {
            OnboardingStep::Wallet
        }
    }

    /// Begins anew: nothing that was seen before counts.
    fn take_up(&mut self) {
        self.round = self.round.saturating_add(1);
        self.verified.clear();
        self.standing = VerificationStanding::NotOpened;
        self.awaited = None;
    }
}

/// An onboarding's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Onboarding {
    /// Never begun.
    #[default]
    Absent,
    /// Contacts are to be verified.
    Contacts(Course),
    /// A tier is to be granted.
    Verification(Course),
    /// The wallet is to be opened.
    Wallet(Course),
    /// Everything is done.
    Completed(Course),
    /// The owner was rejected for good.
    Rejected(Course),
    /// The owner has not done in time what was wanted.
    Expired(Course, OnboardingStep),
    /// It was called off.
    Cancelled(Course),
}

impl Onboarding {
    /// What it keeps, and its state by name; `None` when there is none.
    #[must_use]
    pub const fn course(&self) -> Option<(&Course, OnboardingStatus)> {
        match self {
            Self::Absent => None,
            Self::Contacts(course) | Self::Verification(course) | Self::Wallet(course) => {
                Some((course, OnboardingStatus::UnderWay))
            }
            Self::Completed(course) => Some((course, OnboardingStatus::Completed)),
            Self::Rejected(course) => Some((course, OnboardingStatus::Rejected)),
            Self::Expired(course, _) => Some((course, OnboardingStatus::Expired)),
            Self::Cancelled(course) => Some((course, OnboardingStatus::Cancelled)),
        }
    }

    /// What it keeps, while something is still missing.
    #[must_use]
    pub const fn under_way(&self) -> Option<&Course> {
        match self.course() {
            Some((course, OnboardingStatus::UnderWay)) => Some(course),
            Some(_) | None => None,
        }
    }

    /// The step it is at, or was at when it ended; none when everything is done.
    #[must_use]
    pub fn step(&self) -> Option<OnboardingStep> {
        match self {
            Self::Absent | Self::Completed(_) => None,
            Self::Contacts(_) => Some(OnboardingStep::Contacts),
            Self::Verification(_) | Self::Rejected(_) => Some(OnboardingStep::Verification),
            Self::Wallet(_) => Some(OnboardingStep::Wallet),
            Self::Expired(_, step) => Some(*step),
            Self::Cancelled(course) => Some(course.step()),
        }
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &OnboardingEvent) -> Result<Self, IllegalEvent> {
        let illegal = || IllegalEvent {
            event: event.name(),
            state: self
                .course()
                .map_or("Absent", |(_, status)| status.as_str()),
        };
        let next = match (self, event) {
            (
                Self::Absent | Self::Completed(_),
                OnboardingEvent::OnboardingStarted { owner, terms, .. },
            ) => Some(under_way(self.begun(owner, terms))),
            (
                Self::Expired(course, _) | Self::Rejected(course) | Self::Cancelled(course),
                OnboardingEvent::OnboardingResumed { .. },
            ) => {
                let mut course = course.clone();
                course.take_up();
                Some(under_way(course))
            }
            (Self::Expired(course, _), OnboardingEvent::OnboardingCancelled { .. }) => {
                Some(Self::Cancelled(course.clone()))
            }
            _ => self
                .under_way()
                .and_then(|course| followed(course.clone(), event)),
        };
        next.ok_or_else(illegal)
    }

    fn begun(&self, owner: &OwnerId, terms: &OnboardingTerms) -> Course {
        let before = self.course().map(|(course, _)| course);
        Course {
            owner: owner.clone(),
            terms: terms.clone(),
            round: before.map_or(0, |course| course.round).saturating_add(1),
            verified: BTreeSet::new(),
            standing: VerificationStanding::NotOpened,
            awaited: None,
            waits: before.map_or(0, |course| course.waits),
        }
    }
}

/// The state of what is under way: by the first step of which something is missing.
fn under_way(course: Course) -> Onboarding {
    match course.step() {
        OnboardingStep::Contacts => Onboarding::Contacts(course),
        OnboardingStep::Verification => Onboarding::Verification(course),
        OnboardingStep::Wallet => Onboarding::Wallet(course),
    }
}

/// What follows while something is missing; nothing of what begins.
fn followed(mut course: Course, event: &OnboardingEvent) -> Option<Onboarding> {
    match event {
        OnboardingEvent::OnboardingStarted { .. } | OnboardingEvent::OnboardingResumed { .. } => {
            return None;
        }
        OnboardingEvent::OnboardingContactVerified { kind, .. } => {
            course.verified.insert(*kind);
            course.forget_wait_of_another_step();
        }
        OnboardingEvent::OnboardingContactRemoved { kind, .. } => {
            course.verified.remove(kind);
            course.forget_wait_of_another_step();
        }
        OnboardingEvent::OnboardingVerificationSeen { standing, .. } => {
            course.standing = *standing;
            course.forget_wait_of_verification();
        }
        OnboardingEvent::OnboardingOwnerAwaited {
            step, wait, due_at, ..
        } => {
            course.waits = *wait;
            course.awaited = Some(Awaited {
                step: *step,
                wait: *wait,
                due_at: *due_at,
                reminders: 0,
            });
        }
        OnboardingEvent::OnboardingReminderSent { number, .. } => {
            course.awaited.as_mut()?.reminders = *number;
        }
        OnboardingEvent::OnboardingCompleted { .. } => {
            course.awaited = None;
            return Some(Onboarding::Completed(course));
        }
        OnboardingEvent::OnboardingRejected { .. } => {
            course.awaited = None;
            return Some(Onboarding::Rejected(course));
        }
        OnboardingEvent::OnboardingExpired { step, .. } => {
            course.awaited = None;
            return Some(Onboarding::Expired(course, *step));
        }
        OnboardingEvent::OnboardingCancelled { .. } => {
            course.awaited = None;
            return Some(Onboarding::Cancelled(course));
        }
    }
    Some(under_way(course))
}

impl Course {
    fn forget_wait_of_another_step(&mut self) {
        let step = self.step();
        self.awaited = self.awaited.filter(|awaited| awaited.step == step);
    }

    /// Another try has another time, and reminders of its own. A case that expires ends the wait for its
    /// owner by ending the onboarding.
    fn forget_wait_of_verification(&mut self) {
        if self.standing != VerificationStanding::Expired {
            let other = |awaited: &Awaited| awaited.step != OnboardingStep::Verification;
            self.awaited = self.awaited.filter(other);
        }
        self.forget_wait_of_another_step();
    }
}
