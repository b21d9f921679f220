//! Processing what is stored.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors::gateways::{SignatureCoverage, WebhookContent, WebhookDelivery, WebhookFacts};
use event_store::ErrorChain;
use futures_util::future::join_all;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WebhookSettings;
use super::intake::Webhooks;
use super::stored::{STORED, StoredWebhook, WebhookStatus};
use crate::gateway_accounts::GatewayAccounts;
use crate::jobs::{Job, NewJob, insert_jobs_in_tx};
use crate::observer::{Heard, Hearing, Observer, Source, Trust};

/// Why a webhook is parked that does not verify any more.
const SIGNATURE: &str = "signature_not_verified";

/// Processes webhooks on one node.
#[derive(Debug)]
pub struct WebhookProcessor {
    accounts: GatewayAccounts,
    observer: Observer,
    stored: Arc<Notify>,
    settings: WebhookSettings,
}

/// What is to be done with a webhook after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Done(WebhookStatus, Option<i64>),
    Again(String),
    Confirm(String),
    Park(String),
}

/// A webhook with its facts.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) facts: WebhookFacts,
}

impl WebhookProcessor {
    /// Processes what `webhooks` stores, here or on other nodes.
    #[must_use]
    pub fn new(webhooks: &Webhooks, accounts: GatewayAccounts, observer: Observer) -> Self {
        Self {
            accounts,
            observer,
            stored: Arc::clone(&webhooks.stored),
            settings: webhooks.settings,
        }
    }

    /// Runs until `shutdown` is cancelled; what was begun is finished.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            match self.process_due().await {
                // There may be more.
                Ok(count) if count >= self.settings.at_a_time && !shutdown.is_cancelled() => {
                    continue;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "webhooks cannot be processed");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.stored.notified() => {}
                () = tokio::time::sleep(self.settings.interval) => {}
            }
        }
    }

    /// Tries what is due and gives how many that were.
    async fn process_due(&self) -> Result<i64, sqlx::Error> {
        let claimed = self.claim().await?;
        let count = i64::try_from(claimed.len()).unwrap_or(i64::MAX);
        let tries = claimed.iter().map(|webhook| self.try_once(webhook));
        let verdicts = join_all(tries).await;
        for (webhook, verdict) in claimed.iter().zip(&verdicts) {
            self.tell(webhook, verdict);
        }
        self.settle(&claimed, &verdicts).await?;
        Ok(count)
    }

    async fn claim(&self) -> Result<Vec<StoredWebhook>, sqlx::Error> {
        let query = format!(
            "WITH due AS ( \
                SELECT webhook_id FROM workflows.webhook_state \
                WHERE status = 'waiting' AND due_at <= now() \
                ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED \
             ), state AS ( \
                UPDATE workflows.webhook_state AS taken \
                SET attempts = taken.attempts + 1, due_at = now() + $2 * interval '1 millisecond' \
                FROM due WHERE taken.webhook_id = due.webhook_id \
                RETURNING taken.webhook_id, taken.attempts, taken.replays, taken.position \
             ) SELECT {STORED} FROM state JOIN workflows.webhook ON webhook.id = state.webhook_id"
        );
        sqlx::query_as(&query)
            .bind(self.settings.at_a_time)
            .bind(milliseconds(self.settings.lease))
            .fetch_all(self.observer.pool())
            .await
    }

    async fn try_once(&self, webhook: &StoredWebhook) -> Verdict {
        let opened = match open(&self.accounts, webhook, Trust::Told) {
            Ok(opened) => opened,
            Err(reason) => return Verdict::Park(reason),
        };
        let observations = match &opened.facts.content {
            WebhookContent::OfNoConcern => {
                return Verdict::Done(WebhookStatus::OfNoConcern, None);
            }
            WebhookContent::NotUnderstood { .. } => {
                return Verdict::Park("not_understood".to_owned());
            }
            WebhookContent::CannotBeConfirmed(_) => {
                return Verdict::Park("cannot_be_confirmed".to_owned());
            }
            WebhookContent::Observations(observations) => observations,
        };
        if opened.facts.coverage != SignatureCoverage::Everything {
            return Verdict::Confirm("signature_covers_parts".to_owned());
        }
        match self.observer.hear_all(&opened.source, observations).await {
            Ok(Heard::Applied(position)) => {
                Verdict::Done(WebhookStatus::Applied, Some(position.value()))
            }
            Ok(Heard::OfNoConcern) => Verdict::Done(WebhookStatus::OfNoConcern, None),
            // The names follow the log by milliseconds; only then is the provider asked.
            Ok(Heard::NotKnown(reason)) if webhook.attempts <= 1 => {
                Verdict::Again(reason.to_owned())
            }
            Ok(Heard::NotKnown(reason)) => Verdict::Confirm(reason.to_owned()),
            Ok(Heard::NotYet(reason)) => Verdict::Confirm(reason),
            Ok(Heard::Impossible(reason)) => Verdict::Park(reason),
            Err(error) => {
                tracing::warn!(webhook.id = %webhook.id, error = %ErrorChain(&error), "a webhook cannot be applied now");
                Verdict::Again("unavailable".to_owned())
            }
        }
    }

    /// Tells people what needs them.
    fn tell(&self, webhook: &StoredWebhook, verdict: &Verdict) {
        let (word, reason) = match verdict {
            Verdict::Done(status, _) => (status.as_str(), ""),
            Verdict::Again(reason) if self.is_last(webhook) => ("parked", reason.as_str()),
            Verdict::Again(reason) => ("again", reason.as_str()),
            Verdict::Confirm(reason) => ("confirming", reason.as_str()),
            Verdict::Park(reason) => ("parked", reason.as_str()),
        };
        metrics::counter!(
            "daybook_webhooks_processed_total",
            "provider" => webhook.provider.clone(),
            "outcome" => word,
        )
        .increment(1);
        if word == "parked" {
            alert_parked(webhook, reason);
        }
    }

    fn is_last(&self, webhook: &StoredWebhook) -> bool {
        webhook.attempts >= self.settings.attempts
    }

    /// Writes down what was decided. A crash before it leaves the leases, and everything is tried again
    /// with the same keys.
    async fn settle(
        &self,
        webhooks: &[StoredWebhook],
        verdicts: &[Verdict],
    ) -> Result<(), sqlx::Error> {
        if webhooks.is_empty() {
            return Ok(());
        }
        let now = Utc::now();
        let mut rows = Rows::default();
        let mut jobs = Vec::new();
        for (webhook, verdict) in webhooks.iter().zip(verdicts) {
            match verdict {
                Verdict::Done(status, position) => {
                    rows.push(webhook.id, *status, now, None, *position);
                }
                Verdict::Again(reason) if self.is_last(webhook) => {
                    rows.push(webhook.id, WebhookStatus::Parked, now, Some(reason), None);
                }
                Verdict::Again(reason) => {
                    let due = now + self.pause(webhook.attempts);
                    rows.push(webhook.id, WebhookStatus::Waiting, due, Some(reason), None);
                }
                Verdict::Confirm(reason) => {
                    rows.push(
                        webhook.id,
                        WebhookStatus::Confirming,
                        now,
                        Some(reason),
                        None,
                    );
                    jobs.push(NewJob::now(
                        format!("webhook/{}", webhook.id),
                        Job::ConfirmWebhook {
                            webhook: webhook.id,
                        },
                    ));
                }
                Verdict::Park(reason) => {
                    rows.push(webhook.id, WebhookStatus::Parked, now, Some(reason), None);
                }
            }
        }
        let mut tx = self.observer.pool().begin().await?;
        rows.write_in_tx(&mut tx).await?;
        insert_jobs_in_tx(&mut tx, &jobs).await?;
        tx.commit().await
    }

    fn pause(&self, attempts: i32) -> chrono::TimeDelta {
        let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
        let pause = self.settings.first_pause.saturating_mul(1 << doublings);
        chrono::TimeDelta::from_std(pause.min(self.settings.longest_pause)).unwrap_or_default()
    }
}

/// Says that a person has to look at a webhook.
pub(crate) fn alert_parked(webhook: &StoredWebhook, reason: &str) {
    tracing::error!(
        webhook.id = %webhook.id, ledger = webhook.ledger, provider = webhook.provider, reason,
        "a webhook cannot be applied and is parked"
    );
    metrics::counter!(
        "daybook_webhooks_parked_total",
        "provider" => webhook.provider.clone(),
    )
    .increment(1);
}

/// Verifies a stored webhook again and reads it.
pub(crate) fn open(
    accounts: &GatewayAccounts,
    webhook: &StoredWebhook,
    trust: Trust,
) -> Result<Opened, String> {
    let (provider, ledger) = webhook.names().ok_or("not_ours")?;
    let (_, account) = accounts
        .at(&webhook.provider, &webhook.endpoint)
        .filter(|(_, account)| account.ledger == ledger)
        .ok_or("endpoint_not_configured")?;
    let facts = account
        .gateway
        .verify_webhook(&WebhookDelivery {
            body: &webhook.body,
            headers: &webhook.header_map(),
            received_at: webhook.received_at,
        })
        .map_err(|_| SIGNATURE.to_owned())?;
    // What had an effect keeps its keys; what had none may be tried anew.
    let round = match webhook.position {
        Some(_) => 0,
        None => webhook.replays,
    };
    let word = match trust {
        Trust::Told => "told",
        Trust::Fetched => "fetched",
    };
    let name = format!(
        "{}/{}/{}/{round}/{word}",
        webhook.endpoint, webhook.event_id, webhook.body_digest
    );
    let source = Source {
        ledger,
        provider,
        trust,
        hearing: Hearing::Event {
            name,
            webhook: webhook.id,
        },
    };
    Ok(Opened { source, facts })
}

/// Rows to be written.
#[derive(Default)]
struct Rows {
    ids: Vec<Uuid>,
    statuses: Vec<&'static str>,
    due: Vec<DateTime<Utc>>,
    reasons: Vec<Option<String>>,
    positions: Vec<Option<i64>>,
}

impl Rows {
    fn push(
        &mut self,
        id: Uuid,
        status: WebhookStatus,
        due: DateTime<Utc>,
        reason: Option<&str>,
        position: Option<i64>,
    ) {
        self.ids.push(id);
        self.statuses.push(status.as_str());
        self.due.push(due);
        self.reasons.push(reason.map(str::to_owned));
        self.positions.push(position);
    }

    async fn write_in_tx(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE workflows.webhook_state AS state SET status = new.status, due_at = new.due_at, \
             reason = new.reason, position = coalesce(new.position, state.position), \
             changed_at = now() \
             FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::bigint[]) \
                 AS new (webhook_id, status, due_at, reason, position) \
             WHERE state.webhook_id = new.webhook_id",
        )
        .bind(&self.ids)
        .bind(&self.statuses)
        .bind(&self.due)
        .bind(&self.reasons)
        .bind(&self.positions)
        .execute(connection)
        .await
        .map(|_| ())
    }
}

/// Writes down that a webhook was confirmed and what it led to.
///
/// # Errors
/// Those of PostgreSQL.
pub(crate) async fn settle_confirmed(
    pool: &PgPool,
    webhook: Uuid,
    position: Option<i64>,
) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    let status = match position {
        Some(_) => WebhookStatus::Applied,
        None => WebhookStatus::OfNoConcern,
    };
    rows.push(webhook, status, Utc::now(), None, position);
    let mut connection = pool.acquire().await?;
    rows.write_in_tx(&mut connection).await
}

/// Parks a webhook.
///
/// # Errors
/// Those of PostgreSQL.
pub(crate) async fn park_in(pool: &PgPool, webhook: Uuid, reason: &str) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    rows.push(
        webhook,
        WebhookStatus::Parked,
        Utc::now(),
        Some(reason),
        None,
    );
    let mut connection = pool.acquire().await?;
    rows.write_in_tx(&mut connection).await
}

fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
