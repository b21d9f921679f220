//! News of people, on their way into the queue.
//!
//! They are taken out in the database transaction that puts in the jobs they lead to, so that a crash loses
//! none. Nodes that look at the same time take different ones.

use std::sync::Arc;
use std::time::Duration;

use event_store::{ErrorChain, LogError, LogReader};
use ledger_core::Stream;
use sqlx::postgres::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::people::{OnboardingPeople, PersonFault};
use crate::jobs::{Job, NewJob, insert_jobs_in_tx};
use crate::work_status::{PartStatus, WorkStatus};

/// How often it is looked for news: whoever has just verified an address is looking on.
const INTERVAL: Duration = Duration::from_millis(500);

/// The name of this part of a node's work.
const PART: &str = "onboarding.news";

/// Why news cannot be taken.
#[derive(Debug, thiserror::Error)]
enum NewsError {
    /// PostgreSQL failed.
    #[error("the news of people cannot be read")]
    Database(#[from] sqlx::Error),
    /// The log cannot be read.
    #[error("the ledgers of an owner cannot be found")]
    Log(#[from] LogError),
    /// People cannot be asked about.
    #[error(transparent)]
    People(#[from] PersonFault),
}

/// Takes news on one node.
#[derive(Debug)]
pub struct OnboardingNews {
    pool: PgPool,
    log: LogReader,
    people: Arc<dyn OnboardingPeople>,
    status: WorkStatus,
}

impl OnboardingNews {
    /// Taking news in this database; [`OnboardingNews::run`] starts it, `status` says how it goes.
    #[must_use]
    pub fn new(pool: PgPool, people: Arc<dyn OnboardingPeople>, status: WorkStatus) -> Self {
        Self {
            log: LogReader::new(pool.clone()),
            pool,
            people,
            status,
        }
    }

    /// Runs until `shutdown` is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut was_failing = false;
        loop {
            let failure = match self.take().await {
                Ok(()) => None,
                Err(error) => Some(ErrorChain(&error).to_string()),
            };
            if let (Some(error), false) = (&failure, was_failing) {
                tracing::warn!(error, "news of people cannot be taken for now");
            }
            was_failing = failure.is_some();
            let status = PartStatus {
                failure,
                lag_positions: None,
            };
            self.status.tell(PART, status);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Takes all that is there.
    async fn take(&self) -> Result<(), NewsError> {
        loop {
            let mut tx = self.pool.begin().await?;
            let owners = self.people.take_news_in_tx(&mut tx).await?;
            if owners.is_empty() {
                return Ok(());
            }
            let mut jobs = Vec::new();
            for owner in owners {
                let owner = owner.key();
                // An onboarding that is begun after this reads what the news are about by itself.
                for ledger in self.log.ledgers_with(&Stream::Onboarding(owner)).await? {
                    let key = format!("onboarding/news/{}", Uuid::now_v7());
                    jobs.push(NewJob::now(key, Job::AdvanceOnboarding { ledger, owner }));
                }
            }
            insert_jobs_in_tx(&mut tx, &jobs).await?;
            tx.commit().await?;
        }
    }
}
