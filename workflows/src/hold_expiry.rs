//! Ends holds whose time has passed.
//!
//! The holds read model tells which are due; the executor decides. A hold that was captured or
//! voided meanwhile, or expired by another node, is refused with `hold_not_active`, which is fine.
//! Between its time and the recorded expiry a hold still reserves its amount, but can no longer be
//! captured.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_store::executor::{Atomicity, CommandOutcome, Executors, Submission, SubmitError};
use event_store::{ErrorChain, LogSignal};
use ledger_core::event::EventMetadata;
use ledger_core::{Command, HoldId, LedgerName, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often due holds are looked for.
const INTERVAL: Duration = Duration::from_millis(500);

/// The most holds ended by one submission.
const BATCH: i64 = 500;

/// Who gave the commands, as the events say.
const ACTOR: &str = "system:hold-expiry";

/// Where due holds are found.
#[async_trait]
pub trait DueHolds: Send + Sync {
    /// Active holds of a ledger that end at or before a time, earliest first, `limit` at most.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    async fn due_holds(
        &self,
        ledger: LedgerName,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<HoldId>, sqlx::Error>;
}

/// The worker that ends holds in all ledgers.
pub struct HoldExpiry {
    executors: Executors,
    signal: LogSignal,
    due: Arc<dyn DueHolds>,
}

impl HoldExpiry {
    /// A worker; [`HoldExpiry::run`] starts it.
    #[must_use]
    pub fn new(executors: Executors, signal: LogSignal, due: Arc<dyn DueHolds>) -> Self {
        Self {
            executors,
            signal,
            due,
        }
    }

    /// Runs until `shutdown` is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let ledgers = self.signal.ledgers();
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = interval.tick() => {}
            }
            let known: Vec<LedgerName> = ledgers.borrow().clone();
            for ledger in known {
                self.expire_due(ledger).await;
            }
        }
    }

    async fn expire_due(&self, ledger: LedgerName) {
        let Ok(now) = Timestamp::try_new(chrono::Utc::now()) else {
            return;
        };
        match self.due.due_holds(ledger, now, BATCH).await {
            Ok(holds) if holds.is_empty() => {}
            Ok(holds) => self.expire(ledger, holds).await,
            Err(error) => {
                tracing::warn!(%ledger, error = %ErrorChain(&error), "due holds cannot be looked for");
            }
        }
    }

    async fn expire(&self, ledger: LedgerName, holds: Vec<HoldId>) {
        match self.executors.submit(ledger, expire_all(holds)).await {
            Ok(outcome) => {
                let expired = outcome
                    .commands
                    .iter()
                    .filter(|command| matches!(command, CommandOutcome::Applied(_)))
                    .count();
                tracing::info!(%ledger, holds = expired, "holds expired");
            }
            // Tried again at the next tick.
            Err(SubmitError::Stopping) => {}
            Err(error) => {
                tracing::warn!(%ledger, error = %ErrorChain(&error), "due holds could not be ended");
            }
        }
    }
}

fn expire_all(holds: Vec<HoldId>) -> Submission {
    Submission {
        commands: holds
            .into_iter()
            .map(|hold| Command::ExpireHold { hold })
            .collect(),
        atomicity: Atomicity::Independent,
        idempotency: None,
        metadata: EventMetadata {
            command_id: Uuid::now_v7(),
            actor: Some(ACTOR.to_owned()),
            correlation_id: None,
            causation_id: None,
            idempotency: None,
        },
    }
}
