//! What the API needs of identity checks: whether a case can be handed over, what is noted about the person,
//! and their ways in.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ledger_core::verification::{CaseStatus, Finding, OpenCase};
use ledger_core::{CaseId, LedgerName, ProviderName};
use sqlx::FromRow;
use sqlx::postgres::PgPool;
use uuid::Uuid;

pub use super::people::{NoteFault, PersonFacts};
use super::people::{NotePlace, People};
use super::stored::{Check, StoredEntry};
use crate::identity_accounts::IdentityAccounts;
use crate::webhooks::{Sealing, SealingError};

/// Why a case cannot be handed to providers as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionFault {
    /// The ledger has accounts, and none there.
    #[error("the ledger has no account at the provider {provider}")]
    NotConfigured {
        /// Where.
        provider: ProviderName,
    },
    /// The provider demands the name.
    #[error("{provider} demands the person's given and family name")]
    NameMissing {
        /// Who.
        provider: ProviderName,
    },
    /// The provider demands a way to reach the person.
    #[error("{provider} demands an email address or phone number")]
    ContactMissing {
        /// Who.
        provider: ProviderName,
    },
}

/// Why ways in cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum DeskFault {
    /// PostgreSQL failed.
    #[error("ways in cannot be read")]
    Database(#[from] sqlx::Error),
    /// They were sealed with another key.
    #[error(transparent)]
    Sealed(#[from] SealingError),
    /// It is none.
    #[error("a way in cannot be read")]
    Text(#[from] serde_json::Error),
}

/// What a person goes on with. `Debug` shows nothing: whoever has it acts as the person.
#[derive(Clone, PartialEq, Eq)]
pub enum EntryText {
    /// The address of a page.
    Page(String),
    /// A token for the provider's software.
    Token(String),
}

impl fmt::Debug for EntryText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Page(_) => "Page(hidden)",
            Self::Token(_) => "Token(hidden)",
        })
    }
}

/// A person's way in to a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckEntry {
    /// At whom.
    pub provider: ProviderName,
    /// What they go on with.
    pub text: EntryText,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

/// What the API needs of identity checks; cheap to clone.
#[derive(Debug, Clone)]
pub struct CheckDesk {
    accounts: IdentityAccounts,
    pool: PgPool,
    people: People,
    sealing: Arc<dyn Sealing>,
}

#[derive(FromRow)]
struct EntryRow {
    id: Uuid,
    provider: String,
    entry: Option<Vec<u8>>,
    entry_expires_at: Option<DateTime<Utc>>,
}

impl CheckDesk {
    /// A desk over these accounts and this database.
    #[must_use]
    pub fn new(accounts: IdentityAccounts, pool: PgPool, sealing: Arc<dyn Sealing>) -> Self {
        Self {
            accounts,
            people: People::new(pool.clone(), Arc::clone(&sealing)),
            pool,
            sealing,
        }
    }

    /// Whether the providers can be asked with what is known of the person. A ledger without accounts hands
    /// cases over by name alone, and nobody is asked.
    ///
    /// # Errors
    /// [`SubmissionFault`].
    pub fn check_submission(
        &self,
        ledger: LedgerName,
        providers: &[ProviderName],
        facts: &PersonFacts,
    ) -> Result<(), SubmissionFault> {
        if self.accounts.of_ledger(ledger).is_empty() {
            return Ok(());
        }
        let person = facts.person();
        for provider in providers.iter().copied() {
            let account = self.accounts.of(ledger, provider);
            let account = account.ok_or(SubmissionFault::NotConfigured { provider })?;
            let demand = account.identity_provider.capabilities().person;
            if demand.name && person.name.is_none() {
                return Err(SubmissionFault::NameMissing { provider });
            }
            if demand.contact && person.email.is_none() && person.phone.is_none() {
                return Err(SubmissionFault::ContactMissing { provider });
            }
        }
        Ok(())
    }

    /// Notes what providers have to know of the person, for the command that is to hand the case to them.
    ///
    /// # Errors
    /// [`NoteFault`].
    pub async fn note(
        &self,
        ledger: LedgerName,
        case: CaseId,
        providers: &[ProviderName],
        command: Uuid,
        facts: &PersonFacts,
    ) -> Result<(), NoteFault> {
        if *facts == PersonFacts::default() {
            return Ok(());
        }
        let mut providers = providers.to_vec();
        providers.sort_unstable();
        providers.dedup();
        for provider in providers {
            if self.accounts.of(ledger, provider).is_none() {
                continue;
            }
            let place = NotePlace {
                ledger,
                case,
                provider,
                command,
            };
            self.people.keep(place, facts).await?;
        }
        Ok(())
    }

    /// Takes back what was noted for a command, unless the log has the command.
    ///
    /// # Errors
    /// [`NoteFault`].
    pub async fn take_back(
        &self,
        ledger: LedgerName,
        case: CaseId,
        command: Uuid,
    ) -> Result<(), NoteFault> {
        self.people.take_back(ledger, case, command).await
    }

    /// Forgets what was noted before a time for commands that are not in the log; tells how many.
    ///
    /// # Errors
    /// [`NoteFault`].
    pub async fn sweep(&self, before: DateTime<Utc>) -> Result<u64, NoteFault> {
        self.people.sweep(before).await
    }

    /// The ways in of a case's person that are of use as the case stands.
    ///
    /// # Errors
    /// [`DeskFault`].
    pub async fn entries(
        &self,
        ledger: LedgerName,
        case: CaseId,
        open: &OpenCase,
        status: CaseStatus,
    ) -> Result<Vec<CheckEntry>, DeskFault> {
        let rows: Vec<EntryRow> = sqlx::query_as(
            "SELECT DISTINCT ON (provider) id, provider, entry, entry_expires_at \
             FROM workflows.identity_check WHERE ledger = $1 AND case_id = $2 \
             ORDER BY provider, submission DESC",
        )
        .bind(ledger.as_str())
        .bind(case.as_uuid())
        .fetch_all(&self.pool)
        .await?;
        let now = Utc::now();
        let mut entries = Vec::new();
        for row in rows {
            let Ok(provider) = row.provider.parse::<ProviderName>() else {
                continue;
            };
            let (Some(sealed), Some(expires_at)) = (row.entry, row.entry_expires_at) else {
                continue;
            };
            if expires_at <= now || !is_of_use(open, status, provider) {
                continue;
            }
            let entry = self.sealing.open(&Check::entry_place(row.id), &sealed)?;
            let text = match serde_json::from_slice(&entry)? {
                StoredEntry::Page { url } => EntryText::Page(url),
                StoredEntry::Token { token } => EntryText::Token(token),
            };
            entries.push(CheckEntry {
                provider,
                text,
                expires_at,
            });
        }
        Ok(entries)
    }
}

/// Whether the person has something to do at a provider: while the case is there, when they may try again,
/// and when the provider, and not our own people, has begun anew.
fn is_of_use(open: &OpenCase, status: CaseStatus, provider: ProviderName) -> bool {
    let view = open.providers.get(&provider);
    let says = view.and_then(|view| view.heard.as_ref());
    match status {
        CaseStatus::Submitted | CaseStatus::RetryAllowed => true,
        CaseStatus::Opened => says.is_some_and(|heard| heard.finding == Finding::Reset),
        CaseStatus::AwaitingDocuments
        | CaseStatus::DocumentsReceived
        | CaseStatus::InReview
        | CaseStatus::Approved
        | CaseStatus::Rejected
        | CaseStatus::Expired
        | CaseStatus::ReverificationDue => false,
    }
}
