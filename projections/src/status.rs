//! How far the projectors of this process have come, and which have stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ledger_core::{LedgerName, Position};
use tokio::sync::watch;

use crate::checkpoint::Positions;
use crate::read_models::ReadModelName;

/// One projector's standing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectorStatus {
    /// The last event it has folded.
    pub position: Position,
    /// The head of the log, as far as it knows.
    pub head: Position,
    /// Why it has stopped; it has not when absent.
    pub failure: Option<String>,
}

/// The projectors of this process.
#[derive(Debug, Clone)]
pub struct ProjectionStatus {
    projectors: Arc<Mutex<BTreeMap<(ReadModelName, LedgerName), ProjectorStatus>>>,
    advanced: Arc<watch::Sender<u64>>,
}

impl Default for ProjectionStatus {
    fn default() -> Self {
        Self {
            projectors: Arc::default(),
            advanced: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl ProjectionStatus {
    /// Every projector's standing.
    #[must_use]
    pub fn projectors(&self) -> BTreeMap<(ReadModelName, LedgerName), ProjectorStatus> {
        self.projectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether no projector has stopped on an event.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.projectors()
            .values()
            .all(|projector| projector.failure.is_none())
    }

    /// Changes whenever some projector of this process has moved.
    #[must_use]
    pub fn advanced(&self) -> watch::Receiver<u64> {
        self.advanced.subscribe()
    }

    /// Notes how far projectors of a ledger have come.
    pub(crate) fn moved(&self, ledger: LedgerName, positions: &Positions, head: Position) {
        self.change(ledger, positions.keys(), |name, projector| {
            projector.position = positions.get(&name).copied().unwrap_or_default();
            projector.head = head.max(projector.position);
        });
    }

    /// Notes that a projector has stopped, and why.
    pub(crate) fn stopped(&self, ledger: LedgerName, read_model: ReadModelName, failure: &str) {
        self.change(ledger, [&read_model], |_, projector| {
            projector.failure = Some(failure.to_owned());
        });
    }

    fn change<'n>(
        &self,
        ledger: LedgerName,
        read_models: impl IntoIterator<Item = &'n ReadModelName>,
        mut change: impl FnMut(ReadModelName, &mut ProjectorStatus),
    ) {
        let mut projectors = self
            .projectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for name in read_models {
            let projector = projectors.entry((*name, ledger)).or_default();
            change(*name, projector);
            measure(*name, ledger, projector);
        }
        drop(projectors);
        self.advanced
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn measure(read_model: ReadModelName, ledger: LedgerName, projector: &ProjectorStatus) {
    let labels = [
        ("read_model", read_model.as_str().to_owned()),
        ("ledger", ledger.to_string()),
    ];
    let (head, position) = (projector.head.value(), projector.position.value());
    let lag = head.saturating_sub(position).max(0);
    let failed = u32::from(projector.failure.is_some());
    metrics::gauge!("daybook_projection_lag_positions", &labels).set(gauge(lag));
    metrics::gauge!("daybook_projection_failed", &labels).set(f64::from(failed));
}

/// Metrics are floating point; nothing is ever decided by one.
#[allow(
    clippy::as_conversions,
    reason = "a gauge takes f64, and a lag is far below 2^53"
)]
fn gauge(count: i64) -> f64 {
    count as f64
}
