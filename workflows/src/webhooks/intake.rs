//! Taking webhooks in.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connectors::gateways::{SignatureCoverage, WebhookDelivery, WebhookFacts, WebhookRejection};
use event_store::ErrorChain;
use http::HeaderMap;
use ledger_core::{LedgerName, ProviderName};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPool;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WebhookSettings;
use super::content::{Content, ContentError, SealedContent};
use super::sealing::Sealing;
use super::stored::{self, WebhookFilter, WebhookRecord};
use super::unsigned::UnsignedDeliveries;
use crate::gateway_accounts::GatewayAccounts;

/// The longest name of an event that is kept as it is, in characters.
const MAX_EVENT_ID_LENGTH: usize = 255;

/// The longest kind of event that is kept, in characters.
const MAX_EVENT_TYPE_LENGTH: usize = 100;

/// A request to an endpoint.
#[derive(Debug)]
pub struct Arrived {
    /// The body, byte for byte.
    pub body: Bytes,
    /// All headers.
    pub headers: HeaderMap,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// What became of a genuine webhook. Either way the provider has done its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is stored.
    Stored,
    /// It was stored before.
    Duplicate,
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// There is no such endpoint.
    #[error("there is no such endpoint")]
    UnknownEndpoint,
    /// It is not genuine, or not what the provider sends.
    #[error(transparent)]
    Rejected(#[from] WebhookRejection),
    /// Too many wait to be stored, or came without a signature. Nothing was stored.
    #[error("too many webhooks are waiting, send it again later")]
    Overloaded,
    /// PostgreSQL did not take it; it may be stored all the same.
    #[error("the webhook cannot be stored, send it again later")]
    Unavailable,
}

/// What became of the wish to have a webhook processed again.
#[derive(Debug, Clone)]
pub enum Replay {
    /// It will be.
    Done(Box<WebhookRecord>),
    /// Its content was forgotten: there is nothing to process.
    Forgotten,
    /// There is no such webhook.
    NotFound,
}

/// Why a webhook's content cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ContentFault {
    /// PostgreSQL failed.
    #[error("the webhook cannot be read")]
    Database(#[from] sqlx::Error),
    /// There is none, or none that can be opened.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// The way of webhooks, from their arrival to what is told of them; cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    accounts: GatewayAccounts,
    pool: PgPool,
    storing: mpsc::Sender<Waiting>,
    unsigned: Arc<UnsignedDeliveries>,
    pub(super) sealing: Arc<dyn Sealing>,
    pub(super) stored: Arc<Notify>,
    pub(super) settings: WebhookSettings,
}

/// A webhook to be stored.
#[derive(Debug)]
struct New {
    id: Uuid,
    provider: ProviderName,
    endpoint: String,
    ledger: LedgerName,
    content: SealedContent,
    received_at: DateTime<Utc>,
    facts: WebhookFacts,
}

impl New {
    /// What the constraint on stored webhooks has.
    fn key(&self) -> (ProviderName, &str, &str) {
        (self.provider, &self.endpoint, &self.facts.body_digest)
    }
}

#[derive(Debug)]
struct Waiting {
    new: New,
    answer: oneshot::Sender<Result<Receipt, IntakeError>>,
}

impl Webhooks {
    /// Webhooks to these accounts, stored in `pool` until `shutdown` is cancelled.
    #[must_use]
    pub fn start(
        accounts: GatewayAccounts,
        pool: PgPool,
        sealing: Arc<dyn Sealing>,
        settings: WebhookSettings,
        shutdown: CancellationToken,
    ) -> Self {
        let (storing, waiting) = mpsc::channel(settings.queue);
        let stored = Arc::new(Notify::new());
        let storage = Storage {
            pool: pool.clone(),
            stored: Arc::clone(&stored),
            batch: settings.batch,
        };
        tokio::spawn(storage.run(waiting, shutdown));
        Self {
            accounts,
            pool,
            storing,
            unsigned: Arc::new(UnsignedDeliveries::new(settings.unsigned_per_minute)),
            sealing,
            stored,
            settings,
        }
    }

    /// Checks that an endpoint is there, before anything of a delivery is read.
    ///
    /// # Errors
    /// [`IntakeError::UnknownEndpoint`].
    pub fn check_endpoint(&self, provider: &str, endpoint: &str) -> Result<(), IntakeError> {
        if self.accounts.at(provider, endpoint).is_some() {
            return Ok(());
        }
        let error = IntakeError::UnknownEndpoint;
        count(error.word());
        Err(error)
    }

    /// Verifies and stores a webhook.
    ///
    /// # Errors
    /// [`IntakeError`].
    pub async fn receive(
        &self,
        provider: &str,
        endpoint: &str,
        arrived: Arrived,
    ) -> Result<Receipt, IntakeError> {
        let outcome = self.take(provider, endpoint, arrived).await;
        count(match &outcome {
            Ok(Receipt::Stored) => "stored",
            Ok(Receipt::Duplicate) => "duplicate",
            Err(error) => error.word(),
        });
        outcome
    }

    async fn take(
        &self,
        provider: &str,
        endpoint: &str,
        arrived: Arrived,
    ) -> Result<Receipt, IntakeError> {
        let (provider, account) = self
            .accounts
            .at(provider, endpoint)
            .ok_or(IntakeError::UnknownEndpoint)?;
        let facts = account.gateway.verify_webhook(&WebhookDelivery {
            body: &arrived.body,
            headers: &arrived.headers,
            received_at: arrived.at,
        });
        // Anybody can have as many of these as they like.
        let facts = facts.inspect_err(|rejection| {
            tracing::debug!(%provider, endpoint, reason = rejection.code(), "a webhook was refused");
        })?;
        let is_unsigned = facts.coverage == SignatureCoverage::Nothing;
        let address = format!("{provider}/{endpoint}");
        if is_unsigned && !self.unsigned.admit(&address, Instant::now()) {
            return Err(IntakeError::Overloaded);
        }
        let id = Uuid::now_v7();
        let content = SealedContent::of(&*self.sealing, id, &arrived.headers, &arrived.body);
        let content = content.map_err(|error| {
            tracing::error!(%provider, endpoint, %error, "a webhook cannot be stored");
            IntakeError::Unavailable
        })?;
        let new = New {
            id,
            provider,
            endpoint: account.endpoint.clone(),
            ledger: account.ledger,
            content,
            received_at: arrived.at,
            facts,
        };
        let (answer, stored) = oneshot::channel();
        self.storing
            .try_send(Waiting { new, answer })
            .map_err(|_| IntakeError::Overloaded)?;
        stored.await.unwrap_or(Err(IntakeError::Unavailable))
    }

    /// Webhooks, newest first.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn list(
        &self,
        filter: &WebhookFilter,
        limit: i64,
    ) -> Result<Vec<WebhookRecord>, sqlx::Error> {
        stored::list(&self.pool, filter, limit).await
    }

    /// What is told of one webhook.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn get(&self, id: Uuid) -> Result<Option<WebhookRecord>, sqlx::Error> {
        stored::get(&self.pool, id).await
    }

    /// One webhook as it came; `None` when there is no such webhook.
    ///
    /// # Errors
    /// [`ContentFault`].
    pub async fn content(&self, id: Uuid) -> Result<Option<Content>, ContentFault> {
        let Some(stored) = stored::load_webhook(&self.pool, id).await? else {
            return Ok(None);
        };
        Ok(Some(stored.content(&*self.sealing)?))
    }

    /// Has a webhook processed again from what is stored.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn replay(&self, id: Uuid) -> Result<Replay, sqlx::Error> {
        let replayed = sqlx::query(
            "UPDATE workflows.webhook_state AS state SET status = 'waiting', attempts = 0, \
             reason = NULL, replays = replays + 1, due_at = now(), changed_at = now() \
             FROM workflows.webhook \
             WHERE webhook_id = $1 AND webhook.id = webhook_id AND webhook.body IS NOT NULL",
        )
        .bind(id)
        .execute(&self.pool)
        .await?;
        let Some(record) = self.get(id).await? else {
            return Ok(Replay::NotFound);
        };
        if replayed.rows_affected() == 0 {
            return Ok(Replay::Forgotten);
        }
        self.stored.notify_one();
        Ok(Replay::Done(Box::new(record)))
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("daybook_webhooks_received_total", "outcome" => outcome).increment(1);
}

impl IntakeError {
    /// A stable word for metrics.
    const fn word(self) -> &'static str {
        match self {
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::Rejected(rejection) => rejection.code(),
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Stores what arrives, as much as there is at a time.
struct Storage {
    pool: PgPool,
    stored: Arc<Notify>,
    batch: usize,
}

/// One statement for all of a batch, its answer the ids that are new.
const STORE: &str = "WITH stored AS ( \
        INSERT INTO workflows.webhook (id, provider, endpoint, ledger, event_id, event_type, \
            body_digest, headers, body, occurred_at, received_at) \
        SELECT id, provider, endpoint, ledger, event_id, event_type, body_digest, headers, \
            body, occurred_at, received_at \
        FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
            $7::text[], $8::bytea[], $9::bytea[], $10::timestamptz[], $11::timestamptz[]) \
            AS new (id, provider, endpoint, ledger, event_id, event_type, body_digest, headers, \
                body, occurred_at, received_at) \
        ON CONFLICT ON CONSTRAINT webhook_body_key DO NOTHING \
        RETURNING id \
    ) \
    INSERT INTO workflows.webhook_state (webhook_id, status, due_at, changed_at) \
    SELECT id, 'waiting', now(), now() FROM stored RETURNING webhook_id";

impl Storage {
    async fn run(self, mut waiting: mpsc::Receiver<Waiting>, shutdown: CancellationToken) {
        let mut batch = Vec::with_capacity(self.batch);
        loop {
            let count = tokio::select! {
                // What was taken in before the end is still stored.
                biased;
                count = waiting.recv_many(&mut batch, self.batch) => count,
                () = shutdown.cancelled() => return,
            };
            if count == 0 {
                return;
            }
            self.store_all(&mut batch).await;
        }
    }

    async fn store_all(&self, batch: &mut Vec<Waiting>) {
        // Two nodes that are sent the same webhooks wait for each other, and not in a circle.
        batch.sort_by(|one, other| one.new.key().cmp(&other.new.key()));
        let (news, answers): (Vec<New>, Vec<_>) = batch
            .drain(..)
            .map(|waiting| (waiting.new, waiting.answer))
            .unzip();
        metrics::histogram!("daybook_webhook_batch_commands")
            .record(f64::from(u32::try_from(news.len()).unwrap_or(u32::MAX)));
        let outcome = self.store(&news).await;
        if let Err(error) = &outcome {
            tracing::error!(error = %ErrorChain(error), webhooks = news.len(), "webhooks cannot be stored");
        }
        for (new, answer) in news.iter().zip(answers) {
            let receipt = match &outcome {
                Ok(stored) if stored.contains(&new.id) => Ok(Receipt::Stored),
                Ok(_) => Ok(Receipt::Duplicate),
                Err(_) => Err(IntakeError::Unavailable),
            };
            // A provider that has gone away sends it again.
            let _ = answer.send(receipt);
        }
        self.stored.notify_one();
    }

    async fn store(&self, news: &[New]) -> Result<HashSet<Uuid>, sqlx::Error> {
        let texts = |text: fn(&New) -> String| news.iter().map(text).collect::<Vec<_>>();
        let contents = |part: fn(&SealedContent) -> &[u8]| {
            let parts = news.iter().map(|new| part(&new.content));
            parts.collect::<Vec<&[u8]>>()
        };
        let ids: Vec<Uuid> = sqlx::query_scalar(STORE)
            .bind(news.iter().map(|new| new.id).collect::<Vec<_>>())
            .bind(texts(|new| new.provider.to_string()))
            .bind(texts(|new| new.endpoint.clone()))
            .bind(texts(|new| new.ledger.to_string()))
            .bind(texts(|new| event_id(&new.facts.event_id)))
            .bind(texts(|new| shortened(&new.facts.event_type)))
            .bind(texts(|new| new.facts.body_digest.clone()))
            .bind(contents(|content| &content.headers))
            .bind(contents(|content| &content.body))
            .bind(
                news.iter()
                    .map(|new| new.facts.occurred_at)
                    .collect::<Vec<_>>(),
            )
            .bind(news.iter().map(|new| new.received_at).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().collect())
    }
}

/// An event's name, or its SHA-256 where that is shorter: an index cannot hold any length.
fn event_id(text: &str) -> String {
    if (1..=MAX_EVENT_ID_LENGTH).contains(&text.chars().count()) && !text.contains('\0') {
        return text.to_owned();
    }
    let digest = Sha256::digest(text);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256-{digits}")
}

fn shortened(text: &str) -> String {
    text.chars()
        .filter(|character| *character != '\0')
        .take(MAX_EVENT_TYPE_LENGTH)
        .collect()
}
