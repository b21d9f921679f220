//! How many documents are brought at a time: so many in all, and few of one person, so that nobody keeps the
//! others waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger_core::OwnerKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fault::DocumentFault;

/// About one person at a time.
const OF_ONE: usize = 4;

/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(2);

type Counts = Arc<Mutex<HashMap<OwnerKey, usize>>>;

/// Turns to bring documents.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    of_each: Counts,
}

/// A turn; it ends when it is dropped.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
    _own: Own,
}

struct Own {
    person: OwnerKey,
    of_each: Counts,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(at_once)),
            of_each: Arc::default(),
        }
    }

    /// Waits for a turn, not for long.
    pub(super) async fn take(&self, person: OwnerKey) -> Result<Turn, DocumentFault> {
        let own = self.own(person)?;
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.all).acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(Turn {
                _permit: permit,
                _own: own,
            }),
            Ok(Err(_)) | Err(_) => Err(DocumentFault::Busy),
        }
    }

    fn own(&self, person: OwnerKey) -> Result<Own, DocumentFault> {
        let mut counts = self.of_each.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(person).or_default();
        if *count >= OF_ONE {
            return Err(DocumentFault::Busy);
        }
        *count += 1;
        Ok(Own {
            person,
            of_each: Arc::clone(&self.of_each),
        })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut counts = self.of_each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.person) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn nobody_keeps_all_turns_and_they_come_back() {
        let turns = Turns::new(OF_ONE + 1);
        let person = |number| OwnerKey::new(Uuid::from_u128(number));
        let mut taken = Vec::new();
        for _ in 0..OF_ONE {
            taken.push(turns.take(person(1)).await.unwrap());
        }
        assert!(turns.take(person(1)).await.is_err());
        taken.push(turns.take(person(2)).await.unwrap());
        assert!(turns.take(person(3)).await.is_err());
        taken.clear();
        assert!(turns.take(person(3)).await.is_ok());
        assert!(turns.of_each.lock().unwrap().is_empty());
    }
}
