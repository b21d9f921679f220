//! The people and machines of a deployment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Transaction;
use sqlx::postgres::{PgPool, Postgres};

use crate::changes::Changes;
use crate::delivery::CodeDelivery;
use crate::external::ExternalFault;
use crate::password::{PasswordError, PasswordRefusal};
use crate::second_factor::{SecondFactorFault, SecondFactorKind};
use crate::secret::{MasterKey, SecretError};
use crate::session_policy::SessionPolicies;
use crate::totp::TotpFault;

/// The time, as everything here sees it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// What the people and machines need from outside.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Who signs our tokens, as `iss` says it: the deployment's URL.
    pub issuer: String,
    /// Whom the tokens are for, as `aud` says it.
    pub audience: String,
    /// How long an access token is good for.
    pub access_token_lifetime: Duration,
    /// How long sessions last.
    pub sessions: SessionPolicies,
    /// Second factors besides the authenticator, in the order in which they are asked about.
    pub second_factors: Vec<Arc<dyn SecondFactorKind>>,
}

/// Why a request about a person or machine is refused; each has a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address, the password or the second factor is wrong; which is not said.
    #[error("the address, the password or the second factor is not right")]
    InvalidCredentials,
    /// The password is right, and a second factor is needed besides.
    #[error("a second factor is needed")]
    SecondFactorRequired,
    /// A code is wrong, was used, or has expired.
    #[error("the code is not right, was used, or has expired")]
    InvalidCode,
    /// Too many attempts; wait.
    #[error("too many attempts, wait {} s", wait.as_secs())]
    TooManyAttempts {
        /// How long.
        wait: Duration,
    },
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    /// A client asks for a scope that it was not given.
    #[error("the client was not given this scope")]
    InvalidScope,
    /// A token is unknown, has expired or was revoked.
    #[error("the token is not valid")]
    InvalidToken,
    /// A refresh token came a second time: its session has ended.
    #[error("the refresh token was used before; its session has ended")]
    TokenReused,
    /// There is no such person, session, machine or key.
    #[error("there is no such {what}")]
    NotFound {
        /// What.
        what: &'static str,
    },
    /// An authenticator is there already.
    #[error("an authenticator is already enrolled")]
    AlreadyEnrolled,
    /// No authenticator is there.
    #[error("no authenticator is enrolled")]
    NotEnrolled,
    /// Whoever asked for something cannot allow it.
    #[error("a second person has to decide about your own request")]
    OwnRequest,
    /// A machine cannot be the second person.
    #[error("only a person can decide")]
    NotAPerson,
    /// Somebody has decided.
    #[error("somebody has decided already")]
    ApprovalDecided,
    /// Nobody decided in time.
    #[error("the approval has expired; the request has to be sent again")]
    ApprovalExpired,
    /// Too many requests wait for a second person.
    #[error("too many of your requests wait for a second person")]
    TooManyWaiting,
    /// Somebody with a role besides customer is for administrators to block.
    #[error("only administrators act on people who work here")]
    StaffProtected,
    /// The other issuer is not configured for signing in.
    #[error("nobody signs in here with this issuer")]
    UnknownIssuer,
    /// A sign-in with another issuer did not succeed; `code` is its stable word.
    #[error("the sign-in with the other issuer failed: {code}")]
    SignInFailed {
        /// Why.
        code: &'static str,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::SecondFactorRequired => "second_factor_required",
            Self::InvalidCode => "invalid_code",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Password(PasswordRefusal::TooShort) => "password_too_short",
            Self::Password(PasswordRefusal::TooLong) => "password_too_long",
            Self::Password(PasswordRefusal::Guessable { .. }) => "password_guessable",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::TokenReused => "refresh_token_reused",
            Self::NotFound { .. } => "identity_not_found",
            Self::AlreadyEnrolled => "authenticator_enrolled",
            Self::NotEnrolled => "authenticator_not_enrolled",
            Self::OwnRequest => "approval_own_request",
            Self::NotAPerson => "approver_not_a_person",
            Self::ApprovalDecided => "approval_decided",
            Self::ApprovalExpired => "approval_expired",
            Self::TooManyWaiting => "too_many_approvals",
            Self::StaffProtected => "staff_protected",
            Self::UnknownIssuer => "issuer_unknown",
            Self::SignInFailed { .. } => "external_sign_in_failed",
        }
    }
}

/// Why a request about a person or machine was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database cannot be used.
    #[error("the identities cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// A secret cannot be made or read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A password cannot be hashed or compared.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// An authenticator's secret cannot be used.
    #[error(transparent)]
    Totp(#[from] TotpFault),
    /// A second factor cannot be judged.
    #[error(transparent)]
    SecondFactor(#[from] SecondFactorFault),
    /// Another issuer cannot be asked.
    #[error(transparent)]
    External(ExternalFault),
    /// A token cannot be signed.
    #[error("a token cannot be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not what was stored.
    #[error("a stored {what} cannot be read")]
    Stored {
        /// What.
        what: &'static str,
    },
}

/// The people and machines; cheap to clone.
#[derive(Debug, Clone)]
pub struct Identities {
    pub(crate) pool: PgPool,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) delivery: Arc<dyn CodeDelivery>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Arc<IdentitySettings>,
    pub(crate) changes: Changes,
}

impl Identities {
    /// The identities in a migrated database.
    #[must_use]
    pub fn new(
        pool: PgPool,
        master_key: Arc<MasterKey>,
        delivery: Arc<dyn CodeDelivery>,
        clock: Arc<dyn Clock>,
        settings: IdentitySettings,
    ) -> Self {
        Self {
            pool,
            master_key,
            delivery,
            clock,
            settings: Arc::new(settings),
            changes: Changes::default(),
        }
    }

    /// Commits something that makes less of somebody, or more: what this node remembers is forgotten
    /// before the caller is answered.
    pub(crate) async fn commit_change(
        &self,
        tx: Transaction<'static, Postgres>,
    ) -> Result<(), sqlx::Error> {
        let committed = tx.commit().await;
        // Also after a failure, whose outcome is not known.
        self.changes.happened();
        committed
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
