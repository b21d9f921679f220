//! What time it is, and how long something took.

use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The two clocks that are needed: one that agrees with other machines, to read tokens, and one that
/// never runs backwards, to measure the age of keys.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Seconds since 1970.
    fn unix_seconds(&self) -> u64;

    /// Seconds since some moment in the past that stays the same.
    fn elapsed_seconds(&self) -> u64;
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn unix_seconds(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    fn elapsed_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}
