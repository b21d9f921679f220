//! Clocks that stand still until they are moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use identity::external::Clock;

#[derive(Debug)]
pub struct SetClock {
    unix_seconds: AtomicU64,
    elapsed_seconds: AtomicU64,
}

impl SetClock {
    /// Both clocks at the present, so that tokens of real issuers are good.
    pub fn now() -> Arc<Self> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Arc::new(Self {
            unix_seconds: AtomicU64::new(unix.as_secs()),
            elapsed_seconds: AtomicU64::new(0),
        })
    }

    /// Lets keys age while tokens stay as good as they are.
    pub fn age(&self, seconds: u64) {
        self.elapsed_seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Lets time pass on both clocks.
    pub fn pass(&self, seconds: u64) {
        self.age(seconds);
        self.unix_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn unix_seconds(&self) -> u64 {
        self.unix_seconds.load(Ordering::SeqCst)
    }

    fn elapsed_seconds(&self) -> u64 {
        self.elapsed_seconds.load(Ordering::SeqCst)
    }
}
