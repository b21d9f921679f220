//! Taking webhooks in.

mod storage;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connectors::gateways::{SignatureCoverage, WebhookDelivery, WebhookRejection};
use connectors::providers::WebhookNotice;
use http::HeaderMap;
use ledger_core::{LedgerName, ProviderName};
use sqlx::postgres::PgPool;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WebhookSettings;
use super::archive::WebhookArchive;
use super::content::{Content, ContentError, SealedContent};
use super::sealing::Sealing;
use super::senders::Senders;
use super::stored::{self, WebhookFilter, WebhookRecord};
use super::unsigned::UnsignedDeliveries;
use crate::identity_checks::CheckDesk;
use storage::Storage;

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
    pub(super) senders: Senders,
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
    facts: WebhookNotice,
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
    /// Webhooks of these senders, stored in `pool` until `shutdown` is cancelled.
    #[must_use]
    pub fn start(
        senders: Senders,
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
            senders,
            pool,
            storing,
            unsigned: Arc::new(UnsignedDeliveries::new(settings.unsigned_per_minute)),
            sealing,
            stored,
            settings,
        }
    }

    /// Whether an account at a provider is for this ledger.
    #[must_use]
    pub fn serve(&self, ledger: LedgerName) -> bool {
        self.senders.serve(ledger)
    }

    /// The desk of checks at the identity providers among the senders.
    #[must_use]
    pub fn check_desk(&self) -> CheckDesk {
        let identity = self.senders.identity.clone();
        CheckDesk::new(identity, self.pool.clone(), Arc::clone(&self.sealing))
    }

    /// Checks that an endpoint is there, before anything of a delivery is read.
    ///
    /// # Errors
    /// [`IntakeError::UnknownEndpoint`].
    pub fn check_endpoint(&self, provider: &str, endpoint: &str) -> Result<(), IntakeError> {
        if self.senders.at(provider, endpoint).is_some() {
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
        let sender = self
            .senders
            .at(provider, endpoint)
            .ok_or(IntakeError::UnknownEndpoint)?;
        let provider = sender.provider;
        let facts = sender.verifier.notice(&WebhookDelivery {
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
            endpoint: sender.endpoint.to_owned(),
            ledger: sender.ledger,
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

    /// What is stored, for whoever only reads it.
    #[must_use]
    pub fn archive(&self) -> WebhookArchive {
        WebhookArchive::new(self.pool.clone(), Some(Arc::clone(&self.sealing)))
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
