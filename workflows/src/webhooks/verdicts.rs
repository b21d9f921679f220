//! What is decided about webhooks, and writing it down, with the names of what they tell of.
//!
//! It counts only while the webhook is as it was when it was taken up: with the same status, as often tried
//! and replayed. Whoever comes late, after the lease or a replay, changes nothing.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

use super::names;
use super::notices::is_of_identity;
use super::stored::{StoredWebhook, WebhookStatus};
use crate::jobs::{Job, NewJob, insert_jobs_in_tx};

/// What is to be done with a webhook after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The ledger has what it says, up to this position.
    Applied(i64),
    /// It says nothing about money.
    OfNoConcern,
    /// It is tried again at this time.
    Again(DateTime<Utc>, String),
    /// The provider is asked.
    Confirm(String),
    /// A person has to look at it.
    Park(String),
}

/// A webhook, what is to be done with it, and by what names it calls what it tells of.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) webhook: StoredWebhook,
    pub(super) verdict: Verdict,
    pub(super) names: Vec<String>,
}

impl Verdict {
    const fn is_settled(&self) -> bool {
        match self {
            Self::Applied(_) | Self::OfNoConcern => true,
            Self::Again(..) | Self::Confirm(_) | Self::Park(_) => false,
        }
    }

    fn status(&self) -> WebhookStatus {
        match self {
            Self::Applied(_) => WebhookStatus::Applied,
            Self::OfNoConcern => WebhookStatus::OfNoConcern,
            Self::Again(..) => WebhookStatus::Waiting,
            Self::Confirm(_) => WebhookStatus::Confirming,
            Self::Park(_) => WebhookStatus::Parked,
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Applied(_) | Self::OfNoConcern => None,
            Self::Again(_, reason) | Self::Confirm(reason) | Self::Park(reason) => Some(reason),
        }
    }

    /// Tells people what needs them, and counts.
    pub(super) fn tell(&self, webhook: &StoredWebhook) {
        let word = match self {
            Self::Again(..) => "again",
            other => other.status().as_str(),
        };
        let provider = webhook.provider.clone();
        metrics::counter!(
            "daybook_webhooks_processed_total",
            "provider" => provider.clone(),
            "outcome" => word,
        )
        .increment(1);
        if let Self::Park(reason) = self {
            tracing::error!(
                webhook.id = %webhook.id, ledger = webhook.ledger, provider, reason,
                "a webhook cannot be applied and is parked"
            );
            metrics::counter!("daybook_webhooks_parked_total", "provider" => provider).increment(1);
        }
    }
}

const WRITE: &str = "UPDATE workflows.webhook_state AS state SET status = new.status, \
    due_at = coalesce(new.due_at, now()), reason = new.reason, \
    position = coalesce(new.position, state.position), changed_at = now() \
    FROM UNNEST($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::text[], \
        $6::timestamptz[], $7::text[], $8::bigint[]) \
        AS new (webhook_id, was, attempts, replays, status, due_at, reason, position) \
    WHERE state.webhook_id = new.webhook_id AND state.status = new.was \
      AND state.attempts = new.attempts AND state.replays = new.replays \
    RETURNING state.webhook_id";

/// Writes down what was decided, with the jobs that it needs, and tells of what counts.
pub(super) async fn settle(pool: &PgPool, decided: &[Decided]) -> Result<(), sqlx::Error> {
    if decided.is_empty() {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    let written = write_in_tx(&mut tx, decided).await?;
    let counting = || {
        let all = decided.iter();
        all.filter(|decided| written.contains(&decided.webhook.id))
    };
    let to_confirm = counting().filter(|one| matches!(one.verdict, Verdict::Confirm(_)));
    let jobs: Vec<NewJob> = to_confirm.map(|one| confirmation(&one.webhook)).collect();
    insert_jobs_in_tx(&mut tx, &jobs).await?;
    names::note_in_tx(&mut tx, decided).await?;
    let settled = counting().filter(|one| one.verdict.is_settled());
    let settled: Vec<Uuid> = settled.map(|one| one.webhook.id).collect();
    names::forget_erased_in_tx(&mut tx, &settled).await?;
    tx.commit().await?;
    for one in counting() {
        one.verdict.tell(&one.webhook);
    }
    Ok(())
}

fn confirmation(webhook: &StoredWebhook) -> NewJob {
    let id = webhook.id;
    let job = match is_of_identity(webhook) {
        true => Job::ConfirmCheckWebhook { webhook: id },
        false => Job::ConfirmWebhook { webhook: id },
    };
    NewJob::now(format!("webhook/{}", webhook.id), job)
}

async fn write_in_tx(
    connection: &mut PgConnection,
    decided: &[Decided],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let webhooks = || decided.iter().map(|one| &one.webhook);
    let verdicts = || decided.iter().map(|one| &one.verdict);
    let due = verdicts().map(|verdict| match verdict {
        Verdict::Again(at, _) => Some(*at),
        _ => None,
    });
    let positions = verdicts().map(|verdict| match verdict {
        Verdict::Applied(position) => Some(*position),
        _ => None,
    });
    let statuses = verdicts().map(|verdict| verdict.status().as_str());
    let written: Vec<Uuid> = sqlx::query_scalar(WRITE)
        .bind(webhooks().map(|webhook| webhook.id).collect::<Vec<_>>())
        .bind(
            webhooks()
                .map(|webhook| &*webhook.status)
                .collect::<Vec<_>>(),
        )
        .bind(
            webhooks()
                .map(|webhook| webhook.attempts)
                .collect::<Vec<_>>(),
        )
        .bind(
            webhooks()
                .map(|webhook| webhook.replays)
                .collect::<Vec<_>>(),
        )
        .bind(statuses.collect::<Vec<_>>())
        .bind(due.collect::<Vec<_>>())
        .bind(verdicts().map(Verdict::reason).collect::<Vec<_>>())
        .bind(positions.collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    Ok(written.into_iter().collect())
}

/// Writes down what became of a webhook that a provider was asked about.
///
/// # Errors
/// Those of PostgreSQL.
pub(crate) async fn settle_confirmed(
    pool: &PgPool,
    webhook: StoredWebhook,
    verdict: Verdict,
) -> Result<(), sqlx::Error> {
    // Its names were noted when it was first tried.
    let names = Vec::new();
    let decided = Decided {
        webhook,
        verdict,
        names,
    };
    settle(pool, &[decided]).await
}
