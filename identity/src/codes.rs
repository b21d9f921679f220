//! One-time codes: six digits, five minutes, one use, five attempts (NIST SP 800-63B, 5.1.3).
//!
//! The newest code for a purpose is the only one that is good. How many are sent to an address is
//! limited, whoever asks: text messages cost money. They go out after the request is answered: a provider takes
//! seconds, and would tell by them whether there was anything to send.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::address::Address;
use crate::delivery::{CodeMessage, CodeText, Purpose};
use crate::error_chain::ErrorChain;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::secret::{digits, is_equal};

const DIGITS: usize = 6;
const LIFETIME: Duration = Duration::from_secs(5 * 60);
const ATTEMPTS: i32 = 5;

/// Codes to one address within so long.
const SENT_AT_MOST: [(i64, TimeDelta); 2] = [(3, TimeDelta::minutes(10)), (10, TimeDelta::days(1))];

/// A person's code for a purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeOf {
    pub(crate) person: Uuid,
    pub(crate) purpose: Purpose,
}

const MAKE: &str = "\
WITH ended AS (
    UPDATE identity.code SET ended_at = $6
    WHERE person_id = $2 AND purpose = $3 AND ended_at IS NULL
)
INSERT INTO identity.code (id, person_id, purpose, address, hash, sent_at, expires_at, attempts_left)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Takes one attempt of the code that is good, if there is one.
const TRY: &str = "\
UPDATE identity.code SET attempts_left = attempts_left - 1
WHERE person_id = $1 AND purpose = $2 AND ended_at IS NULL AND expires_at > $3 AND attempts_left > 0
RETURNING id, hash, address";

impl Identities {
    /// Sends a new code; those before are good no more.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`], and those of the database.
    pub(crate) async fn send_code(&self, of: CodeOf, to: &Address) -> Result<(), IdentityError> {
        let now = self.now();
        self.check_rate(to, now).await?;
        let (id, code) = (Uuid::now_v7(), digits(DIGITS)?);
        sqlx::query(MAKE)
            .bind(id)
            .bind(of.person)
            .bind(of.purpose.as_str())
            .bind(to.as_str())
            .bind(self.code_hash(id, &code))
            .bind(now)
            .bind(now + LIFETIME)
            .bind(ATTEMPTS)
            .execute(&self.pool)
            .await?;
        let message = CodeMessage {
            to: to.clone(),
            code: CodeText::new(code),
            purpose: of.purpose,
            expires_in: LIFETIME,
        };
        tokio::spawn(self.clone().deliver(id, message));
        Ok(())
    }

    /// Counts a code that is not sent, so that asking for one behaves alike with and without an account.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`], and those of the database.
    pub(crate) async fn count_unsent_code(
        &self,
        of: CodeOf,
        to: &Address,
    ) -> Result<(), IdentityError> {
        let now = self.now();
        self.check_rate(to, now).await?;
        sqlx::query(
            "INSERT INTO identity.code (id, person_id, purpose, address, hash, sent_at, expires_at, \
                                        attempts_left, ended_at) \
             VALUES ($1, $2, $3, $4, '', $5, $5, 0, $5)",
        )
        .bind(Uuid::now_v7())
        .bind(of.person)
        .bind(of.purpose.as_str())
        .bind(to.as_str())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives a code to the provider; one that it did not take is good no more.
    async fn deliver(self, id: Uuid, message: CodeMessage) {
        let Err(error) = self.delivery.deliver(&message).await else {
            return;
        };
        tracing::error!(
            purpose = message.purpose.as_str(),
            error = %ErrorChain(&error),
            "a code was not sent"
        );
        if let Err(error) = self.end_code(id).await {
            tracing::warn!(error = %ErrorChain(&error), "a code that was not sent is still good");
        }
    }

    /// Uses a code up if it is right; returns the address it went to.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`].
    pub(crate) async fn use_code(&self, of: CodeOf, code: &str) -> Result<String, IdentityError> {
        let tried: Option<(Uuid, Vec<u8>, String)> = sqlx::query_as(TRY)
            .bind(of.person)
            .bind(of.purpose.as_str())
            .bind(self.now())
            .fetch_optional(&self.pool)
            .await?;
        let (id, hash, address) = tried.ok_or(Refusal::InvalidCode)?;
        if !is_equal(&hash, &self.code_hash(id, code)) || !self.end_code(id).await? {
            return Err(Refusal::InvalidCode.into());
        }
        Ok(address)
    }

    /// `false` when it had ended already: of two who use it at the same time, one does.
    async fn end_code(&self, id: Uuid) -> Result<bool, IdentityError> {
        let ended = sqlx::query(
            "UPDATE identity.code SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id)
        .bind(self.now())
        .execute(&self.pool)
        .await?;
        Ok(ended.rows_affected() == 1)
    }

    /// Refuses when too many were sent to an address lately.
    pub(crate) async fn check_rate(
        &self,
        to: &Address,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        for (most, within) in SENT_AT_MOST {
            let oldest: Option<DateTime<Utc>> = sqlx::query_scalar(
                "SELECT sent_at FROM identity.code WHERE address = $1 AND sent_at > $2 \
                 ORDER BY sent_at DESC OFFSET $3 LIMIT 1",
            )
            .bind(to.as_str())
            .bind(now - within)
            .bind(most - 1)
            .fetch_optional(&self.pool)
            .await?;
            if let Some(oldest) = oldest {
                let wait = (oldest + within - now).to_std().unwrap_or_default();
                return Err(Refusal::TooManyAttempts { wait }.into());
            }
        }
        Ok(())
    }

    fn code_hash(&self, id: Uuid, code: &str) -> [u8; 32] {
        self.master_key.hash(&format!("code/{id}"), code)
    }
}
