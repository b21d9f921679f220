//! The latest events of a ledger, without a gap.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_core::Position;

use crate::publication::Publication;

/// How much is kept of one ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingSettings {
    /// The most events.
    pub(crate) events: usize,
    /// The most bytes of their JSON.
    pub(crate) bytes: usize,
}

/// The latest events; always consecutive.
#[derive(Debug)]
pub(super) struct Ring {
    settings: RingSettings,
    events: VecDeque<Arc<Publication>>,
    bytes: usize,
}

impl Ring {
    pub(super) fn new(settings: RingSettings) -> Self {
        Self {
            settings,
            events: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Adds the event that follows the last one.
    pub(super) fn push(&mut self, event: Arc<Publication>) {
        self.bytes += event.json.len();
        self.events.push_back(event);
        while self.events.len() > self.settings.events || self.bytes > self.settings.bytes {
            let Some(oldest) = self.events.pop_front() else {
                return;
            };
            self.bytes -= oldest.json.len();
        }
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.bytes = 0;
    }

    /// Whether the event that follows this position is here.
    pub(super) fn covers(&self, position: Position) -> bool {
        let (Some(first), Some(last)) = (self.events.front(), self.events.back()) else {
            return false;
        };
        position.next() >= first.position && position < last.position
    }

    /// The events after a position that is covered.
    pub(super) fn after(&self, position: Position) -> impl Iterator<Item = &Arc<Publication>> {
        let first = self
            .events
            .front()
            .map_or(0, |event| event.position.value());
        let skipped = usize::try_from(position.value() + 1 - first).unwrap_or(0);
        self.events.range(skipped.min(self.events.len())..)
    }
}
