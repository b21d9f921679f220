//! Forgetting what tells of people, when it is needed no longer.
//!
//! * The content of webhooks that are settled: applied, or of no concern. What they led to stays. Parked
//!   ones wait for a person and keep it.
//! * Who pays a deposit, and its page, some time after the page has closed.
//! * People's ways in to identity providers, when they are good no longer, and what was noted of people for
//!   providers that were not asked.
//! * Jobs that were put in again while they ran, and failed: others do their work.
//!
//! Any number of nodes may do it at once.

use std::time::Duration;

use event_store::ErrorChain;
use sqlx::postgres::PgPool;
use tokio_util::sync::CancellationToken;

/// Rows changed by one statement at most, so that none holds up others for long.
const AT_ONCE: i64 = 1_000;

/// Days, as configuration counts.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long an operator can have a dead job tried again that asks an identity provider about somebody.
const PEOPLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// For how long what tells of people is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetentionSettings {
    /// The content of a webhook, after it was settled.
    pub webhooks: Duration,
    /// Who pays a deposit, after its page has closed.
    pub checkouts: Duration,
    /// How often it is looked for what is to be forgotten.
    pub interval: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            webhooks: DAY * 90,
            checkouts: DAY * 30,
            interval: Duration::from_secs(60 * 60),
        }
    }
}

/// Forgets on one node.
#[derive(Debug)]
pub struct Retention {
    pool: PgPool,
    settings: RetentionSettings,
}

/// Those that came after the time cannot have been settled before it: the index leaves them out.
const FORGET_WEBHOOKS: &str = "WITH forgotten AS ( \
    UPDATE workflows.webhook SET headers = NULL, body = NULL WHERE id IN ( \
        SELECT webhook.id FROM workflows.webhook \
        JOIN workflows.webhook_state AS state ON state.webhook_id = webhook.id \
        WHERE webhook.body IS NOT NULL \
          AND webhook.received_at <= now() - $1 * interval '1 second' \
          AND state.status IN ('applied', 'of_no_concern') \
          AND state.changed_at <= now() - $1 * interval '1 second' \
        ORDER BY webhook.received_at LIMIT $2 FOR UPDATE OF webhook SKIP LOCKED) \
        RETURNING id), \
    names AS (DELETE FROM workflows.webhook_name AS told USING forgotten \
        WHERE told.webhook_id = forgotten.id) \
    SELECT id FROM forgotten";

const FORGET_CHECKOUTS: &str = "DELETE FROM workflows.checkout WHERE (ledger, payment_id) IN ( \
        SELECT ledger, payment_id FROM workflows.checkout \
        WHERE requested_at <= now() - $1 * interval '1 second' \
          AND coalesce(expires_at, requested_at) <= now() - $1 * interval '1 second' \
        ORDER BY requested_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Ways in that nobody can use any more, of checks that came to nothing.
const FORGET_ENTRIES: &str = "UPDATE workflows.identity_check SET entry = NULL WHERE id IN ( \
        SELECT id FROM workflows.identity_check WHERE entry IS NOT NULL \
          AND entry_expires_at <= now() - $1 * interval '1 second' \
        ORDER BY entry_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Whom cases are about that were never asked about: they were taken back, or their jobs are dead.
const FORGET_PEOPLE: &str = "DELETE FROM workflows.identity_person \
    WHERE (ledger, case_id, provider, noted_by) IN ( \
        SELECT ledger, case_id, provider, noted_by FROM workflows.identity_person \
        WHERE noted_at <= now() - $1 * interval '1 second' \
        ORDER BY noted_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Only a job that was replaced while it ran has no key. It is left for some time to whoever looks into what
/// went wrong, and while a worker has it.
const FORGET_REPLACED_JOBS: &str = "SELECT id FROM graphile_worker.complete_jobs(ARRAY( \
        SELECT id FROM graphile_worker._private_jobs \
        WHERE key IS NULL AND locked_at IS NULL AND attempts >= max_attempts \
          AND updated_at <= now() - $1 * interval '1 second' \
        ORDER BY id LIMIT $2))";

impl Retention {
    /// Forgetting in this database; [`Retention::run`] starts it.
    #[must_use]
    pub const fn new(pool: PgPool, settings: RetentionSettings) -> Self {
        Self { pool, settings }
    }

    /// Runs until `shutdown` is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let work = [
            (FORGET_WEBHOOKS, self.settings.webhooks, "webhooks"),
            (FORGET_CHECKOUTS, self.settings.checkouts, "checkouts"),
            (FORGET_ENTRIES, DAY, "ways in"),
            (FORGET_PEOPLE, PEOPLE, "people"),
            (FORGET_REPLACED_JOBS, DAY, "replaced jobs"),
        ];
        loop {
            for (statement, kept_for, what) in work {
                if let Err(error) = self.forget(statement, kept_for, what, &shutdown).await {
                    tracing::warn!(what, error = %ErrorChain(&error), "what is old enough cannot be forgotten");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.settings.interval) => {}
            }
        }
    }

    async fn forget(
        &self,
        statement: &str,
        kept_for: Duration,
        what: &'static str,
        shutdown: &CancellationToken,
    ) -> Result<(), sqlx::Error> {
        while !shutdown.is_cancelled() {
            let done = sqlx::query(statement)
                .bind(i64::try_from(kept_for.as_secs()).unwrap_or(i64::MAX))
                .bind(AT_ONCE)
                .execute(&self.pool)
                .await?;
            let rows = done.rows_affected();
            metrics::counter!("daybook_forgotten_total", "what" => what).increment(rows);
            if i64::try_from(rows).unwrap_or(AT_ONCE) < AT_ONCE {
                return Ok(());
            }
        }
        Ok(())
    }
}
