//! One limit: a bucket for each address, account or key.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};

use super::settings::Allowance;
use super::store::Generations;

/// One limit.
pub(super) struct Limiter<K: Hash + Eq + Clone, C: Clock = MonotonicClock> {
    name: &'static str,
    allowance: Allowance,
    policy: String,
    buckets: RateLimiter<K, Generations<K>, C, StateInformationMiddleware>,
}

/// How a bucket stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The limit's name.
    pub(super) name: &'static str,
    /// What the limit is.
    pub(super) allowance: Allowance,
    /// How many more requests it would take now.
    pub(super) remaining: u32,
    /// In how many seconds the bucket is full; of a request that is refused, when the next would be taken.
    pub(super) reset_seconds: u64,
    /// How long to wait, when the request is refused.
    pub(super) wait: Option<Duration>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// A limit with this name, unless it is switched off.
    pub(super) fn start(
        name: &'static str,
        allowance: Allowance,
        remembered: usize,
    ) -> Option<Self> {
        Self::by_clock(name, allowance, remembered, MonotonicClock)
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Limiter<K, C> {
    pub(super) fn by_clock(
        name: &'static str,
        allowance: Allowance,
        remembered: usize,
        clock: C,
    ) -> Option<Self> {
        let requests = NonZeroU32::new(allowance.requests)?;
        let interval = Duration::from_secs(allowance.seconds.into()) / requests.get();
        let quota = Quota::with_period(interval)?.allow_burst(requests);
        let buckets = RateLimiter::new(quota, Generations::new(remembered), clock);
        Some(Self {
            name,
            allowance,
            policy: format!("\"{name}\";q={requests};w={}", allowance.seconds),
            buckets,
        })
    }

    /// The limit as `RateLimit-Policy` says it.
    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    /// Counts a request. One that is refused does not count.
    pub(super) fn count(&self, key: &K) -> Standing {
        let (name, allowance) = (self.name, self.allowance);
        match self.buckets.check_key(key) {
            Ok(taken) => {
                let remaining = taken.remaining_burst_capacity();
                let missing = u64::from(allowance.requests.saturating_sub(remaining));
                let filling = missing * u64::from(allowance.seconds);
                Standing {
                    name,
                    allowance,
                    remaining,
                    reset_seconds: filling.div_ceil(u64::from(allowance.requests).max(1)),
                    wait: None,
                }
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.buckets.clock().now());
                Standing {
                    name,
                    allowance,
                    remaining: 0,
                    reset_seconds: whole_seconds(wait),
                    wait: Some(wait),
                }
            }
        }
    }

    /// Forgets buckets that are full, which is what those have that are not known.
    pub(super) fn forget_full(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }

    /// How many buckets are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.buckets.len()
    }
}

/// Rounded up: who comes after that many seconds does not come too early.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    (wait.as_secs() + part).max(1)
}
