//! Doing jobs on one node.

use std::sync::Arc;
use std::time::Duration;

use event_store::ErrorChain;
use graphile_worker::{
    IntoTaskHandlerResult, TaskHandler, WorkerBuildError, WorkerContext, WorkerOptions,
    WorkerRecoveryConfig,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Job, JobAttempt, JobError, JobHands, driver};

/// Jobs done at a time on one node. They wait for providers most of the time.
const AT_A_TIME: usize = 16;

/// How often what is due is looked for; new jobs are told at once.
const INTERVAL: Duration = Duration::from_millis(500);

/// For how long jobs may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// The key of the lock under which one node at a time makes the queue's tables.
const MIGRATING: i64 = 0x6461_7962_6f6f_6b21;

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

/// A worker of this node.
#[derive(Debug)]
pub struct JobWorker {
    task: JoinHandle<()>,
}

impl JobWorker {
    /// Starts doing jobs, until `shutdown` is cancelled.
    ///
    /// # Errors
    /// [`JobWorkerError`].
    pub async fn start(
        pool: PgPool,
        hands: Arc<dyn JobHands>,
        shutdown: CancellationToken,
    ) -> Result<Self, JobWorkerError> {
        let recovery = WorkerRecoveryConfig::default()
            .heartbeat_interval(Duration::from_secs(5))
            .sweep_interval(Duration::from_secs(10))
            .sweep_threshold(Duration::from_secs(30))
            .recovery_delay(Duration::ZERO);
        let worker = WorkerOptions::default()
            .database(driver::database(pool))
            .concurrency(AT_A_TIME)
            .poll_interval(INTERVAL)
            .worker_recovery(recovery)
            .listen_os_shutdown_signals(false)
            .shutdown_signal(shutdown.clone().cancelled_owned())
            .shutdown_grace_period(GRACE)
            .add_extension(Hands(hands))
            .define_job::<OpenCheckout>()
            .define_job::<WatchPayment>()
            .define_job::<ExpirePayment>()
            .define_job::<ExecuteRefund>()
            .define_job::<WatchRefund>()
            .define_job::<SubmitPayout>()
            .define_job::<WatchPayout>()
            .define_job::<FetchSettlements>()
            .define_job::<ConfirmWebhook>()
            .init()
            .await?;
        let task = tokio::spawn(async move {
            // The library ends when PostgreSQL goes away; whoever runs on is there when it comes back.
            while !shutdown.is_cancelled() {
                if let Err(error) = worker.run().await {
                    tracing::warn!(error = %ErrorChain(&error), "jobs cannot be done for now");
                    tokio::time::sleep(INTERVAL).await;
                }
            }
        });
        Ok(Self { task })
    }

    /// Waits until the jobs under way have ended.
    pub async fn stopped(self) {
        drop(self.task.await);
    }
}

#[derive(Debug, Clone)]
struct Hands(Arc<dyn JobHands>);

macro_rules! tasks {
    ($($name:ident = $identifier:literal),+ $(,)?) => {$(
        #[derive(Serialize, Deserialize)]
        #[serde(transparent)]
        struct $name(Job);

        impl TaskHandler for $name {
            const IDENTIFIER: &'static str = $identifier;

            async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
                carry_out(self.0, &context).await
            }
        }
    )+};
}

tasks!(
    OpenCheckout = "open_checkout",
    WatchPayment = "watch_payment",
    ExpirePayment = "expire_payment",
    ExecuteRefund = "execute_refund",
    WatchRefund = "watch_refund",
    SubmitPayout = "submit_payout",
    WatchPayout = "watch_payout",
    FetchSettlements = "fetch_settlements",
    ConfirmWebhook = "confirm_webhook",
);

async fn carry_out(job: Job, context: &WorkerContext) -> Result<(), JobError> {
    let Some(Hands(hands)) = context.get_ext::<Hands>() else {
        return Err(JobError("nobody does jobs here".to_owned()));
    };
    let number = i32::from(*context.job().attempts());
    let attempt = JobAttempt {
        number,
        is_last: number >= i32::from(*context.job().max_attempts()),
    };
    let task = job.task();
    let outcome = hands.carry_out(job, attempt).await;
    let word = match &outcome {
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
