//! Doing jobs on one node.
//!
//! The library's worker ends at the first call to PostgreSQL that fails, and cannot be started again. So
//! there is another one after each, until the node ends.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use event_store::ErrorChain;
use graphile_worker::{
    IntoTaskHandlerResult, TaskHandler, Worker, WorkerBuildError, WorkerContext, WorkerOptions,
    WorkerRecoveryConfig,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Job, JobAttempt, JobError, JobHands, NewJob, driver, insert_jobs_in_tx};
use crate::work_status::{PartStatus, WorkStatus};

/// Jobs done at a time on one node at most. They wait for providers most of the time.
const AT_A_TIME: u32 = 16;

/// The same, where no job waits for anybody: each of them looks for work all the time.
const AT_A_TIME_AT_HOME: usize = 2;

/// Connections of the pool that jobs leave to everything else. All jobs look for the next one at once:
/// with more of them than connections, some would wait for one longer than the pool lets them.
const LEFT_CONNECTIONS: u32 = 4;

/// How often what is due is looked for; new jobs are told at once. Also the pause before another worker.
const INTERVAL: Duration = Duration::from_millis(500);

/// For how long jobs may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// When a job is tried again whose provider has enough to do.
const BUSY_PAUSE: TimeDelta = TimeDelta::seconds(2);

/// The key of the lock under which one node at a time makes the queue's tables.
const MIGRATING: i64 = 0x6461_7962_6f6f_6b21;

/// The name of this part of a node's work.
const PART: &str = "jobs";

/// Why jobs cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum JobWorkerError {
    /// PostgreSQL failed.
    #[error("the job queue cannot be prepared")]
    Database(#[from] sqlx::Error),
    /// The library cannot start.
    #[error("the job queue cannot be started")]
    Build(#[from] WorkerBuildError),
}

/// Makes the queue's tables, or brings them up to date. Needed before jobs are put in.
///
/// # Errors
/// [`JobWorkerError`].
pub async fn prepare(pool: &PgPool) -> Result<(), JobWorkerError> {
    // The lock ends with the transaction, which otherwise does nothing.
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATING)
        .execute(&mut *tx)
        .await?;
    WorkerOptions::default()
        .database(driver::database(pool.clone()))
        .listen_os_shutdown_signals(false)
        .init()
        .await?;
    tx.commit().await?;
    Ok(())
}

/// How many jobs a node with this pool does at a time.
pub(crate) fn at_a_time(pool: &PgPool) -> usize {
    let connections = pool.options().get_max_connections();
    let jobs = connections
        .saturating_sub(LEFT_CONNECTIONS)
        .clamp(1, AT_A_TIME);
    usize::try_from(jobs).unwrap_or(1)
}

/// A worker of this node.
#[derive(Debug)]
pub struct JobWorker {
    task: JoinHandle<()>,
}

impl JobWorker {
    /// Starts doing jobs, until `shutdown` is cancelled; `status` says whether they are done.
    ///
    /// # Errors
    /// [`JobWorkerError`].
    pub async fn start(
        pool: PgPool,
        hands: Arc<dyn JobHands>,
        status: WorkStatus,
        shutdown: CancellationToken,
    ) -> Result<Self, JobWorkerError> {
        let workers = Workers {
            pool,
            hands,
            status,
            shutdown,
        };
        let first = workers.next().await?;
        Ok(Self {
            task: tokio::spawn(workers.run(first)),
        })
    }

    /// Waits until the jobs under way have ended.
    pub async fn stopped(self) {
        drop(self.task.await);
    }
}

/// One worker after the other.
struct Workers {
    pool: PgPool,
    hands: Arc<dyn JobHands>,
    status: WorkStatus,
    shutdown: CancellationToken,
}

impl Workers {
    async fn next(&self) -> Result<Worker, WorkerBuildError> {
        let recovery = WorkerRecoveryConfig::default()
            .heartbeat_interval(Duration::from_secs(5))
            .sweep_interval(Duration::from_secs(10))
            .sweep_threshold(Duration::from_secs(30))
            .recovery_delay(Duration::ZERO);
        let options = WorkerOptions::default()
            .database(driver::database(self.pool.clone()))
            .concurrency(self.at_a_time())
            .poll_interval(INTERVAL)
            .worker_recovery(recovery)
            .listen_os_shutdown_signals(false)
            .shutdown_signal(self.shutdown.clone().cancelled_owned())
            .shutdown_grace_period(GRACE)
            .add_extension(Hands {
                hands: Arc::clone(&self.hands),
                pool: self.pool.clone(),
            });
        define(options, &*self.hands).init().await
    }

    fn at_a_time(&self) -> usize {
        let most = at_a_time(&self.pool);
        if self.hands.waits_for_others() {
            most
        } else {
            most.min(AT_A_TIME_AT_HOME)
        }
    }

    async fn run(self, first: Worker) {
        let mut next = Ok(first);
        while !self.shutdown.is_cancelled() {
            let why = match next {
                Ok(worker) => {
                    self.tell(None);
                    match worker.run().await {
                        Ok(()) => "it ended by itself".to_owned(),
                        Err(error) => ErrorChain(&error).to_string(),
                    }
                }
                Err(error) => ErrorChain(&error).to_string(),
            };
            if self.shutdown.is_cancelled() {
                return;
            }
            tracing::warn!(error = why, "jobs cannot be done for now");
            self.tell(Some(why));
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            next = self.next().await;
        }
    }

    fn tell(&self, failure: Option<String>) {
        let up = if failure.is_none() { 1.0 } else { 0.0 };
        metrics::gauge!("daybook_job_worker_up").set(up);
        let status = PartStatus {
            failure,
            lag_positions: None,
        };
        self.status.tell(PART, status);
    }
}

#[derive(Debug, Clone)]
struct Hands {
    hands: Arc<dyn JobHands>,
    pool: PgPool,
}

macro_rules! tasks {
    ($($name:ident = $identifier:literal),+ $(,)?) => {
        $(
            #[derive(Serialize, Deserialize)]
            #[serde(transparent)]
            struct $name(Job);

            impl TaskHandler for $name {
                const IDENTIFIER: &'static str = $identifier;

                async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
                    carry_out(self.0, &context).await
                }
            }
        )+

        /// Has a worker do every kind of job that its hands do.
        fn define(mut options: WorkerOptions, hands: &dyn JobHands) -> WorkerOptions {
            $(if hands.does($identifier) {
                options = options.define_job::<$name>();
            })+
            options
        }

        #[cfg(test)]
        pub(super) const DEFINED: &[&str] = &[$($identifier),+];
    };
}

tasks!(
    OpenCheckout = "open_checkout",
    WatchPayment = "watch_payment",
    CapturePayment = "capture_payment",
    ExpirePayment = "expire_payment",
    ExecuteRefund = "execute_refund",
    WatchRefund = "watch_refund",
    SubmitPayout = "submit_payout",
    WatchPayout = "watch_payout",
    FetchSettlements = "fetch_settlements",
    ConfirmWebhook = "confirm_webhook",
    LookAtCase = "look_at_case",
    OpenCheck = "open_check",
    WatchCheck = "watch_check",
    ConfirmCheckWebhook = "confirm_check_webhook",
    AdvanceOnboarding = "advance_onboarding",
    FollowCase = "follow_case",
    RemindOwner = "remind_owner",
    SweepDocuments = "sweep_documents",
    EndDocumentRetention = "end_document_retention",
    BuildFork = "build_fork",
);

async fn carry_out(job: Job, context: &WorkerContext) -> Result<(), JobError> {
    let Some(Hands { hands, pool }) = context.get_ext::<Hands>() else {
        return Err(JobError::Failed("nobody does jobs here".to_owned()));
    };
    let number = i32::from(*context.job().attempts());
    let attempt = JobAttempt {
        number,
        is_last: number >= i32::from(*context.job().max_attempts()),
    };
    let task = job.task();
    let mut outcome = hands.carry_out(job.clone(), attempt).await;
    let is_busy = matches!(outcome, Err(JobError::Busy(_)));
    if is_busy {
        outcome = put_back(pool, job).await;
    }
    let word = match &outcome {
        Ok(()) if is_busy => "put_back",
        Ok(()) => "done",
        Err(_) if attempt.is_last => "dead",
        Err(_) => "failed",
    };
    metrics::counter!("daybook_jobs_total", "task" => task, "outcome" => word).increment(1);
    if let Err(error) = &outcome {
        let id = context.job().id();
        if attempt.is_last {
            tracing::error!(job.id = id, task, %error, "a job is given up: retry or discard it");
        } else {
            tracing::warn!(job.id = id, task, %error, "a job failed and is tried again");
        }
    }
    outcome
}

/// Puts the job in again under a new name, so that this one is done. Dying in between leaves both, and
/// every job may be done twice.
async fn put_back(pool: &PgPool, job: Job) -> Result<(), JobError> {
    let new = NewJob {
        key: format!("again/{}", Uuid::now_v7()),
        job,
        run_at: Utc::now() + BUSY_PAUSE,
    };
    let mut connection = pool.acquire().await?;
    Ok(insert_jobs_in_tx(&mut connection, &[new]).await?)
}

#[cfg(test)]
mod tests {
    use ledger_core::{CaseId, LedgerName, OwnerKey, PaymentId, PayoutId, Position, RefundId};
    use uuid::Uuid;

    use super::{DEFINED, Job};

    /// One of every kind; another kind does not compile until it has a place here.
    fn kinds() -> Vec<Job> {
        let ledger: LedgerName = "main".parse().unwrap();
        let payment = PaymentId::new(Uuid::nil());
        let payout = PayoutId::new(Uuid::nil());
        let refund = RefundId::new(Uuid::nil());
        let mut kinds = Vec::new();
        let mut next = Some(Job::OpenCheckout { ledger, payment });
        while let Some(job) = next {
            next = match &job {
                Job::OpenCheckout { .. } => Some(Job::WatchPayment {
                    ledger,
                    payment,
                    round: 0,
                }),
                Job::WatchPayment { .. } => Some(Job::CapturePayment { ledger, payment }),
                Job::CapturePayment { .. } => Some(Job::ExpirePayment { ledger, payment }),
                Job::ExpirePayment { .. } => Some(Job::ExecuteRefund {
                    ledger,
                    payment,
                    refund,
                }),
                Job::ExecuteRefund { .. } => Some(Job::WatchRefund {
                    ledger,
                    payment,
                    refund,
                    round: 0,
                }),
                Job::WatchRefund { .. } => Some(Job::SubmitPayout { ledger, payout }),
                Job::SubmitPayout { .. } => Some(Job::WatchPayout {
                    ledger,
                    payout,
                    round: 0,
                }),
                Job::WatchPayout { .. } => Some(Job::FetchSettlements {
                    ledger,
                    provider: "stripe".parse().unwrap(),
                    day: chrono::NaiveDate::MIN,
                }),
                Job::FetchSettlements { .. } => Some(Job::ConfirmWebhook {
                    webhook: Uuid::nil(),
                }),
                Job::ConfirmWebhook { .. } => Some(Job::LookAtCase {
                    ledger,
                    case: CaseId::new(Uuid::nil()),
                }),
                Job::LookAtCase { .. } => Some(Job::OpenCheck {
                    ledger,
                    case: CaseId::new(Uuid::nil()),
                    provider: "sumsub".parse().unwrap(),
                    submission: Position::START,
                }),
                Job::OpenCheck { .. } => Some(Job::WatchCheck {
                    check: Uuid::nil(),
                    round: 0,
                }),
                Job::WatchCheck { .. } => Some(Job::ConfirmCheckWebhook {
                    webhook: Uuid::nil(),
                }),
                Job::ConfirmCheckWebhook { .. } => Some(Job::AdvanceOnboarding {
                    ledger,
                    owner: OwnerKey::new(Uuid::nil()),
                }),
                Job::AdvanceOnboarding { owner, .. } => Some(Job::FollowCase {
                    ledger,
                    case: CaseId::new(owner.as_uuid()),
                }),
                Job::FollowCase { case, .. } => Some(Job::RemindOwner {
                    ledger,
                    owner: OwnerKey::new(case.as_uuid()),
                    wait: 1,
                    number: 1,
                }),
                Job::RemindOwner { .. } => Some(Job::SweepDocuments),
                Job::SweepDocuments => Some(Job::EndDocumentRetention),
                Job::EndDocumentRetention => Some(Job::BuildFork { ledger }),
                Job::BuildFork { .. } => None,
            };
            kinds.push(job);
        }
        kinds
    }

    #[test]
    fn every_kind_of_job_has_somebody_who_does_it_and_only_one() {
        let done: Vec<&str> = [
            &crate::payments::TASKS[..],
            &crate::verification::TASKS,
            &crate::identity_checks::TASKS,
            &crate::onboarding::TASKS,
            &crate::documents::TASKS,
            &crate::forks::TASKS,
        ]
        .concat();
        for task in DEFINED {
            let who = done.iter().filter(|known| *known == task);
            assert_eq!(who.count(), 1, "{task}");
        }
        assert_eq!(done.len(), DEFINED.len());
    }

    #[test]
    fn every_kind_of_job_is_done_under_its_name() {
        let names: Vec<&str> = kinds().iter().map(Job::task).collect();
        assert_eq!(names, DEFINED);
        for job in kinds() {
            // The queue's name is the payload's, too: operators see both.
            let payload = serde_json::to_value(&job).unwrap();
            assert_eq!(payload["job"], job.task());
        }
    }
}
