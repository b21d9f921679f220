//! Second factors: an authenticator with time-based codes, and recovery codes for when it is lost.
//!
//! A time step is accepted once (RFC 6238, 5.2). Recovery codes have 80 random bits and are good once
//! each. Other kinds are plugged in: [`crate::second_factor`].

use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::identities::{Identities, IdentityError, Refusal};
use crate::randomness::random_bytes;
use crate::records::{NewRecord, RecordKind};
use crate::second_factor::SecondFactor;
use crate::secret::{SecretError, token_hash};
use crate::subject::Subject;
use crate::totp::{self, Label, Scheme, Step, TotpSecret};

/// How an authenticator names us.
const AUTHENTICATOR_ISSUER: &str = "Daybook";

/// Recovery codes that are made at a time.
const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 10;

/// An authenticator that is to be set up.
#[derive(Debug)]
pub struct Enrolment {
    /// For an authenticator that reads QR codes.
    pub uri: Zeroizing<String>,
    /// For one that wants it typed, in base 32.
    pub secret: Zeroizing<String>,
}

impl Identities {
    /// Begins to enrol an authenticator; it counts once it is confirmed. Beginning again makes a new one.
    ///
    /// # Errors
    /// [`Refusal::AlreadyEnrolled`] when one is confirmed.
    pub async fn enrol_authenticator(
        &self,
        person: Uuid,
        account: &str,
    ) -> Result<Enrolment, IdentityError> {
        let secret = TotpSecret::generate().map_err(SecretError::from)?;
        let label = Label {
            issuer: AUTHENTICATOR_ISSUER,
            account,
        };
        let uri = totp::provisioning_uri(&secret, label)?;
        let sealed = self.master_key.seal(&place(person), secret.as_bytes())?;
        let enrolled = sqlx::query(
            "INSERT INTO identity.authenticator AS known (person_id, secret, enrolled_at) \
             VALUES ($1, $2, $3) ON CONFLICT (person_id) \
             DO UPDATE SET secret = $2, enrolled_at = $3, last_step = 0 \
             WHERE known.confirmed_at IS NULL",
        )
        .bind(person)
        .bind(sealed)
        .bind(self.now())
        .execute(&self.pool)
        .await?;
        if enrolled.rows_affected() == 0 {
            return Err(Refusal::AlreadyEnrolled.into());
        }
        Ok(Enrolment {
            uri,
            secret: secret.to_base32(),
        })
    }

    /// Confirms the authenticator by its first code, and makes the recovery codes, which are shown once.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`], [`Refusal::NotEnrolled`], [`Refusal::TooManyAttempts`].
    pub async fn confirm_authenticator(
        &self,
        person: Uuid,
        code: &str,
    ) -> Result<Vec<Zeroizing<String>>, IdentityError> {
        let target = second_factor_target(person);
        self.count_attempt(&target).await?;
        if !self.is_totp(person, code, Wanted::Unconfirmed).await? {
            return Err(Refusal::InvalidCode.into());
        }
        self.forget_attempts(&target).await?;
        let (subject, now) = (Subject::Person(person), self.now());
        let mut tx = self.pool.begin().await?;
        let confirmed = sqlx::query(
            "UPDATE identity.authenticator SET confirmed_at = $2 \
             WHERE person_id = $1 AND confirmed_at IS NULL",
        )
        .bind(person)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if confirmed.rows_affected() == 0 {
            return Err(Refusal::AlreadyEnrolled.into());
        }
        NewRecord::of(RecordKind::AuthenticatorConfirmed, subject)
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        self.make_recovery_codes(person).await
    }

    /// Makes recovery codes; those before are good no more.
    ///
    /// # Errors
    /// Faults.
    pub async fn make_recovery_codes(
        &self,
        person: Uuid,
    ) -> Result<Vec<Zeroizing<String>>, IdentityError> {
        let codes = (0..RECOVERY_CODES)
            .map(|_| recovery_code())
            .collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<Vec<u8>> = codes
            .iter()
            .map(|code| token_hash(&normal(code)).to_vec())
            .collect();
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        sqlx::query("DELETE FROM identity.recovery_code WHERE person_id = $1")
            .bind(person)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO identity.recovery_code (person_id, hash, made_at) \
             SELECT $1, hash, $3 FROM UNNEST($2::bytea[]) AS hash",
        )
        .bind(person)
        .bind(hashes)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        NewRecord::of(RecordKind::RecoveryCodesMade, Subject::Person(person))
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// Removes the authenticator and the recovery codes.
    ///
    /// # Errors
    /// [`Refusal::NotEnrolled`].
    pub async fn remove_authenticator(&self, person: Uuid) -> Result<(), IdentityError> {
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let removed = sqlx::query("DELETE FROM identity.authenticator WHERE person_id = $1")
            .bind(person)
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Err(Refusal::NotEnrolled.into());
        }
        sqlx::query("DELETE FROM identity.recovery_code WHERE person_id = $1")
            .bind(person)
            .execute(&mut *tx)
            .await?;
        NewRecord::of(RecordKind::AuthenticatorRemoved, Subject::Person(person))
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether a second factor is right; it is used up if it is. Failures make the next attempt wait.
    pub(crate) async fn is_second_factor(
        &self,
        person: Uuid,
        factor: &SecondFactor,
    ) -> Result<bool, IdentityError> {
        let target = second_factor_target(person);
        self.count_attempt(&target).await?;
        let is_right = match factor {
            SecondFactor::Totp(code) => self.is_totp(person, code, Wanted::Confirmed).await?,
            SecondFactor::Recovery(code) => self.is_recovery_code(person, code).await?,
            SecondFactor::Other { kind, answer } => {
                self.is_other_factor(person, kind, answer).await?
            }
        };
        if is_right {
            self.forget_attempts(&target).await?;
        }
        Ok(is_right)
    }

    async fn is_totp(
        &self,
        person: Uuid,
        code: &str,
        wanted: Wanted,
    ) -> Result<bool, IdentityError> {
        let found: Option<(Vec<u8>, Option<DateTime<Utc>>)> = sqlx::query_as(
            "SELECT secret, confirmed_at FROM identity.authenticator WHERE person_id = $1",
        )
        .bind(person)
        .fetch_optional(&self.pool)
        .await?;
        let Some((sealed, confirmed_at)) = found else {
            return Err(Refusal::NotEnrolled.into());
        };
        match (wanted, confirmed_at) {
            (Wanted::Confirmed, None) => return Err(Refusal::NotEnrolled.into()),
            (Wanted::Unconfirmed, Some(_)) => return Err(Refusal::AlreadyEnrolled.into()),
            (Wanted::Confirmed, Some(_)) | (Wanted::Unconfirmed, None) => {}
        }
        let secret = self.master_key.open(&place(person), &sealed)?;
        let secret = TotpSecret::try_from_bytes(&secret)?;
        let now = u64::try_from(self.now().timestamp()).unwrap_or_default();
        let Some(Step(step)) = totp::check(Scheme::default(), &secret, code, now)? else {
            return Ok(false);
        };
        // Of two who send the same code at the same time, one moves the step.
        let moved = sqlx::query(
            "UPDATE identity.authenticator SET last_step = $2 WHERE person_id = $1 AND last_step < $2",
        )
        .bind(person)
        .bind(i64::try_from(step).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await?;
        Ok(moved.rows_affected() == 1)
    }

    async fn is_recovery_code(&self, person: Uuid, code: &str) -> Result<bool, IdentityError> {
        let now = self.now();
        let used = sqlx::query(
            "UPDATE identity.recovery_code SET used_at = $3 \
             WHERE person_id = $1 AND hash = $2 AND used_at IS NULL",
        )
        .bind(person)
        .bind(token_hash(&normal(code)))
        .bind(now)
        .execute(&self.pool)
        .await?;
        if used.rows_affected() == 0 {
            return Ok(false);
        }
        NewRecord::of(RecordKind::RecoveryCodeUsed, Subject::Person(person))
            .write(&self.pool, now)
            .await?;
        Ok(true)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Confirmed,
    Unconfirmed,
}

fn place(person: Uuid) -> String {
    format!("authenticator/{person}")
}

/// What failed second factors are counted under, wherever they are given.
fn second_factor_target(person: Uuid) -> String {
    format!("second_factor/{person}")
}

/// Written in groups of four hexadecimal digits, for people.
fn recovery_code() -> Result<Zeroizing<String>, IdentityError> {
    let bytes = Zeroizing::new(random_bytes::<RECOVERY_BYTES>().map_err(SecretError::from)?);
    let mut text = Zeroizing::new(String::new());
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 2 == 0 {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

/// Case, spaces and hyphens make no difference.
fn normal(code: &str) -> Zeroizing<String> {
    Zeroizing::new(
        code.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|character| character.to_ascii_lowercase())
            .collect(),
    )
}
