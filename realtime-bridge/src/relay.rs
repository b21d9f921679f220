//! The relay: copies the log of every ledger to its JetStream stream, in order.
//!
//! It keeps no checkpoint: the stream's own last sequence is the position to go on from, and every
//! write says which sequence it expects to follow. So a stream that lost its tail, was purged or was
//! deleted heals by itself, a second relay can only find its writes refused (and looks on for a
//! while), and a write that arrives late does nothing. A stream that is *ahead* of the log, or holds
//! something else than the log, belongs to a history that is no more: it is deleted and made anew
//! with the next epoch.
//!
//! NATS being down stops the streams and nothing else.

mod ledger_relay;
mod prepare;
mod publish;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_store::{LogReader, LogSignal};
use ledger_core::{LedgerName, Position};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::nats::Nats;
use ledger_relay::LedgerRelay;

pub use crate::log_stream::StreamSettings;

/// How the relay works.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// What each stream keeps.
    pub stream: StreamSettings,
    /// How often a stream is compared with the log while nothing happens.
    pub check_interval: Duration,
    /// A stream made for a longer log begins this many positions before its head; older events
    /// stay in the log.
    pub rebuild_positions: i64,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            stream: StreamSettings::default(),
            check_interval: Duration::from_secs(5),
            rebuild_positions: 1_000_000,
        }
    }
}

/// How far the relay is with each ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// In order of name.
    pub ledgers: Vec<LedgerRelayStatus>,
}

impl RelayStatus {
    /// Whether every stream is being written.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.ledgers
            .iter()
            .all(|ledger| !matches!(ledger.state, RelayState::Failing { .. }))
    }
}

/// How far the relay is with one ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRelayStatus {
    /// The ledger.
    pub ledger: LedgerName,
    /// What it is doing.
    pub state: RelayState,
    /// The last position the stream is known to hold.
    pub published: Position,
    /// The last position the log is known to hold.
    pub head: Position,
}

impl LedgerRelayStatus {
    /// How many positions the stream is behind the log.
    #[must_use]
    pub fn lag_positions(&self) -> i64 {
        (self.head.value() - self.published.value()).max(0)
    }
}

/// What the relay of a ledger is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayState {
    /// Comparing the stream with the log.
    Preparing,
    /// Copying what is written.
    Following,
    /// Trying again and again.
    Failing {
        /// Why, for an operator.
        reason: String,
    },
}

/// The running relay.
#[derive(Debug, Clone)]
pub struct Relay {
    statuses: Statuses,
    tracker: TaskTracker,
}

impl Relay {
    /// Starts copying every ledger that `signal` knows or comes to know; ends when `shutdown` is
    /// cancelled.
    #[must_use]
    pub fn start(
        nats: &Nats,
        log: &LogReader,
        signal: &LogSignal,
        settings: RelaySettings,
        shutdown: CancellationToken,
    ) -> Self {
        let relay = Self {
            statuses: Statuses::default(),
            tracker: TaskTracker::new(),
        };
        let start_ledger = {
            let (relay, nats, log, signal) =
                (relay.clone(), nats.clone(), log.clone(), signal.clone());
            let shutdown = shutdown.clone();
            let settings = Arc::new(settings);
            move |ledger| {
                let task = LedgerRelay {
                    ledger,
                    nats: nats.clone(),
                    log: log.clone(),
                    head: signal.head(ledger),
                    settings: Arc::clone(&settings),
                    statuses: relay.statuses.clone(),
                };
                relay.tracker.spawn(task.run(shutdown.clone()));
            }
        };
        relay
            .tracker
            .spawn(discover(signal.clone(), start_ledger, shutdown));
        relay
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> RelayStatus {
        self.statuses.read()
    }

    /// Waits until the relay has ended after its shutdown.
    pub async fn stopped(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

async fn discover(
    signal: LogSignal,
    start_ledger: impl Fn(LedgerName),
    shutdown: CancellationToken,
) {
    let mut ledgers = signal.ledgers();
    let mut started: Vec<LedgerName> = Vec::new();
    loop {
        let known = ledgers.borrow_and_update().clone();
        for ledger in known {
            if !started.contains(&ledger) {
                started.push(ledger);
                start_ledger(ledger);
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = ledgers.changed() => if changed.is_err() { return },
        }
    }
}

/// The status of every ledger's relay.
#[derive(Debug, Clone, Default)]
struct Statuses(Arc<Mutex<BTreeMap<LedgerName, LedgerRelayStatus>>>);

impl Statuses {
    fn set(&self, status: LedgerRelayStatus) {
        let ledger = status.ledger;
        metrics::gauge!("daybook_relay_lag_positions", "ledger" => ledger.to_string())
            .set(gauge_value(status.lag_positions()));
        self.lock().insert(ledger, status);
    }

    fn read(&self) -> RelayStatus {
        RelayStatus {
            ledgers: self.lock().values().cloned().collect(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LedgerName, LedgerRelayStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A count as a gauge takes it; a lag beyond four thousand million shows as that.
fn gauge_value(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
