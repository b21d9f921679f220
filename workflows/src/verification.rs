//! The process of verification cases: what is due by time happens.
//!
//! | event | job |
//! |---|---|
//! | `CaseOpened`, `DocumentsRequested`, `CaseRejected` (retry), `ReverificationDue` | look at the case when its time passes |
//! | `CaseApproved` with a time | look at the case at that time |
//!
//! **The job reads the log first**, so it may run late, twice or long after the case has moved on: a case
//! that waits for its owner expires, an approval becomes due to be renewed, and with everybody else the
//! case is left alone. What is due while providers or staff work on it expires when it comes back to the
//! owner.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use event_store::executor::{
    Atomicity, CommandOutcome, Executors, Refusal, Submission, SubmitError,
};
use event_store::{ErrorChain, EventFilter, LogReader};
use ledger_core::event::{EventMetadata, RecordedEvent};
use ledger_core::verification::{
    CaseAction, CaseEvent, CaseStatus, Retry, ReverificationCause, VerificationCase,
};
use ledger_core::{AggregateType, CaseId, Command, Event, LedgerName, Position, Stream, Timestamp};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::jobs::{Job, JobAttempt, JobError, JobHands, NewJob, insert_jobs_in_tx};
use crate::process::{ProcessManager, Reaction};

/// Who gave the commands, as the events say.
const ACTOR: &str = "system:verification";

/// The most events of one case that are read: more than any has by orders of magnitude.
const MOST_EVENTS: i64 = 10_000;

/// How long news of the log may wait: what it leads to is days away. Most of what is written is not about cases,
/// and a busy ledger is not to be asked about each append.
const NEWS: Duration = Duration::from_secs(1);

/// How the process works.
#[derive(Debug, Clone, Copy)]
pub struct VerificationSettings {
    /// How long an owner has to be verified again before what was granted ends.
    pub reverification: Duration,
    /// How long an owner has for another try at least, where a provider rejects them: it says nothing of
    /// that, and the case's own time may have passed while it was working.
    pub retry: Duration,
}

impl Default for VerificationSettings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        Self {
            reverification: days(30),
            retry: days(30),
        }
    }
}

/// The process of verification cases; cheap to clone.
#[derive(Debug, Clone)]
pub struct Verification {
    executors: Executors,
    log: LogReader,
    pool: PgPool,
    settings: VerificationSettings,
}

impl Verification {
    /// A process over all ledgers of a database.
    #[must_use]
    pub fn new(pool: PgPool, executors: Executors, settings: VerificationSettings) -> Self {
        Self {
            executors,
            log: LogReader::new(pool.clone()),
            pool,
            settings,
        }
    }

    /// When a case is to be looked at after an event; never, where its time did not change.
    fn looked_at(&self, event: &CaseEvent, recorded_at: Timestamp) -> Option<DateTime<Utc>> {
        let at_least = |period| recorded_at.as_datetime() + delta(period);
        match event {
            CaseEvent::CaseOpened { expires_at, .. }
            | CaseEvent::ReverificationDue { expires_at, .. } => {
                expires_at.map(Timestamp::as_datetime)
            }
            CaseEvent::DocumentsRequested { expires_at, .. }
            | CaseEvent::CaseRejected {
                retry: Retry::Allowed,
                expires_at,
                ..
            } => Some(
                expires_at.map_or_else(|| at_least(self.settings.retry), Timestamp::as_datetime),
            ),
            CaseEvent::CaseApproved { reverify_at, .. } => reverify_at.map(Timestamp::as_datetime),
            CaseEvent::DocumentReceived { .. }
            | CaseEvent::DocumentRemoved { .. }
            | CaseEvent::CaseSubmitted { .. }
            | CaseEvent::FindingNoted { .. }
            | CaseEvent::CaseReviewStarted { .. }
            | CaseEvent::CaseRejected {
                retry: Retry::Final,
                ..
            }
            | CaseEvent::CaseExpired { .. }
            | CaseEvent::CaseReset { .. } => None,
        }
    }

    async fn look_at(&self, ledger: LedgerName, case: CaseId) -> Result<(), JobError> {
        let state = self.state(ledger, case).await?;
        let Some((open, status)) = state.open() else {
            return Ok(());
        };
        let Some(due_at) = open.due_at.map(Timestamp::as_datetime) else {
            return Ok(());
        };
        let now = Utc::now();
        if due_at > now {
            // It has got another time meanwhile; or this node's clock is behind the database's.
            return self.look_again(ledger, case, due_at).await;
        }
        let action = match status {
            CaseStatus::Approved => CaseAction::RequireReverification {
                cause: ReverificationCause::Scheduled,
                expires_at: Timestamp::try_new(now + delta(self.settings.reverification)).ok(),
                reasons: Vec::new(),
            },
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::RetryAllowed
            | CaseStatus::ReverificationDue => CaseAction::Expire,
            CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::Rejected
            | CaseStatus::Expired => return Ok(()),
        };
        self.submit(ledger, case, action).await
    }

    async fn state(&self, ledger: LedgerName, case: CaseId) -> Result<VerificationCase, JobError> {
        let filter = EventFilter {
            aggregate_type: Some(AggregateType::VerificationCase),
            aggregate_id: Some(case.to_string()),
            ..EventFilter::default()
        };
        let read = self
            .log
            .read_filtered(ledger, &filter, Position::START, MOST_EVENTS);
        let mut state = VerificationCase::default();
        for stored in read.await? {
            if let Event::VerificationCase(event) = stored.decode()?.event {
                let next = state.evolve(&event);
                state = next.map_err(|error| JobError::Failed(error.to_string()))?;
            }
        }
        Ok(state)
    }

    async fn look_again(
        &self,
        ledger: LedgerName,
        case: CaseId,
        at: DateTime<Utc>,
    ) -> Result<(), JobError> {
        let job = NewJob {
            key: format!("case/{ledger}/{case}/{}", at.timestamp_micros()),
            job: Job::LookAtCase { ledger, case },
            run_at: at,
        };
        let mut connection = self.pool.acquire().await?;
        Ok(insert_jobs_in_tx(&mut connection, &[job]).await?)
    }

    async fn submit(
        &self,
        ledger: LedgerName,
        case: CaseId,
        action: CaseAction,
    ) -> Result<(), JobError> {
        let submission = Submission {
            commands: vec![Command::VerificationCase {
                case,
                action: Box::new(action),
            }],
            atomicity: Atomicity::AllOrNothing,
            // Done twice it says nothing new.
            idempotency: None,
            metadata: EventMetadata {
                command_id: Uuid::now_v7(),
                actor: Some(ACTOR.to_owned()),
                correlation_id: None,
                causation_id: None,
                idempotency: None,
            },
        };
        let outcome = self.executors.submit(ledger, submission).await?;
        match outcome.commands.first() {
            Some(CommandOutcome::Refused(refusal)) => refused(refusal),
            Some(CommandOutcome::Applied(_) | CommandOutcome::NotApplied) | None => Ok(()),
        }
    }
}

/// A case that has moved on in between is left alone; one whose time has not come by the executor's clock is
/// tried again.
fn refused(refusal: &Refusal) -> Result<(), JobError> {
    if refusal.transient {
        return Err(JobError::Failed(refusal.code.clone()));
    }
    Ok(())
}

fn delta(period: Duration) -> TimeDelta {
    TimeDelta::from_std(period).unwrap_or(TimeDelta::days(30))
}

impl From<SubmitError> for JobError {
    fn from(error: SubmitError) -> Self {
        Self::Failed(ErrorChain(&error).to_string())
    }
}

impl ProcessManager for Verification {
    fn name(&self) -> &'static str {
        "verification"
    }

    fn listens_to(&self) -> &'static [AggregateType] {
        &[AggregateType::VerificationCase]
    }

    fn follows(&self, _ledger: LedgerName) -> bool {
        true
    }

    fn patience(&self) -> Duration {
        NEWS
    }

    fn react(&self, ledger: LedgerName, recorded: &RecordedEvent) -> Reaction {
        let (Stream::VerificationCase(case), Event::VerificationCase(event)) =
            (recorded.stream, &recorded.event)
        else {
            return Reaction::default();
        };
        let looked_at = self.looked_at(event, recorded.recorded_at);
        let jobs = looked_at.map(|run_at| {
            let job = Job::LookAtCase { ledger, case };
            NewJob {
                run_at,
                ..NewJob::now(job.task().to_owned(), job)
            }
        });
        Reaction {
            jobs: jobs.into_iter().collect(),
            links: Vec::new(),
        }
    }
}

#[async_trait]
impl JobHands for Verification {
    fn does(&self, task: &str) -> bool {
        TASKS.contains(&task)
    }

    fn waits_for_others(&self) -> bool {
        false
    }

    async fn carry_out(&self, job: Job, _attempt: JobAttempt) -> Result<(), JobError> {
        match job {
            Job::LookAtCase { ledger, case } => self.look_at(ledger, case).await,
            other => Err(other.is_nobodys()),
        }
    }
}

/// The kinds of jobs that the process does.
pub(crate) const TASKS: [&str; 1] = ["look_at_case"];
