//! The record of what happened to people, machines and roles: appended, never changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;

use crate::identities::{Identities, IdentityError};
use crate::subject::Subject;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A person registered.
    Registered,
    /// An address was shown to be a person's.
    AddressVerified,
    /// A person signed in.
    SignedIn,
    /// Somebody failed to sign in as a person.
    SignInFailed,
    /// A session ended.
    SessionEnded,
    /// A refresh token came twice, and its session was ended.
    RefreshTokenReused,
    /// A second factor was given for sensitive operations.
    SteppedUp,
    /// A password was set anew.
    PasswordChanged,
    /// An authenticator was enrolled and confirmed.
    AuthenticatorConfirmed,
    /// An authenticator was removed.
    AuthenticatorRemoved,
    /// Recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A person was blocked.
    Blocked,
    /// A person was let in again.
    Unblocked,
    /// A role was given.
    RoleGranted,
    /// A role was taken.
    RoleTaken,
    /// A client or key was made.
    MachineMade,
    /// A client or key was revoked.
    MachineRevoked,
    /// A client's access token was revoked.
    TokenRevoked,
    /// A signing key was made.
    SigningKeyMade,
    /// Something waits for a second person.
    ApprovalRequested,
    /// A second person allowed it.
    ApprovalGiven,
    /// A second person refused it.
    ApprovalRefused,
    /// What was allowed was carried out.
    ApprovalUsed,
    /// Somebody looked at what is known of an owner.
    ProfileRead,
    /// Somebody looked for a person by an address.
    ProfileSearched,
    /// It was forgotten who a person is.
    PersonErased,
    /// Somebody was given a document of a person.
    DocumentRead,
    /// Somebody asked for a document and was not given it.
    DocumentRefused,
}

impl RecordKind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::AddressVerified => "address_verified",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SessionEnded => "session_ended",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SteppedUp => "stepped_up",
            Self::PasswordChanged => "password_changed",
            Self::AuthenticatorConfirmed => "authenticator_confirmed",
            Self::AuthenticatorRemoved => "authenticator_removed",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::RoleGranted => "role_granted",
            Self::RoleTaken => "role_taken",
            Self::MachineMade => "machine_made",
            Self::MachineRevoked => "machine_revoked",
            Self::TokenRevoked => "token_revoked",
            Self::SigningKeyMade => "signing_key_made",
            Self::ApprovalRequested => "approval_requested",
            Self::ApprovalGiven => "approval_given",
            Self::ApprovalRefused => "approval_refused",
            Self::ApprovalUsed => "approval_used",
            Self::ProfileRead => "profile_read",
            Self::ProfileSearched => "profile_searched",
            Self::PersonErased => "person_erased",
            Self::DocumentRead => "document_read",
            Self::DocumentRefused => "document_refused",
        }
    }
}

/// Something that is to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct NewRecord {
    pub(crate) kind: RecordKind,
    pub(crate) actor: Option<Subject>,
    pub(crate) subject: Option<Subject>,
    pub(crate) ledger: Option<String>,
    pub(crate) details: Value,
}

impl NewRecord {
    /// What a subject did to itself.
    pub(crate) fn of(kind: RecordKind, subject: Subject) -> Self {
        Self {
            kind,
            actor: Some(subject),
            subject: Some(subject),
            ledger: None,
            details: Value::Object(serde_json::Map::new()),
        }
    }

    /// What the deployment did by itself.
    pub(crate) fn event(kind: RecordKind) -> Self {
        Self {
            kind,
            actor: None,
            subject: None,
            ledger: None,
            details: Value::Object(serde_json::Map::new()),
        }
    }

    pub(crate) fn by(mut self, actor: Option<Subject>) -> Self {
        self.actor = actor;
        self
    }

    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    pub(crate) fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// Writes it, in the caller's database transaction if it has one.
    pub(crate) async fn write(
        self,
        executor: impl PgExecutor<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO identity.record (at, kind, actor, subject, ledger, details) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(at)
        .bind(self.kind.as_str())
        .bind(self.actor.map(|actor| actor.to_string()))
        .bind(self.subject.map(|subject| subject.to_string()))
        .bind(self.ledger)
        .bind(self.details)
        .execute(executor)
        .await?;
        Ok(())
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Record {
    /// Its place among all records.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What, by [`RecordKind::as_str`].
    pub kind: String,
    /// Who did it, if it is known.
    pub actor: Option<String>,
    /// To whom or what.
    pub subject: Option<String>,
    /// In which ledger, if in one.
    pub ledger: Option<String>,
    /// More; its fields depend on the kind.
    pub details: Value,
}

/// Which records.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Only what this one did or what happened to it.
    pub about: Option<Subject>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only records before this number.
    pub before: Option<i64>,
}

impl Identities {
    /// Records, newest first, at most `limit`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn records(
        &self,
        filter: &RecordFilter,
        limit: i64,
    ) -> Result<Vec<Record>, IdentityError> {
        Ok(sqlx::query_as(
            "SELECT number, at, kind, actor, subject, ledger, details FROM identity.record \
             WHERE ($1::text IS NULL OR actor = $1 OR subject = $1) \
               AND ($2::text IS NULL OR kind = $2) AND ($3::bigint IS NULL OR number < $3) \
             ORDER BY number DESC LIMIT $4",
        )
        .bind(filter.about.map(|subject| subject.to_string()))
        .bind(&filter.kind)
        .bind(filter.before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }
}
