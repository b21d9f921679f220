//! Several processes of one node as one pair of hands.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Job, JobAttempt, JobError, JobHands};

/// Everybody on a node who does jobs; each kind is done by one of them.
#[derive(Debug, Clone)]
pub struct AllHands(Vec<Arc<dyn JobHands>>);

impl AllHands {
    /// These.
    #[must_use]
    pub const fn new(hands: Vec<Arc<dyn JobHands>>) -> Self {
        Self(hands)
    }
}

#[async_trait]
impl JobHands for AllHands {
    fn does(&self, task: &str) -> bool {
        self.0.iter().any(|hands| hands.does(task))
    }

    fn waits_for_others(&self) -> bool {
        self.0.iter().any(|hands| hands.waits_for_others())
    }

    async fn carry_out(&self, job: Job, attempt: JobAttempt) -> Result<(), JobError> {
        match self.0.iter().find(|hands| hands.does(job.task())) {
            Some(hands) => hands.carry_out(job, attempt).await,
            None => Err(job.is_nobodys()),
        }
    }
}
