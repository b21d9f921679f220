//! Webhooks as they are stored, and questions about them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use ledger_core::{LedgerName, ProviderName};
use sqlx::postgres::PgPool;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

/// Where a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStatus {
    /// To be processed.
    Waiting,
    /// The provider is being asked.
    Confirming,
    /// The ledger has what it says.
    Applied,
    /// It says nothing about money.
    OfNoConcern,
    /// A person has to look at it.
    Parked,
}

/// A text that names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a status is waiting, confirming, applied, of_no_concern or parked")]
pub struct WebhookStatusError;

impl WebhookStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Confirming,
        Self::Applied,
        Self::OfNoConcern,
        Self::Parked,
    ];

    /// The name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirming => "confirming",
            Self::Applied => "applied",
            Self::OfNoConcern => "of_no_concern",
            Self::Parked => "parked",
        }
    }
}

impl fmt::Display for WebhookStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for WebhookStatus {
    type Err = WebhookStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(WebhookStatusError)
    }
}

/// A webhook as it is stored, with how often it was tried.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct StoredWebhook {
    /// Its id here.
    pub id: Uuid,
    /// Who sent it.
    pub provider: String,
    /// To which endpoint.
    pub endpoint: String,
    /// For which ledger.
    pub ledger: String,
    /// SHA-256 of the body, in hexadecimal.
    pub body_digest: String,
    /// Its headers, sealed, until they are forgotten.
    pub headers: Option<Vec<u8>>,
    /// Its body, sealed, until it is forgotten.
    pub body: Option<Vec<u8>>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Where it is.
    pub status: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// How often an operator had it replayed.
    pub replays: i32,
    /// The position of the last event that it led to, if it was applied before.
    pub position: Option<i64>,
}

impl StoredWebhook {
    /// Whose it is, by names that the domain knows; `None` when the row was not written by Daybook.
    #[must_use]
    pub fn names(&self) -> Option<(ProviderName, LedgerName)> {
        Some((self.provider.parse().ok()?, self.ledger.parse().ok()?))
    }
}

/// What is told of a webhook.
#[derive(Debug, Clone, FromRow)]
pub struct WebhookRecord {
    /// Its id here.
    pub id: Uuid,
    /// Who sent it.
    pub provider: String,
    /// To which endpoint.
    pub endpoint: String,
    /// For which ledger.
    pub ledger: String,
    /// The provider's name for the event.
    pub event_id: String,
    /// The kind of event, in the provider's words.
    pub event_type: String,
    /// SHA-256 of the body, in hexadecimal.
    pub body_digest: String,
    /// When the provider says it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Where it is: see [`WebhookStatus`].
    pub status: String,
    /// How often it was tried.
    pub attempts: i32,
    /// How often an operator had it replayed.
    pub replays: i32,
    /// When it is tried again, if it waits.
    pub due_at: DateTime<Utc>,
    /// Why it waits or is parked.
    pub reason: Option<String>,
    /// The position of the last event that it led to.
    pub position: Option<i64>,
    /// When its status changed.
    pub changed_at: DateTime<Utc>,
}

/// Which webhooks.
#[derive(Debug, Clone, Default)]
pub struct WebhookFilter {
    /// Only of this provider.
    pub provider: Option<String>,
    /// Only of this endpoint.
    pub endpoint: Option<String>,
    /// Only of this ledger.
    pub ledger: Option<LedgerName>,
    /// Only with this status.
    pub status: Option<WebhookStatus>,
    /// Only of this event of the provider.
    pub event_id: Option<String>,
    /// Only those before this one.
    pub before: Option<Uuid>,
}

const RECORD: &str = "SELECT webhook.id, webhook.provider, webhook.endpoint, webhook.ledger, \
    webhook.event_id, webhook.event_type, webhook.body_digest, webhook.occurred_at, \
    webhook.received_at, state.status, state.attempts, state.replays, state.due_at, state.reason, \
    state.position, state.changed_at FROM workflows.webhook \
    JOIN workflows.webhook_state AS state ON state.webhook_id = webhook.id ";

/// The columns of a [`StoredWebhook`], of the tables `webhook` and `state`.
pub(super) const STORED: &str = "webhook.id, webhook.provider, webhook.endpoint, webhook.ledger, \
    webhook.body_digest, webhook.headers, webhook.body, webhook.received_at, state.status, \
    state.attempts, state.replays, state.position";

pub(super) async fn list(
    pool: &PgPool,
    filter: &WebhookFilter,
    limit: i64,
) -> Result<Vec<WebhookRecord>, sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new(RECORD);
    query.push("WHERE true");
    let texts = [
        (" AND webhook.provider = ", filter.provider.clone()),
        (" AND webhook.endpoint = ", filter.endpoint.clone()),
        (
            " AND webhook.ledger = ",
            filter.ledger.map(|ledger| ledger.to_string()),
        ),
        (
            " AND state.status = ",
            filter.status.map(|status| status.to_string()),
        ),
        (" AND webhook.event_id = ", filter.event_id.clone()),
    ];
    for (condition, value) in texts {
        if let Some(value) = value {
            query.push(condition).push_bind(value);
        }
    }
    if let Some(before) = filter.before {
        query.push(" AND webhook.id < ").push_bind(before);
    }
    query
        .push(" ORDER BY webhook.id DESC LIMIT ")
        .push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub(super) async fn get(pool: &PgPool, id: Uuid) -> Result<Option<WebhookRecord>, sqlx::Error> {
    sqlx::query_as(&format!("{RECORD} WHERE webhook.id = $1"))
        .bind(id)
        .fetch_optional(pool)
        .await
}

pub(super) async fn records(
    pool: &PgPool,
    ids: &[Uuid],
) -> Result<Vec<WebhookRecord>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(&format!(
        "{RECORD} WHERE webhook.id = ANY($1) ORDER BY webhook.id"
    ))
    .bind(ids)
    .fetch_all(pool)
    .await
}

/// A webhook as it is stored.
pub(crate) async fn load_webhook(
    pool: &PgPool,
    id: Uuid,
) -> Result<Option<StoredWebhook>, sqlx::Error> {
    let query = format!(
        "SELECT {STORED} FROM workflows.webhook \
         JOIN workflows.webhook_state AS state ON state.webhook_id = webhook.id \
         WHERE webhook.id = $1"
    );
    sqlx::query_as(&query).bind(id).fetch_optional(pool).await
}

/// The next webhooks of a ledger with content that tells of nothing by a name, in order of their ids.
pub(crate) async fn unnamed_after(
    pool: &PgPool,
    ledger: LedgerName,
    after: Uuid,
    limit: i64,
) -> Result<Vec<StoredWebhook>, sqlx::Error> {
    let query = format!(
        "SELECT {STORED} FROM workflows.webhook \
         JOIN workflows.webhook_state AS state ON state.webhook_id = webhook.id \
         WHERE webhook.ledger = $1 AND webhook.id > $2 AND webhook.body IS NOT NULL \
           AND NOT EXISTS (SELECT FROM workflows.webhook_name AS told \
               WHERE told.webhook_id = webhook.id) \
         ORDER BY webhook.id LIMIT $3"
    );
    sqlx::query_as(&query)
        .bind(ledger.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await
}
