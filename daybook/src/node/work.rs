//! What happens by itself on a node with the role `worker`, beside the ledger's own deadlines.

use std::sync::Arc;

use event_store::LogSignal;
use event_store::executor::Executors;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use workflows::WorkStatus;
use workflows::documents::DocumentKeeper;
use workflows::forks::Forks;
use workflows::identity_checks::IdentityChecks;
use workflows::jobs::{AllHands, JobHands, JobWorker, JobWorkerError};
use workflows::observer::Observer;
use workflows::onboarding::news::OnboardingNews;
use workflows::onboarding::{OnboardingPeople, OnboardingProcess};
use workflows::process::{ProcessManager, ProcessRunner};
use workflows::retention::{Retention, RetentionSettings};
use workflows::verification::Verification;
use workflows::webhooks::{WebhookProcessor, Webhooks};

use super::payments::PaymentWork;

/// Processes and the jobs they lead to.
pub(super) struct Work {
    /// That of payments, where there are accounts at payment providers, and where these reach us.
    pub(super) payments: Option<(PaymentWork, Url)>,
    /// That of identity checks, where there are accounts at identity providers.
    pub(super) checks: Option<IdentityChecks>,
    /// That of verification cases.
    pub(super) verification: Verification,
    /// What providers of either kind tell us.
    pub(super) webhooks: Webhooks,
    pub(super) retention: RetentionSettings,
    pub(super) executors: Executors,
    /// That of onboardings, and whom it is about.
    pub(super) onboarding: OnboardingProcess,
    pub(super) people: Arc<dyn OnboardingPeople>,
    /// What becomes of documents.
    pub(super) documents: DocumentKeeper,
    pub(super) pool: PgPool,
    pub(super) signal: LogSignal,
    pub(super) status: WorkStatus,
}

impl Work {
    /// Starts it all, until `shutdown` is cancelled.
    pub(super) async fn start(
        mut self,
        shutdown: &CancellationToken,
    ) -> Result<Vec<JoinHandle<()>>, JobWorkerError> {
        let (mut hands, mut tasks): (Vec<Arc<dyn JobHands>>, Vec<_>) = (Vec::new(), Vec::new());
        let checks = self.checks.take();
        if self.payments.is_some() || checks.is_some() {
            let observer = Observer::new(self.pool.clone(), self.executors.clone());
            let processor = WebhookProcessor::new(&self.webhooks, observer);
            let retention = Retention::new(self.pool.clone(), self.retention);
            tasks.push(tokio::spawn(processor.run(shutdown.clone())));
            tasks.push(tokio::spawn(retention.run(shutdown.clone())));
        }
        if let Some((payments, public_url)) = self.payments.take() {
            let (own, started) = payments.start(public_url, shutdown).await?;
            hands.push(own);
            tasks.push(started);
        }
        if let Some(checks) = checks {
            hands.push(Arc::new(checks.clone()));
            tasks.push(self.follow(Arc::new(checks), shutdown));
        }
        hands.push(Arc::new(self.verification.clone()));
        tasks.push(self.follow(Arc::new(self.verification.clone()), shutdown));
        hands.push(Arc::new(self.onboarding.clone()));
        tasks.push(self.follow(Arc::new(self.onboarding.clone()), shutdown));
        let news = OnboardingNews::new(self.pool.clone(), self.people.clone(), self.status.clone());
        tasks.push(tokio::spawn(news.run(shutdown.clone())));
        hands.push(Arc::new(Forks::new(self.pool.clone())));
        self.documents.begin().await?;
        hands.push(Arc::new(self.documents));
        let hands = Arc::new(AllHands::new(hands));
        let jobs = JobWorker::start(self.pool, hands, self.status, shutdown.clone()).await?;
        tasks.push(tokio::spawn(jobs.stopped()));
        Ok(tasks)
    }

    fn follow(
        &self,
        manager: Arc<dyn ProcessManager>,
        shutdown: &CancellationToken,
    ) -> JoinHandle<()> {
        let (signal, status) = (self.signal.clone(), self.status.clone());
        let runner = ProcessRunner::new(manager, self.pool.clone(), signal, status);
        tokio::spawn(runner.run(shutdown.clone()))
    }
}
