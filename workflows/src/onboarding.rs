//! The process of onboardings: an owner comes from their first contact to a wallet, and whatever is not theirs
//! to do happens by itself.
//!
//! | event | job |
//! |---|---|
//! | `OnboardingStarted`, `OnboardingResumed` | advance |
//! | `OnboardingOwnerAwaited` | remind, as often as is configured, and advance when the time has passed |
//! | any event of a verification case | advance the onboarding of its owner |
//! | a tier granted or taken back by staff | advance the onboarding of that owner |
//! | news of a person: an address was verified, they were blocked or let in ([`news`]) | advance |
//!
//! **Advancing reads everything anew**: the onboarding, its case and its wallet from the log, the person's
//! addresses from where they are kept. So it may run twice, late, on several nodes and after a crash anywhere: what it
//! does is a command each time, which says nothing new when it was done before.
//!
//! | the onboarding is at | and | what is done |
//! |---|---|---|
//! | contacts | | nothing: the owner verifies them |
//! | verification | there is no case | open it |
//! | | the case is opened | ask for the configured documents; else hand it to the configured providers; else it is for staff |
//! | | what was asked for is there | hand it to the configured providers; else put it before staff |
//! | | the case has expired, and the onboarding goes on | begin it anew |
//! | | anything else | nothing: the owner, providers or staff are at it |
//! | wallet | there is none | open it |
//! | any step | the owner's time has passed | expire |
//!
//! **A person who is blocked** gets no further, and is not reminded; their time goes on.

mod advancing;
pub mod news;
mod people;
mod reminding;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use event_store::LogReader;
use event_store::executor::Executors;
use ledger_core::event::RecordedEvent;
use ledger_core::onboarding::{ContactKind, OnboardingEvent, OnboardingStep};
use ledger_core::owner::{OwnerEvent, TierSource};
use ledger_core::verification::DocumentKind;
use ledger_core::{AggregateType, Event, LedgerName, OwnerKey, ProviderName, Stream};

use crate::jobs::{Job, JobAttempt, JobError, JobHands, NewJob};
use crate::process::{ProcessManager, Reaction};

pub use people::{OnboardingPeople, OwnerReminder, PersonFault, PersonSeen, ReminderFault};

/// Who gives the commands, as the events say.
const ACTOR: &str = "system:onboarding";

/// How long news of the log may wait, so that a busy ledger is not asked about each append. Somebody may be
/// looking on.
const NEWS: Duration = Duration::from_millis(250);

/// The kinds of jobs that the process does.
pub(crate) const TASKS: [&str; 3] = ["advance_onboarding", "follow_case", "remind_owner"];

/// How long an owner is waited for, and how often they are reminded meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long they have.
    pub expires_after: Duration,
    /// How long until a reminder, and between reminders.
    pub remind_after: Duration,
    /// How many reminders.
    pub reminders: u32,
}

/// How the process works.
#[derive(Debug, Clone)]
pub struct OnboardingSettings {
    /// What an owner has to verify, where staff do not choose it.
    pub required: BTreeSet<ContactKind>,
    /// For contacts.
    pub contacts: Patience,
    /// For documents, and whatever else the case wants of its owner.
    pub documents: Patience,
    /// The documents that are asked for when a case is opened; none, where staff or providers ask.
    pub kinds: Vec<DocumentKind>,
    /// The providers that a case is handed to; none, where staff decide.
    pub providers: Vec<ProviderName>,
}

impl Default for OnboardingSettings {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self {
            required: [ContactKind::Email, ContactKind::Phone].into(),
            contacts: Patience {
                expires_after: hours(7 * 24),
                remind_after: hours(24),
                reminders: 2,
            },
            documents: Patience {
                expires_after: hours(30 * 24),
                remind_after: hours(3 * 24),
                reminders: 3,
            },
            kinds: Vec::new(),
            providers: Vec::new(),
        }
    }
}

impl OnboardingSettings {
    /// For a step; nothing where nobody waits for the owner.
    const fn patience(&self, step: OnboardingStep) -> Option<Patience> {
        match step {
            OnboardingStep::Contacts => Some(self.contacts),
            OnboardingStep::Verification => Some(self.documents),
            OnboardingStep::Wallet => None,
        }
    }

    /// The reminders of a wait, none of them when its time has passed.
    fn reminders(
        &self,
        step: OnboardingStep,
        since: DateTime<Utc>,
        due_at: DateTime<Utc>,
        job: impl Fn(u32) -> Job,
    ) -> Vec<NewJob> {
        let patience = self.patience(step);
        let numbers = 1..=patience.map_or(0, |patience| patience.reminders);
        let every = patience.map_or(Duration::ZERO, |patience| patience.remind_after);
        let timed = numbers.filter_map(|number| {
            let after = TimeDelta::from_std(every.checked_mul(number)?).ok()?;
            let run_at = since.checked_add_signed(after)?;
            (run_at < due_at).then(|| NewJob {
                key: format!("remind_owner/{number}"),
                job: job(number),
                run_at,
            })
        });
        timed.collect()
    }
}

/// The process of onboardings; cheap to clone.
#[derive(Debug, Clone)]
pub struct OnboardingProcess {
    executors: Executors,
    log: LogReader,
    people: Arc<dyn OnboardingPeople>,
    settings: OnboardingSettings,
}

impl OnboardingProcess {
    /// A process over all ledgers of a database.
    #[must_use]
    pub const fn new(
        log: LogReader,
        executors: Executors,
        people: Arc<dyn OnboardingPeople>,
        settings: OnboardingSettings,
    ) -> Self {
        Self {
            executors,
            log,
            people,
            settings,
        }
    }

    fn react_to(
        &self,
        ledger: LedgerName,
        owner: OwnerKey,
        event: &OnboardingEvent,
        at: DateTime<Utc>,
    ) -> Vec<NewJob> {
        match event {
            OnboardingEvent::OnboardingStarted { .. }
            | OnboardingEvent::OnboardingResumed { .. } => {
                vec![now(Job::AdvanceOnboarding { ledger, owner })]
            }
            OnboardingEvent::OnboardingOwnerAwaited {
                step, wait, due_at, ..
            } => {
                let due_at = due_at.as_datetime();
                let mut jobs =
                    self.settings
                        .reminders(*step, at, due_at, |number| Job::RemindOwner {
                            ledger,
                            owner,
                            wait: *wait,
                            number,
                        });
                let job = Job::AdvanceOnboarding { ledger, owner };
                jobs.push(NewJob {
                    run_at: due_at,
                    ..now(job)
                });
                jobs
            }
            OnboardingEvent::OnboardingContactVerified { .. }
            | OnboardingEvent::OnboardingContactRemoved { .. }
            | OnboardingEvent::OnboardingVerificationSeen { .. }
            | OnboardingEvent::OnboardingReminderSent { .. }
            | OnboardingEvent::OnboardingCompleted { .. }
            | OnboardingEvent::OnboardingRejected { .. }
            | OnboardingEvent::OnboardingExpired { .. }
            | OnboardingEvent::OnboardingCancelled { .. } => Vec::new(),
        }
    }
}

fn now(job: Job) -> NewJob {
    NewJob::now(job.task().to_owned(), job)
}

impl ProcessManager for OnboardingProcess {
    fn name(&self) -> &'static str {
        "onboarding"
    }

    fn listens_to(&self) -> &'static [AggregateType] {
        &[
            AggregateType::Onboarding,
            AggregateType::VerificationCase,
            AggregateType::Owner,
        ]
    }

    fn follows(&self, _ledger: LedgerName) -> bool {
        true
    }

    fn patience(&self) -> Duration {
        NEWS
    }

    fn react(&self, ledger: LedgerName, recorded: &RecordedEvent) -> Reaction {
        let jobs = match (recorded.stream, &recorded.event) {
            (Stream::Onboarding(owner), Event::Onboarding(event)) => {
                self.react_to(ledger, owner, event, recorded.recorded_at.as_datetime())
            }
            (Stream::VerificationCase(case), Event::VerificationCase(_)) => {
                vec![now(Job::FollowCase { ledger, case })]
            }
            (Stream::Owner(owner), Event::Owner(event)) => match source_of(event) {
                TierSource::Staff => vec![now(Job::AdvanceOnboarding { ledger, owner })],
                // The case's own event is beside it.
                TierSource::Case(_) => Vec::new(),
            },
            (_, _) => Vec::new(),
        };
        Reaction {
            jobs,
            links: Vec::new(),
        }
    }
}

const fn source_of(event: &OwnerEvent) -> TierSource {
    match event {
        OwnerEvent::TierGranted { source, .. } | OwnerEvent::TierWithdrawn { source, .. } => {
            *source
        }
    }
}

#[async_trait]
impl JobHands for OnboardingProcess {
    fn does(&self, task: &str) -> bool {
        TASKS.contains(&task)
    }

    fn waits_for_others(&self) -> bool {
        false
    }

    async fn carry_out(&self, job: Job, attempt: JobAttempt) -> Result<(), JobError> {
        match job {
            Job::AdvanceOnboarding { ledger, owner } => self.advance(ledger, owner).await,
            Job::FollowCase { ledger, case } => self.follow_case(ledger, case).await,
            Job::RemindOwner {
                ledger,
                owner,
                wait,
                number,
            } => {
                let reminder = reminding::Due { wait, number };
                self.remind(ledger, owner, reminder, attempt).await
            }
            other => Err(other.is_nobodys()),
        }
    }
}

#[cfg(test)]
mod tests;
