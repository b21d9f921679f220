//! The process of identity checks: cases that are handed to a provider are asked of it, and what it says comes
//! back as observations.
//!
//! | event | job |
//! |---|---|
//! | `CaseSubmitted` by somebody of ours | open a check at each provider that it names |
//!
//! An open check is asked about by a job of its own, less and less often, until there is a verdict: webhooks
//! may never come. **Nobody's webhook decides anything.** None of the providers signs when a webhook was
//! sent, so that a genuine approval of last year verifies today: every webhook leads to a job that asks the
//! provider what is true now, and that is observed.
//!
//! **A check is one asking**: one case, one provider, one event that handed it over. Its id is made of these
//! and is our reference at the provider; it is written down before the provider is asked. So whoever goes on
//! after a crash asks under the same name, and finds what is there. A case that is handed over anew, after a
//! reset or for another try, gets another check, and what is said of the one before is of no concern.
//!
//! **Nobody waits for ever.** When a provider cannot be asked, will not have it, withdraws it, fails or says
//! nothing for too long, the case goes to staff, with a code that says why.

mod confirming;
mod desk;
mod hearing;
mod history;
mod opening;
mod people;
mod stored;
mod translation;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use connectors::identity_providers::{IdentityProvider, IdentityProviderError};
use event_store::LogReader;
use event_store::executor::{Atomicity, CommandOutcome, Executors, IdempotencyKey, Submission};
use ledger_core::event::{EventMetadata, RecordedEvent};
use ledger_core::verification::{CaseAction, CaseEvent, CaseSource};
use ledger_core::{
    ActorId, AggregateType, CaseId, Command, Event, LedgerName, ProviderName, Stream,
};
use sqlx::postgres::PgPool;
use url::Url;
use uuid::Uuid;

use crate::identity_accounts::{IdentityAccount, IdentityAccounts};
use crate::jobs::{Job, JobAttempt, JobError, JobHands, NewJob, at_a_time, insert_jobs_in_tx};
use crate::observer::Heard;
use crate::process::{ProcessManager, Reaction};
use crate::turns::{Turn, Turns};
use crate::webhooks::Sealing;
use people::People;
use stored::Checks;

pub use desk::{
    CheckDesk, CheckEntry, DeskFault, EntryText, NoteFault, PersonFacts, SubmissionFault,
};

/// Who gives the commands that no provider's word leads to.
const ACTOR: &str = "system:verification";

/// The longest pause between two questions about one thing.
const LONGEST_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

/// After so many tries of a job the case goes to staff, or the webhook to an operator: over 29 minutes
/// (e + e² + … + e⁷ seconds).
const TRIES: i32 = 8;

/// The kinds of jobs that the process does.
pub(crate) const TASKS: [&str; 3] = ["open_check", "watch_check", "confirm_check_webhook"];

/// How the process works.
#[derive(Debug, Clone)]
pub struct IdentityChecksSettings {
    /// Where browsers go afterwards, where nobody said so.
    pub public_url: Url,
    /// How often the same thing is asked at most, instead of what the provider tolerates; for simulators.
    pub polling: Option<Duration>,
}

/// The process of identity checks; cheap to clone.
#[derive(Debug, Clone)]
pub struct IdentityChecks {
    accounts: IdentityAccounts,
    executors: Executors,
    log: LogReader,
    checks: Checks,
    people: People,
    sealing: Arc<dyn Sealing>,
    settings: IdentityChecksSettings,
    turns: Turns,
}

impl IdentityChecks {
    /// A process over `accounts`, in this database.
    #[must_use]
    pub fn new(
        accounts: IdentityAccounts,
        pool: PgPool,
        executors: Executors,
        sealing: Arc<dyn Sealing>,
        settings: IdentityChecksSettings,
    ) -> Self {
        Self {
            log: LogReader::new(pool.clone()),
            turns: Turns::new(&accounts, at_a_time(&pool)),
            people: People::new(pool.clone(), Arc::clone(&sealing)),
            checks: Checks::new(pool, Arc::clone(&sealing)),
            accounts,
            executors,
            sealing,
            settings,
        }
    }

    const fn pool(&self) -> &PgPool {
        self.checks.pool()
    }

    /// A turn at a ledger's account. That there is none is said by the configuration of this node, and
    /// another may have a newer one.
    fn account(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
    ) -> Result<Turn<'_, IdentityAccount>, JobError> {
        let missing =
            || JobError::Failed(format!("the ledger {ledger} has no account at {provider}"));
        let account = self.accounts.of(ledger, provider).ok_or_else(missing)?;
        self.turns.take(provider, account)
    }

    /// How long to wait before the same thing is asked again.
    fn interval(&self, provider: &dyn IdentityProvider, round: u32) -> Duration {
        let least = provider.capabilities().least_polling_interval;
        let first = self.settings.polling.unwrap_or(least);
        first
            .saturating_mul(1 << round.min(10))
            .min(LONGEST_INTERVAL)
    }

    async fn put_in(&self, key: String, job: Job, after: Duration) -> Result<(), JobError> {
        let wait = TimeDelta::from_std(after).unwrap_or_default();
        let new = NewJob {
            key,
            job,
            run_at: Utc::now() + wait,
        };
        let mut connection = self.pool().acquire().await?;
        Ok(insert_jobs_in_tx(&mut connection, &[new]).await?)
    }

    /// Hands something about a case over.
    async fn submit(
        &self,
        ledger: LedgerName,
        case: CaseId,
        action: CaseAction,
        cause: Cause,
    ) -> Result<Heard, JobError> {
        let submission = Submission {
            commands: vec![Command::VerificationCase {
                case,
                action: Box::new(action),
            }],
            atomicity: Atomicity::AllOrNothing,
            idempotency: cause.key,
            metadata: EventMetadata {
                command_id: Uuid::now_v7(),
                actor: Some(ACTOR.to_owned()),
                correlation_id: None,
                causation_id: cause.webhook.map(|webhook| webhook.to_string()),
                idempotency: None,
            },
        };
        let outcome = self.executors.submit(ledger, submission).await?;
        Ok(match outcome.commands.first() {
            Some(CommandOutcome::Refused(refusal)) if refusal.transient => {
                Heard::NotYet(refusal.code.clone())
            }
            Some(CommandOutcome::Refused(refusal)) => Heard::Impossible(refusal.code.clone()),
            Some(CommandOutcome::Applied(applied)) => Heard::Applied(applied.position),
            Some(CommandOutcome::NotApplied) | None => Heard::Applied(outcome.position),
        })
    }

    /// Has our own people look at a case, for a reason in a code. One that has moved on is left alone.
    async fn hand_to_staff(
        &self,
        ledger: LedgerName,
        case: CaseId,
        reason: &str,
    ) -> Result<Heard, JobError> {
        let action = CaseAction::StartReview {
            reasons: reason.parse().into_iter().collect(),
            by: actor()?,
        };
        // Done twice it says nothing new.
        match self.submit(ledger, case, action, Cause::default()).await? {
            Heard::Impossible(code) => {
                tracing::info!(%ledger, case.id = %case, reason, code, "a case has moved on before it went to staff");
                Ok(Heard::OfNoConcern)
            }
            other => Ok(other),
        }
    }
}

/// What led to a command.
#[derive(Debug, Default)]
struct Cause {
    /// What tells it from others, where doing it twice would say something new.
    key: Option<IdempotencyKey>,
    /// The webhook.
    webhook: Option<Uuid>,
}

fn actor() -> Result<ActorId, JobError> {
    ACTOR
        .parse()
        .map_err(|_| JobError::Failed("the process has no name".to_owned()))
}

/// A provider's failure for logs and operators, without its own words.
fn told(error: &IdentityProviderError) -> String {
    error.code().to_owned()
}

impl ProcessManager for IdentityChecks {
    fn name(&self) -> &'static str {
        "identity_checks"
    }

    fn listens_to(&self) -> &'static [AggregateType] {
        &[AggregateType::VerificationCase]
    }

    fn follows(&self, ledger: LedgerName) -> bool {
        !self.accounts.of_ledger(ledger).is_empty()
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn react(&self, ledger: LedgerName, recorded: &RecordedEvent) -> Reaction {
        let (Stream::VerificationCase(case), Event::VerificationCase(event)) =
            (recorded.stream, &recorded.event)
        else {
            return Reaction::default();
        };
        let CaseEvent::CaseSubmitted {
            providers,
            source: CaseSource::Actor(_),
        } = &**event
        else {
            return Reaction::default();
        };
        let open = |provider: &ProviderName| {
            let job = Job::OpenCheck {
                ledger,
                case,
                provider: *provider,
                submission: recorded.position,
            };
            NewJob::now(format!("open_check/{provider}"), job)
        };
        Reaction {
            jobs: providers.iter().map(open).collect(),
            links: Vec::new(),
        }
    }
}

#[async_trait]
impl JobHands for IdentityChecks {
    fn does(&self, task: &str) -> bool {
        TASKS.contains(&task)
    }

    fn waits_for_others(&self) -> bool {
        true
    }

    async fn carry_out(&self, job: Job, attempt: JobAttempt) -> Result<(), JobError> {
        match job {
            Job::OpenCheck {
                ledger,
                case,
                provider,
                submission,
            } => {
                let wanted = opening::Wanted {
                    ledger,
                    case,
                    provider,
                    submission,
                };
                self.open_check(wanted, attempt).await
            }
            Job::WatchCheck { check, round } => self.watch_check(check, round).await,
            Job::ConfirmCheckWebhook { webhook } => self.confirm_webhook(webhook, attempt).await,
            other => Err(other.is_nobodys()),
        }
    }
}
