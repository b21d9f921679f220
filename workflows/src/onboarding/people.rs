//! Whom the process onboards: what it has to know of people, and of nobody else.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::OwnerId;
use ledger_core::onboarding::ContactKind;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// The person behind an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonSeen {
    /// There is none here: their contacts are known elsewhere, or to nobody.
    Unknown,
    /// Somebody who may not sign in.
    Blocked,
    /// Somebody with a verified contact of these kinds.
    Known {
        /// Which kinds.
        verified: BTreeSet<ContactKind>,
    },
}

/// Why nothing can be told of people now, for operators and without anything personal.
#[derive(Debug, thiserror::Error)]
#[error("people cannot be asked about")]
pub struct PersonFault(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What an owner is reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerReminder {
    /// To verify a contact.
    Verify(ContactKind),
    /// To give documents.
    GiveDocuments,
}

/// Why a reminder was not sent.
#[derive(Debug, thiserror::Error)]
pub enum ReminderFault {
    /// There is no way to the owner, now or later.
    #[error("there is no way to the owner: {reason}")]
    Unreachable {
        /// Why, without anything personal.
        reason: String,
    },
    /// It may be sent later.
    #[error("it cannot be sent now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Knows the people behind owners.
#[async_trait]
pub trait OnboardingPeople: Send + Sync + fmt::Debug {
    /// The person behind an owner.
    ///
    /// # Errors
    /// [`PersonFault`].
    async fn person(&self, owner: &OwnerId) -> Result<PersonSeen, PersonFault>;

    /// Reminds an owner, at an address that they have shown to be theirs.
    ///
    /// # Errors
    /// [`ReminderFault`].
    async fn remind(
        &self,
        owner: &OwnerId,
        id: Uuid,
        of: OwnerReminder,
        due_at: DateTime<Utc>,
    ) -> Result<(), ReminderFault>;

    /// Takes out, in the caller's database transaction, the owners of whose person there are news.
    ///
    /// # Errors
    /// [`PersonFault`].
    async fn take_news_in_tx(&self, tx: &mut PgConnection) -> Result<Vec<OwnerId>, PersonFault>;
}
