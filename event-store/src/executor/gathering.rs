//! Waiting for callers that come back at once.
//!
//! A few callers that ask again as soon as they are answered fall into two halves, one waiting for the
//! append under way and one for the next, and each append carries half of them. While the time of an
//! append is that of its round trip and flush, it is better to wait a moment for the half that was just
//! answered, and to carry all of them. With many commands the decisions are to go on while PostgreSQL
//! writes, and nothing is waited for. Whether callers come back is learnt from whether they did.

use std::time::{Duration, Instant};

use super::ledger_task::LedgerTask;

/// The most commands of two appends that are worth to be carried by one: with more, deciding and
/// writing them takes longer than the round trip and the flush that are saved.
const WORTHWHILE: usize = 32;

/// The share of an append's own duration that is waited.
const SHARE: u32 = 4;

/// The longest wait.
const LONGEST: Duration = Duration::from_micros(200);

/// After so many waits in vain, so many appends are not waited for.
const IN_VAIN: u32 = 3;
const PAUSE: u32 = 256;

/// Whether waiting pays.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    in_vain: u32,
    pause: u32,
}

impl Gathering {
    /// Whether to wait for callers of an append of so many commands, when so many already wait.
    pub(super) fn pays(&mut self, answered: usize, waiting: usize) -> bool {
        if !(2..=WORTHWHILE).contains(&(answered + waiting)) {
            return false;
        }
        self.pause = self.pause.saturating_sub(1);
        self.pause == 0
    }

    fn learn(&mut self, expected: usize, came: usize) {
        self.in_vain = if 2 * came < expected {
            self.in_vain + 1
        } else {
            0
        };
        if self.in_vain == IN_VAIN {
            (self.in_vain, self.pause) = (0, PAUSE);
        }
    }
}

impl LedgerTask {
    /// Waits for as many commands as were just answered, for a share of the time their append took.
    pub(super) async fn gather(&mut self, expected: usize, append: Duration) {
        let (started, limit) = (Instant::now(), LONGEST.min(append / SHARE));
        let waiting = self.waiting();
        let mut came = 0;
        while came < expected && started.elapsed() < limit {
            tokio::task::yield_now().await;
            let requests = self.received();
            if !requests.is_empty() {
                self.prepare(requests).await;
                came = self.waiting().saturating_sub(waiting);
            }
        }
        self.gathering.learn(expected, came);
    }
}
