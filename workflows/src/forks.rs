//! Forks of ledgers are built by a job: by one node at a time, and by another one when it dies.
//!
//! The job is put in by the database transaction that makes the fork, so that none is made and forgotten. It may run
//! twice; the builder goes on where the sandbox is.

use async_trait::async_trait;
use event_store::ErrorChain;
use sandbox::{Builder, ForkError, ForkRequest, Forked, fork_in_tx};
use sqlx::PgPool;

use crate::jobs::{Job, JobAttempt, JobError, JobHands, NewJob, insert_jobs_in_tx};

/// The kind of job.
pub(crate) const TASKS: [&str; 1] = ["build_fork"];

/// Asks for forks, and builds them; cheap to clone.
#[derive(Debug, Clone)]
pub struct Forks {
    pool: PgPool,
    builder: Builder,
}

impl Forks {
    /// The forks of a migrated database.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            builder: Builder::new(pool.clone()),
            pool,
        }
    }

    /// Who builds them.
    #[must_use]
    pub const fn builder(&self) -> &Builder {
        &self.builder
    }

    /// Makes a fork, and the job that builds it; or finds the one that was asked for by the same request.
    ///
    /// # Errors
    /// [`ForkError`].
    pub async fn ask(
        &self,
        request: &ForkRequest,
        created_by: Option<String>,
    ) -> Result<Forked, ForkError> {
        let mut tx = self.pool.begin().await?;
        let forked = fork_in_tx(&mut tx, &self.pool, request, created_by).await?;
        if forked.is_new {
            let ledger = forked.sandbox;
            let job = NewJob::now(format!("fork/{ledger}"), Job::BuildFork { ledger });
            insert_jobs_in_tx(&mut tx, &[job]).await?;
        }
        tx.commit().await?;
        Ok(forked)
    }
}

#[async_trait]
impl JobHands for Forks {
    fn does(&self, task: &str) -> bool {
        TASKS.contains(&task)
    }

    fn waits_for_others(&self) -> bool {
        false
    }

    async fn carry_out(&self, job: Job, _: JobAttempt) -> Result<(), JobError> {
        let Job::BuildFork { ledger } = job else {
            return Err(job.is_nobodys());
        };
        let built = self.builder.build(ledger).await;
        built
            .map(|_| ())
            .map_err(|error| JobError::Failed(ErrorChain(&error).to_string()))
    }
}
