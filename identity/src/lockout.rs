//! Waiting longer after each failure.
//!
//! An attempt is counted before it is judged, in one statement: attempts that run at the same time cannot
//! all slip through. Success forgets the count. The first [`FREE`] attempts in a row wait for nothing,
//! then 30 s, doubling up to an hour; after [`MOST`] in a row nothing but a password reset helps (NIST SP
//! 800-63B, 5.2.2: no more than 100).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::identities::{Identities, IdentityError, Refusal};

/// Attempts in a row that wait for nothing.
const FREE: i32 = 5;
/// Attempts in a row after which the target stays closed.
const MOST: i32 = 100;
/// The first and the longest wait.
const WAIT: (TimeDelta, TimeDelta) = (TimeDelta::seconds(30), TimeDelta::hours(1));
/// Failures are forgotten after so long without another, by about one in so many first attempts.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(30);
const FORGETTING_EVERY: u32 = 64;
/// What is shown of the wait of a target that stays closed.
const CLOSED: TimeDelta = TimeDelta::days(36_500);

/// Counts an attempt if the target is open, and closes it for as long as so many attempts make it: $3 has
/// when it opens after one attempt, two, three.
const ATTEMPT: &str = "\
INSERT INTO identity.lockout AS known (target, failures, open_at, attempted_at)
VALUES ($1, 1, ($3::timestamptz[])[1], $2)
ON CONFLICT (target) DO UPDATE
SET failures = known.failures + 1, attempted_at = $2,
    open_at = ($3::timestamptz[])[LEAST(known.failures + 1, cardinality($3::timestamptz[]))]
WHERE known.open_at <= $2
RETURNING failures";

impl Identities {
    /// Counts an attempt on a target, such as `sign_in/<address>`.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`] while the target is closed.
    pub(crate) async fn count_attempt(&self, target: &str) -> Result<(), IdentityError> {
        let (target, now) = (self.target(target), self.now());
        let opens: Vec<DateTime<Utc>> = (1..=MOST).map(|count| opens_at(count, now)).collect();
        let counted: Option<i32> = sqlx::query_scalar(ATTEMPT)
            .bind(target)
            .bind(now)
            .bind(opens)
            .fetch_optional(&self.pool)
            .await?;
        if let Some(failures) = counted {
            return self.forget_old_attempts(failures, now).await;
        }
        let open_at: Option<DateTime<Utc>> =
            sqlx::query_scalar("SELECT open_at FROM identity.lockout WHERE target = $1")
                .bind(target)
                .fetch_optional(&self.pool)
                .await?;
        let wait = open_at.map_or(TimeDelta::zero(), |open_at| open_at - now);
        let wait = wait
            .to_std()
            .unwrap_or_default()
            .max(Duration::from_secs(1));
        Err(Refusal::TooManyAttempts { wait }.into())
    }

    /// Now and then, targets that nobody has tried for long are forgotten, so that trying addresses that nobody
    /// has does not fill the table.
    async fn forget_old_attempts(
        &self,
        failures: i32,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        if failures == 1
            && now
                .timestamp_subsec_micros()
                .is_multiple_of(FORGETTING_EVERY)
        {
            sqlx::query("DELETE FROM identity.lockout WHERE attempted_at < $1 AND failures < $2")
                .bind(now - FORGOTTEN_AFTER)
                .bind(MOST)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    /// Forgets the failures of a target.
    pub(crate) async fn forget_attempts(&self, target: &str) -> Result<(), IdentityError> {
        sqlx::query("DELETE FROM identity.lockout WHERE target = $1")
            .bind(self.target(target))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    fn target(&self, target: &str) -> [u8; 32] {
        self.master_key.hash("lockout", target)
    }
}

/// When a target opens after so many failures. Long ago while nothing waits: clocks of two attempts, or of
/// two nodes, may be a little apart.
fn opens_at(failures: i32, now: DateTime<Utc>) -> DateTime<Utc> {
    let wait = wait_after(failures);
    if wait.is_zero() {
        DateTime::UNIX_EPOCH
    } else {
        now + wait
    }
}

/// How long the next attempt waits after so many failures.
fn wait_after(failures: i32) -> TimeDelta {
    if failures >= MOST {
        return CLOSED;
    }
    if failures < FREE {
        return TimeDelta::zero();
    }
    let doublings = u32::try_from(failures - FREE).unwrap_or_default().min(10);
    let wait = WAIT.0 * 2_i32.saturating_pow(doublings);
    wait.min(WAIT.1)
}

#[cfg(test)]
mod tests {
    use super::{CLOSED, wait_after};
    use chrono::TimeDelta;

    #[test]
    fn waits_double_up_to_an_hour_and_end_in_a_closed_door() {
        assert_eq!(wait_after(4), TimeDelta::zero());
        assert_eq!(wait_after(5), TimeDelta::seconds(30));
        assert_eq!(wait_after(6), TimeDelta::seconds(60));
        assert_eq!(wait_after(11), TimeDelta::seconds(1_920));
        assert_eq!(wait_after(12), TimeDelta::hours(1));
        assert_eq!(wait_after(99), TimeDelta::hours(1));
        assert_eq!(wait_after(100), CLOSED);
    }
}
