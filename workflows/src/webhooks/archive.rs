//! What came, for whoever looks into it afterwards: nothing here takes anything in or changes anything.

use std::sync::Arc;

use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::content::{Content, ContentError};
use super::intake::ContentFault;
use super::sealing::{Sealing, SealingError};
use super::stored::{self, WebhookRecord, load_webhook};

/// Stored webhooks, to be read; cheap to clone.
#[derive(Debug, Clone)]
pub struct WebhookArchive {
    pool: PgPool,
    sealing: Option<Arc<dyn Sealing>>,
}

impl WebhookArchive {
    /// The webhooks in this database; without `sealing`, their content stays closed.
    #[must_use]
    pub fn new(pool: PgPool, sealing: Option<Arc<dyn Sealing>>) -> Self {
        Self { pool, sealing }
    }

    /// What is told of some webhooks, in order of their ids; of those that there are.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn records(&self, ids: &[Uuid]) -> Result<Vec<WebhookRecord>, sqlx::Error> {
        stored::records(&self.pool, ids).await
    }

    /// One webhook as it came; `None` when there is no such webhook.
    ///
    /// # Errors
    /// [`ContentFault`].
    pub async fn content(&self, id: Uuid) -> Result<Option<Content>, ContentFault> {
        let Some(webhook) = load_webhook(&self.pool, id).await? else {
            return Ok(None);
        };
        let sealing = self.sealing.as_deref();
        let sealing = sealing.ok_or(ContentError::Sealed(SealingError))?;
        Ok(Some(webhook.content(sealing)?))
    }
}
