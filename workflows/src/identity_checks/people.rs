//! What a provider demands about a person: noted under the command that hands the case over, sealed, and
//! forgotten when the check has begun.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors::identity_providers::{Person, PersonName};
use ledger_core::{CaseId, LedgerName, ProviderName};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPool;
use url::Url;
use uuid::Uuid;

use crate::webhooks::{Sealing, SealingError};

/// Whom a case is about, as far as a provider has to know, and where their browser goes afterwards. `Debug`
/// shows nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonFacts {
    /// The given names.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// Where the browser goes afterwards.
    pub return_url: Option<String>,
}

impl fmt::Debug for PersonFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PersonFacts(hidden)")
    }
}

impl PersonFacts {
    /// The person, as far as what is known of them is of use.
    #[must_use]
    pub fn person(&self) -> Person {
        let name = match (&self.given_name, &self.family_name) {
            (Some(given), Some(family)) => PersonName::try_new(given, family).ok(),
            (Some(_) | None, Some(_) | None) => None,
        };
        Person {
            name,
            email: self.email.as_deref().and_then(|text| text.parse().ok()),
            phone: self.phone.as_deref().and_then(|text| text.parse().ok()),
        }
    }

    /// Where the browser goes afterwards.
    pub(super) fn return_url(&self) -> Option<Url> {
        self.return_url
            .as_deref()
            .and_then(|text| text.parse().ok())
    }
}

/// Whose note it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotePlace {
    pub(super) ledger: LedgerName,
    pub(super) case: CaseId,
    pub(super) provider: ProviderName,
    /// The command that hands the case over.
    pub(super) command: Uuid,
}

impl NotePlace {
    fn sealed_for(&self) -> String {
        let Self {
            ledger,
            case,
            provider,
            command,
        } = self;
        format!("identity_person/{ledger}/{case}/{provider}/{command}")
    }
}

/// Why a note cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum NoteFault {
    /// PostgreSQL failed.
    #[error("what a provider has to know about a person cannot be kept")]
    Database(#[from] sqlx::Error),
    /// It was sealed with another key, or cannot be sealed.
    #[error(transparent)]
    Sealed(#[from] SealingError),
    /// It is no note.
    #[error("what was noted about a person cannot be read")]
    Text(#[from] serde_json::Error),
}

/// The table of notes; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct People {
    pool: PgPool,
    sealing: Arc<dyn Sealing>,
}

/// Whether the log has the command that a note was made for.
const COUNTS: &str = "EXISTS (SELECT FROM daybook.events AS event \
    WHERE event.ledger = note.ledger AND event.aggregate_type = 'verification_case' \
      AND event.aggregate_id = note.case_id::text AND event.event_type = 'CaseSubmitted' \
      AND (event.metadata ->> 'command_id')::uuid = note.noted_by)";

impl People {
    pub(super) const fn new(pool: PgPool, sealing: Arc<dyn Sealing>) -> Self {
        Self { pool, sealing }
    }

    pub(super) async fn keep(
        &self,
        place: NotePlace,
        facts: &PersonFacts,
    ) -> Result<(), NoteFault> {
        let sealed = self
            .sealing
            .seal(&place.sealed_for(), &serde_json::to_vec(facts)?)?;
        sqlx::query(
            "INSERT INTO workflows.identity_person (ledger, case_id, provider, noted_by, sealed) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(place.ledger.as_str())
        .bind(place.case.as_uuid())
        .bind(place.provider.as_str())
        .bind(place.command)
        .bind(sealed)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What was noted; nothing where nothing was.
    pub(super) async fn read(&self, place: NotePlace) -> Result<PersonFacts, NoteFault> {
        let found: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT sealed FROM workflows.identity_person \
             WHERE ledger = $1 AND case_id = $2 AND provider = $3 AND noted_by = $4",
        )
        .bind(place.ledger.as_str())
        .bind(place.case.as_uuid())
        .bind(place.provider.as_str())
        .bind(place.command)
        .fetch_optional(&self.pool)
        .await?;
        match found {
            Some(sealed) => {
                let opened = self.sealing.open(&place.sealed_for(), &sealed)?;
                Ok(serde_json::from_slice(&opened)?)
            }
            None => Ok(PersonFacts::default()),
        }
    }

    /// Takes back what was noted for a command, unless the log has the command.
    pub(super) async fn take_back(
        &self,
        ledger: LedgerName,
        case: CaseId,
        command: Uuid,
    ) -> Result<(), NoteFault> {
        let query = format!(
            "DELETE FROM workflows.identity_person AS note \
             WHERE ledger = $1 AND case_id = $2 AND noted_by = $3 AND NOT {COUNTS}"
        );
        sqlx::query(&query)
            .bind(ledger.as_str())
            .bind(case.as_uuid())
            .bind(command)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets what was noted for a provider.
    pub(super) async fn forget(&self, place: NotePlace) -> Result<(), sqlx::Error> {
        sqlx::query(
            "DELETE FROM workflows.identity_person \
             WHERE ledger = $1 AND case_id = $2 AND provider = $3 AND noted_by = $4",
        )
        .bind(place.ledger.as_str())
        .bind(place.case.as_uuid())
        .bind(place.provider.as_str())
        .bind(place.command)
        .execute(&self.pool)
        .await
        .map(|_| ())
    }

    /// Forgets what was noted before a time for commands that are not in the log; tells how many.
    pub(super) async fn sweep(&self, before: DateTime<Utc>) -> Result<u64, NoteFault> {
        let query = format!(
            "DELETE FROM workflows.identity_person AS note WHERE noted_at < $1 AND NOT {COUNTS}"
        );
        let swept = sqlx::query(&query).bind(before).execute(&self.pool).await?;
        Ok(swept.rows_affected())
    }
}
