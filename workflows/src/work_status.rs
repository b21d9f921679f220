//! How the work of a node goes, for whoever asks whether the node is ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How one part of the work goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartStatus {
    /// Why it does not go on, if it does not.
    pub failure: Option<String>,
    /// How far it is behind the log, in positions, if it follows one.
    pub lag_positions: Option<i64>,
}

/// The parts of a node's work by name; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct WorkStatus {
    parts: Arc<Mutex<BTreeMap<String, PartStatus>>>,
}

impl WorkStatus {
    /// Every part that has begun.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<String, PartStatus> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.clone()
    }

    pub(crate) fn tell(&self, part: &str, status: PartStatus) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(part.to_owned(), status);
    }
}
