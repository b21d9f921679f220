//! Checks as they are written down.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors::identity_providers::{CaseEntry, ProviderId, Reference};
use ledger_core::identifier::derived_id;
use ledger_core::{CaseId, LedgerName, Position, ProviderName};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::postgres::PgPool;
use url::Url;
use uuid::Uuid;

use super::opening::Wanted;
use crate::jobs::{JobError, NewJob, insert_jobs_in_tx};
use crate::webhooks::{Sealing, SealingError};

/// One asking of one provider about one case.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// Our reference at the provider, as an id.
    pub(super) id: Uuid,
    pub(super) ledger: LedgerName,
    pub(super) provider: ProviderName,
    pub(super) case: CaseId,
    /// The position of the event that handed the case over.
    pub(super) submission: Position,
    /// What is checked, as it is called at the provider.
    pub(super) level: String,
    /// Where the person's browser goes afterwards, where somebody said so.
    pub(super) return_url: Option<Url>,
    pub(super) begun_at: DateTime<Utc>,
    /// The provider's name of it, once its answer was written down.
    pub(super) provider_case: Option<String>,
    pub(super) entry_expires_at: Option<DateTime<Utc>>,
}

/// Whether a check was begun before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// Nobody has asked the provider.
    Now,
    /// Somebody may have.
    Before,
}

/// A way in as it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StoredEntry {
    /// A page to which the browser is sent.
    Page {
        /// Its address.
        url: String,
    },
    /// A token for the provider's software.
    Token {
        /// The token.
        token: String,
    },
}

impl From<&CaseEntry> for StoredEntry {
    fn from(entry: &CaseEntry) -> Self {
        match entry {
            CaseEntry::Page { url } => Self::Page {
                url: url.to_string(),
            },
            CaseEntry::Token { token } => Self::Token {
                token: token.reveal().to_owned(),
            },
        }
    }
}

/// What a provider answered to the opening of a check.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) provider_case: &'a ProviderId,
    pub(super) entry: &'a CaseEntry,
    pub(super) entry_expires_at: DateTime<Utc>,
}

/// The tables of checks; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    pool: PgPool,
    sealing: Arc<dyn Sealing>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    ledger: String,
    provider: String,
    case_id: Uuid,
    submission: i64,
    level: String,
    return_url: Option<Vec<u8>>,
    begun_at: DateTime<Utc>,
    provider_case: Option<String>,
    entry_expires_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, ledger, provider, case_id, submission, level, return_url, begun_at, \
    provider_case, entry_expires_at";

impl Row {
    /// `None` when the row was not written by Daybook, or was sealed with another key.
    fn check(self, sealing: &dyn Sealing) -> Option<Check> {
        let return_url = match self.return_url {
            Some(sealed) => {
                let opened = sealing.open(&Check::return_place(self.id), &sealed).ok()?;
                Some(String::from_utf8(opened).ok()?.parse().ok()?)
            }
            None => None,
        };
        Some(Check {
            return_url,
            id: self.id,
            ledger: self.ledger.parse().ok()?,
            provider: self.provider.parse().ok()?,
            case: CaseId::new(self.case_id),
            submission: Position::START.plus(self.submission),
            level: self.level,
            begun_at: self.begun_at,
            provider_case: self.provider_case,
            entry_expires_at: self.entry_expires_at,
        })
    }
}

impl Check {
    pub(super) fn reference(&self) -> Reference {
        Reference::of(self.id)
    }

    /// The place at which it is sealed where the browser goes afterwards.
    fn return_place(id: Uuid) -> String {
        format!("identity_check/{id}/return_url")
    }

    /// The place at which its way in is sealed.
    pub(super) fn entry_place(id: Uuid) -> String {
        format!("identity_check/{id}/entry")
    }
}

/// The id of a check: the same whenever the same event leads to it.
pub(super) fn check_id(wanted: &Wanted) -> Uuid {
    derived_id(&[
        "identity check",
        wanted.ledger.as_str(),
        &wanted.case.to_string(),
        wanted.provider.as_str(),
        &wanted.submission.to_string(),
    ])
}

impl Checks {
    pub(super) const fn new(pool: PgPool, sealing: Arc<dyn Sealing>) -> Self {
        Self { pool, sealing }
    }

    pub(super) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Writes down that a provider is about to be asked; gives what is there, if that was done before.
    pub(super) async fn begin(
        &self,
        wanted: &Wanted,
        level: &str,
        return_url: Option<&Url>,
    ) -> Result<(Check, Begun), JobError> {
        let id = check_id(wanted);
        let place = Check::return_place(id);
        let return_url = return_url.map(|url| self.sealing.seal(&place, url.as_str().as_bytes()));
        let return_url = return_url.transpose().map_err(unsealed)?;
        let inserted = sqlx::query(
            "INSERT INTO workflows.identity_check (id, ledger, provider, case_id, submission, level, \
                                                   return_url) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(wanted.ledger.as_str())
        .bind(wanted.provider.as_str())
        .bind(wanted.case.as_uuid())
        .bind(wanted.submission.value())
        .bind(level)
        .bind(return_url)
        .execute(&self.pool)
        .await?;
        let begun = match inserted.rows_affected() {
            0 => Begun::Before,
            _ => Begun::Now,
        };
        let check = self.get(id).await?;
        let missing = || JobError::Failed("a check that was written down is not there".to_owned());
        Ok((check.ok_or_else(missing)?, begun))
    }

    pub(super) async fn get(&self, id: Uuid) -> Result<Option<Check>, sqlx::Error> {
        let query = format!("SELECT {COLUMNS} FROM workflows.identity_check WHERE id = $1");
        let row: Option<Row> = sqlx::query_as(&query)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.and_then(|row| row.check(&*self.sealing)))
    }

    /// The check that a provider calls so.
    pub(super) async fn called(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        provider_case: &ProviderId,
    ) -> Result<Option<Check>, sqlx::Error> {
        let query = format!(
            "SELECT {COLUMNS} FROM workflows.identity_check \
             WHERE ledger = $1 AND provider = $2 AND provider_case = $3 \
             ORDER BY submission DESC LIMIT 1"
        );
        let row: Option<Row> = sqlx::query_as(&query)
            .bind(ledger.as_str())
            .bind(provider.as_str())
            .bind(provider_case.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.and_then(|row| row.check(&*self.sealing)))
    }

    /// Writes a provider's answer down, with the job that asks about it later, and forgets what was noted
    /// about the person.
    pub(super) async fn opened(
        &self,
        check: &Check,
        opened: &Opened<'_>,
        watch: NewJob,
    ) -> Result<(), JobError> {
        let entry = serde_json::to_vec(&StoredEntry::from(opened.entry))
            .map_err(|_| JobError::Failed("a way in cannot be written".to_owned()))?;
        let sealed = self.sealing.seal(&Check::entry_place(check.id), &entry);
        let sealed = sealed.map_err(unsealed)?;
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "UPDATE workflows.identity_check SET provider_case = $2, entry = $3, \
             entry_expires_at = $4, opened_at = COALESCE(opened_at, now()) WHERE id = $1",
        )
        .bind(check.id)
        .bind(opened.provider_case.as_str())
        .bind(sealed)
        .bind(opened.entry_expires_at)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM workflows.identity_person \
             WHERE ledger = $1 AND case_id = $2 AND provider = $3 AND noted_at <= $4",
        )
        .bind(check.ledger.as_str())
        .bind(check.case.as_uuid())
        .bind(check.provider.as_str())
        // What is newer was noted for the next time that the case is handed over.
        .bind(check.begun_at)
        .execute(&mut *tx)
        .await?;
        insert_jobs_in_tx(&mut tx, &[watch]).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn has_entry(&self, id: Uuid) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM workflows.identity_check WHERE id = $1 AND entry IS NOT NULL)",
        )
        .bind(id)
        .fetch_one(&self.pool)
        .await
    }

    /// Forgets the way in: whoever has it could act as the person, and nobody needs it any more.
    pub(super) async fn forget_entry(&self, id: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE workflows.identity_check SET entry = NULL WHERE id = $1 AND entry IS NOT NULL",
        )
        .bind(id)
        .execute(&self.pool)
        .await
        .map(|_| ())
    }
}

fn unsealed(error: SealingError) -> JobError {
    JobError::Failed(error.to_string())
}
