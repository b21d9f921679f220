//! When a delivery is tried again.

use std::time::Duration;

use identity::delivery::DeliveryError;

use super::fault::Failure;

/// The most often one delivery is tried.
pub const MOST_ATTEMPTS: u32 = 3;

/// How often and how long one delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptPolicy {
    /// Attempts in all, from 1 to [`MOST_ATTEMPTS`]; other numbers count as the nearest of these.
    pub attempts: u32,
    /// How long one attempt may take.
    pub time_limit: Duration,
    /// The longest pause before the second attempt; it doubles with each attempt, and each pause is a
    /// random part of it, at least half.
    pub first_pause: Duration,
}

impl Default for AttemptPolicy {
    /// Three attempts of at most 10 seconds, with pauses of at most 0.3 and 0.6 seconds.
    fn default() -> Self {
        Self {
            attempts: MOST_ATTEMPTS,
            time_limit: Duration::from_secs(10),
            first_pause: Duration::from_millis(300),
        }
    }
}

impl AttemptPolicy {
    /// Tries until one attempt succeeds, fails for good, or is the last.
    pub(super) async fn deliver<Attempt, Outcome>(
        &self,
        attempt: Attempt,
    ) -> Result<(), DeliveryError>
    where
        Attempt: Fn() -> Outcome + Send + Sync,
        Outcome: Future<Output = Result<(), Failure>> + Send,
    {
        let mut longest_pause = self.first_pause;
        for _ in 1..self.attempts.clamp(1, MOST_ATTEMPTS) {
            match attempt().await {
                Err(Failure::Passing(_)) => {
                    tokio::time::sleep(part_of(longest_pause)).await;
                    longest_pause = longest_pause.saturating_mul(2);
                }
                done => return done.map_err(Failure::into_error),
            }
        }
        attempt().await.map_err(Failure::into_error)
    }
}

/// A random part, at least half: callers that failed together do not come back together.
fn part_of(pause: Duration) -> Duration {
    let whole = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(fastrand::u64(whole / 2..=whole))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use identity::delivery::DeliveryError;

    use super::{AttemptPolicy, part_of};
    use crate::messaging::fault::{Failure, ProviderFault};

    fn policy(attempts: u32) -> AttemptPolicy {
        AttemptPolicy {
            attempts,
            first_pause: Duration::from_micros(10),
            ..AttemptPolicy::default()
        }
    }

    fn passing() -> Failure {
        Failure::passing(ProviderFault::Failed {
            provider: "test",
            answer: "500".to_owned(),
        })
    }

    /// How often a delivery is tried that fails `failures` times, and whether it succeeds.
    async fn tried(policy: AttemptPolicy, failures: u32, failure: fn() -> Failure) -> (u32, bool) {
        let count = AtomicU32::new(0);
        let outcome = policy
            .deliver(|| async {
                if count.fetch_add(1, Ordering::Relaxed) < failures {
                    Err(failure())
                } else {
                    Ok(())
                }
            })
            .await;
        (count.into_inner(), outcome.is_ok())
    }

    #[tokio::test]
    async fn passing_failures_are_tried_again_up_to_three_times() {
        assert_eq!(tried(policy(3), 0, passing).await, (1, true));
        assert_eq!(tried(policy(3), 2, passing).await, (3, true));
        assert_eq!(tried(policy(3), 9, passing).await, (3, false));
        assert_eq!(tried(policy(1), 9, passing).await, (1, false));
        assert_eq!(tried(policy(0), 9, passing).await, (1, false));
        assert_eq!(tried(policy(u32::MAX), 9, passing).await, (3, false));
    }

    #[tokio::test]
    async fn lasting_failures_are_not_tried_again() {
        let refused = || Failure::refused("550");
        assert_eq!(tried(policy(3), 9, refused).await, (1, false));
        let limited = || Failure::Lasting(DeliveryError::RateLimited { retry_after: None });
        assert_eq!(tried(policy(3), 9, limited).await, (1, false));
    }

    #[test]
    fn pauses_are_random_but_bounded() {
        let pause = Duration::from_millis(300);
        for _ in 0..1_000 {
            let part = part_of(pause);
            assert!(part <= pause && part >= pause / 2, "{part:?}");
        }
        assert_eq!(part_of(Duration::ZERO), Duration::ZERO);
        assert!(part_of(Duration::MAX) > Duration::from_secs(1));
    }
}
