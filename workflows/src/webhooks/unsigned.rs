//! How many deliveries that nothing signs are taken: anybody can send them, each is stored, and each is a
//! reason to ask the provider.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time over which deliveries are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts unsigned deliveries by endpoint, on this node.
#[derive(Debug)]
pub(super) struct UnsignedDeliveries {
    /// The most in a minute at one endpoint.
    most: u32,
    /// When the minute began, and how many came in it, by provider and endpoint. There are as many as are
    /// configured.
    counts: Mutex<HashMap<String, (Instant, u32)>>,
}

impl UnsignedDeliveries {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            counts: Mutex::default(),
        }
    }

    /// Whether one more is taken.
    pub(super) fn admit(&self, address: &str, now: Instant) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, count) = counts.entry(address.to_owned()).or_insert((now, 0));
        if now.saturating_duration_since(*begun) >= WINDOW {
            (*begun, *count) = (now, 0);
        }
        if *count >= self.most {
            return false;
        }
        *count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{UnsignedDeliveries, WINDOW};

    #[test]
    fn each_endpoint_takes_so_many_in_a_minute() {
        let deliveries = UnsignedDeliveries::new(2);
        let now = Instant::now();
        let admitted = |address, now| deliveries.admit(address, now);
        assert!(admitted("payu/main", now) && admitted("payu/main", now));
        assert!(!admitted("payu/main", now));
        assert!(admitted("payu/other", now));
        assert!(admitted("payu/main", now + WINDOW));
    }
}
