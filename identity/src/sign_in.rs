//! Signing in: password, then the second factor of those who have one.
//!
//! Every attempt is counted before it is judged, for an address nobody has as well, and a password is
//! hashed in every case: neither the answer nor its time tells who has an account.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::password;
use crate::records::{NewRecord, RecordKind};
use crate::second_factor::SecondFactor;
use crate::sessions::{Continued, Device, Shown};
use crate::subject::Subject;

/// Somebody who wants to sign in.
#[derive(Debug)]
pub struct Credentials {
    /// A verified address of theirs.
    pub address: Address,
    /// Their password.
    pub password: Zeroizing<String>,
    /// The second factor, from those who have one.
    pub second_factor: Option<SecondFactor>,
}

#[derive(Debug, sqlx::FromRow)]
struct Found {
    id: Uuid,
    password_hash: Option<String>,
    blocked_at: Option<DateTime<Utc>>,
    has_authenticator: bool,
}

const FIND: &str = "\
SELECT person.id, person.password_hash, person.blocked_at,
       EXISTS (SELECT FROM identity.authenticator
               WHERE person_id = person.id AND confirmed_at IS NOT NULL) AS has_authenticator
FROM identity.address JOIN identity.person ON person.id = address.person_id
WHERE address.value = $1 AND address.verified_at IS NOT NULL";

impl Identities {
    /// Begins a session.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`], [`Refusal::SecondFactorRequired`],
    /// [`Refusal::TooManyAttempts`].
    pub async fn sign_in(
        &self,
        credentials: Credentials,
        device: &Device,
    ) -> Result<Continued, IdentityError> {
        let target = sign_in_target(&credentials.address);
        self.count_attempt(&target).await?;
        let found: Option<Found> = sqlx::query_as(FIND)
            .bind(credentials.address.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let kept = found.as_ref().and_then(|found| found.password_hash.clone());
        let is_right = password::is_right(credentials.password, kept).await?;
        let Some(found) = found else {
            return Err(Refusal::InvalidCredentials.into());
        };
        if !is_right || found.blocked_at.is_some() {
            return self.failed(found.id, "password").await;
        }
        let has_factor = found.has_authenticator || self.has_other_factor(found.id).await?;
        let second_factor_at = match (has_factor, credentials.second_factor) {
            (false, _) => None,
            (true, None) => {
                // The password was right: this is no failure, and a second round is to come.
                self.forget_attempts(&target).await?;
                return Err(Refusal::SecondFactorRequired.into());
            }
            (true, Some(factor)) => {
                if !self.is_second_factor(found.id, &factor).await? {
                    return self.failed(found.id, "second_factor").await;
                }
                Some(self.now())
            }
        };
        self.forget_attempts(&target).await?;
        let shown = Shown {
            person: found.id,
            password_hash: found.password_hash,
            second_factor_at,
            claimed: Vec::new(),
        };
        self.begin_session(&shown, device).await
    }

    /// Gives the second factor in a session that goes on, for sensitive operations.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`], [`Refusal::NotEnrolled`], [`Refusal::TooManyAttempts`].
    pub async fn step_up(
        &self,
        person: Uuid,
        session: Uuid,
        factor: &SecondFactor,
    ) -> Result<(), IdentityError> {
        if !self.is_second_factor(person, factor).await? {
            return Err(Refusal::InvalidCredentials.into());
        }
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let found = sqlx::query(
            "UPDATE identity.session SET second_factor_at = $3 \
             WHERE id = $1 AND person_id = $2 AND ended_at IS NULL",
        )
        .bind(session)
        .bind(person)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if found.rows_affected() == 0 {
            return Err(Refusal::NotFound { what: "session" }.into());
        }
        NewRecord::of(RecordKind::SteppedUp, Subject::Person(person))
            .with(serde_json::json!({ "session": session }))
            .write(&mut *tx, now)
            .await?;
        // Whoever remembers the session must see it anew.
        crate::changes::announce_in_tx(&mut tx, Subject::Person(person)).await?;
        self.commit_change(tx).await?;
        Ok(())
    }

    /// Changes a password by its owner, who knows the old one; every session ends.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`], [`Refusal::Password`], [`Refusal::TooManyAttempts`].
    pub async fn change_password(
        &self,
        person: Uuid,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Result<(), IdentityError> {
        let target = format!("change_password/{person}");
        self.count_attempt(&target).await?;
        let kept: Option<Option<String>> =
            sqlx::query_scalar("SELECT password_hash FROM identity.person WHERE id = $1")
                .bind(person)
                .fetch_optional(&self.pool)
                .await?;
        if !password::is_right(old, kept.flatten()).await? {
            return Err(Refusal::InvalidCredentials.into());
        }
        self.forget_attempts(&target).await?;
        let addresses: Vec<String> =
            sqlx::query_scalar("SELECT value FROM identity.address WHERE person_id = $1")
                .bind(person)
                .fetch_all(&self.pool)
                .await?;
        let about: Vec<&str> = addresses.iter().map(String::as_str).collect();
        password::check(&new, &about).map_err(Refusal::Password)?;
        let hash = password::hash(new).await?;
        self.set_password(person, &hash).await
    }

    async fn failed<T>(&self, person: Uuid, what: &str) -> Result<T, IdentityError> {
        NewRecord::of(RecordKind::SignInFailed, Subject::Person(person))
            .by(None)
            .with(serde_json::json!({ "wrong": what }))
            .write(&self.pool, self.now())
            .await?;
        Err(Refusal::InvalidCredentials.into())
    }
}

/// What failed attempts at an address are counted under.
pub(crate) fn sign_in_target(address: &Address) -> String {
    format!("sign_in/{}", address.as_str())
}
