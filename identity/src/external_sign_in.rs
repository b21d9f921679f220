//! Signing in with another issuer: where the browser is between leaving and coming back, and the session
//! that begins then.
//!
//! Whoever begins gets a **binding**, which stays in the browser; only who brings it back, together with
//! what the issuer gave, gets the session, so that nobody can be signed in as somebody else by a link (RFC
//! 9700, 4.7). What must be remembered meanwhile is sealed in the database, found by `state`, and taken
//! out before it is used: it is good once, on every node.
//!
//! Somebody who signs in for the first time becomes a person without address and password, whose id
//! follows from issuer and subject. Their roles are those that the issuer's token claimed when the session
//! began, and those given to them here. A second factor counts as given when the issuer says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::authenticate::Authenticator;
use crate::error_chain::ErrorChain;
use crate::external::{
    CallbackParameters, ExternalFault, ExternalIdentity, ExternalIssuers, PendingSignIn,
};
use crate::identities::{Identities, IdentityError, Refusal};
use crate::records::{NewRecord, RecordKind};
use crate::secret::{is_equal, new_token, token_hash};
use crate::sessions::{Continued, Device, Shown};
use crate::subject::Subject;

/// How long a person may take at the issuer.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Sign-ins past their time that are deleted with each new one: more than are begun.
const FORGET: i64 = 20;

/// Where a browser goes, and what it keeps.
#[derive(Debug)]
pub struct BegunSignIn {
    /// Where to send the browser.
    pub url: String,
    /// What the browser keeps until it comes back, out of reach of other sites.
    pub binding: Zeroizing<String>,
    /// When it is too late to come back.
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
struct Kept {
    binding: Vec<u8>,
    pending: Vec<u8>,
    expires_at: DateTime<Utc>,
}

impl Authenticator {
    /// The issuers that people can sign in with.
    pub fn sign_in_issuers(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers().into_iter();
        issuers.flat_map(|issuers| issuers.for_sign_in())
    }

    /// Begins a sign-in with an issuer; the browser comes back to `redirect_uri`, which the issuer must
    /// know as ours.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`], [`Refusal::SignInFailed`]; [`IdentityError::External`] while the issuer
    /// cannot be asked.
    pub async fn begin_external_sign_in(
        &self,
        issuer: &str,
        redirect_uri: &str,
    ) -> Result<BegunSignIn, IdentityError> {
        let started = self
            .issuers_for_sign_in()?
            .begin_sign_in(issuer, redirect_uri)
            .await
            .map_err(refused)?;
        let (binding, expires_at) = self.identities().keep_sign_in(&started.pending).await?;
        Ok(BegunSignIn {
            url: started.url.into(),
            binding,
            expires_at,
        })
    }

    /// Ends a sign-in with the query that the browser brought back, and begins the session.
    ///
    /// # Errors
    /// [`Refusal::SignInFailed`]; [`Refusal::InvalidCredentials`] when the person is blocked;
    /// [`IdentityError::External`] while the issuer cannot be asked.
    pub async fn finish_external_sign_in(
        &self,
        query: &str,
        binding: &str,
        device: &Device,
    ) -> Result<Continued, IdentityError> {
        let issuers = self.issuers_for_sign_in()?;
        let callback = CallbackParameters::try_from_query(query)
            .map_err(|fault| refused(ExternalFault::SignIn(fault)))?;
        let unknown = || failed("sign_in_unknown");
        let state = callback.state().ok_or_else(unknown)?.to_owned();
        let pending = self.identities().taken_sign_in(&state, binding).await?;
        let pending = pending.ok_or_else(unknown)?;
        let found = issuers
            .finish_sign_in(pending, callback)
            .await
            .map_err(refused)?;
        self.identities()
            .begin_vouched_session(&found, device)
            .await
    }

    fn issuers_for_sign_in(&self) -> Result<&ExternalIssuers, IdentityError> {
        let issuers = self.issuers().ok_or(Refusal::UnknownIssuer)?;
        Ok(issuers)
    }
}

impl Identities {
    async fn keep_sign_in(
        &self,
        pending: &PendingSignIn,
    ) -> Result<(Zeroizing<String>, DateTime<Utc>), IdentityError> {
        let (binding, now) = (new_token()?, self.now());
        let hash = token_hash(pending.state());
        let text = serde_json::to_vec(pending).map(Zeroizing::new);
        let text = text.map_err(|_| IdentityError::Stored { what: "sign-in" })?;
        let sealed = self.master_key.seal(&place(&hash), &text)?;
        sqlx::query(
            "DELETE FROM identity.pending_sign_in WHERE hash IN \
             (SELECT hash FROM identity.pending_sign_in WHERE expires_at <= $1 \
              ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind(now)
        .bind(FORGET)
        .execute(&self.pool)
        .await?;
        let expires_at = now + LIFETIME;
        sqlx::query(
            "INSERT INTO identity.pending_sign_in (hash, binding, pending, expires_at) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(hash.as_slice())
        .bind(token_hash(&binding).as_slice())
        .bind(sealed)
        .bind(expires_at)
        .execute(&self.pool)
        .await?;
        Ok((binding, expires_at))
    }

    /// Takes a sign-in out: whoever has the `state` without the binding ends it for everybody.
    async fn taken_sign_in(
        &self,
        state: &str,
        binding: &str,
    ) -> Result<Option<PendingSignIn>, IdentityError> {
        let hash = token_hash(state);
        let kept: Option<Kept> = sqlx::query_as(
            "DELETE FROM identity.pending_sign_in WHERE hash = $1 \
             RETURNING binding, pending, expires_at",
        )
        .bind(hash.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let now = self.now();
        let kept = kept
            .filter(|kept| kept.expires_at > now && is_equal(&kept.binding, &token_hash(binding)));
        let Some(kept) = kept else {
            return Ok(None);
        };
        let text = self.master_key.open(&place(&hash), &kept.pending)?;
        let pending = serde_json::from_slice(&text);
        pending
            .map(Some)
            .map_err(|_| IdentityError::Stored { what: "sign-in" })
    }

    async fn begin_vouched_session(
        &self,
        found: &ExternalIdentity,
        device: &Device,
    ) -> Result<Continued, IdentityError> {
        let subject = Subject::external(&found.issuer, &found.subject);
        let Subject::External(person) = subject else {
            return Err(IdentityError::Stored { what: "subject" });
        };
        let mut tx = self.pool.begin().await?;
        add_vouched_in_tx(&mut tx, person, subject, &found.issuer, self.now()).await?;
        tx.commit().await?;
        let shown = Shown {
            person,
            password_hash: None,
            second_factor_at: found.second_factor_at(),
            claimed: found.known_roles(),
        };
        self.begin_session(&shown, device).await
    }

    /// Whether a person of ours is blocked; nobody is not.
    pub(crate) async fn is_blocked(&self, person: Uuid) -> Result<bool, IdentityError> {
        let blocked: Option<bool> =
            sqlx::query_scalar("SELECT blocked_at IS NOT NULL FROM identity.person WHERE id = $1")
                .bind(person)
                .fetch_optional(&self.pool)
                .await?;
        Ok(blocked.unwrap_or_default())
    }
}

/// The owner's name is the one that the issuer's tokens have as bearers: the wallets are the same.
async fn add_vouched_in_tx(
    tx: &mut PgConnection,
    person: Uuid,
    owner: Subject,
    issuer: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let added = sqlx::query(
        "INSERT INTO identity.person (id, owner, issuer, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(person)
    .bind(owner.to_string())
    .bind(issuer)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if added.rows_affected() == 1 {
        NewRecord::of(RecordKind::Registered, Subject::Person(person))
            .with(serde_json::json!({ "issuer": issuer }))
            .write(tx, now)
            .await?;
    }
    Ok(())
}

fn place(hash: &[u8; 32]) -> String {
    format!("sign_in/{}", URL_SAFE_NO_PAD.encode(hash))
}

fn failed(code: &'static str) -> IdentityError {
    Refusal::SignInFailed { code }.into()
}

fn refused(fault: ExternalFault) -> IdentityError {
    if fault.is_transient() {
        return IdentityError::External(fault);
    }
    match fault {
        ExternalFault::UnknownIssuer { .. } => Refusal::UnknownIssuer.into(),
        fault => {
            let code = fault.code();
            tracing::info!(
                error = %ErrorChain(&fault),
                "a sign-in with another issuer failed"
            );
            failed(code)
        }
    }
}
